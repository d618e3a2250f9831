"""The queue: one durable row asks for one document, and one for all of a project. Who may write belongs to the
artifact, not to the task. What happened while a claim lasted is kept beside it.
"""

from __future__ import annotations

from typing import ClassVar

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models import Q

from artifacts.models import Artifact, Project
from artifacts.models.kept_update import KeptUpdate
from artifacts.validation import MODEL_NAME_CHARS, SECTION_NAME_CHARS

if apps.ready and not apps.is_installed("generation"):  # Django would not say what to add
    raise ImproperlyConfigured('The app that writes is not installed. Add: INSTALLED_APPS += ["generation"]')


class TaskStatus(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.PAUSED)


class GenerationTask(models.Model):
    """One request to write the current epoch of an artifact. The plan is its sections; no key is ever stored."""

    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="tasks")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    status = models.CharField(max_length=10, choices=TaskStatus.choices, default=TaskStatus.QUEUED)
    model = models.CharField(max_length=MODEL_NAME_CHARS, blank=True, default="")
    rank = models.PositiveBigIntegerField(default=0)
    """The round of the queue in which it is to be claimed: in each, every user has one task; see `queue.order`."""
    served_rank = models.PositiveBigIntegerField(null=True, blank=True)
    """That in which it was claimed last."""
    parallel = models.PositiveSmallIntegerField(default=1)  # so many sections are written at once
    reclaims = models.PositiveSmallIntegerField(default=0)
    length_at_claim = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=100, blank=True, default="")
    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            # A second Start at the same moment: one of the two inserts fails.
            models.UniqueConstraint(
                fields=["artifact"], condition=Q(status__in=["queued", "running", "paused"]), name="task_one_unfinished"
            ),
            models.CheckConstraint(condition=Q(status__in=TaskStatus.values), name="task_status_known"),
        ]
        # Without the finished rows: the claim, first in the order of the queue; how many of each a user has. With them:
        # how far the rounds are, for all and for each user.
        indexes: ClassVar = [
            models.Index(fields=["status", "rank", "id"], condition=Q(finished_at=None), name="task_order"),
            models.Index(fields=["requested_by", "status", "rank"], condition=Q(finished_at=None), name="task_of_user"),
            models.Index(fields=["served_rank"], name="task_served"),
            models.Index(fields=["requested_by", "served_rank"], name="task_served_of_user"),
        ]

    def __str__(self) -> str:
        return f"task {self.pk} ({self.status})"


class Worker(models.Model):
    """A worker that runs, or ended without a word. `name` stands in its tasks' `worker`; times are the database's."""

    name = models.CharField(max_length=100)
    host = models.CharField(max_length=100)
    version = models.CharField(max_length=40)
    model = models.CharField(max_length=MODEL_NAME_CHARS, blank=True, default="")  # of documents that name none
    slots = models.PositiveSmallIntegerField()
    running = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return self.name


class ClaimJournal(KeptUpdate):
    """What happened while one claim's document was written: see `inspection.journal`. Bounded, and without a word of
    its text. Times of events count from `began_at`, which is the database's; sums are of all, in milliseconds.
    """

    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="journals", db_index=False)
    fence = models.PositiveBigIntegerField()
    epoch = models.PositiveIntegerField()
    task = models.BigIntegerField()
    worker = models.CharField(max_length=100)
    endpoint = models.CharField(max_length=100, blank=True, default="")
    model = models.CharField(max_length=MODEL_NAME_CHARS, blank=True, default="")
    is_takeover = models.BooleanField(default=False)
    length_at_begin = models.PositiveIntegerField(default=0)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ending = models.CharField(max_length=60, blank=True, default="")
    calls = models.PositiveIntegerField(default=0)
    calls_ms = models.PositiveBigIntegerField(default=0)
    longest_ms = models.PositiveIntegerField(default=0)
    first_texts = models.PositiveIntegerField(default=0)
    first_texts_ms = models.PositiveBigIntegerField(default=0)
    retries = models.PositiveIntegerField(default=0)
    flushes = models.PositiveIntegerField(default=0)
    chars = models.PositiveIntegerField(default=0)
    events = models.JSONField(default=list)
    left_out = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name = "journal"
        constraints: ClassVar = [
            # A claim has one; also the index of a document's.
            models.UniqueConstraint(fields=["artifact", "fence"], name="journal_artifact_fence"),
        ]
        # What endpoints did of late.
        indexes: ClassVar = [models.Index(fields=["began_at"], name="journal_began")]

    def __str__(self) -> str:
        return f"claim {self.fence} by {self.worker}"


class CallPrompt(models.Model):
    """What one call asked the model, for whoever may read it; see `inspection.keeping` for how it is packed."""

    journal = models.ForeignKey(ClaimJournal, on_delete=models.CASCADE, related_name="prompts", db_index=False)
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    section = models.CharField(max_length=SECTION_NAME_CHARS, blank=True, default="")
    model = models.CharField(max_length=MODEL_NAME_CHARS, blank=True, default="")
    chars = models.PositiveIntegerField()
    packed = models.BinaryField()

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name = "prompt"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["journal", "number"], name="prompt_journal_number"),
        ]

    def __str__(self) -> str:
        return f"prompt of call {self.number}"


class RunStatus(models.TextChoices):
    """Of the wish; whether its document waits for somebody, the document says."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    COMPLETE = "complete"


UNFINISHED_RUNS = (RunStatus.RUNNING, RunStatus.PAUSED)


class ProjectRun(models.Model):
    """The wish that all idle documents of a project be written, one after the other. `current` is the one under way or
    written last, `error` why the next one cannot begin.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    status = models.CharField(max_length=9, choices=RunStatus.choices, default=RunStatus.RUNNING)
    model = models.CharField(max_length=MODEL_NAME_CHARS, blank=True, default="")
    parallel = models.PositiveSmallIntegerField(default=1)
    current = models.ForeignKey(Artifact, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            # "Write all" pressed twice at the same moment: one of the two inserts fails.
            models.UniqueConstraint(
                fields=["project"], condition=Q(status__in=["running", "paused"]), name="run_one_unfinished"
            ),
            models.CheckConstraint(condition=Q(status__in=RunStatus.values), name="run_status_known"),
        ]
        # What every worker asks once a second.
        indexes: ClassVar = [models.Index(fields=["id"], condition=Q(status="running"), name="run_running")]

    def __str__(self) -> str:
        return f"run {self.pk} ({self.status})"
