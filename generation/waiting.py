"""What a document waits for that gets no text at the moment, and since when: a place in the queue, its worker, the
endpoint, or a person. It only reads, and it is asked for one document at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum
from django.db.models.functions import Now

from artifacts.models import Artifact, StreamStatus
from artifacts.reasons import Reason
from generation.queue import workers
from generation.queue.order import places

SILENT_AFTER = timedelta(seconds=15)
"""Pauses that are shorter are the model's own."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """`on` is `queue`, `worker`, `endpoint`, `stop` or `person`; `since` is database time."""

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
    if row.reason in {Reason.QUEUED, Reason.SHUTDOWN}:
        return Waiting(on="queue", since=row.updated_at, sentence=_queue_sentence(row))
    if row.lease_until is None or row.lease_until <= row.read_at:
        sentence = "Its worker is not heard of. Another one takes over as soon as one is free."
        return Waiting(on="worker", since=row.lease_until or row.updated_at, sentence=sentence)
    if row.stop_requested:
        return Waiting(on="stop", since=row.updated_at, sentence="Its worker was asked to stop, and has not yet.")
    newest = row.deltas.filter(epoch=row.epoch).order_by("-offset").values_list("created_at", flat=True).first()
    since = newest or row.started_at or row.updated_at
    if not row.reason and row.read_at - since < SILENT_AFTER:
        return None
    return Waiting(on="endpoint", since=since, sentence="The model's endpoint has sent no text since then.")


def _queue_sentence(artifact: Artifact) -> str:
    place = places([artifact.pk]).get(artifact.pk, "")
    living = workers.living().aggregate(slots=Sum("slots"), running=Sum("running"))
    if living["slots"] is None:
        return f"{place} No worker is heard of: one has to be started.".strip()
    return f"{place} The workers write {living['running']} of {living['slots']} documents at once.".strip()
