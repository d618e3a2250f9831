"""The JSON API: what each call answers, who may call it, and that every error has the same shape."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import User
from django.core.asgi import get_asgi_application
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from artifacts.accounts import tokens
from artifacts.errors import LeaseHeld
from artifacts.lifecycle import writing
from artifacts.lifecycle.rows import WriteResult
from artifacts.lifecycle.writing import Flush
from artifacts.models import ActionRecord, Artifact, Project
from generation import control
from generation.models import GenerationTask
from generation.queue import claims, finishing
from streamgen import problems
from streamgen.api import JsonAPI
from tests.support import documents

LEASE_S = 60.0


class Caller:
    """One person with a bearer token; `get` and `post` give the response, whatever its status."""

    def __init__(self, user: User) -> None:
        self._client = Client(headers={"Authorization": f"Bearer {tokens.issue_token(user)}"})

    def get(self, path: str, **query: Any) -> HttpResponse:
        return self._client.get(f"/api{path}", query)

    def post(self, path: str, body: Any = None) -> HttpResponse:
        return self.send("POST", path, b"" if body is None else json.dumps(body).encode())

    def send(self, method: str, path: str, body: bytes = b"", content_type: str = "application/json") -> HttpResponse:
        return self._client.generic(method, f"/api{path}", body, content_type=content_type)


@pytest.fixture
def caller(owner: User) -> Caller:
    return Caller(owner)


def problem(response: HttpResponse, status: int, field: str = "") -> str:
    """The detail of a problem of this status that blames this field."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body = json.loads(response.content)
    told = {"type", "title", "status", "detail", "code"}
    assert set(body) - {"current", "draft"} == told | ({"field"} if field else set())
    assert body["type"] == f"/api/errors#{body['code']}"
    assert body["status"] == status
    assert body.get("field", "") == field
    assert body["detail"].endswith((".", "}"))
    return body["detail"]


def claimed(artifact: Artifact) -> claims.Claim:
    """The artifact's task, claimed by a worker that is alive."""
    claim = claims.claim("a worker", lease_s=LEASE_S, only=artifact.tasks.get(status="queued").pk)
    assert claim is not None
    return claim


def write(claim: claims.Claim, text: str, offset: int = 0) -> WriteResult:
    flush = Flush(offset=offset, text=text, tokens=offset + len(text))
    return writing.append(claim.artifact, fence=claim.fence, flush=flush, lease_s=LEASE_S)


def streaming(artifact: Artifact, user: User, text: str = "One line.") -> claims.Claim:
    """The artifact with a live writer and some text."""
    control.start(artifact, user)
    claim = claimed(artifact)
    writing.begin_section(artifact.pk, fence=claim.fence, position=0, model="small", lease_s=LEASE_S)
    write(claim, text)
    return claim


def stopped(claim: claims.Claim) -> None:
    """The writer does what it was asked for."""
    length = Artifact.objects.get(pk=claim.artifact).length
    flush = Flush(offset=length, text="", tokens=length)
    standing = writing.stop(claim.artifact, fence=claim.fence, flush=flush, section_tokens=length, reason="user")
    finishing.finish(claim.artifact, standing.status)


# Projects


def test_new_project_answers_with_its_idle_documents(caller: Caller, owner: User) -> None:
    response = caller.post("/projects", {"title": " Lighthouse ", "description": "A lamp."})
    assert response.status_code == 201
    project = Project.objects.get()
    assert (project.owner, project.title, project.description) == (owner, "Lighthouse", "A lamp.")
    body = response.json()
    assert (body["id"], body["title"]) == (project.pk, "Lighthouse")
    assert [row["phase"] for row in body["artifacts"]] == ["brief", "prd", "specs", "stories", "artifacts", "handoff"]
    assert {row["status"] for row in body["artifacts"]} == {"idle"}
    assert set(body["artifacts"][0]) == {"id", "phase", "status"}


def test_description_may_be_absent_or_null(caller: Caller) -> None:
    assert caller.post("/projects", {"title": "A"}).status_code == 201
    assert caller.post("/projects", {"title": "B", "description": None}).status_code == 201


def test_lone_surrogate_and_nul_are_cleaned_from_a_description(caller: Caller) -> None:
    response = caller.post("/projects", {"title": "A", "description": "a\0b\ud800c"})
    assert caller.get(f"/projects/{response.json()['id']}").json()["description"] == "ab\ufffdc"


def test_project_tells_each_document_and_its_progress(caller: Caller, owner: User, artifact: Artifact) -> None:
    streaming(artifact, owner)
    body = caller.get(f"/projects/{artifact.project_id}").json()
    assert (body["title"], body["description"]) == ("Lighthouse", "A lamp that never goes out.")
    assert body["artifacts"][0] == {
        "id": artifact.pk,
        "phase": "brief",
        "title": "Project brief",
        "status": "streaming",
        "sections_completed": 0,
        "sections_total": 5,
        "tokens_generated": len("One line."),
        "reason": "",
        "out_of_date": False,
    }
    assert len(body["artifacts"]) == 6


def test_projects_come_newest_first_in_bounded_answers(caller: Caller, owner: User, stranger: User) -> None:
    projects = [control.create_project(owner, f"Project {number}") for number in range(5)]
    control.create_project(stranger, "Somebody else's")
    seen, path = [], "/projects?limit=2"
    while path:
        response = caller.get(path)
        assert len(response.json()) <= 2
        seen += [row["id"] for row in response.json()]
        path = response.get("Link", "").partition("/api")[2].partition(">")[0]
    assert seen == [project.pk for project in reversed(projects)]


def test_number_of_queries_for_projects_does_not_grow(caller: Caller, owner: User) -> None:
    caller.get("/projects")  # notes the use of the token
    counts = []
    for _ in range(3):
        control.create_project(owner, "One more", "x" * 1000)
        with CaptureQueriesContext(connection) as queries:
            caller.get("/projects")
        counts.append(len(queries))
        assert not any('"description"' in query["sql"] for query in queries)
    assert counts == [3, 3, 3]


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "201"}, {"limit": "many"}, {"limit": "1_0"}, {"before": "x"}, {"before": "１"}]
)
def test_nonsense_in_a_query_names_the_parameter(caller: Caller, query: dict[str, str]) -> None:
    problem(caller.get("/projects", **query), 422, field=next(iter(query)))


def test_huge_numbers_are_answered(caller: Caller, project: Project) -> None:
    assert len(caller.get("/projects", before=str(10**30)).json()) == 1
    problem(caller.get(f"/projects/{10**30}"), 404)
    problem(caller.get(f"/artifacts/{'9' * 5000}"), 404)


def test_own_phase_is_added_once(caller: Caller, project: Project) -> None:
    response = caller.post(f"/projects/{project.pk}/artifacts", {"phase": "risk-log", "title": "Risks"})
    assert response.status_code == 201
    assert (response.json()["phase"], response.json()["title"], response.json()["status"]) == (
        "risk-log",
        "Risks",
        "idle",
    )
    problem(caller.post(f"/projects/{project.pk}/artifacts", {"phase": "risk-log"}), 422, field="phase")
    assert caller.post(f"/projects/{project.pk}/artifacts", {"phase": "plan-b"}).status_code == 201


# Reading a document


def test_document_is_told_with_its_cursor_and_state(caller: Caller, owner: User, artifact: Artifact) -> None:
    streaming(artifact, owner, "Zwölf 🎈 text")
    artifact.refresh_from_db()
    body = caller.get(f"/artifacts/{artifact.pk}").json()
    told = {"id", "project", "phase", "title", "epoch", "seq", "offset", "text", "state", "written_from", "out_of_date"}
    assert set(body) == told
    assert (body["id"], body["project"], body["phase"]) == (artifact.pk, artifact.project_id, "brief")
    assert (body["epoch"], body["seq"], body["offset"]) == (1, artifact.seq, len("Zwölf 🎈 text"))
    assert body["text"] == "Zwölf 🎈 text"
    state = body["state"]
    assert (state["status"], state["current_section"], state["sections_total"]) == ("streaming", "Summary", 5)
    assert state["sections"][0] == {"name": "Summary", "status": "streaming", "tokens": 0, "model": "small"}
    assert len(state["sections"]) == 5


def test_text_and_seq_belong_together_while_a_writer_appends(every_database: str) -> None:
    draft = documents.opened()
    words = [f"word {number}, " * 40 for number in range(60)]
    text = "".join(words)
    lengths = {documents.row(draft.pk).seq: 0}

    answers: list[dict[str, Any]] = []
    read_begins = Event()

    def write() -> None:
        for number, word in enumerate(words):
            standing = draft.append(word)
            lengths[standing.seq] = standing.length
            if number % 10 == 0:
                read_begins.clear()
                read_begins.wait(timeout=30)

    caller = Caller(documents.row(draft.pk).project.owner)

    def read() -> None:
        while not answers or answers[-1]["offset"] < len(text):
            read_begins.set()
            answers.append(caller.get(f"/artifacts/{draft.pk}").json())

    documents.together(write, read)
    for answer in answers:
        assert answer["offset"] == lengths[answer["seq"]]
        assert answer["text"] == text[: answer["offset"]]
    assert len({answer["seq"] for answer in answers}) > 2, "no read met the writer"


def test_reading_a_document_takes_six_queries(caller: Caller, owner: User, artifact: Artifact) -> None:
    claim = streaming(artifact, owner)
    for number in range(20):
        write(claim, "0123456789", 9 + 10 * number)
    caller.get("/projects")  # notes the use of the token
    with CaptureQueriesContext(connection) as queries:
        caller.get(f"/artifacts/{artifact.pk}")
    assert len(queries) == 6  # token, artifact, folded text, deltas behind it, sections, what it was written from


@pytest.mark.parametrize(
    ("format_", "media_type"), [("md", "text/markdown; charset=utf-8"), ("html", "text/html; charset=utf-8")]
)
def test_export_is_a_file(caller: Caller, owner: User, artifact: Artifact, format_: str, media_type: str) -> None:
    streaming(artifact, owner, "Some **bold** words, ünd mehr.")
    response = caller.get(f"/artifacts/{artifact.pk}/export", format=format_)
    assert response["Content-Type"] == media_type
    assert response["Content-Disposition"] == f'attachment; filename="lighthouse-project-brief.{format_}"'
    if format_ == "md":
        assert response.content.decode() == "Some **bold** words, ünd mehr."
    else:
        assert "<strong>bold</strong> words, ünd mehr." in response.content.decode()


def test_project_is_exported_as_one_file_that_is_the_same_until_a_text_changes(
    caller: Caller, owner: User, artifact: Artifact
) -> None:
    path = f"/projects/{artifact.project_id}/export"
    assert "Nothing is written" in problem(caller.get(path), 404)
    streaming(artifact, owner, "Some **bold** words.")
    response = caller.get(path)
    assert response["Content-Type"] == "application/zip"
    assert response["Content-Disposition"] == 'attachment; filename="lighthouse.zip"'
    archive = zipfile.ZipFile(io.BytesIO(response.content))
    assert archive.read("01-project-brief.md") == b"Some **bold** words."
    changed = Artifact.objects.get(pk=artifact.pk).updated_at
    assert {one.date_time[:5] for one in archive.infolist()} == {changed.timetuple()[:5]}
    assert caller.get(path).content == response.content


def test_unknown_export_format_names_the_parameter(caller: Caller, artifact: Artifact) -> None:
    assert "'md', 'html', 'docx' or 'pdf'" in problem(
        caller.get(f"/artifacts/{artifact.pk}/export", format="odt"), 422, field="format"
    )


# Commands


def test_start_queues_a_task_with_the_built_in_plan(caller: Caller, owner: User, artifact: Artifact) -> None:
    response = caller.post(f"/artifacts/{artifact.pk}/start")
    assert response.status_code == 202
    task = GenerationTask.objects.get()
    assert response.json() == {"task": task.pk}
    assert task.requested_by == owner
    assert artifact.sections.count() == 5


def test_start_takes_a_plan_a_model_and_instructions(caller: Caller, artifact: Artifact) -> None:
    order = {
        "model": "tiny",
        "instructions": "In verse.",
        "plan": [{"name": "One"}, {"name": "Two", "instructions": "Briefly.", "max_tokens": 32_000}],
    }
    assert caller.post(f"/artifacts/{artifact.pk}/start", order).status_code == 202
    artifact.refresh_from_db()
    assert artifact.instructions == "In verse."
    assert GenerationTask.objects.get().model == "tiny"
    planned = list(artifact.sections.order_by("position").values_list("name", "instructions", "max_tokens"))
    assert planned == [("One", "", 1000), ("Two", "Briefly.", 32_000)]


def test_second_start_is_a_conflict_that_changes_nothing(caller: Caller, artifact: Artifact) -> None:
    caller.post(f"/artifacts/{artifact.pk}/start")
    detail = problem(caller.post(f"/artifacts/{artifact.pk}/start"), 409)
    assert detail == "Cannot start: the document is streaming. It is being written already."
    assert GenerationTask.objects.count() == 1


def test_limit_of_a_user_is_429_with_code_and_the_time_to_wait(
    caller: Caller, artifact: Artifact, settings: Any
) -> None:
    settings.STREAMGEN_USER_STARTS_PER_MINUTE = 1
    assert caller.post(f"/artifacts/{artifact.pk}/start").status_code == 202
    other = artifact.project.artifacts.get(phase="prd")

    response = caller.post(f"/artifacts/{other.pk}/start")

    detail = problem(response, 429)
    assert response.json()["code"] == "too_many_starts"
    assert (
        detail
        == f"You started 1 document within a minute, which is the most. Try again in {response['Retry-After']} s."
    )


@pytest.mark.parametrize(("verb", "status"), [("cancel", "cancelled"), ("pause", "paused")])
def test_stop_of_a_waiting_document_is_done_on_return(
    caller: Caller, artifact: Artifact, verb: str, status: str
) -> None:
    caller.post(f"/artifacts/{artifact.pk}/start")
    response = caller.post(f"/artifacts/{artifact.pk}/{verb}")
    assert (response.status_code, response.json()) == (200, {"status": status})


@pytest.mark.parametrize("verb", ["cancel", "pause"])
def test_stop_of_a_live_writer_is_accepted(caller: Caller, owner: User, artifact: Artifact, verb: str) -> None:
    streaming(artifact, owner)
    response = caller.post(f"/artifacts/{artifact.pk}/{verb}")
    assert (response.status_code, response.json()) == (202, {"status": "streaming"})
    artifact.refresh_from_db()
    assert artifact.stop_requested == verb


def test_cancel_of_a_cancelled_document_changes_nothing(caller: Caller, artifact: Artifact) -> None:
    caller.post(f"/artifacts/{artifact.pk}/start")
    caller.post(f"/artifacts/{artifact.pk}/cancel")
    seq = Artifact.objects.get(pk=artifact.pk).seq
    response = caller.post(f"/artifacts/{artifact.pk}/cancel")
    assert (response.status_code, response.json()) == (200, {"status": "cancelled"})
    assert Artifact.objects.get(pk=artifact.pk).seq == seq


def test_project_is_renamed_archived_and_brought_back(caller: Caller, artifact: Artifact) -> None:
    path = f"/projects/{artifact.project_id}"

    def patch(**change: Any) -> Any:
        return caller.send("PATCH", path, json.dumps(change).encode())

    answer = patch(title=" Harbour ", archived=True)
    assert (answer.status_code, answer.json()["title"], answer.json()["archived"]) == (200, "Harbour", True)
    assert caller.get("/projects").json() == []
    assert [one["title"] for one in caller.get("/projects", archived="true").json()] == ["Harbour"]
    problem(patch(title="", archived=False), 422, "title")
    assert problem(patch(archived="yes"), 422, "archived") == "archived must be true or false."
    for no_amount in (True, [1], {"amount": 1}, "1e3"):
        assert problem(patch(budget=no_amount), 422, "budget") == 'budget must be an amount such as "12.50".'
    assert caller.get(path).json()["archived"]
    problem(patch(archived="yes"), 422, "archived")
    assert patch(archived=False).json()["title"] == "Harbour"
    assert len(caller.get("/projects").json()) == 1
    verbs = ActionRecord.objects.filter(project=artifact.project_id).order_by("pk").values_list("verb", flat=True)
    assert list(verbs)[-3:] == ["rename", "archive", "bring_back"]


def test_resume_waits_for_a_worker(caller: Caller, artifact: Artifact) -> None:
    caller.post(f"/artifacts/{artifact.pk}/start")
    caller.post(f"/artifacts/{artifact.pk}/pause")
    response = caller.post(f"/artifacts/{artifact.pk}/resume")
    assert (response.status_code, response.json()) == (202, {"status": "streaming"})


def test_resume_takes_a_budget_and_writes_the_stuck_section_anew(caller: Caller, artifact: Artifact) -> None:
    caller.post(f"/artifacts/{artifact.pk}/start")
    draft = documents.reopened(artifact.pk)
    draft.begin(0)
    draft.stop("## A", reason="tokens_exhausted")
    finishing.finish(artifact.pk, "paused")
    for body, field in (({"max_tokens": 0}, "max_tokens"), ({"max_tokens": "9"}, "max_tokens"), ({"anew": 1}, "anew")):
        problem(caller.post(f"/artifacts/{artifact.pk}/resume", body), 422, field)
    answer = caller.post(f"/artifacts/{artifact.pk}/resume", {"max_tokens": 700, "anew": True})
    assert (answer.status_code, answer.json()) == (202, {"status": "streaming"})
    shown = caller.get(f"/artifacts/{artifact.pk}").json()
    assert (shown["text"], shown["epoch"], shown["state"]["sections"][0]["status"]) == ("", 2, "pending")
    caller.post(f"/artifacts/{artifact.pk}/pause")
    problem(caller.post(f"/artifacts/{artifact.pk}/resume", {"anew": True}), 409)


def test_resume_takes_another_model(caller: Caller, artifact: Artifact) -> None:
    caller.post(f"/artifacts/{artifact.pk}/start", {"model": "old"})
    for body, model in (
        ({"model": "new"}, "new"),
        ({"model": None}, "new"),
        ({}, "new"),
        ({"model": "newer"}, "newer"),
    ):
        caller.post(f"/artifacts/{artifact.pk}/pause")
        assert caller.post(f"/artifacts/{artifact.pk}/resume", body).status_code == 202
        assert GenerationTask.objects.get().model == model


@pytest.mark.parametrize("body", [{"model": 7}, {"model": "x" * 300}, {"modell": "x"}, {"model": "two\nlines"}])
def test_resume_with_a_model_that_cannot_be_changes_nothing(caller: Caller, artifact: Artifact, body: object) -> None:
    caller.post(f"/artifacts/{artifact.pk}/start")
    caller.post(f"/artifacts/{artifact.pk}/pause")
    response = caller.post(f"/artifacts/{artifact.pk}/resume", body)
    assert response.status_code == 422
    assert "model" in response.content.decode()
    assert Artifact.objects.get(pk=artifact.pk).stream_status == "paused"


@pytest.mark.parametrize(
    ("status", "verb", "hint"),
    [
        ("idle", "cancel", "start it"),
        ("idle", "pause", "start it"),
        ("idle", "resume", "start it"),
        ("idle", "regenerate", "start it"),
        ("streaming", "resume", "being written already"),
        ("streaming", "regenerate", "Cancel or pause it first"),
        ("paused", "start", "Resume it"),
        ("cancelled", "start", "Regenerate it"),
        ("cancelled", "resume", "Regenerate it"),
        ("cancelled", "pause", "Regenerate it"),
    ],
)
def test_illegal_move_names_the_right_verb(
    caller: Caller, artifact: Artifact, status: str, verb: str, hint: str
) -> None:
    if status != "idle":
        caller.post(f"/artifacts/{artifact.pk}/start")
    if status in {"paused", "cancelled"}:
        caller.post(f"/artifacts/{artifact.pk}/{'pause' if status == 'paused' else 'cancel'}")
    detail = problem(caller.post(f"/artifacts/{artifact.pk}/{verb}"), 409)
    assert f"Cannot {verb}: the document is {status}." in detail
    assert hint in detail
    artifact.refresh_from_db()
    assert artifact.stream_status == status


def test_regenerate_begins_a_new_epoch(caller: Caller, owner: User, artifact: Artifact) -> None:
    claim = streaming(artifact, owner, "The old text.")
    control.cancel(artifact)
    stopped(claim)
    response = caller.post(f"/artifacts/{artifact.pk}/regenerate", {"plan": [{"name": "Only"}]})
    assert response.status_code == 202
    body = caller.get(f"/artifacts/{artifact.pk}").json()
    assert (body["epoch"], body["text"], body["state"]["reason"]) == (2, "", "queued")
    assert artifact.versions.get().content == "The old text."


@pytest.mark.parametrize(
    ("more", "names", "instructions"),
    [
        ({"keep": True}, ["Why", "How"], "For sailors.\n\nShorter."),
        ({"keep": True, "plan": [{"name": "Only"}]}, ["Only"], "For sailors.\n\nShorter."),
        ({"keep": None, "plan": [{"name": "Only"}]}, ["Only"], "Shorter."),
    ],
)
def test_what_is_written_anew_keeps_what_was_asked_for_where_that_is_wanted(
    caller: Caller, owner: User, artifact: Artifact, more: dict[str, Any], names: list[str], instructions: str
) -> None:
    plan = [{"name": "Why", "instructions": "In one line.", "max_tokens": 77}, {"name": "How"}]
    caller.post(f"/artifacts/{artifact.pk}/start", {"plan": plan, "instructions": "For sailors."})
    control.cancel(artifact)
    response = caller.post(f"/artifacts/{artifact.pk}/regenerate", {"instructions": "Shorter.", **more})
    assert response.status_code == 202, response.content
    artifact.refresh_from_db()
    sections = list(artifact.sections.order_by("position"))
    assert ([section.name for section in sections], artifact.instructions) == (names, instructions)
    if names[0] == "Why":
        assert (sections[0].instructions, sections[0].max_tokens) == ("In one line.", 77)


def test_deleted_document_is_gone(caller: Caller, owner: User, artifact: Artifact) -> None:
    streaming(artifact, owner)
    response = caller.send("DELETE", f"/artifacts/{artifact.pk}")
    assert (response.status_code, response.content) == (204, b"")
    problem(caller.get(f"/artifacts/{artifact.pk}"), 404)
    problem(caller.send("DELETE", f"/artifacts/{artifact.pk}"), 404)


# Who may call


def test_without_a_login_every_call_is_401(artifact: Artifact) -> None:
    calls = [
        ("GET", "projects"),
        ("POST", "projects"),
        ("GET", f"projects/{artifact.project_id}"),
        ("POST", f"projects/{artifact.project_id}/artifacts"),
        ("GET", f"artifacts/{artifact.pk}"),
        ("GET", f"artifacts/{artifact.pk}/export"),
        ("GET", f"projects/{artifact.project_id}/export"),
        ("DELETE", f"artifacts/{artifact.pk}"),
        *(("POST", f"artifacts/{artifact.pk}/{verb}") for verb in ("start", "cancel", "pause", "resume", "regenerate")),
    ]
    for method, path in calls:
        for headers in ({}, {"Authorization": "Bearer sg_wrong"}, {"Authorization": "Bearer"}):
            response = Client().generic(method, f"/api/{path}", headers=headers)
            problem(response, 401)
            assert response["WWW-Authenticate"].startswith("Bearer")


def test_token_of_an_inactive_user_is_401(owner: User) -> None:
    caller = Caller(owner)
    owner.is_active = False
    owner.save()
    problem(caller.get("/projects"), 401)


def test_wrong_token_is_401_whatever_the_session_says(owner: User) -> None:
    client = Client(headers={"Authorization": "Bearer sg_wrong"})
    client.force_login(owner)
    problem(client.get("/api/projects"), 401)


def test_another_scheme_leaves_the_session_its_say(owner: User) -> None:
    client = Client(headers={"Authorization": "Basic cHJveHk6cHJveHk="})
    client.force_login(owner)
    assert client.get("/api/projects").status_code == 200


def test_session_reads_without_and_changes_with_a_csrf_token(owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert client.get("/api/projects").status_code == 200
    body = json.dumps({"title": "A"})
    assert "X-CSRFToken" in problem(client.post("/api/projects", body, content_type="application/json"), 403)
    assert not Project.objects.exists()
    token = "a" * 32
    client.cookies["csrftoken"] = token
    headers = {"X-CSRFToken": token}
    assert client.post("/api/projects", body, content_type="application/json", headers=headers).status_code == 201


def test_bearer_needs_no_csrf_token(owner: User) -> None:
    client = Client(enforce_csrf_checks=True, headers={"Authorization": f"bearer {tokens.issue_token(owner)}"})
    assert client.post("/api/projects", '{"title": "A"}', content_type="application/json").status_code == 201


def test_stranger_cannot_tell_missing_from_not_theirs(stranger: User, artifact: Artifact) -> None:
    caller = Caller(stranger)
    missing = 10**6
    for method, path, body in [
        ("GET", "/artifacts/{}", b""),
        ("GET", "/artifacts/{}/export", b""),
        ("DELETE", "/artifacts/{}", b""),
        *(("POST", f"/artifacts/{{}}/{verb}", b"") for verb in ("start", "cancel", "pause", "resume", "regenerate")),
    ]:
        theirs = caller.send(method, path.format(artifact.pk), body)
        problem(theirs, 404)
        assert theirs.content == caller.send(method, path.format(missing), body).content
    project = artifact.project_id
    for method, path, body in [("GET", "/projects/{}", b""), ("POST", "/projects/{}/artifacts", b'{"phase": "x"}')]:
        theirs = caller.send(method, path.format(project), body)
        problem(theirs, 404)
        assert theirs.content == caller.send(method, path.format(missing), body).content
    assert caller.get("/projects").json() == []
    artifact.refresh_from_db()
    assert artifact.stream_status == "idle"


def test_staff_may_see_and_stop_every_document(staff: User, artifact: Artifact, owner: User) -> None:
    control.start(artifact, owner)
    caller = Caller(staff)
    assert [row["id"] for row in caller.get("/projects").json()] == [artifact.project_id]
    assert caller.get(f"/artifacts/{artifact.pk}").status_code == 200
    assert caller.post(f"/artifacts/{artifact.pk}/cancel").json() == {"status": "cancelled"}


# Bad input


@pytest.mark.parametrize(
    ("body", "field", "detail"),
    [
        ({}, "title", "title is required."),
        ({"title": 5}, "title", "title must be a string."),
        ({"title": None}, "title", "title must be a string."),
        ({"title": ["A"]}, "title", "title must be a string."),
        ({"title": True}, "title", "title must be a string."),
        ({"title": "  "}, "title", "title must not be empty."),
        ({"title": "a\tb"}, "title", "title must not contain control characters or line breaks."),
        ({"title": "a\x1b[31mb"}, "title", "title must not contain control characters or line breaks."),
        ({"title": "a\ud800"}, "title", "title must not contain control characters or line breaks."),
        ({"title": "x" * 201}, "title", "title may have 200 characters at most, not 201."),
        (
            {"title": "A", "description": "x" * 1_000_001},
            "description",
            "description may have 1000000 characters at most, not 1000001.",
        ),
        ({"title": "A", "description": {}}, "description", "description must be a string."),
        ({"title": "A", "colour": "red"}, "colour", "Unknown field: colour."),
        ({"title": "A", "colour": 1, "size": 2}, "colour", "Unknown fields: colour, size."),
        ({"tilte": "A"}, "tilte", "Unknown field: tilte."),
        ({"title": "A", "\x1b\n": 1}, "��", "Unknown field: ��."),
        ({"title": "A", "x" * 500: 1}, "x" * 100 + "…", f"Unknown field: {'x' * 100}…."),
        ([], "", "The body must be a JSON object."),
        ("text", "", "The body must be a JSON object."),
        (0, "", "The body must be a JSON object."),
    ],
    ids=range(20),
)
def test_bad_project_names_the_field(caller: Caller, body: Any, field: str, detail: str) -> None:
    assert problem(caller.post("/projects", body), 422, field=field) == detail
    assert not Project.objects.exists()


def test_project_needs_a_body(caller: Caller) -> None:
    assert problem(caller.post("/projects"), 422) == "The body must be a JSON object."


@pytest.mark.parametrize("phase", ["", "Brief", "1st", "a b", "-a", "a" * 41, "a\n", "brief"])
def test_bad_phase_names_the_field(caller: Caller, project: Project, phase: str) -> None:
    problem(caller.post(f"/projects/{project.pk}/artifacts", {"phase": phase}), 422, field="phase")


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"plan": []}, "plan"),
        ({"plan": [{"name": "A"}] * 101}, "plan"),
        ({"plan": [{"name": "A"}] * 500}, "plan"),
        ({"plan": {"name": "A"}}, "plan"),
        ({"plan": "A"}, "plan"),
        ({"plan": [{"name": "A"}, "B"]}, "plan[1]"),
        ({"plan": [{"name": "A"}, {"name": "B"}, {"name": "C"}, {"name": 4}]}, "plan[3].name"),
        ({"plan": [{}]}, "plan[0].name"),
        ({"plan": [{"name": ""}]}, "plan[0].name"),
        ({"plan": [{"name": "A"}, {"name": "a\nb"}]}, "plan[1].name"),
        ({"plan": [{"name": "x" * 121}]}, "plan[0].name"),
        ({"plan": [{"name": "A", "max_tokens": 0}]}, "plan[0].max_tokens"),
        ({"plan": [{"name": "A", "max_tokens": 32_001}]}, "plan[0].max_tokens"),
        ({"plan": [{"name": "A", "max_tokens": 10**30}]}, "plan[0].max_tokens"),
        ({"plan": [{"name": "A", "max_tokens": "100"}]}, "plan[0].max_tokens"),
        ({"plan": [{"name": "A", "max_tokens": 1.5}]}, "plan[0].max_tokens"),
        ({"plan": [{"name": "A", "max_tokens": True}]}, "plan[0].max_tokens"),
        ({"plan": [{"name": "A", "tokens": 5}]}, "plan[0].tokens"),
        ({"plan": [{"name": "A", "instructions": 5}]}, "plan[0].instructions"),
        ({"model": 5}, "model"),
        ({"model": "x" * 201}, "model"),
        ({"model": "a\0b"}, "model"),
        ({"instructions": "x" * 1_000_001}, "instructions"),
        ({"stream": True}, "stream"),
    ],
    ids=range(24),
)
@pytest.mark.parametrize("verb", ["start", "regenerate"])
def test_bad_order_names_the_field(caller: Caller, artifact: Artifact, verb: str, order: Any, field: str) -> None:
    if verb == "regenerate":
        caller.post(f"/artifacts/{artifact.pk}/start")
        caller.post(f"/artifacts/{artifact.pk}/cancel")
    status = Artifact.objects.get(pk=artifact.pk).stream_status
    problem(caller.post(f"/artifacts/{artifact.pk}/{verb}", order), 422, field=field)
    assert Artifact.objects.get(pk=artifact.pk).stream_status == status


def test_plan_of_a_hundred_sections_with_markup_in_their_names_is_taken(caller: Caller, artifact: Artifact) -> None:
    plan = [{"name": f"<b>Section</b> {number} & more"} for number in range(100)]
    assert caller.post(f"/artifacts/{artifact.pk}/start", {"plan": plan}).status_code == 202
    assert artifact.sections.count() == 100


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'title': 'A'}",
        b'{"title": "A"} x',
        b'{"title": "\xff"}',
        b'{"title": NaN}',
        b'{"title": -Infinity}',
        b'{"title": ' + b"9" * 5000 + b"}",
        b'{"title": ' + b"[" * 40_000 + b"]" * 40_000 + b"}",
        b'{"title": "a\nb"}',
        b"{" + b",".join(b'"a%d":1' % number for number in range(200)) + b"}",
    ],
    ids=range(10),
)
def test_malformed_json_is_400(caller: Caller, body: bytes) -> None:
    problem(caller.send("POST", "/projects", body), 400)


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_other_media_types_are_415(caller: Caller, content_type: str) -> None:
    detail = problem(caller.send("POST", "/projects", b'{"title": "A"}', content_type), 415)
    assert "application/json" in detail


def test_charset_of_json_is_no_other_media_type(caller: Caller) -> None:
    body = '{"title": "Zwölf"}'.encode()
    assert caller.send("POST", "/projects", body, "application/json; charset=utf-8").status_code == 201


def test_form_of_a_session_is_refused_and_read_no_further(owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    client.cookies["csrftoken"] = "a" * 32
    problem(client.post("/api/projects", b"x" * 5_000_000, content_type="application/x-www-form-urlencoded"), 413)
    problem(client.generic("POST", "/api/projects", b"no parts", content_type="multipart/form-data"), 400)


def test_bodies_over_4_mb_are_413(caller: Caller) -> None:
    def body(size: int) -> bytes:
        frame = b'{"title": ""}'
        return b'{"title": "' + b"x" * (size - len(frame)) + b'"}'

    problem(caller.send("POST", "/projects", body(4_000_000)), 422, field="title")
    problem(caller.send("POST", "/projects", body(4_000_001)), 413)


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_body_that_tells_no_length_is_413_too(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    owner = await User.objects.acreate_user("owner")
    token = await sync_to_async(tokens.issue_token)(owner)
    headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {token}".encode())]
    scope = {"type": "http", "method": "POST", "path": "/api/projects", "query_string": b"", "headers": headers}
    server = ApplicationCommunicator(get_asgi_application(), scope)
    for part in range(3):  # as with Transfer-Encoding: chunked
        await server.send_input({"type": "http.request", "body": b" " * 500, "more_body": part < 2})
    begin = await server.receive_output()
    assert begin["status"] == 413
    assert (b"Content-Type", b"application/problem+json") in begin["headers"]
    await server.receive_output()
    await server.wait()


# The shape of everything else


def test_wrong_method_is_405_and_says_which_are_right(caller: Caller, artifact: Artifact) -> None:
    for method, path, allowed in [
        ("PUT", "/projects", "GET, HEAD, POST"),
        ("DELETE", "/projects", "GET, HEAD, POST"),
        ("GET", f"/artifacts/{artifact.pk}/start", "POST"),
        ("PUT", f"/artifacts/{artifact.pk}", "DELETE, GET, HEAD, PATCH"),
        ("POST", "/openapi.json", "GET, HEAD"),
    ]:
        response = caller.send(method, path)
        problem(response, 405)
        assert response["Allow"] == allowed


@pytest.mark.parametrize("path", ["/", "/nothing", "/projects/", "/projects/x", "/artifacts/1/fly", "/projects/-1"])
@pytest.mark.parametrize("method", ["GET", "POST", "PURGE"])
def test_unknown_path_is_404(path: str, method: str) -> None:
    problem(Client(enforce_csrf_checks=True).generic(method, f"/api{path}"), 404)


def test_answers_are_kept_by_no_cache(caller: Caller, project: Project) -> None:
    for response in (caller.get("/projects"), caller.get(f"/projects/{project.pk}"), caller.get("/nothing")):
        assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("debug", [True, False])
def test_unforeseen_error_is_500_without_a_traceback(
    settings: Any, caplog: pytest.LogCaptureFixture, debug: bool
) -> None:
    settings.DEBUG = debug
    broken = JsonAPI(urls_namespace="broken")

    @broken.get("/broken")
    def divide(request: HttpRequest) -> float:
        raise ZeroDivisionError("secret")

    view = next(pattern.callback for pattern in broken.urls[0] if str(pattern.pattern) == "broken")
    assert "secret" not in problem(view(RequestFactory().get("/broken")), 500)
    assert "secret" in caplog.text


@pytest.mark.parametrize("error", [OperationalError("secret host"), LeaseHeld("Another worker is writing.")])
def test_passing_trouble_is_503_and_says_when_to_come_back(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    response = problems.answer(RequestFactory().get("/api/projects"), error)
    assert "secret" not in problem(response, 503)
    assert response["Retry-After"] == "1"
    assert "Traceback" not in caplog.text


def test_schema_tells_every_refusal_as_the_type_it_has(client: Client) -> None:
    schema = client.get("/api/openapi.json").json()
    for path, methods in schema["paths"].items():
        for operation in methods.values():
            refusals = {status: told for status, told in operation["responses"].items() if status >= "400"}
            is_openai = operation["tags"] == ["openai"]
            assert refusals.keys() >= {"401", "404", "405", "500", "503"}
            if operation["tags"] not in (["streams"], ["openai"]):
                assert refusals.keys() >= {"400", "401", "403", "404", "405", "409", "413", "415", "422", "500", "503"}
            kind = "application/json" if is_openai else "application/problem+json"
            assert all(list(told["content"]) == [kind] for told in refusals.values()), path
    exported = schema["paths"]["/api/artifacts/{artifact_id}/export"]["get"]["responses"]["200"]
    assert {"text/markdown", "text/html", "application/pdf"} < set(exported["content"])
    exported = schema["paths"]["/api/projects/{project_id}/export"]["get"]["responses"]["200"]
    assert "application/zip" in exported["content"]


def test_schema_tells_which_headers_a_call_takes(client: Client) -> None:
    schema = client.get("/api/openapi.json").json()

    def asked(path: str, method: str) -> set[str]:
        named = schema["paths"][path][method]["parameters"]
        return {one["$ref"].rpartition("/")[2] for one in named if "$ref" in one}

    assert asked("/api/projects", "get") == {"IfNoneMatch"}
    assert asked("/api/artifacts/{artifact_id}/start", "post") == {"IdempotencyKey"}
    assert asked("/api/artifacts/{artifact_id}/sections/{number}", "put") == {"IdempotencyKey", "IfMatch"}
    codes = schema["components"]["schemas"]["ProblemOut"]["properties"]["code"]["enum"]
    assert {"busy", "idempotency_in_flight", "precondition_failed"} <= set(codes)


def test_schema_and_docs_list_every_call(client: Client) -> None:
    schema = client.get("/api/openapi.json").json()
    tagged = {path: next(iter(methods.values()))["tags"] for path, methods in schema["paths"].items()}
    streams = {path for path, tags in tagged.items() if tags in (["streams"], ["openai"])}
    assert len(streams) == 12
    calls = {
        f"{method.upper()} {path}"
        for path, methods in schema["paths"].items()
        for method in methods
        if path not in streams
    }
    moves = ("start", "cancel", "pause", "resume", "regenerate", "accept", "reject")
    assert calls == {
        *(f"POST /api/projects/{{project_id}}/write{verb}" for verb in ("", "/pause", "/resume", "/cancel")),
        "GET /api/projects/{project_id}/write",
        "GET /api/projects",
        "POST /api/projects",
        "GET /api/projects/{project_id}",
        "GET /api/projects/{project_id}/usage",
        "GET /api/projects/{project_id}/export",
        "POST /api/artifacts/{artifact_id}/estimate",
        "POST /api/projects/{project_id}/artifacts",
        "GET /api/artifacts/{artifact_id}",
        "DELETE /api/artifacts/{artifact_id}",
        "GET /api/artifacts/{artifact_id}/export",
        "PATCH /api/artifacts/{artifact_id}",
        *(f"POST /api/artifacts/{{artifact_id}}/{verb}" for verb in moves),
        "PATCH /api/projects/{project_id}",
        "DELETE /api/projects/{project_id}",
        "GET /api/projects/{project_id}/members",
        *(f"{method} /api/projects/{{project_id}}/members/{{username}}" for method in ("GET", "PUT", "DELETE")),
        *(f"{method} /api/projects/{{project_id}}/links" for method in ("GET", "POST")),
        "DELETE /api/links/{link_id}",
        *(f"{method} /api/projects/{{project_id}}/invitations" for method in ("GET", "POST")),
        "DELETE /api/projects/{project_id}/invitations/{invitation_id}",
        *(f"{method} /api/projects/{{project_id}}/webhook" for method in ("GET", "PUT", "DELETE")),
        "POST /api/projects/{project_id}/webhook/test",
        *(f"{method} /api/tokens" for method in ("GET", "POST")),
        "DELETE /api/tokens/{token_id}",
        "POST /api/artifacts/{artifact_id}/sections",
        "GET /api/artifacts/{artifact_id}/sections/{number}",
        "PUT /api/artifacts/{artifact_id}/sections/{number}",
        "POST /api/artifacts/{artifact_id}/sections/{number}/rewrite",
        "GET /api/artifacts/{artifact_id}/versions",
        "GET /api/artifacts/{artifact_id}/versions/{number}",
        "GET /api/artifacts/{artifact_id}/versions/{number}/compare/{other}",
        "POST /api/artifacts/{artifact_id}/versions/{number}/restore",
    }
    names = {call["operationId"] for methods in schema["paths"].values() for call in methods.values()}
    assert {"artifacts_api_export", "generation_api_start"} <= names  # generated clients call them so
    assert set(schema["components"]["securitySchemes"]) == {"Bearer", "Session"}
    told = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    assert calls == set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /api/[^`?]+)`", told))
