"""Who may do what: by role, by link, by Django's permissions; missing and not to be seen are told alike."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.contrib.auth.signals import user_logged_in
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from artifacts import access
from artifacts.accounts import sign_in, tokens
from artifacts.errors import Forbidden, InvalidInput, NotFound
from artifacts.models import AccessToken, ActionRecord, Artifact, ShareLink
from artifacts.sharing import links, members, projects
from generation import control

pytestmark = pytest.mark.django_db


def deactivated(user: User) -> User:
    user.is_active = False
    user.save()
    return user


def test_owner_sees_their_own_documents(owner, artifact):
    assert access.artifact_for(owner, artifact.pk) == artifact
    assert access.project_for(owner, artifact.project_id) == artifact.project
    assert set(access.artifacts_for(owner)) == set(artifact.project.artifacts.all())


def test_staff_see_every_document(staff, artifact):
    assert access.artifact_for(staff, artifact.pk) == artifact
    assert access.project_for(staff, artifact.project_id) == artifact.project


def test_missing_and_forbidden_sound_the_same(owner, stranger, artifact):
    refusals = []
    for visitor, pk in [
        (stranger, artifact.pk),
        (stranger, 10**9),
        (owner, 10**9),
        (owner, -1),
        (owner, 10**30),
        (AnonymousUser(), artifact.pk),
    ]:
        with pytest.raises(NotFound) as refusal:
            access.artifact_for(visitor, pk)
        refusals.append(refusal.value.detail)

    assert set(refusals) == {"There is no such document, or it is not yours."}


def test_projects_of_others_are_not_told_apart_from_missing_ones(stranger, project):
    for visitor, pk in [(stranger, project.pk), (stranger, 10**9), (AnonymousUser(), project.pk)]:
        with pytest.raises(NotFound, match="There is no such project, or it is not yours"):
            access.project_for(visitor, pk)


def test_deactivated_people_see_nothing_not_even_as_staff(owner, staff, artifact):
    for user in (owner, staff):
        with pytest.raises(NotFound):
            access.artifact_for(deactivated(user), artifact.pk)


def test_gate_is_one_query_and_loads_no_text(owner, artifact):
    with CaptureQueriesContext(connection) as captured:
        found = access.artifact_for(owner, artifact.pk)
        assert found.project.title == "Lighthouse"

    (query,) = captured
    assert not any(f'"{name}"' in query["sql"] for name in ("content", "preview_html", "instructions"))


def test_token_opens_the_account_and_only_its_digest_is_stored(owner):
    token = tokens.issue_token(owner)

    assert tokens.user_for_token(token) == owner
    row = AccessToken.objects.get()
    assert token not in (row.digest, str(row))
    assert len(row.digest) == 64


def test_tokens_are_each_their_own(owner, stranger):
    first, second, theirs = tokens.issue_token(owner), tokens.issue_token(owner), tokens.issue_token(stranger)

    assert len({first, second, theirs}) == 3
    AccessToken.objects.order_by("pk").first().delete()
    assert tokens.user_for_token(first) is None
    assert tokens.user_for_token(second) == owner
    assert tokens.user_for_token(theirs) == stranger


@pytest.mark.parametrize("token", ["", "sg_", "sg_guess", "\ud800", "\0", "x" * 100_000])
def test_unknown_token_opens_nothing(owner, token):
    tokens.issue_token(owner)

    assert tokens.user_for_token(token) is None


def test_digest_is_no_token(owner):
    tokens.issue_token(owner)

    assert tokens.user_for_token(AccessToken.objects.get().digest) is None


def test_token_of_a_deactivated_user_opens_nothing(owner):
    token = tokens.issue_token(owner)
    deactivated(owner)

    assert tokens.user_for_token(token) is None


def test_sign_in_link_works_once_and_for_its_owner_only(owner, stranger):
    token = sign_in.sign_in_tokens.make_token(owner)

    assert sign_in.sign_in_tokens.check_token(owner, token)
    assert not sign_in.sign_in_tokens.check_token(stranger, token)

    user_logged_in.send(User, request=RequestFactory().get("/"), user=owner)
    assert not sign_in.sign_in_tokens.check_token(owner, token)


def test_member_does_what_their_role_allows_and_no_more(owner, stranger, artifact):
    project = artifact.project
    members.set_role(project, stranger, "viewer", owner)
    assert access.artifact_for(stranger, artifact.pk) == artifact
    assert access.projects_for(stranger).get() == project
    with pytest.raises(Forbidden):
        access.artifact_for(stranger, artifact.pk, "start")

    members.set_role(project, stranger, "editor", owner)
    assert access.artifact_for(stranger, artifact.pk, "start") == artifact
    for action in ("delete", "members", "delete_project"):
        assert not access.may(stranger, action, project)

    members.set_role(project, stranger, "owner", owner)
    project.refresh_from_db()
    assert access.role_in(stranger, project) == "owner"
    assert access.role_in(owner, project) == "editor"

    members.remove_member(project, owner, stranger)
    with pytest.raises(NotFound):
        access.project_for(owner, project.pk)


def test_project_is_never_without_an_owner(owner, project):
    with pytest.raises(InvalidInput, match="hand it over"):
        members.set_role(project, owner, "viewer", owner)
    with pytest.raises(InvalidInput, match="hand the project over"):
        members.remove_member(project, owner, owner)


def test_staff_act_by_permission_and_not_by_being_staff(artifact):
    clerk = User.objects.create_user("clerk", is_staff=True)
    with pytest.raises(NotFound):
        access.artifact_for(clerk, artifact.pk)

    clerk.user_permissions.set(Permission.objects.filter(codename="view_artifact"))
    clerk = User.objects.get(pk=clerk.pk)
    assert access.artifact_for(clerk, artifact.pk) == artifact
    with pytest.raises(Forbidden):
        access.artifact_for(clerk, artifact.pk, "cancel")

    User.objects.filter(pk=clerk.pk).update(is_staff=False)
    with pytest.raises(NotFound):
        access.artifact_for(User.objects.get(pk=clerk.pk), artifact.pk)


def test_link_shows_what_it_names_until_it_is_over(owner, artifact):
    project = artifact.project
    of_one, secret = links.share(project, owner, artifact)
    of_all, _ = links.share(project, owner)
    assert links.link_with(secret) == of_one
    assert set(access.artifacts_for(of_one)) == {artifact}
    assert set(access.artifacts_for(of_all)) == set(project.artifacts.all())
    assert list(access.projects_for(of_one)) == []
    assert list(access.projects_for(of_all)) == [project]
    assert access.allowed(of_one, project) == {"see", "see_project"}

    ShareLink.objects.update(expires_at=timezone.now())
    assert links.link_with(secret) is None
    for link in ShareLink.objects.all():
        assert not access.artifacts_for(link).exists()


def test_socket_of_a_link_sees_what_its_page_shows(owner, artifact, django_assert_num_queries):
    project, other = artifact.project, control.create_project(owner, "Another one")
    draft = Artifact.objects.create(project=project, phase="draft-1", title="Draft", draft_of=artifact)
    made = [links.share(project, owner, artifact), links.share(project, owner), links.share(other, owner)]
    over, _ = links.share(project, owner)
    ShareLink.objects.filter(pk=over.pk).update(expires_at=timezone.now())
    rows = {link.pk: ShareLink.objects.get(pk=link.pk) for link, _ in [*made, (over, "")]}
    pairs = {(link, pk) for link in rows for pk in Artifact.objects.values_list("pk", flat=True)}
    with django_assert_num_queries(1):
        shown = access.shown_by(rows, pairs)

    assert shown == {(pk, document.pk) for pk, link in rows.items() for document in access.artifacts_for(link)}
    of_one, of_all = made[0][0].pk, made[1][0].pk
    assert {(of_one, artifact.pk), (of_all, artifact.pk)} <= shown
    assert (of_all, draft.pk) not in shown
    gone = {(of_all, 10**9), (over.pk, 10**9)}
    assert access.shown_by(rows, gone) == {(of_all, 10**9)}
    assert access.shown_by(rows, gone, gone=False) == set()


def test_invitation_makes_one_person_a_member_once(owner, stranger, staff, project):
    _, secret = links.invite(project, owner, "editor")
    assert links.accept_invitation(secret, owner) == project  # has a role already: it is not used up
    assert links.accept_invitation(secret, stranger) == project
    assert access.role_in(stranger, project) == "editor"
    with pytest.raises(NotFound, match="used already"):
        links.accept_invitation(secret, staff)


def test_every_verb_is_recorded_and_outlives_what_it_tells_of(owner, stranger, artifact):
    members.set_role(artifact.project, stranger, "editor", owner)
    control.start(artifact, stranger)
    control.pause(artifact, owner)
    control.resume(artifact, stranger)
    control.cancel(artifact, owner)
    control.regenerate(artifact, owner)
    control.delete(artifact, owner)
    projects.delete_project(artifact.project, owner)

    told = ActionRecord.objects.order_by("pk").values_list("actor_name", "verb", "artifact")
    assert list(told) == [
        ("owner", "create_project", None),
        ("owner", "add_member", None),
        ("stranger", "start", artifact.pk),
        ("owner", "pause", artifact.pk),
        ("stranger", "resume", artifact.pk),
        ("owner", "cancel", artifact.pk),
        ("owner", "regenerate", artifact.pk),
        ("owner", "delete", artifact.pk),
        ("owner", "delete_project", None),
    ]


def test_token_ends_when_it_was_told_to_and_notes_its_use(owner):
    row, token = tokens.new_token(owner, "laptop", 3_600)
    assert tokens.user_for_token(token) == owner
    row.refresh_from_db()
    assert row.used_at is not None
    AccessToken.objects.update(expires_at=timezone.now())
    assert tokens.user_for_token(token) is None


@pytest.mark.parametrize("name", ["", "   ", "two\nlines", "x" * 101])
def test_token_has_a_name_that_tells_it_from_others(client, owner, name):
    client.force_login(owner)
    answer = client.post("/api/tokens", {"name": name}, content_type="application/json")
    assert (answer.status_code, answer.json()["field"]) == (422, "name")
    assert not AccessToken.objects.exists()
