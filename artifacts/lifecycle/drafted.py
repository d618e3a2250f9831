"""The sections that are written beside the one whose turn it is: their text as it comes, and its way into the document.

Only the verbs of `commands` and `writing` use it, each with the row that it has locked.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

from django.db import connection

from artifacts.answer_place import AnswerPlace
from artifacts.document_text import read_draft
from artifacts.errors import WrongOffset
from artifacts.lifecycle.placed_sections import BETWEEN_SECTIONS
from artifacts.lifecycle.rows import LockedRow, insert_deltas
from artifacts.models import Delta, DraftDelta, Section, SectionStatus
from artifacts.preview import closing

_ENDS = ("pk", "position", "start", "drafted")


@dataclass(frozen=True, kw_only=True)
class DraftFlush:
    """Text of the section at `position`, which is written beside: where in its draft it begins, and what the section
    has cost with it. `answer` says how much of a kept answer is committed with it; None leaves that.
    """

    position: int
    offset: int
    text: str
    tokens: int
    answer: AnswerPlace | None = None


def take_drafts(row: LockedRow, flushes: Collection[DraftFlush]) -> None:
    """Commit them; what was committed before changes nothing. Raises `WrongOffset`, and has then written nothing.

    Three queries, however many they are.
    """
    rows = Section.objects.filter(artifact=row.artifact, position__in=[flush.position for flush in flushes])
    ends = {position: (pk, start, drafted) for pk, position, start, drafted in rows.values_list(*_ENDS)}
    taken = [(ends[flush.position][0], flush) for flush in flushes if _is_new(ends.get(flush.position), flush)]
    texts = [(section, flush.offset, flush.text) for section, flush in taken if flush.text]
    with connection.cursor() as cursor:
        if texts:
            cursor.execute(_inserting_sql(len(texts)), [value for one in texts for value in one])
        if taken:
            drafted = [value for section, flush in taken for value in (section, flush.offset + len(flush.text))]
            tokens = [value for section, flush in taken for value in (section, flush.tokens)]
            cursor.execute(_counting_sql(len(taken)), [*drafted, *tokens, *(section for section, _ in taken)])
    for section, flush in taken:
        if flush.answer is not None:
            Section.objects.filter(pk=section).update(**flush.answer.as_columns())


@cache
def _inserting_sql(number: int) -> str:
    values = ", ".join(["(%s, %s, %s)"] * number)
    return f'INSERT INTO "artifacts_draftdelta" ("section_id", "offset", "text") VALUES {values}'  # nosec B608


@cache
def _counting_sql(number: int) -> str:
    """PostgreSQL takes a parameter alone for a text, so each says that it is a number."""
    case = " ".join(["WHEN %s THEN CAST(%s AS integer)"] * number)
    places = ", ".join(["%s"] * number)
    changes = f'"drafted" = CASE "id" {case} END, "drafted_tokens" = CASE "id" {case} END'
    return f'UPDATE "artifacts_section" SET {changes} WHERE "id" IN ({places})'  # nosec B608


def place(row: LockedRow, section: Section) -> None:
    """Its turn has come: what is drafted of it goes to the end of the document."""
    text = read_draft(section)
    section.start, section.drafted, section.drafted_tokens = row.artifact.length, 0, 0
    section.save(update_fields=["start", "drafted", "drafted_tokens"])
    DraftDelta.objects.filter(section=section).delete()
    if text:
        _append(row, BETWEEN_SECTIONS + text if row.artifact.length else text)


def place_drafts(row: LockedRow) -> None:
    """Nobody will write on: all that is drafted goes to the end of the document, in the order of the plan.

    What a section leaves open is closed before the next.
    """
    sections = list(Section.objects.filter(artifact=row.artifact).order_by("position"))
    drafts = [section for section in sections if section.drafted]
    if not drafts:
        return
    for section in sections:
        if section.start is not None and section.start == row.artifact.length:  # begun, and not a word of it
            section.start, section.status = None, SectionStatus.PENDING
            section.save(update_fields=["start", "status"])
    last = max((section.start for section in sections if section.start is not None), default=0)
    begun = row.artifact.text[last:]
    for section in drafts:
        _append(row, closing(begun))
        begun = read_draft(section)
        place(row, section)
        if section.status == SectionStatus.DRAFTED:
            section.status = SectionStatus.COMPLETE
            section.save(update_fields=["status"])
    row.set(sections_completed=sum(section.status == SectionStatus.COMPLETE for section in sections))


def _is_new(end: tuple[int, int | None, int] | None, flush: DraftFlush) -> bool:
    if end is None:
        raise WrongOffset("There is no such section.")
    section, start, drafted = end
    if start is not None:
        return False  # committed by the verb that placed it, whose answer was lost
    if drafted == flush.offset:
        return True
    written = DraftDelta.objects.filter(section=section, offset=flush.offset, text=flush.text)
    if drafted == flush.offset + len(flush.text) and written.exists():
        return False
    raise WrongOffset(f"The draft ends at {drafted}, the delta begins at {flush.offset}.")


def _append(row: LockedRow, text: str) -> None:
    """Text at the end of the document. Viewers read it from the database: it may be much, and more than one delta."""
    artifact = row.artifact
    if text:
        seq = row.take_seq()
        insert_deltas([Delta(artifact=artifact, epoch=artifact.epoch, seq=seq, offset=artifact.length, text=text)])
        row.set(length=artifact.length + len(text))
