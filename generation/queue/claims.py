"""The queue is the task table: which task is next, and who may write its document. The artifact says who may (fence,
lease); in which order tasks wait is `order`'s, what becomes of one afterwards `finishing`'s.

Locks are always taken in one order, artifact before task and user, so that a claim and a cancel never wait for each
other.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Now

from artifacts.lifecycle import writing
from artifacts.lifecycle.rows import WriteResult
from artifacts.models import Artifact, Section, StreamStatus
from artifacts.operating.counts import process_counts
from generation.costs.budgets import ceilings
from generation.inspection.keeping import begin_journal
from generation.models import GenerationTask, TaskStatus
from generation.queue.finishing import finish
from generation.queue.order import at_their_limit, unfinished, waiting_tasks
from generation.queue.quotas import may_run
from generation.reasons import StopReason

POISON_RECLAIMS = 5
"""A task whose workers died so often without one committed character is paused."""

LEASE_PART = 0.6
"""The part of STREAMGEN_LEASE_SECONDS that a lease lasts: a dead writer is replaced within that time, so what is left
of it goes to noticing and taking over.
"""

_CLAIMABLE = (TaskStatus.QUEUED, TaskStatus.RUNNING)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to write one artifact, until the lease is over or another claim raises the fence."""

    task: int
    artifact: int
    fence: int
    epoch: int
    length: int
    model: str
    parallel: int = 1


@dataclass(frozen=True, kw_only=True)
class ClaimState:
    """What is committed of an artifact that somebody is writing: whose it is, and whether it is to go on; `ceiling` is
    the most that it may cost, where its project has a budget.
    """

    fence: int
    status: str
    stop_requested: str
    ceiling: int | None = None


@dataclass(frozen=True, kw_only=True)
class Taken:
    """The claims of one trip; where no task is left, also the seconds until somebody else's first lease is over."""

    claims: list[Claim]
    is_last: bool
    lease_end_s: float | None = None


def is_empty() -> bool:
    """Whether no task waits or runs."""
    return not GenerationTask.objects.filter(status__in=_CLAIMABLE, finished_at=None).exists()


class _Trip:
    """What is known from one claim to the next: that no writer is dead, and who may have no more written at once."""

    def __init__(self) -> None:
        self.is_after_the_dead = False
        self.full: set[int | None] | None = None


def claim(
    worker: str,
    *,
    lease_s: float,
    only: int | None = None,
    besides: Collection[int] = (),
    trip: _Trip | None = None,
) -> Claim | None:
    """Take the next task: one whose writer died, else the first that waits and whose user may have one more written;
    None where there is none. `only` names the one task wanted, `besides` artifacts that the worker is writing already.
    """
    trip = trip or _Trip()
    while True:  # each round claims a task, finishes one that had been stopped, or finds none
        with transaction.atomic():
            task = _next(only, besides, trip)
            if task is None:
                return None
            if task.status == TaskStatus.QUEUED and not may_run(task.requested_by_id):
                assert trip.full is not None  # read before any that waits is found
                trip.full.add(task.requested_by_id)
                continue
            result = writing.open(task.artifact_id, lease_s=lease_s)
            written = result.length + _drafted_chars(task)
            if result.status == StreamStatus.STREAMING and _is_poison(task, written):
                result = _pause_poison(task, result)
            if result.status == StreamStatus.STREAMING:
                return _claimed(task, result, worker, written)
            finish(task.artifact_id, result.status)


def take(worker: str, *, most: int, lease_s: float, only: int | None = None, besides: Collection[int] = ()) -> Taken:
    """Claim up to `most` tasks, each in a transaction of its own. What was claimed before the database went away is
    returned, because nobody else would run it before its lease is over; raises only where nothing was claimed.
    """
    found: list[Claim] = []
    trip = _Trip()
    try:
        while len(found) < most:
            ours = [*besides, *(one.artifact for one in found)]
            one = claim(worker, lease_s=lease_s, only=only, besides=ours, trip=trip)
            if one is None:
                return Taken(claims=found, is_last=True, lease_end_s=next_lease_end_s(ours))
            found.append(one)
    except DatabaseError:
        if not found:
            raise
    return Taken(claims=found, is_last=False)


def next_lease_end_s(besides: Collection[int] = ()) -> float | None:
    """Seconds until the first lease of somebody else is over, unless it is renewed; None where there is none."""
    leased = Artifact.objects.filter(stream_status=StreamStatus.STREAMING, lease_until__gt=Now())
    ends = leased.exclude(pk__in=besides).annotate(read_at=Now()).order_by("lease_until")
    for until, read_at in ends.values_list("lease_until", "read_at")[:1]:
        assert until is not None  # the filter
        return float((until - read_at).total_seconds())
    return None


def poll_claimed(artifact_ids: list[int]) -> dict[int, ClaimState]:
    """One query for everything a worker is writing, two more where budgets are to be held; an artifact that is missing
    was deleted.
    """
    rows = Artifact.objects.filter(pk__in=artifact_ids)
    fields = ("pk", "fence", "stream_status", "stop_requested", "project__budget")
    found = list(rows.values_list(*fields))
    most = ceilings([pk for pk, *_, budget in found if budget is not None])
    return {
        pk: ClaimState(fence=fence, status=status, stop_requested=request, ceiling=most.get(pk))
        for pk, fence, status, request, _ in found
    }


def _next(only: int | None, besides: Collection[int], trip: _Trip) -> GenerationTask | None:
    """The next task to be had, locked, and its artifact locked before it."""
    if not trip.is_after_the_dead:
        task = _first(unfinished(TaskStatus.RUNNING), only, besides)
        if task is not None:
            return task
        trip.is_after_the_dead = True
    if trip.full is None:
        trip.full = set(at_their_limit())
    waiting = waiting_tasks()
    return _first(waiting.exclude(requested_by__in=trip.full) if trip.full else waiting, only, besides)


def _first(tasks: QuerySet[GenerationTask], only: int | None, besides: Collection[int]) -> GenerationTask | None:
    lease_over = Q(artifact__lease_until=None) | Q(artifact__lease_until__lte=Now())
    tasks = tasks.filter(lease_over).order_by("rank", "pk")
    if only is not None:
        tasks = tasks.filter(pk=only)
    if besides:
        tasks = tasks.exclude(artifact_id__in=besides)
    tasks = tasks.select_for_update(of=("artifact",), skip_locked=True).select_related("artifact").only("artifact__id")
    while (found := tasks.first()) is not None:
        # PostgreSQL may have found the task in a snapshot older than the lock: another claim may have been faster.
        task = GenerationTask.objects.select_for_update().filter(pk=found.pk, status__in=_CLAIMABLE).first()
        if task is not None:
            return task
    return None


def _drafted_chars(task: GenerationTask) -> int:
    """What is written of sections whose turn has not come."""
    if task.parallel == 1:
        return 0
    return Section.objects.filter(artifact=task.artifact_id).aggregate(chars=Sum("drafted"))["chars"] or 0


def _is_poison(task: GenerationTask, written: int) -> bool:
    """Count this claim; a task that was never interrupted, or that got on since, starts anew at nought."""
    interrupted = task.status == TaskStatus.RUNNING
    stuck = interrupted and written == task.length_at_claim
    task.reclaims = task.reclaims + 1 if stuck else 0
    return task.reclaims > POISON_RECLAIMS


def _claimed(task: GenerationTask, result: WriteResult, worker: str, written: int) -> Claim:
    is_takeover = task.status == TaskStatus.RUNNING
    process_counts.takeovers += is_takeover
    task.status, task.worker, task.length_at_claim = TaskStatus.RUNNING, worker, written
    task.served_rank = task.rank
    fields = ["status", "worker", "length_at_claim", "reclaims", "served_rank"]
    if task.started_at is None:
        task.started_at = Now()
        fields.append("started_at")
    task.save(update_fields=fields)
    begin_journal(
        result.artifact,
        fence=result.fence,
        epoch=result.epoch,
        task=task.pk,
        worker=worker,
        is_takeover=is_takeover,
        length=result.length,
    )
    return Claim(
        task=task.pk,
        artifact=task.artifact_id,
        fence=result.fence,
        epoch=result.epoch,
        length=result.length,
        model=task.model,
        parallel=task.parallel,
    )


def _pause_poison(task: GenerationTask, result: WriteResult) -> WriteResult:
    return writing.stop(
        task.artifact_id,
        fence=result.fence,
        flush=None,
        section_tokens=None,
        reason=StopReason.POISON,
        detail=f"{POISON_RECLAIMS + 1} workers died on this document without writing a word. "
        "Look at their logs, then resume.",
    )
