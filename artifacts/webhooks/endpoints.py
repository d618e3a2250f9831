"""The verbs of a project's owner on its webhook. Each is recorded; the secret is given out where it is made, once."""

from __future__ import annotations

import json

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from artifacts.errors import InvalidInput, NotFound
from artifacts.models import Project, Webhook, WebhookDelivery
from artifacts.sharing.records import record
from artifacts.webhooks import signing
from artifacts.webhooks.addresses import checked_url
from artifacts.webhooks.deliveries import put_in_queue, with_time

TEST = "webhook.test"
NO_WEBHOOK = "The project has no webhook."


def webhook_of(project: Project) -> Webhook:
    """Raises `NotFound`."""
    webhook = Webhook.objects.filter(project=project).first()
    if webhook is None:
        raise NotFound(NO_WEBHOOK)
    return webhook


@transaction.atomic
def set_webhook(project: Project, url: str, by: object, *, rotate: bool = False) -> tuple[Webhook, str]:
    """Where the news goes from now on, whatever went wrong before; with its secret where that is new, else "".

    A secret that another one follows holds for `SECRET_OVERLAP` more, so that nothing is refused meanwhile.
    """
    url = checked_url(url, allows_private=settings.STREAMGEN_WEBHOOKS_TO_PRIVATE)
    webhook, is_new = Webhook.objects.select_for_update(no_key=True).get_or_create(
        project=project, defaults={"url": url, "nonce": signing.new_nonce()}
    )
    if rotate and not is_new:
        webhook.previous_nonce, webhook.nonce = webhook.nonce, signing.new_nonce()
        webhook.rotated_at = timezone.now()
    webhook.url, webhook.failing_since, webhook.disabled_at, webhook.trouble = url, None, None, ""
    webhook.save(
        update_fields=["url", "nonce", "previous_nonce", "rotated_at", "failing_since", "disabled_at", "trouble"]
    )
    record(by, "rotate_webhook" if rotate and not is_new else "set_webhook", project=project)
    return webhook, signing.secret_for(webhook.nonce) if is_new or rotate else ""


@transaction.atomic
def remove_webhook(project: Project, by: object) -> None:
    """What still waited to be sent goes with it. Raises `NotFound`."""
    webhook_of(project).delete()
    record(by, "remove_webhook", project=project)


@transaction.atomic
def send_test(project: Project, by: object) -> WebhookDelivery:
    """An event that tells of nothing. Raises `NotFound`, or `InvalidInput` where the webhook is switched off."""
    found = with_time(Webhook.objects.filter(project=project))
    if found is None:
        raise NotFound(NO_WEBHOOK)
    webhook, now = found
    if webhook.disabled_at is not None:
        raise InvalidInput("url", "The webhook is switched off. Save its address to switch it on again.")
    record(by, "test_webhook", project=project)
    return put_in_queue(webhook, TEST, json.dumps({"project": project.pk}), now=now)
