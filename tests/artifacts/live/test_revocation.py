"""What takes access away ends what is open by it, by a message: the regular look at the database never comes here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from artifacts.accounts import tokens
from artifacts.live import connections
from artifacts.live.connections import Sockets
from artifacts.models import AccessToken, Project
from artifacts.sharing import links, members
from artifacts.sharing.projects import delete_project, delete_user
from tests.support.line import Headers, Line, bearer, cookie
from tests.support.place import Place, errors_of, in_database, place, session_of

__all__ = ["place"]

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

NEVER_S = 3_600.0


class Team:
    """The owner of a document, a member, and somebody of the staff, each with a browser and a token."""

    def __init__(self, place: Place) -> None:
        self.path = place.path()
        self.owner = place.owner
        self.project = Project.objects.get(artifacts=place.draft.pk)
        self.member = User.objects.create_user("member", password="a long enough password")
        members.set_role(self.project, self.member, "viewer", self.owner)
        self.browser = Client()
        self.browser.force_login(self.member)
        self.row, self.token = tokens.new_token(self.member, "laptop")
        self.clerk = User.objects.create_user("clerk", is_staff=True)
        self.clerk.user_permissions.add(Permission.objects.get(codename="view_artifact"))
        self.clerks_token = tokens.issue_token(self.clerk)
        self.link, self.secret = links.share(self.project, self.owner)

    def by_session(self) -> Headers:
        return cookie(str(self.browser.session.session_key))

    def sign_out(self) -> None:
        self.browser.post("/sign-out/")

    def end_the_session_elsewhere(self) -> None:
        here = Client()
        here.force_login(self.member)
        row = self.member.sessions.get(session_key=self.browser.session.session_key)
        here.post("/profile/end/", {"session": row.pk})

    def deactivate(self) -> None:
        self.member.is_active = False
        self.member.save(update_fields=["is_active"])

    def set_another_password(self) -> None:
        self.member.set_password("quite another password")
        self.member.save(update_fields=["password"])

    def delete_member(self) -> None:
        delete_user(self.member, None)

    def take_out(self) -> None:
        members.remove_member(self.project, self.member, self.owner)

    def leave(self) -> None:
        members.remove_member(self.project, self.member, self.member)

    def revoke_token(self) -> None:
        tokens.revoke_token(self.member, self.row.pk)

    def delete_all_tokens(self) -> None:
        AccessToken.objects.all().delete()

    def revoke_link(self) -> None:
        links.revoke_link(self.link, self.owner)

    def take_the_permission(self) -> None:
        self.clerk.user_permissions.clear()

    def no_longer_staff(self) -> None:
        self.clerk.is_staff = False
        self.clerk.save(update_fields=["is_staff"])

    def delete_the_project(self) -> None:
        delete_project(self.project, self.owner)


@pytest_asyncio.fixture
async def team(place: Place) -> AsyncIterator[Team]:
    connections.current.use(Sockets(check_s=NEVER_S))
    yield await in_database(Team)(place)


SIGNED_OUT = (["login_required"], 4401)
NOT_THERE = (["not_found"], 4404)


@pytest.mark.parametrize(
    ("by", "change", "ending"),
    [
        ("session", Team.sign_out, SIGNED_OUT),
        ("session", Team.end_the_session_elsewhere, SIGNED_OUT),
        ("session", Team.deactivate, SIGNED_OUT),
        ("session", Team.set_another_password, SIGNED_OUT),
        ("session", Team.take_out, NOT_THERE),
        ("token", Team.take_out, NOT_THERE),
        ("token", Team.leave, NOT_THERE),
        ("token", Team.deactivate, SIGNED_OUT),
        ("token", Team.delete_member, SIGNED_OUT),
        ("token", Team.revoke_token, SIGNED_OUT),
        ("token", Team.delete_all_tokens, SIGNED_OUT),
        ("token", Team.delete_the_project, (["deleted"], 4404)),
        ("link", Team.revoke_link, NOT_THERE),
        ("staff", Team.take_the_permission, NOT_THERE),
        ("staff", Team.no_longer_staff, NOT_THERE),
    ],
)
async def test_socket_ends_with_what_let_it_in(
    team: Team, by: str, change: Callable[[Team], None], ending: tuple[list[str], int]
) -> None:
    ways: dict[str, Any] = {
        "session": (team.path, team.by_session()) if by == "session" else None,
        "token": (team.path, bearer(team.token)),
        "link": (f"{team.path}link/{team.secret}/", []),
        "staff": (team.path, bearer(team.clerks_token)),
    }
    async with Line(*ways[by]) as line:
        await line.frame()
        await in_database(change)(team)
        assert await errors_of(line) == ending


async def test_others_stay(team: Team, place: Place) -> None:
    async with Line(team.path, bearer(team.token)) as line, place.line() as owners:
        await line.frame()
        await owners.frame()
        await in_database(team.take_out)()
        assert await errors_of(line) == NOT_THERE
        await in_database(place.draft.append)(" world")
        await owners.until(lambda reader: reader.text == "Hello world")


async def test_change_of_ones_own_password_keeps_ones_own_page_and_ends_the_others(team: Team, place: Place) -> None:
    elsewhere = await in_database(session_of)(team.member)
    password = {"old_password": "a long enough password"} | dict.fromkeys(
        ("new_password1", "new_password2"), "quite another password"
    )
    async with Line(team.path, team.by_session()) as own, Line(team.path, cookie(elsewhere)) as other:
        await own.frame()
        await other.frame()
        answer = await in_database(team.browser.post)("/profile/password/", password)
        assert answer.status_code == 302
        assert await errors_of(other) == SIGNED_OUT
        again = {"old_password": "quite another password"} | dict.fromkeys(
            ("new_password1", "new_password2"), "a third long password"
        )
        assert (await in_database(team.browser.post)("/profile/password/", again)).status_code == 302
        await in_database(place.draft.append)(" world")
        await own.until(lambda reader: reader.text == "Hello world")
        await in_database(team.sign_out)()
        assert await errors_of(own) == SIGNED_OUT


async def test_ones_own_password_changed_in_the_admin_keeps_ones_own_page_as_well(team: Team, place: Place) -> None:
    boss = await in_database(User.objects.create_superuser)("boss", password="a long enough password")
    browser = Client()
    await in_database(browser.force_login)(boss)
    new = "quite another password"
    by_door: dict[str, dict[str, str]] = {
        "/admin/password_change/": {
            "old_password": "a long enough password",
            "new_password1": new,
            "new_password2": new,
        },
        f"/admin/auth/user/{boss.pk}/password/": {"usable_password": "true", "password1": new, "password2": new},
    }
    async with Line(team.path, cookie(str(browser.session.session_key))) as own:
        await own.frame()
        for number, (door, password) in enumerate(by_door.items(), 1):
            assert (await in_database(browser.post)(door, password)).status_code == 302
            await in_database(place.draft.append)(" world")
            await own.until(lambda reader, number=number: reader.text == "Hello" + " world" * number)


async def test_look_at_the_database_is_the_net_where_the_message_is_lost(team: Team) -> None:
    connections.current.use(Sockets(check_s=0.05))
    async with Line(team.path, bearer(team.token)) as line:
        await line.frame()
        await in_database(AccessToken.objects.filter(pk=team.row.pk)._raw_delete)("default")
        assert await errors_of(line) == SIGNED_OUT


@pytest.mark.parametrize("by", ["token", "link", "session"])
async def test_what_ends_by_itself_ends_what_is_open_by_it_at_that_moment(team: Team, by: str) -> None:
    """No message tells of it, and the regular look never comes."""
    path, headers, ending = await in_database(short_lived)(team, by)
    async with Line(team.path, bearer(team.clerks_token)) as other, Line(path, headers) as line:
        await other.frame()
        await line.frame()
        assert await errors_of(line) == ending


def short_lived(team: Team, by: str) -> tuple[str, Headers, tuple[list[str], int]]:
    if by == "token":
        return team.path, bearer(tokens.issue_token(team.member, expires_in=1)), SIGNED_OUT
    if by == "link":
        _, secret = links.share(team.project, team.owner, expires_in=1)
        return f"{team.path}link/{secret}/", [], NOT_THERE
    key = session_of(team.member)
    Session.objects.filter(session_key=key).update(expire_date=timezone.now() + timedelta(seconds=1))
    return team.path, cookie(key), SIGNED_OUT
