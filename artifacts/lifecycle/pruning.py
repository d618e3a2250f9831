"""What may go when it is old: what is stored twice, or has ended. It never changes what a document says.

Each function names its rows; who removes them counts them first, or removes them in small transactions.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from artifacts.errors import NotFound
from artifacts.lifecycle.rows import lock
from artifacts.models import (
    AccessToken,
    Artifact,
    ArtifactVersion,
    CommandReceipt,
    Delta,
    Invitation,
    ShareLink,
    StreamStatus,
    UserSession,
)

ROWS_AT_ONCE = 500


def finished_before(before: datetime) -> QuerySet[Artifact]:
    over = [StreamStatus.COMPLETE, StreamStatus.CANCELLED]
    return Artifact.objects.filter(stream_status__in=over, finished_at__lt=before, content_length=F("length"))


def folded_deltas(before: datetime) -> QuerySet[Delta]:
    """The pieces in which finished documents were written: their text has them all, and only a replay needs them."""
    return Delta.objects.filter(Exists(finished_before(before).filter(pk=OuterRef("artifact")))).order_by()


def saved_previews(before: datetime) -> QuerySet[Artifact]:
    """Finished documents whose HTML is saved; without it their pages are rendered when somebody looks."""
    return finished_before(before).filter(preview_length__gt=0).order_by()


@transaction.atomic
def drop_preview(artifact_id: int, before: datetime) -> None:
    row = lock(artifact_id)
    if saved_previews(before).filter(pk=artifact_id).exists():
        row.set(preview_html="", preview_length=0)
        row.write_unseen()


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
        "versions": ArtifactVersion.objects.filter(created_at__lt=before).order_by(),
        "sessions": Session.objects.filter(expire_date__lte=now).order_by(),
        "sessions on profiles": UserSession.objects.exclude(Exists(open_session)).order_by(),
        "tokens": AccessToken.objects.filter(expires_at__lt=before).order_by(),
        "links": ShareLink.objects.filter(expires_at__lt=before).order_by(),
        "invitations": Invitation.objects.filter(expires_at__lt=before).order_by(),
        "answers kept for repeated commands": CommandReceipt.objects.filter(created_at__lt=before).order_by(),
    }


def remove(rows: QuerySet[Any]) -> int:
    """Remove them, a few in each transaction, so that no writer waits for long; how many there were."""
    removed = 0
    while keys := list(rows.values_list("pk", flat=True)[:ROWS_AT_ONCE]):
        removed += rows.model._default_manager.filter(pk__in=keys).delete()[0]
    return removed
