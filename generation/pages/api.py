"""What the API does with projects and documents: each call reads its body and calls one verb of `control`.

The calls join the router of `artifacts.pages.api`, because a path belongs to one router.
"""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest
from ninja import Status
from pydantic import BaseModel, Field

from artifacts import access, validation
from artifacts.lifecycle.rows import WriteResult
from artifacts.models import StreamStatus
from artifacts.pages.api import (
    REFUSALS,
    ArtifactRow,
    ProjectBrief,
    RequestBody,
    artifact_row,
    caller,
    project_briefs,
    router,
)
from artifacts.planned_section import SECTION_TOKENS, PlannedSection
from generation import control, project_runs
from generation.models import ProjectRun

__all__ = ["router"]


class NewProject(RequestBody):
    title: str
    description: str | None = None


class NewArtifact(RequestBody):
    phase: str
    title: str | None = None


class PlanEntry(RequestBody):
    name: str
    instructions: str | None = None
    max_tokens: int | None = None

    def planned(self) -> PlannedSection:
        max_tokens = SECTION_TOKENS if self.max_tokens is None else self.max_tokens
        return PlannedSection(name=self.name, instructions=self.instructions or "", max_tokens=max_tokens)


class Order(RequestBody):
    """What to write, and with which model; without a plan the built-in one of the phase. `parallel` of its sections are
    written at once.
    """

    model: str | None = None
    plan: list[PlanEntry] | None = Field(default=None, max_length=validation.PLAN_SECTIONS)
    instructions: str | None = None
    parallel: int | None = None


class AnewOrder(Order):
    """With `keep` the document has the sections that it has, unless there is a plan, and its instructions, with these
    behind them; else only what is said here.
    """

    keep: bool | None = None


class WritingOrder(RequestBody):
    """With which model to write all documents, and how many sections of each at once."""

    model: str | None = None
    parallel: int | None = None


class RunOut(BaseModel):
    """Where the writing of all documents stands: `running`, `stopped` (its document waits for somebody), `paused`,
    `cancelled` or `complete`; `artifact` is the document under way or the last one, `detail` says it in a sentence.
    """

    run: int
    status: str
    detail: str
    artifact: int | None
    complete: int
    total: int


class Resume(RequestBody):
    """What to go on with, without it as before; `anew` begins the section that stopped once more."""

    model: str | None = None
    max_tokens: int | None = None
    anew: bool | None = None


class TaskOut(BaseModel):
    task: int


class StatusOut(BaseModel):
    """The artifact's status now."""

    status: str


VERB_ANSWERS: dict[Any, Any] = {frozenset({200, 202}): StatusOut} | REFUSALS


@router.post("/projects", response={201: ProjectBrief} | REFUSALS)
def create_project(request: HttpRequest, body: NewProject) -> Status[ProjectBrief]:
    """A project with an idle document for each built-in phase."""
    project = control.create_project(caller(request), body.title, body.description or "")
    return Status(HTTPStatus.CREATED, project_briefs([(project.pk, project.title)])[0])


@router.post("/projects/{int:project_id}/artifacts", response={201: ArtifactRow} | REFUSALS)
def add_artifact(request: HttpRequest, project_id: int, body: NewArtifact) -> Status[ArtifactRow]:
    """A document of a phase of the caller's own."""
    project = access.project_for(caller(request), project_id, "add")
    return Status(
        HTTPStatus.CREATED, artifact_row(control.add_artifact(project, body.phase, body.title or "", caller(request)))
    )


@router.post("/projects/{int:project_id}/write", response={202: RunOut} | REFUSALS)
def write_all(request: HttpRequest, project_id: int, body: WritingOrder | None = None) -> Status[RunOut]:
    """Write all idle documents of a project, one after the other. The body may be empty."""
    project = access.project_for(caller(request), project_id, "start")
    order = body or WritingOrder()
    parallel = 1 if order.parallel is None else order.parallel
    run = project_runs.write_all(project, caller(request), model=order.model or "", parallel=parallel)
    return Status(HTTPStatus.ACCEPTED, _run_out(run))


@router.get("/projects/{int:project_id}/write", response={200: RunOut | None} | REFUSALS)
def writing(request: HttpRequest, project_id: int) -> RunOut | None:
    """Where the latest run of a project stands; null where there was none."""
    run = project_runs.latest_run(access.project_for(caller(request), project_id).pk)
    return None if run is None else _run_out(run)


@router.post("/projects/{int:project_id}/write/pause", response={200: RunOut} | REFUSALS)
def pause_all(request: HttpRequest, project_id: int) -> RunOut:
    """Begin nothing more, and pause the document under way."""
    project = access.project_for(caller(request), project_id, "pause")
    return _run_out(project_runs.pause_run(project, caller(request)))


@router.post("/projects/{int:project_id}/write/resume", response={202: RunOut} | REFUSALS)
def resume_all(request: HttpRequest, project_id: int) -> Status[RunOut]:
    """Go on with the document that stopped, or with the next one where it was cancelled."""
    project = access.project_for(caller(request), project_id, "resume")
    return Status(HTTPStatus.ACCEPTED, _run_out(project_runs.resume_run(project, caller(request))))


@router.post("/projects/{int:project_id}/write/cancel", response={200: RunOut} | REFUSALS)
def cancel_all(request: HttpRequest, project_id: int) -> RunOut:
    """Begin nothing more, and cancel the document under way."""
    project = access.project_for(caller(request), project_id, "cancel")
    return _run_out(project_runs.cancel_run(project, caller(request)))


@router.post("/artifacts/{int:artifact_id}/start", response={202: TaskOut} | REFUSALS)
def start(request: HttpRequest, artifact_id: int, body: Order | None = None) -> Status[TaskOut]:
    """Write an idle document. The body may be empty."""
    artifact = access.artifact_for(caller(request), artifact_id, "start")
    task = control.start(artifact, caller(request), **order_terms(body))
    return Status(HTTPStatus.ACCEPTED, TaskOut(task=task.pk))


@router.post("/artifacts/{int:artifact_id}/regenerate", response={202: TaskOut} | REFUSALS)
def regenerate(request: HttpRequest, artifact_id: int, body: AnewOrder | None = None) -> Status[TaskOut]:
    """Write a stopped or complete document anew; its text is kept as a version. The body may be empty."""
    artifact = access.artifact_for(caller(request), artifact_id, "regenerate")
    keep = bool(body and body.keep)
    task = control.regenerate(artifact, caller(request), keep=keep, **order_terms(body))
    return Status(HTTPStatus.ACCEPTED, TaskOut(task=task.pk))


@router.post("/artifacts/{int:artifact_id}/cancel", response=VERB_ANSWERS)
def cancel(request: HttpRequest, artifact_id: int) -> Status[StatusOut]:
    """Stop for good and keep every word. 202 while a writer still has to stop."""
    return _status(control.cancel(access.artifact_for(caller(request), artifact_id, "cancel"), caller(request)))


@router.post("/artifacts/{int:artifact_id}/pause", response=VERB_ANSWERS)
def pause(request: HttpRequest, artifact_id: int) -> Status[StatusOut]:
    """Stop, to be resumed. 202 while a writer still has to stop."""
    return _status(control.pause(access.artifact_for(caller(request), artifact_id, "pause"), caller(request)))


@router.post("/artifacts/{int:artifact_id}/resume", response=VERB_ANSWERS)
def resume(request: HttpRequest, artifact_id: int, body: Resume | None = None) -> Status[StatusOut]:
    """Go on from the last word; 202, because the document waits for a worker. The body may be empty."""
    artifact = access.artifact_for(caller(request), artifact_id, "resume")
    terms = body or Resume()
    result = control.resume(
        artifact, caller(request), model=terms.model or "", max_tokens=terms.max_tokens, anew=bool(terms.anew)
    )
    return _status(result)


@router.delete("/artifacts/{int:artifact_id}", response={204: None} | REFUSALS)
def delete(request: HttpRequest, artifact_id: int) -> Status[None]:
    """Stop the writer, close the viewers, keep no text."""
    control.delete(access.artifact_for(caller(request), artifact_id, "delete"), caller(request))
    return Status(HTTPStatus.NO_CONTENT, None)


def _run_out(run: ProjectRun) -> RunOut:
    return RunOut(**asdict(project_runs.state_of_run(run)))


def order_terms(body: Order | None) -> dict[str, Any]:
    """The arguments of the verbs that an order has."""
    order = body or Order()
    return {
        "model": order.model or "",
        "plan": None if order.plan is None else [entry.planned() for entry in order.plan],
        "instructions": order.instructions or "",
        "parallel": 1 if order.parallel is None else order.parallel,
    }


def _status(result: WriteResult) -> Status[StatusOut]:
    """A status that will change by itself, by a writer that stops or begins, is only accepted."""
    changes_by_itself = result.status == StreamStatus.STREAMING
    return Status(HTTPStatus.ACCEPTED if changes_by_itself else HTTPStatus.OK, StatusOut(status=result.status))
