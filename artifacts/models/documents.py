"""A project's documents and all that belongs to one: its sections, its text as it comes, its earlier texts."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from artifacts import validation
from artifacts.answer_place import ANSWER_ID_CHARS, AnswerPlace
from artifacts.document_text import read_text
from artifacts.models.kept_update import KeptUpdate
from artifacts.planned_section import PlannedSection
from artifacts.reasons import ReasonField, reason_choices


class StreamStatus(models.TextChoices):
    """Where the document stands; `lifecycle.transitions` has the legal transitions."""

    IDLE = "idle"
    STREAMING = "streaming"
    PAUSED = "paused"
    COMPLETE = "complete"
    CANCELLED = "cancelled"


class StopRequest(models.TextChoices):
    """What a person asked a live writer to do; sticky until the writer has done it."""

    CANCEL = "cancel"
    PAUSE = "pause"


class SectionStatus(models.TextChoices):
    """`partial`: begun, and the document was stopped before its end. `drafting` and `drafted`: being written, and
    written whole, beside the section whose turn it is.
    """

    PENDING = "pending"
    STREAMING = "streaming"
    PARTIAL = "partial"
    COMPLETE = "complete"
    DRAFTING = "drafting"
    DRAFTED = "drafted"


class Project(models.Model):
    """What a set of documents is about."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="projects")
    title = models.CharField(max_length=validation.TITLE_CHARS)
    description = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    # In billionths: the most that its documents may cost in all, and what those cost that were deleted.
    budget = models.PositiveBigIntegerField(null=True, blank=True)
    cost_of_deleted = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return self.title


class Artifact(KeptUpdate):
    """The document of one (project, phase).

    `content` is the folded text; the whole text is `text`: content and the deltas behind it. Lengths and offsets count
    Unicode code points.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="artifacts", db_index=False)
    phase = models.CharField(max_length=40)
    type = models.CharField(max_length=20, default="markdown", editable=False)
    title = models.CharField(max_length=validation.TITLE_CHARS)
    instructions = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    stream_status = models.CharField(max_length=10, choices=StreamStatus.choices, default=StreamStatus.IDLE)
    reason = ReasonField(max_length=20, choices=reason_choices, blank=True, default="")
    last_error = models.TextField(blank=True, default="")
    stop_requested = models.CharField(max_length=6, choices=StopRequest.choices, blank=True, default="")
    stop_reason = models.CharField(max_length=20, blank=True, default="")

    content = models.TextField(blank=True, default="")
    content_length = models.PositiveIntegerField(default=0)
    length = models.PositiveIntegerField(default=0)
    preview_html = models.TextField(blank=True, default="")
    preview_length = models.PositiveIntegerField(default=0)

    epoch = models.PositiveIntegerField(default=1)
    seq = models.PositiveBigIntegerField(default=0)
    fence = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)

    current_section = models.CharField(max_length=validation.SECTION_NAME_CHARS, blank=True, default="")
    sections_completed = models.PositiveSmallIntegerField(default=0)
    sections_total = models.PositiveSmallIntegerField(default=0)
    tokens_generated = models.PositiveIntegerField(default=0)
    # Over all epochs, in billionths: see `Spent`, whose fields these are.
    cost = models.PositiveBigIntegerField(default=0)
    cost_estimated = models.PositiveBigIntegerField(default=0)
    cost_under_way = models.PositiveBigIntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    # Who brought about the text of this epoch, and how.
    text_author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    text_note = models.CharField(max_length=validation.NOTE_CHARS, blank=True, default="")

    # A draft: one section of another document, to be put in the place of the text with this SHA-256.
    draft_of = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="drafts")
    draft_position = models.PositiveSmallIntegerField(default=0)
    draft_base = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            # One document per project and phase; also the index by phase.
            models.UniqueConstraint(fields=["project", "phase"], name="artifact_project_phase"),
            models.CheckConstraint(condition=Q(stream_status__in=StreamStatus.values), name="artifact_status_known"),
            models.CheckConstraint(condition=Q(content_length__lte=F("length")), name="artifact_folded_within_text"),
            models.CheckConstraint(
                condition=Q(sections_completed__lte=F("sections_total")), name="artifact_sections_within_plan"
            ),
            # A request that outlives its stop would stop the next run before its first word.
            models.CheckConstraint(
                condition=Q(stop_requested="") | Q(stream_status=StreamStatus.STREAMING),
                name="artifact_stop_only_while_streaming",
            ),
            # A lease that outlives the stop would keep the next worker out.
            models.CheckConstraint(
                condition=Q(lease_until=None) | Q(stream_status=StreamStatus.STREAMING),
                name="artifact_lease_only_while_streaming",
            ),
            models.CheckConstraint(
                condition=~Q(stream_status=StreamStatus.IDLE) | Q(length=0), name="artifact_idle_is_empty"
            ),
            # Running out of anything must never be reported as success.
            models.CheckConstraint(
                condition=~Q(stream_status=StreamStatus.COMPLETE) | Q(sections_completed=F("sections_total")),
                name="artifact_complete_is_whole",
            ),
        ]
        # What every process asks once a second, and the lists of the admin.
        indexes: ClassVar = [models.Index(fields=["stream_status", "lease_until"], name="artifact_status_lease")]

    def __str__(self) -> str:
        return f"{self.title} ({self.phase})"

    @property
    def text(self) -> str:
        """The document exactly as it stood when this row was read; see `read_text`, which may ask the database.

        Raises `NotFound` where it was deleted meanwhile.
        """
        return read_text(self)


class Section(models.Model):
    """A named part of the plan of the current epoch. `start` is the offset of its joint, once it is in the document.

    `drafted` characters of it wait for their turn in `DraftDelta`, and have cost `drafted_tokens`.
    """

    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="sections", db_index=False)
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=validation.SECTION_NAME_CHARS)
    instructions = models.TextField(blank=True)
    max_tokens = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=SectionStatus.choices, default=SectionStatus.PENDING)
    start = models.PositiveIntegerField(null=True, blank=True)
    tokens = models.PositiveIntegerField(default=0)
    model = models.CharField(max_length=validation.MODEL_NAME_CHARS, blank=True, default="")
    drafted = models.PositiveIntegerField(default=0)
    drafted_tokens = models.PositiveIntegerField(default=0)

    # The answer under way, where its endpoint keeps it: see `AnswerPlace`, whose fields these are.
    answer = models.CharField(max_length=ANSWER_ID_CHARS, blank=True, default="")
    answer_after = models.PositiveIntegerField(default=0)
    answer_tokens = models.PositiveIntegerField(default=0)
    answer_event = models.BigIntegerField(null=True, blank=True)
    answer_chars = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["artifact", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["artifact", "position"], name="section_artifact_position"),
            models.CheckConstraint(condition=Q(status__in=SectionStatus.values), name="section_status_known"),
            # What is in the document must not come into it once more.
            models.CheckConstraint(condition=Q(start=None) | Q(drafted=0), name="section_drafted_or_placed"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def planned(self) -> PlannedSection:
        """What was asked of it."""
        return PlannedSection(name=self.name, instructions=self.instructions, max_tokens=self.max_tokens)

    @property
    def answer_place(self) -> AnswerPlace:
        return AnswerPlace(
            id=self.answer,
            after=self.answer_after,
            tokens=self.answer_tokens,
            event=self.answer_event,
            chars=self.answer_chars,
        )


class Delta(models.Model):
    """The text that one flush committed. Rows of the current epoch stay, for replay and catch-up, until it is over."""

    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="deltas", db_index=False)
    epoch = models.PositiveIntegerField()
    seq = models.PositiveBigIntegerField()
    offset = models.PositiveIntegerField()
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["artifact", "epoch", "offset"]
        constraints: ClassVar = [
            # Two writers can never put text at one place; also the index of every catch-up.
            models.UniqueConstraint(fields=["artifact", "epoch", "offset"], name="delta_artifact_epoch_offset"),
            models.CheckConstraint(condition=~Q(text=""), name="delta_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.artifact_id}:{self.epoch}:{self.offset}"


class PieceTimes(models.Model):
    """When which piece of a document that is over was written, packed by `written_pieces`: what its deltas told beside
    their text. They have gone, or go. `page` is the HTML of its text, compressed, where that was saved.
    """

    artifact = models.OneToOneField(Artifact, on_delete=models.CASCADE, primary_key=True, related_name="piece_times")
    epoch = models.PositiveIntegerField()
    packed = models.BinaryField()
    page = models.BinaryField(null=True)

    def __str__(self) -> str:
        return f"{self.artifact_id}, epoch {self.epoch}"


class DraftDelta(models.Model):
    """What one flush committed of a section whose turn has not come, from its heading on; gone once it is placed."""

    section = models.ForeignKey(Section, on_delete=models.CASCADE, related_name="draft_deltas", db_index=False)
    offset = models.PositiveIntegerField()
    text = models.TextField()

    class Meta:
        ordering: ClassVar = ["section", "offset"]
        constraints: ClassVar = [
            # As for `Delta`: never two texts at one place.
            models.UniqueConstraint(fields=["section", "offset"], name="draft_delta_section_offset"),
            models.CheckConstraint(condition=~Q(text=""), name="draft_delta_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.section_id}:{self.offset}"


class SourceText(models.Model):
    """An earlier document that the text of an epoch was written from: which text it was, and what of it was told."""

    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="sources", db_index=False)
    epoch = models.PositiveIntegerField()
    position = models.PositiveSmallIntegerField()
    earlier = models.ForeignKey(Artifact, on_delete=models.SET_NULL, null=True, related_name="later_sources")
    title = models.CharField(max_length=validation.TITLE_CHARS)
    earlier_epoch = models.PositiveIntegerField()
    earlier_length = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    part = models.TextField()

    class Meta:
        ordering: ClassVar = ["artifact", "epoch", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["artifact", "epoch", "position"], name="source_artifact_epoch_position"),
        ]

    def __str__(self) -> str:
        return f"{self.title}, epoch {self.earlier_epoch}"


class ArtifactVersion(models.Model):
    """The text of an earlier epoch, kept when another took its place; `author` and `note` say how that text came about.

    Its number is its epoch; writing it took `seconds`.
    """

    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="versions", db_index=False)
    epoch = models.PositiveIntegerField()
    stream_status = models.CharField(max_length=10, choices=StreamStatus.choices)
    content = models.TextField(blank=True)
    sections = models.JSONField(default=list)
    tokens_generated = models.PositiveIntegerField(default=0)
    length = models.PositiveIntegerField(default=0)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    model = models.CharField(max_length=validation.MODEL_NAME_CHARS, blank=True, default="")
    note = models.CharField(max_length=validation.NOTE_CHARS, blank=True, default="")
    seconds = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["artifact", "-epoch"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["artifact", "epoch"], name="version_artifact_epoch"),
        ]

    def __str__(self) -> str:
        return f"{self.artifact_id}, epoch {self.epoch}"
