"""The rows of workers: which ones run, where, with how much to do, and when each was last heard of.

Nothing is decided by them: who may write a document is decided by its lease alone.
"""

from __future__ import annotations

import socket
from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now

from artifacts.validation import MODEL_NAME_CHARS, clean
from generation.models import Worker

BEAT_LEASES = 0.5
SILENT_LEASES = 3
"""In units of STREAMGEN_LEASE_SECONDS: a worker says so often that it lives, and is silent that long before it is
believed to be gone.
"""
FORGOTTEN_AFTER = timedelta(hours=1)


def beat_every_s() -> float:
    return BEAT_LEASES * settings.STREAMGEN_LEASE_SECONDS


def register_worker(name: str, *, slots: int) -> int:
    """A row for a worker that begins; what is left of its like, and of those silent for long, goes."""
    silent = Worker.objects.exclude(pk__in=living().values("pk"))
    silent.filter(name=name).delete()
    silent.filter(heartbeat_at__lt=Now() - FORGOTTEN_AFTER).delete()
    worker = Worker.objects.create(
        name=name,
        host=socket.gethostname()[:100],
        version=settings.STREAMGEN_RELEASE,
        slots=slots,
        started_at=Now(),
        heartbeat_at=Now(),
    )
    return worker.pk


def beat(row: int, *, running: int, model: str = "") -> bool:
    """A sign of life, with the model of documents that name none; False where the row is gone."""
    told = clean(model)[:MODEL_NAME_CHARS]
    return bool(Worker.objects.filter(pk=row).update(heartbeat_at=Now(), running=running, model=told))


def is_first(row: int) -> bool:
    """Whether this is the one of all that live which speaks for them."""
    return living().order_by("pk").values_list("pk", flat=True).first() == row


def sign_off(row: int) -> None:
    """The worker ends in order."""
    Worker.objects.filter(pk=row).delete()


def living() -> QuerySet[Worker]:
    """The workers that were heard of just now."""
    return Worker.objects.filter(
        heartbeat_at__gt=Now() - timedelta(seconds=SILENT_LEASES * settings.STREAMGEN_LEASE_SECONDS)
    )
