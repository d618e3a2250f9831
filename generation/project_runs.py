"""Write all: the idle documents of a project in their order, one after the other, each told of those before.

The wish is a row, and no process has it: whichever worker is there takes the next step, and a person may stop it as a
whole. Where it stands is read from the documents, so that it is always true.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from artifacts import access
from artifacts.errors import ArtifactError, IllegalTransition
from artifacts.models import Artifact, Project, StreamStatus
from artifacts.models.user_model import User
from artifacts.reasons import REASON_SENTENCES
from artifacts.sharing.records import record
from artifacts.validation import isolated
from generation import control
from generation.costs.budgets import check_budget
from generation.errors import CommandRefused
from generation.models import UNFINISHED_RUNS, ProjectRun, RunStatus
from generation.queue.wakeup import wake_after_commit

logger = logging.getLogger(__name__)

_WAIT = "Wait until it is done, or pause or cancel it first."
STOPPED = "stopped"
"""A run that is to go on and waits for somebody: its document is paused, or was cancelled."""
_SHUT_OUT = "Whoever asked for it may not start documents here any more; whoever resumes it goes on with it."
_STOPS = {StreamStatus.PAUSED, StreamStatus.CANCELLED}


@dataclass(frozen=True, kw_only=True)
class RunState:
    """Where a run stands: `status` is a `RunStatus` or `STOPPED`, `detail` a sentence for people."""

    run: int
    status: str
    detail: str
    artifact: int | None
    complete: int
    total: int


def write_all(project: Project, user: User | None, *, model: str = "", parallel: int = 1) -> ProjectRun:
    """Have all idle documents written. Raises `BudgetRefused`, and `IllegalTransition` where none is idle, or a run is
    not finished yet.
    """
    model, parallel = control.model_name(model), control.checked_parallel(parallel)
    if not _documents(project.pk, StreamStatus.IDLE).exists():
        hint = "Each of its documents was started already. Add one, or write one anew on its page."
        raise IllegalTransition("written or under way", "write all", hint, of="the project")
    check_budget(project.pk, model)
    try:
        with transaction.atomic():
            run = ProjectRun.objects.create(project=project, requested_by=user, model=model, parallel=parallel)
            record(user, "write_all", project=project)
            wake_after_commit()
    except IntegrityError:
        running = latest_run(project.pk)
        paused = running is not None and running.status == RunStatus.PAUSED
        status, hint = ("paused in it", "Resume or cancel it first.") if paused else ("being written as a whole", _WAIT)
        raise IllegalTransition(status, "write all", hint, of="the project") from None
    advance(run.pk)
    return run


def latest_run(project_id: int) -> ProjectRun | None:
    return ProjectRun.objects.filter(project=project_id).order_by("-pk").first()


@transaction.atomic
def pause_run(project: Project, user: User | None) -> ProjectRun:
    """Begin nothing more, and pause the document under way; resumable. Raises `IllegalTransition`."""
    run = _unfinished(project, "pause")
    _set(run, RunStatus.PAUSED)
    if run.current is not None and run.current.stream_status == StreamStatus.STREAMING:
        with suppress(IllegalTransition):  # it has just ended
            control.pause(run.current, user)
    record(user, "pause_all", project=project)
    return run


@transaction.atomic
def cancel_run(project: Project, user: User | None) -> ProjectRun:
    """Begin nothing more, and cancel the document under way. Raises `IllegalTransition`."""
    run = _unfinished(project, "cancel")
    _set(run, RunStatus.CANCELLED)
    if run.current is not None and run.current.stream_status in {StreamStatus.STREAMING, StreamStatus.PAUSED}:
        with suppress(IllegalTransition):  # as above
            control.cancel(run.current, user)
    record(user, "cancel_all", project=project)
    return run


def resume_run(project: Project, user: User | None) -> ProjectRun:
    """Go on: with the document that is paused, or with the one behind that which was cancelled. What begins from now on
    counts as this user's.
    """
    with transaction.atomic():
        run = _unfinished(project, "resume")
        current = run.current
        if user is not None:
            run.requested_by = user
            run.save(update_fields=["requested_by"])
        if current is not None and current.stream_status == StreamStatus.PAUSED:
            control.resume(current, user)
        elif current is not None and current.stream_status == StreamStatus.CANCELLED:
            run.current = None
            run.save(update_fields=["current"])
        _set(run, RunStatus.RUNNING)
        record(user, "resume_all", project=project)
        wake_after_commit()
    advance(run.pk)
    return run


def advance_all() -> None:
    """The next step of every run that is due for one."""
    for pk in ProjectRun.objects.filter(status=RunStatus.RUNNING).values_list("pk", flat=True):
        advance(pk)


def advance(run_id: int) -> None:
    """Begin the next document where the one before is complete. Two who do it at once begin nothing twice."""
    if not _is_due(ProjectRun.objects.select_related("current").filter(pk=run_id).first()):
        return  # most looks end here, without a lock
    with transaction.atomic():
        run = ProjectRun.objects.select_for_update().filter(pk=run_id).first()
        if run is None or not _is_due(run):
            return
        following = _documents(run.project_id, StreamStatus.IDLE, StreamStatus.STREAMING).first()
        if following is None:
            _set(run, RunStatus.COMPLETE)
            logger.info("project written project=%s run=%s", run.project_id, run.pk)
            return
        if following.stream_status == StreamStatus.IDLE:  # else somebody started it: those behind it wait for it
            if run.requested_by is not None and not access.may(run.requested_by, "start", following.project):
                _set(run, RunStatus.PAUSED, _SHUT_OUT)
                return
            try:
                with transaction.atomic():
                    control.start(following, run.requested_by, model=run.model, parallel=run.parallel)
            except (ArtifactError, CommandRefused) as refusal:
                if run.error != refusal.detail:
                    run.error = refusal.detail
                    run.save(update_fields=["error"])
                return
        run.current, run.error = following, ""
        run.save(update_fields=["current", "error"])


def state_of_run(run: ProjectRun) -> RunState:
    """Where it stands now."""
    run = ProjectRun.objects.select_related("current").get(pk=run.pk)
    total, complete = _documents(run.project_id).count(), _documents(run.project_id, StreamStatus.COMPLETE).count()
    current = run.current
    stopped = run.status == RunStatus.RUNNING and current is not None and current.stream_status in _STOPS
    return RunState(
        run=run.pk,
        status=STOPPED if stopped else run.status,
        detail=f"{_sentence(run, current)} {complete} of {total} documents are complete.",
        artifact=None if current is None else current.pk,
        complete=complete,
        total=total,
    )


def _sentence(run: ProjectRun, current: Artifact | None) -> str:
    title = "" if current is None else f"“{isolated(current.title)}”"
    match run.status:
        case RunStatus.COMPLETE:
            return "Nothing is left to write."
        case RunStatus.CANCELLED:
            return f"Cancelled at {title}." if title else "Cancelled."
        case RunStatus.PAUSED:
            return f"Paused at {title}. {run.error}".strip() if title else f"Paused. {run.error}".strip()
    if current is None or current.stream_status == StreamStatus.COMPLETE:
        return run.error or "The next document is about to begin."
    if current.stream_status == StreamStatus.CANCELLED:
        return f"Stopped: {title} was cancelled. Resume goes on with the document behind it."
    if current.stream_status == StreamStatus.PAUSED:
        return f"Stopped: {title} is paused. {REASON_SENTENCES.get(current.reason, '')} Resume goes on with it."
    return f"Writing {title}."


def _is_due(run: ProjectRun | None) -> bool:
    if run is None or run.status != RunStatus.RUNNING:
        return False
    return run.current is None or run.current.stream_status == StreamStatus.COMPLETE


def _documents(project_id: int, *statuses: str) -> QuerySet[Artifact]:
    """The project's documents in their order, without drafts and long fields; with these statuses."""
    rows = Artifact.objects.filter(project=project_id, draft_of=None).order_by("pk")
    rows = rows.defer("content", "preview_html", "instructions").select_related("project")
    return rows.filter(stream_status__in=statuses) if statuses else rows


def _unfinished(project: Project, verb: str) -> ProjectRun:
    """The project's run, locked."""
    runs = ProjectRun.objects.select_for_update().filter(project=project, status__in=UNFINISHED_RUNS)
    run = runs.first()
    if run is None:
        raise IllegalTransition("not being written as a whole", verb, "Write all begins it.", of="the project")
    return run


def _set(run: ProjectRun, status: RunStatus, error: str = "") -> None:
    run.status, run.error = status, error
    run.finished_at = None if status in UNFINISHED_RUNS else timezone.now()
    run.save(update_fields=["status", "error", "finished_at"])
