"""The order of the queue: users take turns, each in the order of their own tasks. Whether somebody may have more at
once is `quotas`'s.

Each task has a rank, the round in which it is to be claimed: one of each user in every round. It is given once, when
the task comes, so a claim takes the lowest one, however many wait.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet

from generation.models import GenerationTask, TaskStatus


def unfinished(status: TaskStatus) -> QuerySet[GenerationTask]:
    """Rows that the partial indexes hold: they serve only a query that repeats their condition."""
    return GenerationTask.objects.filter(status=status, finished_at=None)


def waiting_tasks() -> QuerySet[GenerationTask]:
    """Those that wait for a worker."""
    return unfinished(TaskStatus.QUEUED)


def next_rank(user_id: Any) -> int:
    """The round in which one more task of this user has its turn: the present one, or that behind their last, which
    waits or was served in it.
    """
    of_user = GenerationTask.objects.filter(requested_by=user_id)
    waiting = waiting_tasks().filter(requested_by=user_id).order_by("-rank")
    lasts = (_served(of_user), waiting.values_list("rank", flat=True).first())
    behind = max((last + 1 for last in lasts if last is not None), default=0)
    return max(_served(GenerationTask.objects.all()) or 0, behind)


def at_their_limit() -> QuerySet[GenerationTask, int | None]:
    """The users of whom as many documents are written as may be at once."""
    counted = unfinished(TaskStatus.RUNNING).exclude(requested_by=None).order_by().values("requested_by")
    full = counted.annotate(running=Count("pk")).filter(running__gte=settings.STREAMGEN_USER_RUNNING)
    return full.values_list("requested_by", flat=True)


def places(artifact_ids: Collection[int]) -> dict[int, str]:
    """Of those documents that wait for a worker, by artifact, a sentence that says how many come first."""
    full = set(at_their_limit())
    asked, told = set(artifact_ids), dict[int, str]()
    ahead, own = 0, Counter[int | None]()
    rows = waiting_tasks().order_by("rank", "pk").values_list("artifact", "requested_by")
    for artifact, user in rows:
        if artifact in asked:
            told[artifact] = _held_sentence(own[user]) if user in full else _sentence(ahead)
        own[user] += 1
        ahead += user not in full  # what is not to be claimed yet keeps nobody waiting
    return told


def _served(tasks: QuerySet[GenerationTask]) -> int | None:
    """The newest round in which one of them was claimed."""
    served = tasks.filter(served_rank__isnull=False).order_by("-served_rank")
    return served.values_list("served_rank", flat=True).first()


def _sentence(ahead: int) -> str:
    if not ahead:
        return "It is the next one."
    return "1 document comes before it." if ahead == 1 else f"{ahead} documents come before it."


def _held_sentence(ahead: int) -> str:
    limit = settings.STREAMGEN_USER_RUNNING
    written = "1 document" if limit == 1 else f"{limit} documents"
    next_one = "it is the next one" if not ahead else "1 more comes" if ahead == 1 else f"{ahead} more come"
    return (
        f"Whoever asked for it has {written} being written, which is the most at once; "
        f"{next_one}{' before it' if ahead else ''}."
    )
