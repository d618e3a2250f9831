"""The queue is the task table: claim, look, settle. Who may write is decided by the artifact's fence and lease, in database time.

Locks are always taken in one order, artifact before task, so that a claim and a cancel never wait for each other.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from artifacts import lifecycle
from artifacts.lifecycle import Standing, Tail
from artifacts.models import Artifact, Reason, StreamStatus
from generation.models import UNFINISHED, GenerationTask, TaskStatus

POISON_RECLAIMS = 5
"""A task whose workers died so often without one committed character is paused."""

_TASK_STATUS = {
    StreamStatus.PAUSED: TaskStatus.PAUSED,
    StreamStatus.COMPLETE: TaskStatus.SUCCEEDED,
    StreamStatus.CANCELLED: TaskStatus.CANCELLED,
}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to write one artifact, until the lease is over or another claim raises the fence."""

    task: int
    artifact: int
    fence: int
    epoch: int
    length: int
    model: str


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the once-a-second look of a worker sees of one of its artifacts."""

    fence: int
    status: str
    stop_requested: str


def claim(worker: str, *, lease_s: float, only: int | None = None) -> Claim | None:
    """Take the oldest task that nobody alive is running; None where there is none. `only` names the one task wanted."""
    while True:
        with transaction.atomic():
            task = _next(only)
            if task is None:
                return None
            standing = lifecycle.open(task.artifact_id, lease_s=lease_s)
            if standing.status == StreamStatus.STREAMING and not _is_poison(task, standing):
                return _claimed(task, standing, worker)
            if standing.status == StreamStatus.STREAMING:
                standing = _pause_poison(task, standing)
            settle(task.artifact_id, standing.status)


def look(artifact_ids: list[int]) -> dict[int, Look]:
    """One query for everything a worker is writing; an artifact that is missing was deleted."""
    rows = Artifact.objects.filter(pk__in=artifact_ids).values_list("pk", "fence", "stream_status", "stop_requested")
    return {pk: Look(fence=fence, status=status, stop_requested=request) for pk, fence, status, request in rows}


def give_back(claim: Claim) -> None:
    """The claim's worker shuts down: the task waits for another one. A task that was settled meanwhile stays as it is."""
    GenerationTask.objects.filter(pk=claim.task, status=TaskStatus.RUNNING).update(status=TaskStatus.QUEUED, worker="")


def settle(artifact_id: int, status: str, error: str = "") -> None:
    """Bring the unfinished task, if there is one, in line with its stopped artifact; in the caller's transaction."""
    task = GenerationTask.objects.select_for_update().filter(artifact_id=artifact_id, status__in=UNFINISHED).first()
    if task is None:
        return
    task.status, task.worker, task.error = _TASK_STATUS[StreamStatus(status)], "", error
    fields = ["status", "worker", "error"]
    if task.status != TaskStatus.PAUSED:
        task.finished_at = Now()
        fields.append("finished_at")
    task.save(update_fields=fields)


def _next(only: int | None) -> GenerationTask | None:
    lease_over = Q(artifact__lease_until=None) | Q(artifact__lease_until__lte=Now())
    tasks = GenerationTask.objects.filter(
        Q(status=TaskStatus.QUEUED) | Q(status=TaskStatus.RUNNING) & lease_over,
        # The partial index serves only a query that repeats its condition.
        status__in=[TaskStatus.QUEUED, TaskStatus.RUNNING],
    )
    if only is not None:
        tasks = tasks.filter(pk=only)
    if connection.features.has_select_for_update:
        tasks = tasks.select_for_update(of=("artifact",), skip_locked=True)
    tasks = tasks.select_related("artifact")
    return tasks.defer("artifact__content", "artifact__preview_html", "artifact__instructions").order_by("pk").first()


def _is_poison(task: GenerationTask, standing: Standing) -> bool:
    """Count this claim; a task that was never interrupted, or that got on since, starts anew at nought."""
    interrupted = task.status == TaskStatus.RUNNING
    stuck = interrupted and standing.length == task.length_at_claim
    task.reclaims = task.reclaims + 1 if stuck else 0
    return task.reclaims > POISON_RECLAIMS


def _claimed(task: GenerationTask, standing: Standing, worker: str) -> Claim:
    task.status, task.worker, task.length_at_claim = TaskStatus.RUNNING, worker, standing.length
    fields = ["status", "worker", "length_at_claim", "reclaims"]
    if task.started_at is None:
        task.started_at = Now()
        fields.append("started_at")
    task.save(update_fields=fields)
    return Claim(
        task=task.pk,
        artifact=task.artifact_id,
        fence=standing.fence,
        epoch=standing.epoch,
        length=standing.length,
        model=task.model,
    )


def _pause_poison(task: GenerationTask, standing: Standing) -> Standing:
    tokens = task.artifact.tokens_generated
    return lifecycle.stop(
        task.artifact_id,
        fence=standing.fence,
        tail=Tail(offset=standing.length, text="", tokens=tokens),
        section_tokens=0,
        reason=Reason.POISON,
        detail=f"{POISON_RECLAIMS} workers died on this document without writing a word. Look at their logs, then resume.",
    )
