"""The pages for sharing and for oneself, as plain forms: what is asked before, what is told once, what is undone."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from artifacts import access
from artifacts.accounts import tokens
from artifacts.models import AccessToken, Artifact, Project, ShareLink
from artifacts.sharing import links, members

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough password"


@pytest.fixture
def owners(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def secret_in(page: bytes) -> str:
    found = re.search(r'class="secret"><code>(.+?)</code>', page.decode())
    assert found is not None
    return found[1]


def test_link_is_told_once_shows_its_page_and_opens_nothing_when_revoked(owners, project, artifact):
    sharing = f"/projects/{project.pk}/sharing/"
    address = secret_in(owners.post(f"{sharing}link/", {"artifact": artifact.pk, "days": "7"}).content)
    assert address.encode() not in owners.get(sharing).content

    path = address.removeprefix("http://testserver")
    shown = Client().get(path)
    assert shown.status_code == 200
    assert b"data-command" not in shown.content
    assert b'name="robots" content="noindex' in shown.content

    owners.post(f"{sharing}revoke/", {"link": ShareLink.objects.get().pk})
    assert Client().get(path).status_code == 404


AT = "llm.corp.example:8000"


@pytest.mark.parametrize(
    ("status", "reason", "sentence", "told"),
    [
        ("paused", "bad_api_key", f"{AT} answered 401. Check OPENAI_API_KEY.", ""),
        ("paused", "provider_error", f"{AT} redirects to llm.elsewhere.example.", ""),
        (
            "streaming",
            "waiting_retry",
            f"waiting 8 s: it does not answer, attempt 3. Nothing answers at {AT}.",
            "attempt 3",
        ),
    ],
)
def test_at_which_address_the_model_runs_is_told_to_who_signs_in(
    owner, owners, project, artifact, status, reason, sentence, told
):
    Artifact.objects.update(stream_status=status, reason=reason, last_error=sentence)
    _, of_document = links.share(project, owner, artifact=artifact)
    _, of_project = links.share(project, owner)

    pages = [f"/shared/{of_document}/", f"/shared/{of_project}/", f"/shared/{of_project}/{artifact.pk}/"]
    shown = [Client().get(page) for page in pages]

    assert [page.status_code for page in shown] == [200, 200, 200]
    assert not [page for page in shown if b"corp" in page.content or b"elsewhere" in page.content]
    assert all(told in page.content.decode() for page in shown)
    assert AT in owners.get(f"/artifacts/{artifact.pk}/").content.decode()


def test_invitation_lets_in_whoever_signs_in_first(owners, project, stranger, staff):
    made = owners.post(f"/projects/{project.pk}/sharing/invite/", {"role": "editor", "days": "1"})
    path = secret_in(made.content).removeprefix("http://testserver")
    assert "/sign-in/" in Client().get(path)["Location"]
    for user, status in ((stranger, 302), (staff, 404)):
        client = Client()
        client.force_login(user)
        assert client.post(path).status_code == status
    assert access.role_in(stranger, project) == "editor"


def test_what_cannot_be_undone_is_asked_before(owners, owner, project, stranger):
    members.set_role(project, stranger, "editor", owner)
    sharing = f"/projects/{project.pk}/sharing/"
    for verb, fields in (
        ("remove", {"username": "stranger"}),
        ("member", {"username": "stranger", "role": "owner"}),
        ("delete", {}),
    ):
        asked = owners.post(f"{sharing}{verb}/", fields)
        assert b'name="sure" value="yes"' in asked.content
    project.refresh_from_db()
    assert (project.owner, access.role_in(stranger, project)) == (owner, "editor")

    owners.post(f"{sharing}delete/", {"sure": "yes"})
    assert not Project.objects.exists()


def test_unknown_user_and_impossible_role_are_told_beside_the_form(owners, owner, project):
    sharing = f"/projects/{project.pk}/sharing/member/"
    refused = owners.post(sharing, {"username": "nobody-here", "role": "viewer"})
    assert refused.status_code == 422
    assert b"no user of that name" in refused.content
    told = owners.post(sharing, {"username": "owner", "role": "viewer"}, follow=True)
    assert b"hand it over" in told.content


def test_viewer_is_offered_nothing_that_would_be_refused(owner, project, artifact, stranger):
    members.set_role(project, stranger, "viewer", owner)
    client = Client()
    client.force_login(stranger)
    for path in (f"/artifacts/{artifact.pk}/", f"/projects/{project.pk}/", f"/projects/{project.pk}/sharing/"):
        page = client.get(path).content.decode()
        assert set(re.findall(r'<form[^>]*method="post"[^>]*action="([^"]+)"', page)) <= {"/sign-out/"}


def test_token_of_ones_own_is_told_once_and_revoked(owners, owner):
    token = secret_in(owners.post("/profile/token/", {"name": "laptop", "days": "30"}).content)
    assert tokens.user_for_token(token) == owner
    page = owners.get("/profile/").content.decode()
    assert "laptop" in page
    assert token not in page
    owners.post("/profile/revoke/", {"token": AccessToken.objects.get().pk})
    assert tokens.user_for_token(token) is None


def test_session_somewhere_else_is_listed_and_signed_out_by_its_owner_only(owners, owner, stranger):
    elsewhere, theirs = Client(headers={"User-Agent": "A phone"}), Client()
    elsewhere.post("/sign-in/", {"username": "owner", "password": PASSWORD})
    theirs.force_login(stranger)
    assert b"A phone" in owners.get("/profile/").content
    row = owner.sessions.get(browser="A phone").pk
    assert theirs.post("/profile/end/", {"session": row}).status_code == 404
    assert elsewhere.get("/").status_code == 200
    owners.post("/profile/end/", {"session": row})
    assert elsewhere.get("/").status_code == 302


def test_new_password_needs_the_old_one_and_keeps_this_session(owners, owner):
    elsewhere = Client(headers={"User-Agent": "A phone"})
    elsewhere.post("/sign-in/", {"username": "owner", "password": PASSWORD})
    new = dict.fromkeys(("new_password1", "new_password2"), "quite another password")
    assert owners.post("/profile/password/", new | {"old_password": "wrong"}).status_code == 422
    assert owners.post("/profile/password/", new | {"old_password": PASSWORD}).status_code == 302
    page = owners.get("/profile/")
    assert page.status_code == 200
    assert b"A phone" not in page.content
    assert elsewhere.get("/").status_code == 302


def test_webhook_is_set_tried_and_its_secret_told_once(owners, project):
    sharing = f"/projects/{project.pk}/sharing/"
    refused = owners.post(f"{sharing}webhook/", {"url": "http://169.254.169.254/latest"})
    assert refused.status_code == 422
    assert b"private network" in refused.content
    secret = secret_in(owners.post(f"{sharing}webhook/", {"url": "https://hooks.example/a"}).content)
    assert secret.startswith("whsec_")
    shown = owners.post(f"{sharing}webhook-test/", follow=True).content
    assert secret.encode() not in shown
    assert b"webhook.test" in shown
    rotated = owners.post(f"{sharing}webhook-secret/").content
    assert secret_in(rotated) != secret
    assert b"holds for a day more" in rotated
    assert b"hooks.example" not in owners.post(f"{sharing}webhook-remove/", follow=True).content
