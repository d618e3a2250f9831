"""The door of sockets: everybody who waits is asked for together, and nothing is remembered that was revoked since."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.utils import timezone

from artifacts.accounts.admission import ASKED_AT_ONCE, Admission, Credentials, Door, Knock, admissions
from artifacts.accounts.tokens import issue_token, token_digest
from artifacts.models import AccessToken
from tests.support import documents
from tests.support.place import in_database, person, session_of

pytestmark = pytest.mark.django_db(transaction=True)


def by_token(user: User) -> Credentials:
    return Credentials(token_digest=token_digest(issue_token(user)))


def by_session(user: User) -> Credentials:
    return Credentials(session_key=session_of(user))


def test_number_of_queries_does_not_depend_on_how_many_knock(django_assert_num_queries: Any) -> None:
    drafts = [documents.opened().pk for _ in range(3)]
    users = [person(f"reader-{number}", is_staff=True, is_superuser=True)[0] for number in range(12)]
    knocks = [Knock(brings(user), draft) for user in users for draft in drafts for brings in (by_token, by_session)]
    with django_assert_num_queries(6):
        found = admissions(knocks)
    assert len(found) == len(knocks)
    assert all(each.login and each.may_see for each in found.values())
    with django_assert_num_queries(3):
        admissions([knock for knock in knocks if knock.credentials.token_digest])


def test_each_gets_their_own_answer() -> None:
    draft = documents.opened().pk
    boss, stranger, gone = (
        person(name, is_staff=True, is_superuser=name != "stranger")[0] for name in ("boss", "stranger", "gone")
    )
    brought = {user: [by_token(user), by_session(user)] for user in (boss, stranger, gone)}
    User.objects.filter(pk=gone.pk).update(is_active=False)
    nobody = [Credentials(token_digest=token_digest("wrong")), Credentials(session_key="0" * 32), Credentials()]
    everybody = [*brought[boss], *brought[stranger], *brought[gone], *nobody]
    found = admissions({Knock(each, pk) for each in everybody for pk in (draft, 10**30)})
    for user, sees in ((boss, True), (stranger, False)):
        for each in brought[user]:
            there, missing = found[Knock(each, draft)], found[Knock(each, 10**30)]
            assert there.login
            assert (there.login.user_id, there.may_see, missing.may_see) == (user.pk, sees, False)
    assert {found[Knock(each, draft)] for each in [*brought[gone], *nobody]} == {Admission()}


@pytest.mark.parametrize("revocation", ["password", "expiry", "logout", "token"])
def test_what_was_revoked_opens_nothing_a_moment_later(revocation: str) -> None:
    draft, (user, _) = documents.opened().pk, person("boss", is_staff=True, is_superuser=True)
    brought = by_token(user) if revocation == "token" else by_session(user)
    knock = Knock(brought, draft)
    assert admissions([knock])[knock].may_see
    if revocation == "password":
        user.set_password("another")
        user.save()
    elif revocation == "expiry":
        Session.objects.update(expire_date=timezone.now())
    elif revocation == "logout":
        Session.objects.all().delete()
    else:
        AccessToken.objects.all().delete()
    assert admissions([knock])[knock] == Admission()


@pytest.mark.asyncio
async def test_those_who_come_while_it_is_asked_are_asked_for_together() -> None:
    draft = await in_database(documents.opened)()
    user, token = await in_database(person)("boss", is_staff=True, is_superuser=True)
    knock, door = Knock(Credentials(token_digest=token_digest(token)), draft.pk), Door()
    queries = list[str]()

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        queries.append(sql)
        return execute(sql, *rest)

    await in_database(lambda: connection.execute_wrappers.append(note))()
    answers = await asyncio.gather(*(door.ask(knock) for _ in range(3 * ASKED_AT_ONCE)))
    await in_database(lambda: connection.execute_wrappers.remove(note))()
    assert {answer.login.user_id for answer in answers if answer.login} == {user.pk}
    assert len(answers) == 3 * ASKED_AT_ONCE
    assert len(queries) == 3 * 3 + 1  # that the token was used is noted once


@pytest.mark.asyncio
async def test_database_that_fails_fails_those_who_ask_now_and_nobody_later() -> None:
    draft = await in_database(documents.opened)()
    _, token = await in_database(person)("boss", is_staff=True, is_superuser=True)
    knock, door = Knock(Credentials(token_digest=token_digest(token)), draft.pk), Door()

    def fail(execute: Any, *rest: Any) -> Any:
        connection.execute_wrappers.remove(fail)
        raise OperationalError("away")

    await in_database(lambda: connection.execute_wrappers.append(fail))()
    given_up = asyncio.create_task(door.ask(knock))
    outcomes = asyncio.gather(*(door.ask(knock) for _ in range(3)), return_exceptions=True)
    await asyncio.sleep(0)
    given_up.cancel()
    assert [type(outcome) for outcome in await outcomes] == [OperationalError] * 3
    assert (await door.ask(knock)).may_see
