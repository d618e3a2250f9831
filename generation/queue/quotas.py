"""How much one user may have at once: documents that are written, that wait, and that were started within a minute.

Exact however many ask at once: whoever counts holds a lock of the user, behind that of the document. It only counts and
refuses; which task is next is `order`'s.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from artifacts.models import ActionRecord
from artifacts.models.user_model import User, key_number, told_key
from generation.errors import LimitReached
from generation.models import GenerationTask, TaskStatus
from generation.queue.order import unfinished, waiting_tasks

STARTS = ("start", "regenerate", "resume", "rewrite")
"""What is recorded of whoever has something written."""
MINUTE_S = 60
LOOKED_AT = 20
"""Of a user's last tasks so many tell how long one takes."""
WAIT_S = (5, 600)
"""The time until a place in the queue is free is an estimate, and never told outside of these."""
_LOCK = 7_236_000_000_000_000_000
"""The number of our advisory locks: a user's is this one and their key's. Not the user's row, which whoever deactivates
somebody holds while their documents are paused.
"""


def demand_quota(user: User | None) -> None:
    """Let this user have one document more written. Raises `LimitReached`. In the transaction that queues it, and
    before the verb is recorded; the lock lasts until its end.
    """
    if user is None:
        return
    _lock(user.pk)
    _check_starts(user.pk)
    _check_queued(user.pk)


def may_run(user_id: Any) -> bool:
    """Whether one more document of this user may be written now; until the end of the transaction nobody else's claim
    changes the answer.
    """
    if user_id is None:
        return True
    _lock(user_id)
    return unfinished(TaskStatus.RUNNING).filter(requested_by=user_id).count() < settings.STREAMGEN_USER_RUNNING


def _lock(user_id: Any) -> None:
    """SQLite needs none: its transactions come one after the other."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK + key_number(user_id)])


def _check_starts(user_id: Any) -> None:
    limit, now = settings.STREAMGEN_USER_STARTS_PER_MINUTE, timezone.now()
    minute = ActionRecord.objects.filter(
        at__gt=now - timedelta(seconds=MINUTE_S), verb__in=STARTS, **ActionRecord.by(told_key(user_id))
    )
    oldest = minute.order_by("-at").values_list("at", flat=True)[limit - 1 : limit].first()
    if oldest is not None:
        wait_s = max(1, math.ceil(MINUTE_S - (now - oldest).total_seconds()))
        raise LimitReached(
            f"You started {_documents(limit)} within a minute, which is the most. Try again in {wait_s} s.",
            code="too_many_starts",
            retry_after_s=wait_s,
        )


def _check_queued(user_id: Any) -> None:
    limit = settings.STREAMGEN_USER_QUEUED
    if waiting_tasks().filter(requested_by=user_id).count() >= limit:
        wait_s = _until_a_place_is_free_s(user_id)
        raise LimitReached(
            f"You have {_documents(limit)} waiting to be written, which is the most. "
            f"Try again in about {wait_s} s, or cancel one of them.",
            code="queue_full",
            retry_after_s=wait_s,
        )


def _until_a_place_is_free_s(user_id: Any) -> int:
    """An estimate: the time that their last documents took, shared by those that are written side by side."""
    ended = GenerationTask.objects.filter(requested_by=user_id, started_at__isnull=False, finished_at__isnull=False)
    times = ended.order_by("-pk").values_list("started_at", "finished_at")[:LOOKED_AT]
    took_s = [(end - begin).total_seconds() for begin, end in times if begin and end]
    side_by_side = unfinished(TaskStatus.RUNNING).filter(requested_by=user_id).count() or 1
    low, high = WAIT_S
    estimate_s = sum(took_s) / len(took_s) / side_by_side if took_s else MINUTE_S
    return min(max(math.ceil(estimate_s), low), high)


def _documents(number: int) -> str:
    return "1 document" if number == 1 else f"{number} documents"
