"""What outlives the rows that it tells of: who did what, and what each call cost."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from artifacts import validation


class CallCharge(models.Model):
    """What one call of a model cost; see `CallCost`. Rows are added; old ones are summed up by day, and not changed
    otherwise. They outlive what they tell of, so they point at nothing. `document` is the artifact itself, or the one
    that it is a draft for.
    """

    at = models.DateTimeField(auto_now_add=True)
    project = models.BigIntegerField()
    document = models.BigIntegerField()
    artifact = models.BigIntegerField()
    fence = models.PositiveBigIntegerField()
    number = models.PositiveIntegerField()
    epoch = models.PositiveIntegerField()
    section = models.CharField(max_length=validation.SECTION_NAME_CHARS, blank=True, default="")
    model = models.CharField(max_length=validation.MODEL_NAME_CHARS, blank=True, default="")
    prompt_tokens = models.PositiveIntegerField(default=0)
    cached_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    is_estimated = models.BooleanField(default=False)
    cost = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            # A commit whose answer was lost is tried again, and charges nothing twice.
            models.UniqueConstraint(fields=["artifact", "fence", "number"], name="charge_once"),
        ]
        # A project's costs, of some days or of all.
        indexes: ClassVar = [models.Index(fields=["project", "at"], name="charge_project")]

    def __str__(self) -> str:
        return f"call {self.number} of {self.artifact}, fence {self.fence}"


class ActionRecord(models.Model):
    """Who did what, when. Rows are added, never changed; they outlive what they tell of, so they point at nothing."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.BigIntegerField(null=True, blank=True)
    actor_key = models.CharField(max_length=64, blank=True, default="", db_default="")
    """Of an actor whose primary key is no number, such as a UUID; `actor` is null then."""
    actor_name = models.CharField(max_length=150, blank=True, default="")
    verb = models.CharField(max_length=40)
    project = models.BigIntegerField(null=True, blank=True)
    artifact = models.BigIntegerField(null=True, blank=True)
    about = models.CharField(max_length=validation.TITLE_CHARS * 2, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["project", "id"], name="record_project"),
            models.Index(fields=["artifact", "id"], name="record_artifact"),
            models.Index(fields=["actor", "at"], name="record_actor"),  # what somebody did within a minute
            models.Index(fields=["actor_key", "at"], name="record_actor_key", condition=models.Q(actor_key__gt="")),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name or 'nobody'}: {self.verb} {self.about}"

    @staticmethod
    def by(key: int | str) -> dict[str, int | str]:
        """The fields that say who it was, for a key as it is told."""
        return {"actor": key} if isinstance(key, int) else {"actor_key": key}
