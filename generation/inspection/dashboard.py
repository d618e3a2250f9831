"""How all documents are at the moment: what is written, what waits, what is stuck or failed, what it costs, and who
does it. Few queries, and none reads a text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, F, Max, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Now, TruncDate
from django.utils import timezone

from artifacts.costs import shown_cost
from artifacts.models import Artifact, CallCharge, Delta, StreamStatus
from artifacts.reasons import Reason
from generation.costs.price_file import price_list
from generation.inspection.pictures import BarChart, bar_chart
from generation.models import ClaimJournal, Worker
from generation.queue import workers
from generation.queue.order import waiting_tasks
from generation.waiting import WAITS_FOR_A_WORKER, Waiting, waiting_of

DAYS = 14
LISTED = 20
ENDPOINTS_OF = timedelta(hours=24)
STUCK_AFTER = timedelta(seconds=60)
"""Without text for so long, and not because the model thinks or a worker is waited for."""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A document that somebody should look at, or that is written just now."""

    artifact: Artifact
    waiting: Waiting | None
    silent_s: float


@dataclass(frozen=True, kw_only=True)
class EndpointFigures:
    """What one model at one endpoint took of late, in seconds."""

    endpoint: str
    model: str
    calls: int
    retries: int
    first_text_s: float | None
    call_s: float
    longest_s: float


@dataclass(kw_only=True)
class DashboardFigures:
    read_at: datetime
    running: int = 0
    waiting: int = 0
    stuck: int = 0
    failed_today: int = 0
    complete_today: int = 0
    oldest_s: float = 0.0
    slots: int = 0
    slots_used: int = 0
    currency: str = ""
    written: list[Listed] = field(default_factory=list)
    troubled: list[Listed] = field(default_factory=list)
    failed: list[Artifact] = field(default_factory=list)
    workers: list[tuple[Worker, bool, float]] = field(default_factory=list)
    """Each with whether it was heard of just now, and how long ago that was."""
    endpoints: list[EndpointFigures] = field(default_factory=list)
    tokens: BarChart | None = None
    costs: BarChart | None = None


def dashboard_figures() -> DashboardFigures:
    now = timezone.now()
    figures = DashboardFigures(read_at=now, currency=price_list().currency)
    _documents(figures, now)
    _queue(figures)
    figures.workers = _workers()
    figures.endpoints = _endpoints(now)
    figures.slots = sum(worker.slots for worker, lives, _ in figures.workers if lives)
    figures.slots_used = sum(worker.running for worker, lives, _ in figures.workers if lives)
    return figures


def _documents(figures: DashboardFigures, now: datetime) -> None:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    newest = Delta.objects.filter(artifact=OuterRef("pk"), epoch=OuterRef("epoch")).order_by("-offset")
    rows = Artifact.objects.defer("content", "preview_html", "instructions").select_related("project")
    claimed = rows.filter(stream_status=StreamStatus.STREAMING).exclude(reason__in=WAITS_FOR_A_WORKER)
    claimed = claimed.annotate(
        read_at=Now(), heard_at=Coalesce(Subquery(newest.values("created_at")[:1]), F("started_at"), F("updated_at"))
    )
    is_silent = Q(heard_at__lt=Now() - STUCK_AFTER) & ~Q(reason=Reason.THINKING)
    is_left = Q(lease_until=None) | Q(lease_until__lte=Now() - timedelta(seconds=workers.beat_every_s()))
    stuck = claimed.filter(is_silent | is_left)
    figures.stuck = stuck.count()
    figures.running = claimed.count() - figures.stuck
    figures.troubled = _listed(stuck.order_by("heard_at"))
    alive = claimed.exclude(pk__in=stuck.values("pk"))
    figures.written = _listed(alive.order_by("-heard_at"))
    failed = rows.filter(stream_status=StreamStatus.PAUSED, finished_at__gte=today).exclude(reason=Reason.USER)
    figures.failed_today = failed.count()
    figures.failed = list(failed.order_by("-finished_at")[:LISTED])
    figures.complete_today = rows.filter(stream_status=StreamStatus.COMPLETE, finished_at__gte=today).count()


def _listed(rows: QuerySet[Any]) -> list[Listed]:
    return [
        Listed(
            artifact=row,
            waiting=waiting_of(row),
            silent_s=max(0.0, (row.read_at - row.heard_at).total_seconds()),
        )
        for row in rows[:LISTED]
    ]


def _queue(figures: DashboardFigures) -> None:
    waiting = waiting_tasks()
    figures.waiting = waiting.count()
    # A document's row is saved when its task is queued, resumed or given back.
    oldest = waiting.annotate(now=Now()).order_by("artifact__updated_at").values_list("artifact__updated_at", "now")
    for since, now in oldest[:1]:
        figures.oldest_s = max(0.0, (now - since).total_seconds())


def _workers() -> list[tuple[Worker, bool, float]]:
    living = set(workers.living().values_list("pk", flat=True))
    rows: QuerySet[Any] = Worker.objects.annotate(read_at=Now()).order_by("name")
    return [(row, row.pk in living, max(0.0, (row.read_at - row.heartbeat_at).total_seconds())) for row in rows[:100]]


def _endpoints(now: datetime) -> list[EndpointFigures]:
    """The slowest first."""
    recent = ClaimJournal.objects.filter(began_at__gte=now - ENDPOINTS_OF, calls__gt=0).order_by()
    rows = recent.values("endpoint", "model").annotate(
        n=Sum("calls"),
        ms=Sum("calls_ms"),
        texts=Sum("first_texts"),
        texts_ms=Sum("first_texts_ms"),
        most_ms=Max("longest_ms"),
        tried=Sum("retries"),
    )
    figures = [
        EndpointFigures(
            endpoint=row["endpoint"],
            model=row["model"] or "its own",
            calls=row["n"],
            retries=row["tried"],
            first_text_s=row["texts_ms"] / row["texts"] / 1000 if row["texts"] else None,
            call_s=row["ms"] / row["n"] / 1000,
            longest_s=row["most_ms"] / 1000,
        )
        for row in rows
    ]
    return sorted(figures, key=lambda one: -(one.first_text_s or one.call_s))[:LISTED]


def charge_charts(figures: DashboardFigures) -> None:
    """Tokens and cost of the last days, for whoever may see what calls cost."""
    today = figures.read_at.date()
    first = today - timedelta(days=DAYS - 1)
    rows = CallCharge.objects.filter(at__date__gte=first).order_by().values(day=TruncDate("at"))
    found = {
        row["day"]: row
        for row in rows.annotate(
            tokens=Sum(F("prompt_tokens") + F("completion_tokens")), money=Sum("cost"), calls=Count("pk")
        )
    }
    days = [first + timedelta(days=number) for number in range(DAYS)]
    figures.tokens = bar_chart([_bar(day, found, "tokens", "{:,} tokens".format) for day in days])
    figures.costs = bar_chart(
        [_bar(day, found, "money", lambda value: f"{shown_cost(value)} {figures.currency}") for day in days]
    )


def _bar(day: date, found: dict[date, Any], name: str, told: Any) -> tuple[str, int, str]:
    value = int((found.get(day) or {}).get(name) or 0)
    return f"{day:%-d %b}", value, told(value)
