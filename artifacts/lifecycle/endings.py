"""How the writing of a document ends, whoever ends it: its status, its sections, its drafts."""

from __future__ import annotations

from django.db.models import F

from artifacts.lifecycle.drafted import place_drafts
from artifacts.lifecycle.rows import LockedRow, fold_deltas
from artifacts.lifecycle.transitions import TRANSITIONS, target_of
from artifacts.models import Section, SectionStatus, StreamStatus
from artifacts.reasons import WAYS_ON, Reason
from artifacts.validation import clean
from artifacts.webhooks.deliveries import queue_news


def end_as_asked(row: LockedRow, *, section_tokens: int | None = None) -> None:
    """Move to where the stop request wants it, with the reason that was given for it."""
    artifact = row.artifact
    target, reason = target_of(artifact.stop_requested), artifact.stop_reason or Reason.USER
    end_writing(row, target, reason, WAYS_ON.get(reason, ""), section_tokens=section_tokens)


def end_writing(
    row: LockedRow, target: StreamStatus, reason: str, detail: str = "", *, section_tokens: int | None = None
) -> None:
    """Move to a status in which nobody writes. The fence rises, so that a writer that slept is refused."""
    if target not in TRANSITIONS[row.artifact.stream_status]:
        raise AssertionError(f"{row.artifact.stream_status} -> {target} is no transition")
    row.set(stream_status=target, reason=reason, last_error=clean(detail), stop_requested="", lease_until=None)
    if row.artifact.stop_reason:
        row.set(stop_reason="")
    row.set(finished_at=row.now, fence=row.artifact.fence + 1)
    leave_sections(row, section_tokens)
    if target == StreamStatus.COMPLETE:
        row.set(current_section="")
    if target == StreamStatus.CANCELLED:
        place_drafts(row)
    fold_deltas(row)
    queue_news(row.artifact, seq=row.next_seq, now=row.now)


def leave_sections(row: LockedRow, tokens: int | None) -> None:
    """What was being written stays partial; `tokens` are those of the section that was seen, None leaves its count."""
    changes = {"status": SectionStatus.PARTIAL} | ({} if tokens is None else {"tokens": tokens})
    sections = Section.objects.filter(artifact=row.artifact)
    sections.filter(status=SectionStatus.STREAMING).update(**changes)
    drafts = sections.filter(status=SectionStatus.DRAFTING)
    drafts.filter(drafted=0).update(status=SectionStatus.PENDING, tokens=F("drafted_tokens"))
    drafts.update(status=SectionStatus.PARTIAL, tokens=F("drafted_tokens"))
