"""Tags of answers: who knows an answer is spared it, and who changes something says what it was when it was read."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from artifacts.accounts import tokens
from artifacts.models import Artifact, Project
from tests.support import documents

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner: User) -> Client:
    return Client(headers={"Authorization": f"Bearer {tokens.issue_token(owner)}"})


def send(client: Client, method: str, path: str, body: Any, **headers: str) -> HttpResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.generic(
        method, f"/api{path}", json.dumps(body).encode(), content_type="application/json", headers=named
    )


@pytest.mark.parametrize("path", ["/projects", "/projects/{project}", "/artifacts/{artifact}", "/tokens"])
def test_read_that_is_known_already_is_304_until_something_changes(
    client: Client, artifact: Artifact, path: str
) -> None:
    path = f"/api{path.format(project=artifact.project_id, artifact=artifact.pk)}"
    client.get(path)
    first = client.get(path)
    for said in (first["ETag"], f'"other", W/{first["ETag"]}', "*"):
        again = client.get(path, headers={"If-None-Match": said})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
        assert again["Cache-Control"] == "no-store"
    assert client.get(path, headers={"If-None-Match": '"other"'}).content == first.content
    Artifact.objects.filter(pk=artifact.pk).update(title="Another", stream_status="cancelled")
    Project.objects.filter(pk=artifact.project_id).update(title="Another")
    if path != "/api/tokens":
        changed = client.get(path, headers={"If-None-Match": first["ETag"]})
        assert (changed.status_code, changed["ETag"] == first["ETag"]) == (200, False)


def test_head_says_what_get_says_and_no_more(client: Client, artifact: Artifact) -> None:
    for path in (f"/api/artifacts/{artifact.pk}", "/api/projects?limit=1", "/api/projects/0", "/api/nothing"):
        read, head = client.get(path), client.head(path)
        assert (head.status_code, head.content) == (read.status_code, b"")
        assert {name: value for name, value in head.headers.items() if name != "Content-Length"} == {
            name: value for name, value in read.headers.items() if name != "Content-Length"
        }
    tag = client.get("/api/projects")["ETag"]
    assert client.head("/api/projects", headers={"If-None-Match": tag}).status_code == 304
    assert client.head(f"/api/artifacts/{artifact.pk}/start").status_code == 405


@pytest.mark.parametrize("name", ["asyncapi.json", "frames.schema.json"])
def test_documents_for_programs_have_tags_too(name: str) -> None:
    read = Client().get(f"/api/{name}")
    assert read.status_code == 200
    again = Client().get(f"/api/{name}", headers={"If-None-Match": read["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_tag_is_asked_for_only_by_who_may_read(client: Client, artifact: Artifact) -> None:
    tag = client.get(f"/api/artifacts/{artifact.pk}")["ETag"]
    assert Client().get(f"/api/artifacts/{artifact.pk}", headers={"If-None-Match": tag}).status_code == 401


def test_change_of_what_was_read_is_done(client: Client, project: Project) -> None:
    tag = client.get(f"/api/projects/{project.pk}")["ETag"]
    changed = send(client, "PATCH", f"/projects/{project.pk}", {"title": "B"}, If_Match=tag)
    assert (changed.status_code, changed.json()["title"]) == (200, "B")


def test_change_of_what_is_another_by_now_is_412_and_nothing_changes(client: Client, project: Project) -> None:
    tag = client.get(f"/api/projects/{project.pk}")["ETag"]
    Project.objects.filter(pk=project.pk).update(title="Meanwhile")
    for method, body in (("PATCH", {"title": "B"}), ("DELETE", None)):
        refused = send(client, method, f"/projects/{project.pk}", body, If_Match=tag)
        assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
        assert refused["ETag"] == client.get(f"/api/projects/{project.pk}")["ETag"]
    assert Project.objects.get().title == "Meanwhile"


def test_section_is_changed_by_what_was_read_of_it(client: Client, owner: User) -> None:
    written = documents.complete("One.", "Two.")
    Project.objects.filter(pk=written.project_id).update(owner=owner)
    path = f"/artifacts/{written.pk}/sections/1"
    read = client.get(f"/api{path}")
    base = read.json()["sha256"]
    assert base == hashlib.sha256(read.json()["text"].encode()).hexdigest()
    first = send(client, "PUT", path, {"text": "New.", "base_sha256": base}, If_Match=read["ETag"])
    assert first.status_code == 200
    again = send(client, "PUT", path, {"text": "Newer.", "base_sha256": base}, If_Match=read["ETag"])
    assert again.status_code == 412


def test_where_nothing_can_be_read_nothing_matches(client: Client, artifact: Artifact) -> None:
    refused = send(client, "POST", f"/artifacts/{artifact.pk}/start", None, If_Match="*")
    assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
    assert Artifact.objects.get(pk=artifact.pk).stream_status == "idle"


@pytest.mark.parametrize("method", ["TRACE", "PUT"])
def test_method_that_a_path_does_not_have_is_405_whatever_was_read(client: Client, method: str) -> None:
    refused = send(client, method, "/projects", None, If_Match='"another"')
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD, POST")


def test_stranger_learns_nothing_by_a_precondition(stranger: User, project: Project) -> None:
    client = Client(headers={"Authorization": f"Bearer {tokens.issue_token(stranger)}"})
    answers = [
        send(client, "PATCH", f"/projects/{pk}", {"title": "B"}, If_Match="*") for pk in (project.pk, project.pk + 1)
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
