"""What became of commands that came with an `Idempotency-Key`."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class CommandReceipt(models.Model):
    """One command of one user under a key of theirs, of which only the SHA-256 is stored.

    Before it is answered, whoever holds `claim` does it, until `claimed_until` at most (database time). Its answer is
    sealed with the key: the row alone tells nobody what it was.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    key_digest = models.CharField(max_length=64, editable=False)
    request_digest = models.CharField(max_length=64, editable=False)
    claim = models.CharField(max_length=32, editable=False)
    claimed_until = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    answer = models.BinaryField(blank=True, default=b"")
    size = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            # Two requests with one key come at once: the second finds the row of the first.
            models.UniqueConstraint(fields=["user", "key_digest"], name="receipt_user_key"),
        ]

    def __str__(self) -> str:
        return f"receipt {self.pk} of {self.user}"
