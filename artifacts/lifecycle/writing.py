"""The verbs of a writer. Each is one transaction: lock the row, guard, change, save what was set; `signals` broadcasts
after the commit.

They carry the fence of the writer's claim and raise `WriterRefused` when the writer must end. One that takes `lease_s`
renews the lease, for so many seconds of database time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import connection, transaction

from artifacts.answer_place import AnswerPlace
from artifacts.costs import CallCost, Spent
from artifacts.errors import LeaseHeld, NotFound, NotStreaming, StaleFence, WriterRefused, WrongOffset
from artifacts.lifecycle.drafted import DraftFlush, place, take_drafts
from artifacts.lifecycle.endings import end_as_asked, end_writing, leave_sections
from artifacts.lifecycle.rows import LockedRow, WriteResult, fold_deltas, insert_charges, insert_deltas, lock, lock_all
from artifacts.lifecycle.written_by import called_last, with_model
from artifacts.models import Delta, Section, SectionStatus, StopRequest, StreamStatus
from artifacts.models.kept_query import KeptQuery
from artifacts.reasons import Reason
from artifacts.validation import MODEL_NAME_CHARS, clean

FOLD_CHARS = 4096
"""Deltas are folded when this many characters are behind the folded text, or a quarter of it if that is more."""
MOST_FOLDED_CHARS = {"sqlite": 1_000_000}
"""No more while it is written: any change copies the whole row there, folded text included."""
WHOLE_LEASE = 0.8
"""With so much of a lease left a flush does not renew it."""


@dataclass(frozen=True, kw_only=True)
class Flush:
    """Text that a writer wants committed with its verb: where it begins, and the artifact's token count with it.

    `drafts` are what came of sections whose turn has not come: all of it is committed, or nothing. `answer` says how
    much of a kept answer is committed with it, for the section being written; None leaves that.
    `spent` is what the document has cost so far, None leaves that; `charges` are of the calls that ended meanwhile.
    Raises `ValueError` for text that `validation.clean` would change: databases and offsets would disagree about it.
    """

    offset: int
    text: str
    tokens: int
    answer: AnswerPlace | None = None
    drafts: tuple[DraftFlush, ...] = ()
    spent: Spent | None = None
    charges: tuple[CallCost, ...] = ()

    def __post_init__(self) -> None:
        if any(clean(text) != text for text in (self.text, *(draft.text for draft in self.drafts))):
            raise ValueError("the text holds NUL or a lone surrogate; clean it before it is counted")


@transaction.atomic
def open(artifact_id: int, *, lease_s: float) -> WriteResult:
    """Claim the document for a new writer: a higher fence, and a lease in database time.

    Raises `LeaseHeld` while another writer is alive. A stop that a dead writer left undone is done here. Where the
    status is not `streaming` afterwards, there is nothing to write.
    """
    row = lock(artifact_id)
    artifact = row.artifact
    if artifact.stream_status != StreamStatus.STREAMING:
        return row.result()
    if artifact.lease_until is not None and artifact.lease_until > row.now:
        raise LeaseHeld("Another worker is writing this document.")
    if artifact.stop_requested:
        end_as_asked(row)
        return row.write()
    row.set(fence=artifact.fence + 1, started_at=artifact.started_at or row.now)
    return _worked_on(row, lease_s)


@transaction.atomic
def begin_section(artifact_id: int, *, fence: int, position: int, model: str, lease_s: float) -> WriteResult:
    """The section at `position` is now being written; it starts where the text ends, unless it was begun before."""
    row = _lock_owned(artifact_id, fence)
    section = _section(row, position)
    section.start = row.artifact.length if section.start is None else section.start
    if section.start == row.artifact.length:  # else it names who wrote what is there
        section.model = clean(model)[:MODEL_NAME_CHARS]
    section.status = SectionStatus.STREAMING
    section.save(update_fields=["start", "status", "model"])
    row.section_start = section.start
    row.set(current_section=section.name)
    return _worked_on(row, lease_s)


@transaction.atomic
def begin_draft(artifact_id: int, *, fence: int, position: int, model: str, lease_s: float) -> WriteResult:
    """The section at `position` is now being written beside the one whose turn it is; its text comes with flushes."""
    row = _lock_owned(artifact_id, fence)
    section = _section(row, position)
    if not section.drafted:
        section.model = clean(model)[:MODEL_NAME_CHARS]
    section.status = SectionStatus.DRAFTING
    section.save(update_fields=["status", "model"])
    row.set(current_section=row.artifact.current_section)  # viewers ask for the state
    _renew_lease(row, lease_s)
    return row.write()


@transaction.atomic
def name_model(artifact_id: int, *, fence: int, position: int, model: str, lease_s: float) -> WriteResult:
    """This model writes on in the section at `position`, in which text of another stands, or of one not known yet."""
    row = _lock_owned(artifact_id, fence)
    section = _section(row, position)
    section.model = with_model(section.model, model)
    section.save(update_fields=["model"])
    row.set(current_section=row.artifact.current_section)  # as above
    _renew_lease(row, lease_s)
    return row.write()


@transaction.atomic
def place_section(artifact_id: int, *, fence: int, position: int, flush: Flush, lease_s: float) -> WriteResult:
    """The turn of a drafted section has come: its text so far is in the document, and what follows is seen as it comes.

    The same once more (its answer was lost on the way) changes nothing.
    """
    row = _lock_owned(artifact_id, fence)
    take_drafts(row, flush.drafts)
    _count(row, replace(flush, answer=None))  # nothing is live that an answer could belong to
    section = _section(row, position)
    if section.start is None:
        place(row, section)
        is_whole = section.status == SectionStatus.DRAFTED
        section.status = SectionStatus.COMPLETE if is_whole else SectionStatus.STREAMING
        section.save(update_fields=["status"])
        _count_completed(row)
        row.set(current_section="" if is_whole else section.name)
        _insert([row])
    else:
        insert_charges([row])
    row.section_start = section.start
    return _worked_on(row, lease_s)


@dataclass(frozen=True, kw_only=True)
class Append:
    """One delta of one writer, to be committed with those of others; without a flush no more than a sign of life."""

    artifact: int
    fence: int
    flush: Flush | None
    lease_s: float

    def alone(self) -> WriteResult:
        """The same in a transaction of its own."""
        if self.flush is None:
            return renew(self.artifact, fence=self.fence, lease_s=self.lease_s)
        return append(self.artifact, fence=self.fence, flush=self.flush, lease_s=self.lease_s)


@transaction.atomic
def append(artifact_id: int, *, fence: int, flush: Flush, lease_s: float) -> WriteResult:
    """Commit one delta. Cost does not depend on the length of the document.

    The same append again (its answer was lost on the way) changes nothing. A stop request does not refuse the text: the
    caller sees it in the result.
    """
    row = _lock_owned(artifact_id, fence)
    if _take(row, flush):
        _insert([row])
        return _worked_on(row, lease_s, is_seen=bool(flush.text))
    return row.result()


@transaction.atomic
def append_together(appends: Sequence[Append]) -> list[WriteResult | WriterRefused | None]:
    """`append` or `renew` for several documents in one transaction: what became of each, in their order.

    None where it was not tried, because the document is gone or somebody else has it locked. Whatever is raised fails
    them all.
    """
    rows = lock_all({one.artifact for one in appends})
    outcomes: list[WriteResult | WriterRefused | None] = []
    taken: dict[int, tuple[LockedRow, Append]] = {}
    for number, one in enumerate(appends):
        row = rows.get(one.artifact)
        outcome: WriteResult | WriterRefused | None = None
        if row is not None:
            try:
                if _owned(row, one.fence) and (one.flush is None or _take(row, one.flush)):
                    taken[number] = row, one
                else:
                    outcome = row.result()
            except WriterRefused as refusal:
                outcome = refusal
        outcomes.append(outcome)
    _insert([row for row, _ in taken.values()])
    for number, (row, one) in taken.items():
        if one.flush is None:
            _renew_lease(row, one.lease_s)
            outcomes[number] = row.write(is_seen=False)
        else:
            outcomes[number] = _worked_on(row, one.lease_s, is_seen=bool(one.flush.text))
    return outcomes


@transaction.atomic
def complete_section(
    artifact_id: int, *, fence: int, position: int, flush: Flush, tokens: int, model: str, lease_s: float
) -> WriteResult:
    """The section is written whole; `tokens` are the section's own. One that is written beside waits for its turn."""
    row = _lock_owned(artifact_id, fence)
    _commit(row, flush)
    section = _section(row, position)
    is_draft = section.status in {SectionStatus.DRAFTING, SectionStatus.DRAFTED}
    section.status = SectionStatus.DRAFTED if is_draft else SectionStatus.COMPLETE
    section.tokens, section.model = tokens, called_last(section.model, model)
    section.answer = ""  # nothing of it is missing
    section.save(update_fields=["status", "tokens", "model", "answer"])
    _count_completed(row)
    row.set(current_section=row.artifact.current_section if is_draft else "")
    return _worked_on(row, lease_s)


@transaction.atomic
def wait(
    artifact_id: int, *, fence: int, detail: str, lease_s: float, reason: str = Reason.WAITING_RETRY
) -> WriteResult:
    """Show why no text comes: the next attempt is waited for, or the model thinks. The next text clears it."""
    row = _lock_owned(artifact_id, fence)
    row.set(reason=reason, last_error=clean(detail))
    _renew_lease(row, lease_s)
    return row.write()


@transaction.atomic
def renew(artifact_id: int, *, fence: int, lease_s: float, answer: AnswerPlace | None = None) -> WriteResult:
    """A sign of life while the model is silent, or has just begun an answer; no news for viewers."""
    row = _lock_owned(artifact_id, fence)
    if answer is not None:
        _keep_answer(row, answer)
    _renew_lease(row, lease_s)
    return row.write(is_seen=False)


@transaction.atomic
def stop(
    artifact_id: int, *, fence: int, flush: Flush | None, section_tokens: int | None, reason: str, detail: str = ""
) -> WriteResult:
    """The writer ends: as the stop request says, else `paused` with the reason. Commits the last text along with it.

    `section_tokens` are those of the section that was being written; None leaves its count as it is.
    """
    row = _lock_owned(artifact_id, fence)
    if flush is not None:
        _commit(row, flush)
    if row.artifact.stop_requested:
        end_as_asked(row, section_tokens=section_tokens)
    else:
        end_writing(row, StreamStatus.PAUSED, reason, detail, section_tokens=section_tokens)
    return row.write()


@transaction.atomic
def release(artifact_id: int, *, fence: int, flush: Flush, section_tokens: int) -> WriteResult:
    """The writer's process shuts down: the document waits for the next worker, unless a stop was asked for."""
    row = _lock_owned(artifact_id, fence)
    _commit(row, flush)
    if row.artifact.stop_requested:
        end_as_asked(row, section_tokens=section_tokens)
        return row.write()
    leave_sections(row, section_tokens)
    row.set(lease_until=None, reason=Reason.SHUTDOWN, last_error="", fence=row.artifact.fence + 1)
    return row.write()


@transaction.atomic
def complete(artifact_id: int, *, fence: int) -> WriteResult:
    """Every section is written. A cancel that was asked for before wins; a pause has nothing left to pause."""
    row = _lock_owned(artifact_id, fence)
    if row.artifact.stop_requested == StopRequest.CANCEL:
        end_as_asked(row)
    else:
        end_writing(row, StreamStatus.COMPLETE, "")
    return row.write()


@transaction.atomic
def save_preview(artifact_id: int, *, epoch: int, length: int, html: str) -> None:
    """Keep the preview of the first `length` characters; never in place of a newer one. No news for viewers."""
    row = lock(artifact_id)
    if row.artifact.epoch == epoch and row.artifact.preview_length <= length <= row.artifact.length:
        row.set(preview_html=html, preview_length=length)
        row.write(is_seen=False)


_SECTION = KeptQuery(lambda: Section.objects.filter(artifact=1, position=2))


def _section(row: LockedRow, position: int) -> Section:
    found = _SECTION.instances(row.artifact.pk, position)
    if not found:
        raise Section.DoesNotExist
    return found[0]


def _lock_owned(artifact_id: int, fence: int) -> LockedRow:
    """The row of a document that the claim with this fence may write to."""
    try:
        return _owned(lock(artifact_id), fence)
    except NotFound:
        raise NotStreaming("The document was deleted.") from None


def _owned(row: LockedRow, fence: int) -> LockedRow:
    if row.artifact.fence != fence:
        raise StaleFence("Another worker has taken this document over.")
    if row.artifact.stream_status != StreamStatus.STREAMING:
        raise NotStreaming(f"The document is {row.artifact.stream_status}.")
    return row


def _renew_lease(row: LockedRow, lease_s: float) -> None:
    row.set(lease_until=row.now + timedelta(seconds=lease_s))


def _worked_on(row: LockedRow, lease_s: float, *, is_seen: bool = True) -> WriteResult:
    """The writer is alive and works: it has its lease, and no reason to wait.

    Where nothing of the work `is_seen`, what viewers wait for is still what they were told. A lease that is nearly
    whole is left: its column is indexed, and a flush that spares the index writes a fifth less to the log.
    """
    until = row.artifact.lease_until
    if until is None or until < row.now + timedelta(seconds=lease_s * WHOLE_LEASE):
        _renew_lease(row, lease_s)
    if is_seen and row.artifact.reason:
        row.set(reason="", last_error="")
    return row.write()


def _count_completed(row: LockedRow) -> None:
    completed = Section.objects.filter(artifact=row.artifact, status=SectionStatus.COMPLETE).count()
    row.set(sections_completed=completed)


def _commit(row: LockedRow, flush: Flush) -> None:
    """Bring the flush with what the verb changes, unless it was committed before."""
    if _take(row, flush):
        _insert([row])
    else:
        _count(row, flush)
        insert_charges([row])


def _take(row: LockedRow, flush: Flush) -> bool:
    """Set what the flush changes, its delta is then to be inserted; False where it was committed before.

    A flush that is refused has written nothing.
    """
    artifact, text = row.artifact, flush.text
    if text and flush.offset + len(text) == artifact.length:
        same = Delta.objects.filter(artifact=artifact, epoch=artifact.epoch, offset=flush.offset, text=text)
        if same.exists():
            return False
    if flush.offset != artifact.length:
        raise WrongOffset(f"The text ends at {artifact.length}, the delta begins at {flush.offset}.")
    if flush.drafts:
        take_drafts(row, flush.drafts)
    _count(row, flush)
    if text:
        row.delta = Delta(artifact=artifact, epoch=artifact.epoch, seq=row.next_seq, offset=flush.offset, text=text)
        row.set(length=artifact.length + len(text))
    return True


def _count(row: LockedRow, flush: Flush) -> None:
    """What the text has cost, in tokens and in money, and how much of a kept answer it is."""
    row.set(tokens_generated=flush.tokens)
    if flush.spent is not None:
        row.set(cost=flush.spent.cost, cost_estimated=flush.spent.estimated, cost_under_way=flush.spent.under_way)
    row.charges = flush.charges
    if flush.answer is not None:
        _keep_answer(row, flush.answer)


def _insert(rows: Collection[LockedRow]) -> None:
    """What these rows bring: charges, and deltas, which are folded where enough is behind the folded text."""
    if any(row.charges for row in rows):
        insert_charges(rows)
    deltas = [row.delta for row in rows if row.delta is not None]
    if deltas:
        insert_deltas(deltas)
    most = MOST_FOLDED_CHARS.get(connection.vendor, float("inf"))
    for row in rows:
        artifact = row.artifact
        behind = artifact.length - artifact.content_length
        if artifact.content_length < most and behind >= max(FOLD_CHARS, artifact.content_length // 4):
            fold_deltas(row)


def _keep_answer(row: LockedRow, answer: AnswerPlace) -> None:
    Section.objects.filter(artifact=row.artifact, status=SectionStatus.STREAMING).update(**answer.as_columns())
