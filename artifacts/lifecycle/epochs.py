"""From one text of a document to another: the present one is kept as a version, the oldest goes where there are too
many, and the next epoch begins. Only verbs use it, each with the row that it has locked.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from django.conf import settings

from artifacts.errors import Busy
from artifacts.lifecycle.rows import LockedRow, lock
from artifacts.lifecycle.transitions import illegal
from artifacts.lifecycle.written_by import joined_models
from artifacts.models import (
    Artifact,
    ArtifactVersion,
    Delta,
    PieceTimes,
    Section,
    SectionStatus,
    SourceText,
    StreamStatus,
)
from artifacts.planned_section import PlannedSection
from artifacts.validation import NOTE_CHARS

_KEPT_OF_SECTIONS = (
    "position",
    *(field.name for field in fields(PlannedSection)),
    "status",
    "start",
    "tokens",
    "model",
)


@dataclass(frozen=True, kw_only=True)
class Change:
    """Who changes the text (the id of a user), and a line that says how."""

    author: int | None = None
    note: str = ""


UNKNOWN = Change()


def lock_at_rest(artifact_id: int, verb: str) -> LockedRow:
    """A document that was begun and that nobody writes. Raises `NotFound`, `IllegalTransition`, `Busy`."""
    row = lock(artifact_id)
    status = row.artifact.stream_status
    if status in {StreamStatus.IDLE, StreamStatus.STREAMING}:
        refusal = illegal(row.artifact, verb)
        if status == StreamStatus.STREAMING:
            raise Busy(status, verb, refusal.hint)
        raise refusal
    return row


def begin_epoch(row: LockedRow, by: Change) -> None:
    """Keep the text as a version and begin an empty one. Deltas of the old epoch go: the version has their text."""
    artifact = row.artifact
    sections = list(Section.objects.filter(artifact=artifact).order_by("position").values(*_KEPT_OF_SECTIONS))
    for section in sections:
        if section["start"] is None:  # nothing of it is in this text; what is drafted of it stays with its row
            section["status"] = SectionStatus.PENDING
        section["model"] = section["model"] if section["start"] is not None else ""
    ArtifactVersion.objects.create(
        artifact=artifact,
        epoch=artifact.epoch,
        stream_status=artifact.stream_status,
        content=artifact.text,
        sections=sections,
        tokens_generated=artifact.tokens_generated,
        length=artifact.length,
        author_id=artifact.text_author_id,
        model=joined_models(section["model"] for section in sections),
        note=artifact.text_note,
        seconds=_seconds(artifact),
    )
    kept = ArtifactVersion.objects.filter(artifact=artifact).order_by("-epoch")
    for epoch in kept.values_list("epoch", flat=True)[settings.STREAMGEN_VERSIONS - 1 :][:1]:
        ArtifactVersion.objects.filter(artifact=artifact, epoch__lt=epoch).delete()
        SourceText.objects.filter(artifact=artifact, epoch__lt=epoch).delete()
    Delta.objects.filter(artifact=artifact).delete()
    PieceTimes.objects.filter(artifact=artifact).delete()
    row.set(epoch=artifact.epoch + 1, content="", content_length=0, length=0, preview_html="", preview_length=0)
    row.set(text_author_id=by.author, text_note=by.note[:NOTE_CHARS])


def _seconds(artifact: Artifact) -> int | None:
    if artifact.started_at is None or artifact.finished_at is None:
        return None
    return max(0, round((artifact.finished_at - artifact.started_at).total_seconds()))


def set_text(row: LockedRow, text: str) -> None:
    """The whole text of an epoch that has just begun."""
    row.set(content=text, content_length=len(text), length=len(text))
    if text:
        # Not the write's own delta: viewers read a new epoch from the database.
        artifact = row.artifact
        Delta.objects.create(artifact=artifact, epoch=artifact.epoch, seq=row.next_seq, offset=0, text=text)
