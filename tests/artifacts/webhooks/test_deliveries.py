"""The rows of events: how many there may be, whose turn it is, and what a draft or a new secret changes."""

from __future__ import annotations

import pytest
from django.utils import timezone

from artifacts.lifecycle import commands
from artifacts.models import Artifact, StopRequest, WebhookDelivery
from artifacts.webhooks import deliveries, endpoints, signing
from tests.support import documents

pytestmark = pytest.mark.django_db

URL = "https://example.org/hook"


def hook(artifact: Artifact):
    return endpoints.set_webhook(artifact.project, URL, None)[0]


@pytest.mark.usefixtures("every_database")
def test_one_webhook_with_many_events_leaves_the_others_their_turn():
    first, second = documents.idle(), documents.idle()
    for artifact in (first, second):
        hook(artifact)
    for artifact in (first, first, first, second):
        endpoints.send_test(artifact.project, None)
    parcels = deliveries.take_due(8, [])
    assert [parcel.webhook for parcel in parcels] == [first.project.webhook.pk, second.project.webhook.pk]
    assert len(deliveries.take_due(8, [second.project.webhook.pk])) == 1
    assert {parcel.webhook for parcel in deliveries.take_due(8, [])} == {first.project.webhook.pk}


def test_old_events_go_and_no_queue_grows_for_ever():
    artifact = documents.idle()
    row = hook(artifact)
    of_status = {"waiting": deliveries.MOST_WAITING, "delivered": deliveries.MOST_KEPT}
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(webhook=row, event=f"{status}-{number}", kind="old", status=status, due_at=timezone.now())
        for status, total in of_status.items()
        for number in range(total)
    )
    new = endpoints.send_test(artifact.project, None)
    assert WebhookDelivery.objects.get(event="waiting-0").status == "failed"
    assert WebhookDelivery.objects.filter(status="waiting").count() == deliveries.MOST_WAITING
    WebhookDelivery.objects.filter(status="waiting").exclude(pk=new.pk).delete()
    deliveries.note_outcome(deliveries.take_due(1, [])[0], 200, "")
    left = set(WebhookDelivery.objects.values_list("event", flat=True))
    assert len(left) == deliveries.MOST_KEPT
    assert new.event in left
    assert not left & {"waiting-0", "delivered-0"}


def test_event_is_given_up_after_its_last_attempt_and_a_late_answer_changes_nothing():
    artifact = documents.idle()
    hook(artifact)
    endpoints.send_test(artifact.project, None)
    late = deliveries.take_due(1, [])[0]
    WebhookDelivery.objects.update(due_at="2020-01-01T00:00:00Z")
    for _ in deliveries.DELAYS:
        deliveries.note_outcome(deliveries.take_due(1, [])[0], 500, "It answered 500.")
        WebhookDelivery.objects.update(due_at="2020-01-01T00:00:00Z")
    deliveries.note_outcome(late, 200, "")
    row = WebhookDelivery.objects.get()
    assert (row.status, row.answer, row.attempts) == ("failed", 500, len(deliveries.DELAYS) + 1)


def test_draft_is_no_news_and_a_deleted_webhook_fails_no_document():
    base = documents.complete("Text.")
    hook(base)
    draft = documents.waiting()
    Artifact.objects.filter(pk=draft.pk).update(project=base.project, phase="draft", draft_of=base)
    commands.request_stop(draft.pk, StopRequest.PAUSE)
    assert not WebhookDelivery.objects.exists()
    endpoints.remove_webhook(base.project, None)
    waiting = documents.waiting()
    assert commands.request_stop(waiting.pk, StopRequest.PAUSE).status == "paused"


def test_another_secret_signs_beside_the_one_before_and_neither_is_stored():
    artifact = documents.idle()
    row, first = endpoints.set_webhook(artifact.project, URL, None)
    assert endpoints.set_webhook(artifact.project, URL, None)[1] == ""
    _, second = endpoints.set_webhook(artifact.project, URL, None, rotate=True)
    assert first != second
    endpoints.send_test(artifact.project, None)
    nonces = deliveries.take_due(1, [])[0].nonces
    assert [signing.secret_for(nonce) for nonce in nonces] == [second, first]
    row.refresh_from_db()
    stored = " ".join(str(value) for value in vars(row).values())
    assert first.removeprefix("whsec_") not in stored
    assert second.removeprefix("whsec_") not in stored
