"""What a document waits for that gets no text at the moment, and since when: a place in the queue, a limit, its worker,
the endpoint, a lock of the database, or a person. It only reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Sum
from django.db.models.functions import Now

from artifacts.models import Artifact, StreamStatus
from artifacts.reasons import Reason
from generation.queue import workers
from generation.queue.order import at_their_limit, places, waiting_tasks

SILENT_AFTER = timedelta(seconds=15)
"""Pauses that are shorter are the model's own."""
MOST_TOLD = 50
WAITS_FOR_A_WORKER = (Reason.QUEUED, Reason.SHUTDOWN)
"""What the reason of a document is that waits so."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """`on` is `queue`, `limit`, `worker`, `endpoint`, `lock`, `stop` or `person`; `since` is database time."""

    on: str
    since: datetime
    sentence: str


def waiting_of(artifact: Artifact) -> Waiting | None:
    """None for a document that is written, or at rest."""
    row = Artifact.objects.filter(pk=artifact.pk).annotate(read_at=Now()).defer("content", "preview_html").first()
    if row is None:
        return None
    if row.stream_status == StreamStatus.PAUSED:
        return Waiting(on="person", since=row.finished_at or row.updated_at, sentence="It waits for somebody's Resume.")
    if row.stream_status != StreamStatus.STREAMING:
        return None
    if row.reason in WAITS_FOR_A_WORKER:
        on = "limit" if _is_held(row.pk) else "queue"
        return Waiting(on=on, since=row.updated_at, sentence=_queue_sentence(row))
    if row.lease_until is None or row.lease_until <= row.read_at:
        sentence = "Its worker is not heard of. Another one takes over as soon as one is free."
        return Waiting(on="worker", since=row.lease_until or row.updated_at, sentence=sentence)
    if row.stop_requested:
        return Waiting(on="stop", since=row.updated_at, sentence="Its worker was asked to stop, and has not yet.")
    newest = row.deltas.filter(epoch=row.epoch).order_by("-offset").values_list("created_at", flat=True).first()
    since = newest or row.started_at or row.updated_at
    if not row.reason and row.read_at - since < SILENT_AFTER:
        return None
    if row.read_at - since >= SILENT_AFTER and _is_locked(row.pk):
        sentence = "Its row is locked in the database by somebody who does not let go of it."
        return Waiting(on="lock", since=since, sentence=sentence)
    return Waiting(on="endpoint", since=since, sentence="The model's endpoint has sent no text since then.")


@dataclass(frozen=True, kw_only=True)
class LongWait:
    """A task that no worker took for a while; `on` as in `Waiting`."""

    task: int
    artifact: int
    seconds: float
    on: str


def waits_grown(*, after_s: float, every_s: float) -> list[LongWait]:
    """The tasks whose wait for a worker became so long since the last look, `every_s` ago."""
    until, since = Now() - timedelta(seconds=after_s), Now() - timedelta(seconds=after_s + every_s)
    rows = waiting_tasks().filter(artifact__updated_at__lte=until, artifact__updated_at__gt=since)
    found = (
        rows.annotate(read_at=Now())
        .order_by("pk")
        .values_list("pk", "artifact", "requested_by", "artifact__updated_at", "read_at")
    )
    waits = list(found[:MOST_TOLD])
    full = set(at_their_limit()) if waits else set()
    return [
        LongWait(
            task=task,
            artifact=artifact,
            seconds=(read_at - began_at).total_seconds(),
            on="limit" if user in full else "queue",
        )
        for task, artifact, user, began_at, read_at in waits
    ]


def _is_held(artifact_id: int) -> bool:
    """Whether whoever asked for it has as much written as may be at once."""
    return waiting_tasks().filter(artifact=artifact_id, requested_by__in=at_their_limit()).exists()


def _is_locked(artifact_id: int) -> bool:
    """Whether somebody holds the row. SQLite has no such locks, and a writer's own one is over in a moment."""
    if not connection.features.has_select_for_update_skip_locked:
        return False
    with transaction.atomic():
        rows = Artifact.objects.order_by().select_for_update(skip_locked=True, no_key=True).filter(pk=artifact_id)
        return rows.values_list("pk", flat=True).first() is None


def _queue_sentence(artifact: Artifact) -> str:
    place = places([artifact.pk]).get(artifact.pk, "")
    living = workers.living().aggregate(slots=Sum("slots"), running=Sum("running"))
    if living["slots"] is None:
        return f"{place} No worker is heard of: one has to be started.".strip()
    return f"{place} The workers write {living['running']} of {living['slots']} documents at once.".strip()
