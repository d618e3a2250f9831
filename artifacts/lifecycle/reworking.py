"""The verbs of people on the text of a document at rest. Each is one transaction: lock the row, guard, keep the text
before as a version, change one section, save what was set; `signals` broadcasts after the commit.

They raise `NotFound`, `IllegalTransition`, `Busy`, and `BaseChanged` where the section is not what the change was made
from.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.db import transaction
from django.db.models import F

from artifacts.answer_place import NO_ANSWER
from artifacts.errors import BaseChanged, BaseGone, IllegalTransition, InvalidInput, NotFound
from artifacts.lifecycle.epochs import Change, begin_epoch, lock_at_rest, set_text
from artifacts.lifecycle.placed_sections import (
    BETWEEN_SECTIONS,
    PlacedSection,
    heading_of,
    nth,
    place_of_draft,
    placed_sections,
    sha256_of,
)
from artifacts.lifecycle.rows import LockedRow, WriteResult, lock
from artifacts.lifecycle.sources import copy_sources
from artifacts.lifecycle.transitions import illegal
from artifacts.models import Artifact, Section, SectionStatus, StreamStatus
from artifacts.planned_section import PlannedSection
from artifacts.validation import PLAN_SECTIONS

_BEFORE_ACCEPTING = {
    StreamStatus.IDLE: "Reject it.",
    StreamStatus.STREAMING: "Wait until it is written.",
    StreamStatus.PAUSED: "Resume it, or reject it.",
    StreamStatus.CANCELLED: "Regenerate it, or reject it.",
}


@transaction.atomic
def replace_section(
    artifact_id: int, number: int, *, body: str, ending: str, base_sha256: str, by: Change
) -> WriteResult:
    """Put `body` in the place of the section's own, which has the hash `base_sha256`.

    `ending` closes what the body leaves open; it is left out where the section is not written whole yet.
    """
    row = lock_at_rest(artifact_id, "edit")
    text, rows, bodies = _read(row)
    section = nth(bodies, number)
    whole = body if section.status == SectionStatus.PARTIAL else body + ending
    if whole == section.body:
        return row.result()  # also to who saves the same a second time, from what they had before
    _check_base(row, section, base_sha256)
    _replace(row, text, rows, section, whole, by)
    return row.write()


@transaction.atomic
def put_draft(artifact_id: int, draft_id: int, *, by: Change) -> WriteResult:
    """Put a finished draft in the place of the section that it was written for; the draft goes."""
    row = lock_at_rest(artifact_id, "accept the draft")
    draft = lock(draft_id).artifact
    if draft.draft_of_id != artifact_id:
        raise NotFound
    if draft.stream_status != StreamStatus.COMPLETE:
        hint = _BEFORE_ACCEPTING[StreamStatus(draft.stream_status)]
        raise IllegalTransition(draft.stream_status, "accept it", hint, of="the draft")
    text, rows, bodies = _read(row)
    written = Section.objects.get(artifact=draft, position=0)
    section = place_of_draft(bodies, draft, written.name)
    body = placed_sections(draft.text, [written])[0].body
    if section is None:
        raise BaseGone(epoch=row.artifact.epoch, draft=body)
    _check_base(row, section, draft.draft_base, body)
    target = rows[section.number - 1]
    _replace(row, text, rows, section, body, by)  # which keeps the text before with who wrote that
    target.tokens += draft.tokens_generated  # what was spent on the text before stays its cost
    target.model = written.model
    target.status = SectionStatus.COMPLETE
    target.save(update_fields=["tokens", "model", "status"])
    completed = sum(one.status == SectionStatus.COMPLETE for one in rows)
    row.set(tokens_generated=row.artifact.tokens_generated + draft.tokens_generated, sections_completed=completed)
    row.set(cost=row.artifact.cost + draft.cost, cost_estimated=row.artifact.cost_estimated + draft.cost_estimated)
    draft.delete()
    return row.write()


@dataclass(frozen=True, kw_only=True)
class Added:
    """A section that is new in the plan, with a heading and no text."""

    number: int
    result: WriteResult


@transaction.atomic
def insert_section(artifact_id: int, planned: PlannedSection, *, after: int | None, by: Change) -> Added:
    """A new section of a finished document behind section `after` (0: before the first; None: at the end)."""
    row = lock_at_rest(artifact_id, "add a section")
    if row.artifact.stream_status != StreamStatus.COMPLETE:
        raise illegal(row.artifact, "add a section")
    text, rows, _ = _read(row)
    position = len(rows) if after is None else after
    if not 0 <= position <= len(rows):
        raise InvalidInput("after", f"after must lie between 0 and {len(rows)}, the number of sections.")
    if len(rows) >= PLAN_SECTIONS:
        raise IllegalTransition(row.artifact.stream_status, "add a section", f"It has {PLAN_SECTIONS} already.")
    begin = len(text) if position == len(rows) else rows[position].start
    assert begin is not None  # a finished document has begun them all
    heading = (BETWEEN_SECTIONS if begin else "") + heading_of(planned.name)
    # What was the first section has no joint yet; it begins with the one that it gets.
    joint = BETWEEN_SECTIONS if text and not begin else ""
    begin_epoch(row, by)
    copy_sources(row, row.artifact.epoch - 1)
    set_text(row, text[:begin] + heading + joint + text[begin:])
    for one in reversed(rows[position:]):  # from the end: no two of them at one place
        moved = len(heading) + (len(joint) if one.position else 0)
        one.position, one.start = one.position + 1, (one.start or 0) + moved
        one.save(update_fields=["position", "start"])
    Section.objects.create(
        artifact=row.artifact,
        position=position,
        status=SectionStatus.COMPLETE,
        start=begin,
        **asdict(planned),
    )
    row.set(sections_total=len(rows) + 1, sections_completed=len(rows) + 1)
    return Added(number=position + 1, result=row.write())


@transaction.atomic
def drop_draft(artifact_id: int, draft_id: int, *, by: Change) -> WriteResult:
    """A draft goes, and with it the section that was added for it alone: no bare heading is left behind."""
    row = lock(artifact_id)
    draft = lock(draft_id).artifact
    if draft.draft_of_id != artifact_id:
        raise NotFound
    draft.delete()
    if row.artifact.stream_status == StreamStatus.COMPLETE:
        text, rows, bodies = _read(row)
        added = _added_for(draft, rows, bodies)
        if added is not None:
            _take_out(row, text, rows, added, by)
            return row.write()
    return row.result()


def set_title(artifact_id: int, title: str) -> WriteResult:
    """Another title, in any status, also of its drafts; the text stays."""
    with transaction.atomic():
        row = lock(artifact_id)
        for draft_id in Artifact.objects.filter(draft_of=artifact_id).order_by("pk").values_list("pk", flat=True):
            draft = lock(draft_id)
            draft.set(title=title)
            draft.write()
        row.set(title=title)
        return row.write()


def _read(row: LockedRow) -> tuple[str, list[Section], list[PlacedSection]]:
    text = row.artifact.text
    rows = list(Section.objects.filter(artifact=row.artifact).order_by("position"))
    return text, rows, placed_sections(text, rows)


def _check_base(row: LockedRow, section: PlacedSection, base_sha256: str, draft: str | None = None) -> None:
    if section.sha256 != base_sha256:
        raise BaseChanged(text=section.body, sha256=section.sha256, epoch=row.artifact.epoch, draft=draft)


def _added_for(draft: Artifact, rows: list[Section], bodies: list[PlacedSection]) -> Section | None:
    """The section that has had no text yet and waits for this draft alone; None where there is none."""
    if draft.draft_base != sha256_of("") or len(rows) == 1:
        return None
    empty = [rows[one.number - 1] for one in bodies if not one.body and not rows[one.number - 1].model]
    waiting = Artifact.objects.filter(draft_of=draft.draft_of_id, draft_base=draft.draft_base).count()
    empty.sort(key=lambda one: abs(one.position - draft.draft_position))
    return empty[0] if len(empty) > waiting else None


def _take_out(row: LockedRow, text: str, rows: list[Section], section: Section, by: Change) -> None:
    """The next epoch, without this section and its heading."""
    place = section.position
    begin = section.start or 0
    end = len(text) if place + 1 == len(rows) else rows[place + 1].start or 0
    # The one that becomes the first has no joint before it.
    joint = len(BETWEEN_SECTIONS) if place == 0 and text[end:].startswith(BETWEEN_SECTIONS) else 0
    begin_epoch(row, by)
    copy_sources(row, row.artifact.epoch - 1)
    set_text(row, text[:begin] + text[end + joint :])
    section.delete()
    for one in rows[place + 1 :]:
        start = max(begin, (one.start or 0) - (end + joint - begin))
        one.position, one.start = one.position - 1, start
        one.save(update_fields=["position", "start"])
    row.set(sections_total=len(rows) - 1, sections_completed=len(rows) - 1)


def _replace(row: LockedRow, text: str, rows: list[Section], section: PlacedSection, body: str, by: Change) -> None:
    """The next epoch, which differs in this body alone."""
    begin_epoch(row, by)
    copy_sources(row, row.artifact.epoch - 1)
    set_text(row, text[: section.begin] + body + text[section.end :])
    moved = len(body) - (section.end - section.begin)
    later = [
        one.pk for one in rows if one.start is not None and one.start >= section.end and one.position >= section.number
    ]
    if moved and later:
        Section.objects.filter(pk__in=later).update(start=F("start") + moved)
    # What an endpoint keeps of an answer belongs to the text before.
    Section.objects.filter(artifact=row.artifact).exclude(answer="").update(**NO_ANSWER.as_columns())
