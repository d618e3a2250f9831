"""Who may see what: owners their own, staff everything; missing and forbidden are told alike."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.signals import user_logged_in
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from artifacts import access
from artifacts.accounts import sign_in, tokens
from artifacts.errors import NotFound
from artifacts.models import AccessToken

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
