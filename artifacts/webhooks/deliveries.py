"""The rows of events on their way: queued with what they tell of, taken by a sender for a while, tried again, given up.

Whoever takes one has it for `LEASE`; a sender that died loses it to the next one, so an event may arrive twice, always
with the same id. All times are the database's: a worker whose clock is wrong delays nothing.
"""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min, QuerySet
from django.db.models.functions import Now

from artifacts.models import Artifact, DeliveryStatus, Webhook, WebhookDelivery
from artifacts.validation import NOTE_CHARS

LEASE = timedelta(seconds=60)
DELAYS = [timedelta(seconds=seconds) for seconds in (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 36_000, 86_400)]
"""Between one attempt and the next; after that the event is given up."""
SECRET_OVERLAP = timedelta(days=1)
OVERLAP_WORDS = "a day" if SECRET_OVERLAP.days == 1 else f"{SECRET_OVERLAP.days} days"
"""So long a secret holds that another one follows, as people are told."""
FAILS_FOR_MOST = timedelta(days=3)
MOST_WAITING = 1_000
MOST_KEPT = 100
"""Of one webhook: events that wait, and events that are over."""
GONE = 410

_EVENTS = {"complete": "document.completed", "paused": "document.paused", "cancelled": "document.cancelled"}


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """One attempt. `attempt` counts from 1; `nonces` are of the secrets that hold."""

    delivery: int
    webhook: int
    attempt: int
    url: str
    event: str
    body: str
    timestamp: int
    nonces: tuple[str, ...]


def queue_news(artifact: Artifact, *, seq: int, now: datetime) -> None:
    """In the transaction in which writing ends: the event for the project's webhook, where there is one.

    A draft is part of another document, whose news it is not.
    """
    if artifact.draft_of_id is not None:
        return
    # Locked, because where it were removed meanwhile the document could not be finished.
    webhooks = Webhook.objects.select_for_update(no_key=True)
    webhook = webhooks.filter(project=artifact.project_id, disabled_at=None).first()
    if webhook is None:
        return
    news = {
        "project": artifact.project_id,
        "artifact": artifact.pk,
        "phase": artifact.phase,
        "title": artifact.title,
        "status": artifact.stream_status,
        "reason": artifact.reason,
        "epoch": artifact.epoch,
        "seq": seq,
        "length": artifact.length,
        "tokens_generated": artifact.tokens_generated,
        "sections_completed": artifact.sections_completed,
        "sections_total": artifact.sections_total,
    }
    put_in_queue(webhook, _EVENTS[artifact.stream_status], json.dumps(news, ensure_ascii=False), now=now)


def put_in_queue(webhook: Webhook, kind: str, news: str, *, now: datetime) -> WebhookDelivery:
    """`news` is the JSON of what it tells. Where too many wait, the oldest is given up."""
    waiting = WebhookDelivery.objects.filter(webhook=webhook, status=DeliveryStatus.WAITING)
    for oldest in waiting.order_by("-pk").values_list("pk", flat=True)[MOST_WAITING - 1 : MOST_WAITING]:
        waiting.filter(pk__lte=oldest).update(status=DeliveryStatus.FAILED, detail="Too many events waited behind it.")
    body = f'{{"type": "{kind}", "timestamp": "{now.isoformat(timespec="milliseconds")}", "data": {news}}}'
    return WebhookDelivery.objects.create(
        webhook=webhook, event=f"msg_{secrets.token_hex(16)}", kind=kind, body=body, due_at=now
    )


def take_due(most: int, besides: Collection[int]) -> list[Parcel]:
    """What is to be sent now, one event of a webhook at once, none of those whose numbers are given."""
    due = WebhookDelivery.objects.filter(status=DeliveryStatus.WAITING, due_at__lte=Now()).exclude(webhook__in=besides)
    if not due.exists():
        return []  # asked once a second, so it takes no lock
    with transaction.atomic():
        first = due.order_by().values("webhook").annotate(first=Min("due_at")).order_by("first")
        return [parcel for webhook in first.values_list("webhook", flat=True)[:most] for parcel in _take_first(webhook)]


def with_time(webhooks: QuerySet[Webhook]) -> tuple[Webhook, datetime] | None:
    """The first, and what time it is."""
    row = webhooks.annotate(now=Now()).first()
    return None if row is None else (row, row.now)


def _take_first(webhook_id: int) -> list[Parcel]:
    found = with_time(Webhook.objects.filter(pk=webhook_id))
    if found is None:
        return []
    webhook, now = found
    rows = WebhookDelivery.objects.select_for_update(skip_locked=True).filter(webhook=webhook)
    row = rows.filter(status=DeliveryStatus.WAITING, due_at__lte=now).order_by("due_at", "pk").first()
    if row is None:
        return []
    row.attempts, row.due_at = row.attempts + 1, now + LEASE
    row.save(update_fields=["attempts", "due_at"])
    nonces = [webhook.nonce]
    if webhook.previous_nonce and webhook.rotated_at and now - webhook.rotated_at < SECRET_OVERLAP:
        nonces.append(webhook.previous_nonce)
    return [
        Parcel(
            delivery=row.pk,
            webhook=webhook.pk,
            attempt=row.attempts,
            url=webhook.url,
            event=row.event,
            body=row.body,
            timestamp=int(now.timestamp()),
            nonces=tuple(nonces),
        )
    ]


@transaction.atomic
def note_outcome(parcel: Parcel, answer: int | None, trouble: str) -> None:
    """What came of an attempt: `answer` is a status of HTTP, `trouble` a sentence, "" where it arrived."""
    found = with_time(Webhook.objects.select_for_update(no_key=True).filter(pk=parcel.webhook))
    row = WebhookDelivery.objects.select_for_update().filter(pk=parcel.delivery, attempts=parcel.attempt).first()
    if found is None or row is None or row.status != DeliveryStatus.WAITING:
        return  # removed or given up meanwhile, or another sender has taken it over
    webhook, now = found
    row.answer, row.detail = answer, trouble[:NOTE_CHARS]
    if not trouble:
        row.status = DeliveryStatus.DELIVERED
    elif parcel.attempt > len(DELAYS):
        row.status = DeliveryStatus.FAILED
    else:
        row.due_at = now + DELAYS[parcel.attempt - 1] * random.uniform(0.9, 1.1)
    row.save(update_fields=["status", "answer", "detail", "due_at"])
    _note_health(webhook, answer, trouble, url_tried=parcel.url, now=now)
    over = WebhookDelivery.objects.filter(webhook=webhook).exclude(status=DeliveryStatus.WAITING)
    for oldest in over.order_by("-pk").values_list("pk", flat=True)[MOST_KEPT : MOST_KEPT + 1]:
        over.filter(pk__lte=oldest).delete()


def _note_health(webhook: Webhook, answer: int | None, trouble: str, *, url_tried: str, now: datetime) -> None:
    """A webhook that has failed for days is switched off, with a sentence for its owner."""
    if webhook.url != url_tried:
        return  # it was given another address meanwhile, of which this says nothing
    if not trouble and webhook.failing_since is None:
        return
    webhook.failing_since = (webhook.failing_since or now) if trouble else None
    reason = ""
    if trouble and answer == GONE:
        reason = "Its server answered 410: nobody is there any more."
    elif trouble and webhook.failing_since and now - webhook.failing_since > FAILS_FOR_MOST:
        reason = f"Nothing has arrived for {FAILS_FOR_MOST.days} days. The last time: {trouble}"
    if reason:
        webhook.disabled_at, webhook.trouble = now, f"{reason} Save the address to switch it on again."[:NOTE_CHARS]
        waiting = WebhookDelivery.objects.filter(webhook=webhook, status=DeliveryStatus.WAITING)
        waiting.update(status=DeliveryStatus.FAILED, detail="The webhook was switched off.")
    webhook.save(update_fields=["failing_since", "disabled_at", "trouble"])
