"""The API of documents that are reworked: what each call answers, to the letter."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from django.contrib.auth.models import User

from artifacts.models import Artifact, Project
from generation import control
from generation.models import GenerationTask
from tests.generation.test_reworking import write, written
from tests.streamgen.test_api import Caller, problem
from tests.support import documents


@pytest.fixture
def caller(owner: User) -> Caller:
    return Caller(owner)


@pytest.fixture
def document(owner: User) -> Artifact:
    artifact = written("One.", "Two.")
    Project.objects.filter(pk=artifact.project_id).update(owner=owner)
    return artifact


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def put(caller: Caller, path: str, body: Any) -> Any:

    return caller.send("PUT", path, json.dumps(body).encode())


def test_section_is_read_changed_and_refused_to_who_saw_another(caller: Caller, document: Artifact) -> None:
    path = f"/artifacts/{document.pk}/sections/2"
    assert caller.get(path).json() == {
        "number": 2,
        "name": "Part 2",
        "status": "complete",
        "epoch": 1,
        "text": "Two.",
        "sha256": sha("Two."),
    }
    answer = put(caller, path, {"text": "Zwei.", "base_sha256": sha("Two.")})
    assert (answer.status_code, answer.json()) == (200, {"epoch": 2})
    again = put(caller, path, {"text": "Zwei.", "base_sha256": sha("Two.")})
    assert (again.status_code, again.json()) == (200, {"epoch": 2})

    refused = put(caller, path, {"text": "Deux.", "base_sha256": sha("Two.")})
    problem(refused, 409)
    assert refused.json()["code"] == "base_changed"
    assert refused.json()["current"] == {"text": "Zwei.", "sha256": sha("Zwei."), "epoch": 2}


def test_section_of_a_document_that_is_only_queued_is_not_there(caller: Caller, owner: User) -> None:
    queued = control.create_project(owner, "Lighthouse", "").artifacts.first()
    assert queued is not None
    control.start(queued, None)
    problem(caller.get(f"/artifacts/{queued.pk}/sections/1"), 404)


def test_edit_of_what_is_being_written_is_busy(caller: Caller, owner: User) -> None:
    draft = documents.opened()
    Project.objects.filter(artifacts=draft.pk).update(owner=owner)

    refused = put(caller, f"/artifacts/{draft.pk}/sections/1", {"text": "x", "base_sha256": ""})

    problem(refused, 409)
    assert refused.json()["code"] == "busy"


def test_rewrite_accept_and_reject(caller: Caller, document: Artifact) -> None:
    answers = [
        caller.post(f"/artifacts/{document.pk}/sections/1/rewrite", body)
        for body in (None, {"instructions": "Shorter."})
    ]
    assert [one.status_code for one in answers] == [202, 202]
    first, second = (one.json() for one in answers)
    assert first == {"draft": first["draft"], "task": GenerationTask.objects.get(artifact=first["draft"]).pk}
    problem(caller.post(f"/artifacts/{first['draft']}/accept"), 409)
    write(Artifact.objects.get(pk=first["draft"]), "1.")

    answer = caller.post(f"/artifacts/{first['draft']}/accept")
    assert (answer.status_code, answer.json()) == (200, {"artifact": document.pk, "epoch": 2})
    problem(caller.post(f"/artifacts/{first['draft']}/accept"), 404)
    write(Artifact.objects.get(pk=second["draft"]), "i.")
    refused = caller.post(f"/artifacts/{second['draft']}/accept").json()
    assert (refused["code"], "reject the draft" in refused["detail"]) == ("base_changed", True)
    assert (refused["current"], refused["draft"]) == ({"text": "1.", "sha256": sha("1."), "epoch": 2}, {"text": "i."})
    answer = caller.post(f"/artifacts/{second['draft']}/reject")
    assert (answer.status_code, answer.json()) == (200, {"artifact": document.pk, "epoch": 2})
    assert len(caller.get(f"/projects/{document.project_id}").json()["artifacts"]) == 1


def test_draft_of_a_section_that_is_gone_is_refused_with_its_text(caller: Caller, document: Artifact) -> None:
    draft = caller.post(f"/artifacts/{document.pk}/sections/1/rewrite").json()["draft"]
    write(Artifact.objects.get(pk=draft), "1.")
    caller.post(f"/artifacts/{document.pk}/regenerate", {"plan": [{"name": "Another"}]})
    assert caller.post(f"/artifacts/{draft}/accept").json()["code"] == "busy"
    caller.post(f"/artifacts/{document.pk}/cancel")

    refused = caller.post(f"/artifacts/{draft}/accept")

    problem(refused, 409)
    assert refused.json()["code"] == "base_changed"
    assert (refused.json()["current"], refused.json()["draft"]) == (None, {"text": "1."})
    assert caller.post(f"/artifacts/{draft}/reject").status_code == 200


def test_section_more_is_written_alone(caller: Caller, document: Artifact) -> None:
    answer = caller.post(f"/artifacts/{document.pk}/sections", {"name": "Risks", "after": 1, "max_tokens": 40})

    assert answer.status_code == 201
    assert answer.json().keys() == {"section", "epoch", "draft", "task"}
    assert (answer.json()["section"], answer.json()["epoch"]) == (2, 2)
    problem(caller.post(f"/artifacts/{document.pk}/sections", {"name": "Risks", "after": 9}), 422, "after")


def test_versions_are_listed_read_compared_and_restored(caller: Caller, owner: User, document: Artifact) -> None:
    path = f"/artifacts/{document.pk}"
    put(caller, f"{path}/sections/1", {"text": "First one.", "base_sha256": sha("One.")})
    put(caller, f"{path}/sections/2", {"text": "Second.", "base_sha256": sha("Two.")})

    listed = caller.get(f"{path}/versions").json()
    assert [one["number"] for one in listed["items"]] == [2, 1]
    assert listed["next"] is None
    assert listed["items"][0].keys() == {
        *("number", "epoch", "created_at", "author", "model", "note", "length", "tokens"),
    }
    assert (listed["items"][0]["author"], listed["items"][0]["note"]) == (owner.username, "Edited “Part 1”")
    assert listed["items"][1]["length"] == len(document.text)
    page = caller.get(f"{path}/versions", limit=1).json()
    assert (len(page["items"]), page["next"]) == (1, 2)
    assert [one["number"] for one in caller.get(f"{path}/versions", before=2).json()["items"]] == [1]
    assert caller.get(f"{path}/versions/1").json()["text"] == document.text

    compared = caller.get(f"{path}/versions/1/compare/current").json()
    assert (compared["old"], compared["new"]) == (1, 3)
    assert [one["change"] for one in compared["sections"]] == ["changed", "changed"]
    compared = caller.get(f"{path}/versions/2/compare/1").json()
    assert [one["change"] for one in compared["sections"]] == ["changed", "same"]

    answer = caller.post(f"{path}/versions/1/restore")
    assert (answer.status_code, answer.json()) == (200, {"artifact": document.pk, "epoch": 4})
    assert caller.get(path).json()["text"] == document.text
    for wrong in ("versions/77", "versions/1/compare/77", "versions/1/compare/x"):
        problem(caller.get(f"{path}/{wrong}"), 404)
    problem(caller.post(f"{path}/versions/77/restore"), 404)


def test_title_is_changed(caller: Caller, document: Artifact) -> None:
    answer = caller.send("PATCH", f"/artifacts/{document.pk}", b'{"title": " Better "}')

    assert (answer.status_code, answer.json()["title"]) == (200, "Better")
    problem(caller.send("PATCH", f"/artifacts/{document.pk}", b'{"title": ""}'), 422, "title")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "sections/1"),
        ("PUT", "sections/1"),
        ("POST", "sections/1/rewrite"),
        ("POST", "sections"),
        ("POST", "accept"),
        ("POST", "reject"),
        ("GET", "versions"),
        ("GET", "versions/1"),
        ("GET", "versions/1/compare/current"),
        ("POST", "versions/1/restore"),
        ("PATCH", ""),
    ],
)
def test_stranger_finds_nothing(stranger: User, document: Artifact, method: str, path: str) -> None:
    bodies = {"PUT": b'{"text": "", "base_sha256": ""}', "PATCH": b'{"title": "x"}'}
    body = b'{"name": "x"}' if path == "sections" else bodies.get(method, b"")
    address = f"/artifacts/{document.pk}/{path}".rstrip("/")

    problem(Caller(stranger).send(method, address, body), 404)
    assert documents.row(document.pk).epoch == 1
