"""`/metrics`: the counts of this process, what it serves now, and what the database says of documents and workers.

For whoever has the token; without one set, for this machine alone.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from collections.abc import Iterator
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import Error as DatabaseError
from django.db.models import Count, Sum
from django.db.models.functions import Now
from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from artifacts.live import connections, feed
from artifacts.models import Artifact
from artifacts.operating import outages
from artifacts.operating.exposition import gauge, registry_of
from generation.models import GenerationTask
from generation.queue import workers
from generation.queue.order import waiting_tasks

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FIGURES_S = 2.0
BEHIND_A_PROXY = {b"x-forwarded-for", b"x-forwarded-proto", b"x-real-ip", b"forwarded", b"x-forwarded-host", b"via"}


class Served(Collector):
    """What this process serves now."""

    def collect(self) -> Iterator[Metric]:
        feeds, sockets = feed.current(), connections.current()
        yield gauge("streamgen_feeds", "Documents that are watched in this process.", feeds.count)
        yield gauge("streamgen_sockets", "Open websockets of this process.", sockets.open_count)
        yield gauge(
            "streamgen_lag_bytes",
            "Bytes that the slowest viewer has not acknowledged.",
            sockets.most_behind_bytes,
        )


class Stored(Collector):
    """What the database said a moment ago."""

    def __init__(self, figures: dict[str, Any] | None) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        found = self._figures
        yield gauge("streamgen_database_up", "Whether the database answers.", float(found is not None))
        if found is None:
            return
        yield gauge("streamgen_documents", "Documents by status.", found["documents"].items(), "status")
        yield gauge("streamgen_tasks", "Unfinished tasks by status.", found["tasks"].items(), "status")
        yield gauge("streamgen_queue_length", "Tasks that wait for a worker.", found["tasks"].get("queued", 0))
        yield gauge("streamgen_queue_oldest_seconds", "How long the first of them waits.", found["oldest_s"])
        yield gauge("streamgen_workers", "Workers that are heard of.", found["workers"])
        yield gauge("streamgen_worker_slots", "What they can write at once.", found["slots"])
        yield gauge("streamgen_worker_running", "What they write now.", found["running"])


def stored_figures() -> dict[str, Any]:
    """In four queries that read no text."""
    statuses = Artifact.objects.order_by().values_list("stream_status")
    tasks = GenerationTask.objects.order_by().filter(finished_at=None)
    # A document's row is saved when its task is queued, resumed or given back.
    waiting = waiting_tasks().annotate(now=Now()).order_by("artifact__updated_at")
    oldest = waiting.values_list("artifact__updated_at", "now").first()
    living = workers.living().aggregate(workers=Count("pk"), slots=Sum("slots"), running=Sum("running"))
    return {
        "documents": dict(statuses.annotate(Count("pk"))),
        "tasks": dict(tasks.values_list("status").annotate(Count("pk"))),
        "oldest_s": (oldest[1] - oldest[0]).total_seconds() if oldest else 0.0,
        **{name: number or 0 for name, number in living.items()},
    }


async def metrics_text() -> bytes:
    """All figures; those of the database only where it answers in time."""
    figures = None
    try:
        async with asyncio.timeout(FIGURES_S):
            figures = await database_sync_to_async(stored_figures)()
    except DatabaseError as error:
        outages.of_database.failed_by(error)
    except TimeoutError:
        pass
    return generate_latest(registry_of(Served(), Stored(figures)))


def may_read_metrics(scope: Any) -> bool:
    """With the token, where one is set; else from this machine, and not by way of a proxy on it."""
    headers = {name.lower(): value for name, value in scope["headers"]}
    if settings.STREAMGEN_METRICS_TOKEN:
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        is_token = hmac.compare_digest(token.strip(), settings.STREAMGEN_METRICS_TOKEN.encode())
        return is_token and scheme.lower() == b"bearer"
    if BEHIND_A_PROXY & headers.keys():
        return False
    address = (scope.get("client") or ("",))[0]
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return not address  # a Unix socket
