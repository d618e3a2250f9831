"""What may go when it is old: what is stored twice, or has ended. It never changes what a document says.

Each function names its rows; who removes them counts them first, or removes them in small transactions.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Case, Count, Exists, F, OuterRef, QuerySet, Value, When
from django.db.models.functions import TruncDate
from django.utils import timezone

from artifacts.errors import NotFound
from artifacts.lifecycle.rows import LockedRow, lock
from artifacts.models import (
    AccessToken,
    Artifact,
    ArtifactVersion,
    CallCharge,
    CommandReceipt,
    Delta,
    Invitation,
    PieceTimes,
    ShareLink,
    StreamStatus,
    UserSession,
)
from artifacts.written_pieces import pack, pack_page, packed_pieces, read_pieces

ROWS_AT_ONCE = 500
PIECES_AT_ONCE = 2_000
DOCUMENTS_AT_ONCE = 20


def finished_before(before: datetime) -> QuerySet[Artifact]:
    over = [StreamStatus.COMPLETE, StreamStatus.CANCELLED]
    return Artifact.objects.filter(stream_status__in=over, finished_at__lt=before, content_length=F("length"))


def folded_deltas(before: datetime) -> QuerySet[Delta]:
    """The pieces in which finished documents were written: their text has them all, and only a replay needs them."""
    return Delta.objects.filter(Exists(finished_before(before).filter(pk=OuterRef("artifact")))).order_by()


def kept_piece_times(before: datetime) -> QuerySet[PieceTimes]:
    """What is left of those pieces once they are packed."""
    return PieceTimes.objects.filter(Exists(finished_before(before).filter(pk=OuterRef("artifact")))).order_by()


def documents_to_pack(before: datetime) -> list[tuple[int, int]]:
    """Finished documents that still have deltas, and their epochs, a few."""
    deltas = Delta.objects.filter(artifact=OuterRef("pk"), epoch=OuterRef("epoch"))
    rows = finished_before(before).filter(Exists(deltas)).order_by("pk")
    return list(rows.values_list("pk", "epoch")[:DOCUMENTS_AT_ONCE])


def pack_pieces(artifact_id: int, epoch: int, before: datetime, *, at_once: int = PIECES_AT_ONCE) -> bool:
    """Put what its deltas tell beside their text, which the document has, in the place of the deltas; its page, too.

    False where it has been written anew. They go from the last one on, a few in each transaction: who reads from some
    place on meanwhile finds all up to an end, and the rest in the document.
    """
    with transaction.atomic():
        row = lock(artifact_id)
        if row.artifact.epoch != epoch or not finished_before(before).filter(pk=artifact_id).exists():
            return False
        pieces = packed_pieces(artifact_id, epoch)
        if pieces is None:
            pieces = read_pieces(row.artifact)
            kept = {"epoch": epoch, "packed": pack(pieces), "page": _taken_page(row)}
            PieceTimes.objects.update_or_create(artifact_id=artifact_id, defaults=kept)
    deltas = Delta.objects.filter(artifact=artifact_id, epoch=epoch)
    for first in reversed(range(0, len(pieces), at_once)):
        deltas.filter(offset__gte=pieces[first].offset).delete()
    deltas.delete()  # whatever there may be besides: what is packed is asked for no more
    return True


def _taken_page(row: LockedRow) -> bytes | None:
    """The page of its whole text, out of the row."""
    artifact = row.artifact
    if not artifact.length or artifact.preview_length != artifact.length:
        return None
    page = pack_page(artifact.preview_html)
    row.set(preview_html="", preview_length=0)
    row.write(is_seen=False)
    return page


def saved_previews(before: datetime) -> QuerySet[Artifact]:
    """Finished documents whose HTML is saved; without it their pages are rendered when somebody looks."""
    return finished_before(before).filter(preview_length__gt=0).order_by()


@transaction.atomic
def drop_preview(artifact_id: int, before: datetime) -> None:
    row = lock(artifact_id)
    if saved_previews(before).filter(pk=artifact_id).exists():
        row.set(preview_html="", preview_length=0)
        row.write(is_seen=False)


def drop_previews(before: datetime) -> int:
    """Drop them one by one; how many there were."""
    keys = list(saved_previews(before).values_list("pk", flat=True))
    for key in keys:
        with suppress(NotFound):  # deleted meanwhile
            drop_preview(key, before)
    return len(keys)


def prunable(before: datetime) -> dict[str, QuerySet[Any]]:
    """By the names that people know them by."""
    now = timezone.now()
    open_session = Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=now)
    return {
        "pieces of finished documents": folded_deltas(before),
        "packed pieces and pages of finished documents": kept_piece_times(before),
        "versions": ArtifactVersion.objects.filter(created_at__lt=before).order_by(),
        "sessions": Session.objects.filter(expire_date__lte=now).order_by(),
        "sessions on profiles": UserSession.objects.exclude(Exists(open_session)).order_by(),
        "tokens": AccessToken.objects.filter(expires_at__lt=before).order_by(),
        "links": ShareLink.objects.filter(expires_at__lt=before).order_by(),
        "invitations": Invitation.objects.filter(expires_at__lt=before).order_by(),
        "answers kept for repeated commands": CommandReceipt.objects.filter(created_at__lt=before).order_by(),
    }


SUMMED = ("prompt_tokens", "cached_tokens", "completion_tokens", "cost")
MOST_SUMMED = 10**9
"""Of tokens in one row: their columns hold twice as many."""


def foldable_charges(before: datetime) -> QuerySet[CallCharge]:
    """What calls cost long ago, of documents that nobody writes just now: their sums are all that is asked for."""
    writing = Artifact.objects.filter(pk=OuterRef("artifact"), stream_status=StreamStatus.STREAMING)
    return CallCharge.objects.filter(~Exists(writing), at__lt=before).order_by()


def _groups(before: datetime) -> list[dict[str, Any]]:
    """What is told apart wherever costs are shown: the project, the document with its drafts, the section, the day, the
    model, and whether it was estimated, or had no price.
    """
    keys = ("project", "document", "artifact", "section", "model", "is_estimated")
    has_price = Case(When(cost=None, then=Value(value=False)), default=Value(value=True))
    rows = foldable_charges(before).annotate(day=TruncDate("at", tzinfo=UTC), has_price=has_price)
    groups = rows.values(*keys, "day", "has_price").annotate(calls=Count("pk")).filter(calls__gt=1)
    return list(groups)


def superfluous_charges(before: datetime) -> int:
    """How many rows `fold_charges` would take away, about."""
    return sum(group["calls"] - 1 for group in _groups(before))


def fold_charges(before: datetime) -> int:
    """Of the calls of one day for one section one row is left, with their sum; how many went."""
    return sum(_fold(before, group) for group in _groups(before))


@transaction.atomic
def _fold(before: datetime, group: dict[str, Any]) -> int:
    day = datetime.combine(group["day"], time.min, UTC)
    same = {name: group[name] for name in ("project", "document", "artifact", "section", "model", "is_estimated")}
    rows = foldable_charges(before).filter(
        **same, cost__isnull=not group["has_price"], at__gte=day, at__lt=day + timedelta(days=1)
    )
    charges = list(rows.select_for_update().order_by("pk"))
    if not charges:
        return 0  # somebody else has just done it
    first, gone = charges[0], []
    for one in charges[1:]:
        if first.prompt_tokens + first.completion_tokens + one.prompt_tokens + one.completion_tokens < MOST_SUMMED:
            for name in SUMMED:
                if getattr(first, name) is not None:
                    setattr(first, name, getattr(first, name) + getattr(one, name))
            gone.append(one.pk)
    first.save(update_fields=SUMMED)
    CallCharge.objects.filter(pk__in=gone).delete()
    return len(gone)


def remove(rows: QuerySet[Any]) -> int:
    """Remove them, a few in each transaction, so that no writer waits for long; how many there were."""
    removed = 0
    while keys := list(rows.values_list("pk", flat=True)[:ROWS_AT_ONCE]):
        removed += rows.model._default_manager.filter(pk__in=keys).delete()[0]
    return removed
