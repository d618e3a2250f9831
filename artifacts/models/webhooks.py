"""Where a project's news goes, and each event on its way there."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from artifacts import validation
from artifacts.models.documents import Project


class Webhook(models.Model):
    """Where a project's news goes. Its signing secret is derived from `nonce`: `webhooks.signing`."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="webhook")
    url = models.CharField(max_length=validation.URL_CHARS)
    nonce = models.CharField(max_length=32, editable=False)
    previous_nonce = models.CharField(max_length=32, blank=True, default="", editable=False)
    rotated_at = models.DateTimeField(null=True, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    trouble = models.CharField(max_length=validation.NOTE_CHARS, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"webhook of project {self.project_id}"


class DeliveryStatus(models.TextChoices):
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class WebhookDelivery(models.Model):
    """One event on its way to a webhook. `due_at`: when it is tried next, or taken from a sender who died."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    event = models.CharField(max_length=40, unique=True)
    kind = models.CharField(max_length=40)
    body = models.TextField()
    status = models.CharField(max_length=10, choices=DeliveryStatus.choices, default=DeliveryStatus.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    answer = models.PositiveSmallIntegerField(null=True, blank=True)
    detail = models.CharField(max_length=validation.NOTE_CHARS, blank=True, default="")
    due_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["webhook", "status", "id"], name="delivery_webhook_status"),
            # What every worker asks once a second.
            models.Index(fields=["due_at"], condition=Q(status="waiting"), name="delivery_due"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event}"
