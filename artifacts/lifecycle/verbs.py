"""The verbs that change a document: the only writer of streaming fields. Each verb is one transaction: lock the row
without its content, guard, change, save the named fields. Broadcasting happens after commit, in `signals`.

Writers' verbs carry the fence of their claim and raise `WriterRefused` when the writer must end. People's verbs raise
`NotFound` and `IllegalMove`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from artifacts.answer_place import AnswerPlace
from artifacts.errors import LeaseHeld, NotFound, NotStreaming, StaleFence, WrongOffset
from artifacts.lifecycle.transitions import MOVES, illegal, target_of
from artifacts.models import Artifact, ArtifactVersion, Delta, Reason, Section, SectionStatus, StopRequest, StreamStatus
from artifacts.validation import MODEL_NAME_CHARS, clean

FOLD_CHARS = 4096
"""Deltas are folded when this many characters are behind the folded text, or a quarter of it if that is more."""

_PLAN_FIELDS = ("position", "name", "instructions", "max_tokens", "status", "start", "tokens", "model")


@dataclass(frozen=True, kw_only=True)
class PlannedSection:
    """One section of a plan, before it is stored."""

    name: str
    instructions: str
    max_tokens: int


@dataclass(frozen=True, kw_only=True)
class Tail:
    """Text that a writer wants committed with its verb: where it begins, and the artifact's token count with it.

    `answer` says how much of a kept answer is committed with it, for the section being written; None leaves that.
    Raises `ValueError` for text that `limits.clean` would change: databases and offsets would disagree about it.
    """

    offset: int
    text: str
    tokens: int
    answer: AnswerPlace | None = None

    def __post_init__(self) -> None:
        if clean(self.text) != self.text:
            raise ValueError("the text holds NUL or a lone surrogate; clean it before it is counted")


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where the document stands after a verb."""

    artifact: int
    epoch: int
    seq: int
    length: int
    status: str
    stop_requested: str
    fence: int


# Verbs of people


@transaction.atomic
def plan(artifact_id: int, sections: Sequence[PlannedSection], instructions: str) -> Standing:
    """idle -> streaming, waiting for a worker."""
    artifact = _locked(artifact_id)
    if artifact.stream_status != StreamStatus.IDLE:
        raise illegal(artifact, "start")
    return _save(artifact, *_planned(artifact, sections, instructions))


@transaction.atomic
def reset(artifact_id: int, sections: Sequence[PlannedSection], instructions: str) -> Standing:
    """paused | complete | cancelled -> streaming with a new epoch; the old text is kept as a version."""
    artifact = _locked(artifact_id)
    if artifact.stream_status in {StreamStatus.IDLE, StreamStatus.STREAMING}:
        raise illegal(artifact, "regenerate")
    return _save(artifact, *_new_epoch(artifact), *_planned(artifact, sections, instructions))


@transaction.atomic
def restore(artifact_id: int, version_id: int) -> Standing:
    """Bring the text of an earlier epoch back as a new epoch; the present text is kept as a version."""
    artifact = _locked(artifact_id)
    if artifact.stream_status in {StreamStatus.IDLE, StreamStatus.STREAMING}:
        raise illegal(artifact, "restore")
    version = ArtifactVersion.objects.filter(artifact=artifact, pk=version_id).first()
    if version is None:
        raise NotFound("There is no such version of this document.")
    fields = _new_epoch(artifact)
    artifact.content = version.content
    artifact.content_length = artifact.length = len(version.content)
    # A paused version has no task to resume: what comes back is a document that stands as it is.
    whole = version.stream_status == StreamStatus.COMPLETE
    artifact.stream_status = StreamStatus.COMPLETE if whole else StreamStatus.CANCELLED
    artifact.tokens_generated = version.tokens_generated
    Section.objects.bulk_create(Section(artifact=artifact, **row) for row in version.sections)
    artifact.sections_total = len(version.sections)
    artifact.sections_completed = sum(row["status"] == SectionStatus.COMPLETE for row in version.sections)
    artifact.finished_at = artifact.now
    if version.content:
        Delta.objects.create(
            artifact=artifact, epoch=artifact.epoch, seq=artifact.seq + 1, offset=0, text=version.content
        )
    return _save(artifact, *fields, "content_length", "length", "stream_status", "tokens_generated", "sections_total")


@transaction.atomic
def resume(artifact_id: int) -> Standing:
    """paused -> streaming, waiting for a worker; the text stays."""
    artifact = _locked(artifact_id)
    if artifact.stream_status != StreamStatus.PAUSED:
        raise illegal(artifact, "resume")
    artifact.stream_status = StreamStatus.STREAMING
    artifact.reason, artifact.last_error = Reason.QUEUED, ""
    artifact.finished_at = None
    return _save(artifact, "stream_status", "reason", "last_error", "finished_at")


@transaction.atomic
def request_stop(artifact_id: int, request: StopRequest) -> Standing:
    """Ask the live writer to stop; where none is alive, stop here and now.

    Asking again changes nothing; cancel outranks pause.
    """
    artifact = _locked(artifact_id)
    status = artifact.stream_status
    target = target_of(request)
    if status == target:
        return _standing(artifact)
    if status == StreamStatus.PAUSED and target == StreamStatus.CANCELLED:
        return _save(artifact, *_stopped(artifact, target, Reason.USER, ""))
    if status != StreamStatus.STREAMING:
        raise illegal(artifact, request.value)
    asked_before = artifact.stop_requested
    if asked_before == StopRequest.CANCEL:
        request = StopRequest.CANCEL
    if artifact.lease_until is None or artifact.lease_until <= artifact.now:
        return _save(artifact, *_stopped(artifact, target_of(request), Reason.USER, ""))
    if request == asked_before:
        return _standing(artifact)
    artifact.stop_requested = request
    return _save(artifact, "stop_requested")


@transaction.atomic
def delete(artifact_id: int) -> None:
    """Remove the document and its text, from any status. Its writer is refused from now on; viewers are told."""
    _locked(artifact_id).delete()


# Verbs of a writer; where one takes `lease_s`, it renews the lease


@transaction.atomic
def open(artifact_id: int, *, lease_s: float) -> Standing:
    """Claim the document for a new writer: a higher fence, and a lease in database time.

    Raises `LeaseHeld` while another writer is alive. A stop that a dead writer left undone is done here. Where the
    status is not `streaming` afterwards, there is nothing to write.
    """
    artifact = _locked(artifact_id)
    if artifact.stream_status != StreamStatus.STREAMING:
        return _standing(artifact)
    if artifact.lease_until is not None and artifact.lease_until > artifact.now:
        raise LeaseHeld("Another worker is writing this document.")
    if artifact.stop_requested:
        return _save(artifact, *_stopped(artifact, target_of(artifact.stop_requested), Reason.USER, ""))
    artifact.fence += 1
    artifact.started_at = artifact.started_at or artifact.now
    return _save(artifact, *_leased(artifact, lease_s), *_going_on(artifact), "fence", "started_at")


@transaction.atomic
def begin_section(artifact_id: int, *, fence: int, position: int, model: str, lease_s: float) -> Standing:
    """The section at `position` is now being written; it starts where the text ends, unless it was begun before."""
    artifact = _owned(artifact_id, fence)
    section = Section.objects.get(artifact=artifact, position=position)
    section.start = artifact.length if section.start is None else section.start
    section.status, section.model = SectionStatus.STREAMING, clean(model)[:MODEL_NAME_CHARS]
    section.save(update_fields=["start", "status", "model"])
    artifact.current_section, artifact.section_start = section.name, section.start
    return _save(artifact, *_leased(artifact, lease_s), *_going_on(artifact), "current_section")


@transaction.atomic
def append(artifact_id: int, *, fence: int, tail: Tail, lease_s: float) -> Standing:
    """Commit one delta and renew the lease. Cost does not depend on the length of the document.

    The same append again (its answer was lost on the way) changes nothing. A stop request does not refuse the text: the
    caller sees it in the result.
    """
    artifact = _owned(artifact_id, fence)
    if _already_there(artifact, tail):
        return _standing(artifact)
    return _save(artifact, *_appended(artifact, tail), *_leased(artifact, lease_s), *_going_on(artifact))


@transaction.atomic
def complete_section(
    artifact_id: int, *, fence: int, position: int, tail: Tail, tokens: int, model: str, lease_s: float
) -> Standing:
    """The section is written whole; `tokens` are the section's own."""
    artifact = _owned(artifact_id, fence)
    fields = [*_appended(artifact, tail), *_leased(artifact, lease_s)]
    section = Section.objects.get(artifact=artifact, position=position)
    section.status, section.tokens, section.model = SectionStatus.COMPLETE, tokens, clean(model)[:MODEL_NAME_CHARS]
    section.answer = ""  # nothing of it is missing
    section.save(update_fields=["status", "tokens", "model", "answer"])
    artifact.sections_completed = Section.objects.filter(artifact=artifact, status=SectionStatus.COMPLETE).count()
    artifact.current_section = ""
    return _save(artifact, *fields, *_going_on(artifact), "sections_completed", "current_section")


@transaction.atomic
def wait(
    artifact_id: int, *, fence: int, detail: str, lease_s: float, reason: Reason = Reason.WAITING_RETRY
) -> Standing:
    """Show why no text comes: the next attempt is waited for, or the model thinks. The next text clears it."""
    artifact = _owned(artifact_id, fence)
    artifact.reason, artifact.last_error = reason, clean(detail)
    return _save(artifact, "reason", "last_error", *_leased(artifact, lease_s))


@transaction.atomic
def renew(artifact_id: int, *, fence: int, lease_s: float, answer: AnswerPlace | None = None) -> Standing:
    """A sign of life while the model is silent, or has just begun an answer; no news for viewers."""
    artifact = _owned(artifact_id, fence)
    _place(artifact, answer)
    artifact.save(update_fields=_leased(artifact, lease_s))
    return _standing(artifact)


@transaction.atomic
def stop(
    artifact_id: int, *, fence: int, tail: Tail | None, section_tokens: int | None, reason: Reason, detail: str = ""
) -> Standing:
    """The writer ends: as the stop request says, else `paused` with the reason. Commits the tail along with it.

    `section_tokens` are those of the section that was being written; None leaves its count as it is.
    """
    artifact = _owned(artifact_id, fence)
    fields = _appended(artifact, tail) if tail else []
    if artifact.stop_requested:
        target, reason, detail = target_of(artifact.stop_requested), Reason.USER, ""
    else:
        target = StreamStatus.PAUSED
    return _save(artifact, *fields, *_stopped(artifact, target, reason, detail, section_tokens=section_tokens))


@transaction.atomic
def release(artifact_id: int, *, fence: int, tail: Tail, section_tokens: int) -> Standing:
    """The writer's process shuts down: the document waits for the next worker, unless a stop was asked for."""
    artifact = _owned(artifact_id, fence)
    fields = _appended(artifact, tail)
    if artifact.stop_requested:
        target = target_of(artifact.stop_requested)
        return _save(artifact, *fields, *_stopped(artifact, target, Reason.USER, "", section_tokens=section_tokens))
    _partial(artifact, section_tokens)
    artifact.lease_until, artifact.reason, artifact.last_error = None, Reason.SHUTDOWN, ""
    artifact.fence += 1
    return _save(artifact, *fields, "lease_until", "reason", "last_error", "fence")


@transaction.atomic
def complete(artifact_id: int, *, fence: int) -> Standing:
    """Every section is written. A cancel that was asked for before wins; a pause has nothing left to pause."""
    artifact = _owned(artifact_id, fence)
    if artifact.stop_requested == StopRequest.CANCEL:
        return _save(artifact, *_stopped(artifact, StreamStatus.CANCELLED, Reason.USER, ""))
    return _save(artifact, *_stopped(artifact, StreamStatus.COMPLETE, "", ""))


@transaction.atomic
def save_preview(artifact_id: int, *, epoch: int, length: int, html: str) -> None:
    """Keep the preview of the first `length` characters; never in place of a newer one. No news for viewers."""
    artifact = _locked(artifact_id)
    if artifact.epoch == epoch and artifact.preview_length <= length <= artifact.length:
        artifact.preview_html, artifact.preview_length = html, length
        artifact.save(update_fields=["preview_html", "preview_length"])


# The steps that verbs share


def _locked(artifact_id: int) -> Artifact:
    """The row, locked, without its long fields, with the database's time as `now`."""
    rows = Artifact.objects.select_for_update(of=("self",)).defer("content", "preview_html", "instructions")
    artifact = rows.annotate(locked_at=Now()).filter(pk=artifact_id).first()
    if artifact is None:
        raise NotFound
    artifact.now = artifact.locked_at
    return artifact


def _owned(artifact_id: int, fence: int) -> Artifact:
    try:
        artifact = _locked(artifact_id)
    except NotFound:
        raise NotStreaming("The document was deleted.") from None
    if artifact.fence != fence:
        raise StaleFence("Another worker has taken this document over.")
    if artifact.stream_status != StreamStatus.STREAMING:
        raise NotStreaming(f"The document is {artifact.stream_status}.")
    return artifact


def _save(artifact: Artifact, *fields: str) -> Standing:
    """One more committed write: the next seq, and the named fields only (a stale full save once undid a cancel)."""
    artifact.seq += 1
    artifact.save(update_fields={*fields, "seq", "updated_at"})
    return _standing(artifact)


def _standing(artifact: Artifact) -> Standing:
    return Standing(
        artifact=artifact.pk,
        epoch=artifact.epoch,
        seq=artifact.seq,
        length=artifact.length,
        status=artifact.stream_status,
        stop_requested=artifact.stop_requested,
        fence=artifact.fence,
    )


def _planned(artifact: Artifact, sections: Sequence[PlannedSection], instructions: str) -> list[str]:
    Section.objects.filter(artifact=artifact).delete()
    Section.objects.bulk_create(
        Section(artifact=artifact, position=position, **asdict(section)) for position, section in enumerate(sections)
    )
    artifact.stream_status = StreamStatus.STREAMING
    artifact.reason, artifact.last_error = Reason.QUEUED, ""
    artifact.instructions = instructions
    artifact.sections_total = len(sections)
    return ["stream_status", "reason", "last_error", "instructions", "sections_total"]


def _new_epoch(artifact: Artifact) -> list[str]:
    """Keep the text as a version and begin an empty epoch. Deltas of the old epoch go: the version has their text."""
    plan_rows = Section.objects.filter(artifact=artifact).order_by("position")
    ArtifactVersion.objects.create(
        artifact=artifact,
        epoch=artifact.epoch,
        stream_status=artifact.stream_status,
        content=artifact.text,
        sections=list(plan_rows.values(*_PLAN_FIELDS)),
        tokens_generated=artifact.tokens_generated,
    )
    plan_rows.delete()
    Delta.objects.filter(artifact=artifact).delete()
    artifact.epoch += 1
    artifact.content, artifact.content_length, artifact.length = "", 0, 0
    artifact.preview_html, artifact.preview_length = "", 0
    artifact.current_section, artifact.sections_completed, artifact.tokens_generated = "", 0, 0
    artifact.reason, artifact.last_error = "", ""
    artifact.started_at = artifact.finished_at = None
    return [
        *("epoch", "content", "content_length", "length", "preview_html", "preview_length", "current_section"),
        *("sections_completed", "tokens_generated", "reason", "last_error", "started_at", "finished_at"),
    ]


def _leased(artifact: Artifact, lease_s: float) -> list[str]:
    """The writer is alive, and has so long to show it again; the fields to save."""
    artifact.lease_until = artifact.now + timedelta(seconds=lease_s)
    return ["lease_until"]


def _going_on(artifact: Artifact) -> list[str]:
    """Why the document waited is over once its writer works on; the fields to save."""
    if not artifact.reason:
        return []
    artifact.reason, artifact.last_error = "", ""
    return ["reason", "last_error"]


def _already_there(artifact: Artifact, tail: Tail) -> bool:
    if tail.offset + len(tail.text) != artifact.length or not tail.text:
        return False
    return Delta.objects.filter(artifact=artifact, epoch=artifact.epoch, offset=tail.offset, text=tail.text).exists()


def _appended(artifact: Artifact, tail: Tail) -> list[str]:
    """Insert the delta and fold when enough is behind the folded text; the fields to save."""
    artifact.tokens_generated = tail.tokens
    _place(artifact, tail.answer)
    if _already_there(artifact, tail):
        return ["tokens_generated"]
    if tail.offset != artifact.length:
        raise WrongOffset(f"The text ends at {artifact.length}, the delta begins at {tail.offset}.")
    if not tail.text:
        return ["tokens_generated"]
    artifact.delta = Delta.objects.create(
        artifact=artifact, epoch=artifact.epoch, seq=artifact.seq + 1, offset=tail.offset, text=tail.text
    )
    artifact.length += len(tail.text)
    fields = ["tokens_generated", "length"]
    if artifact.length - artifact.content_length >= max(FOLD_CHARS, artifact.content_length // 4):
        fields += _folded(artifact)
    return fields


def _place(artifact: Artifact, answer: AnswerPlace | None) -> None:
    if answer is not None:
        Section.objects.filter(artifact=artifact, status=SectionStatus.STREAMING).update(**answer.as_columns())


def _folded(artifact: Artifact) -> list[str]:
    if artifact.content_length == artifact.length:
        return []
    artifact.content, artifact.content_length = artifact.text, artifact.length
    return ["content", "content_length"]


def _stopped(
    artifact: Artifact, target: StreamStatus, reason: str, detail: str, *, section_tokens: int | None = None
) -> list[str]:
    """Move to a status in which nobody writes; the fields to save. The fence rises: a writer that slept is refused."""
    if target not in MOVES[artifact.stream_status]:
        raise AssertionError(f"{artifact.stream_status} -> {target} is not a move")
    artifact.stream_status = target
    artifact.reason, artifact.last_error = reason, clean(detail)
    artifact.stop_requested, artifact.lease_until = "", None
    artifact.finished_at = artifact.now
    artifact.fence += 1
    _partial(artifact, section_tokens)
    if target == StreamStatus.COMPLETE:
        artifact.current_section = ""
    fields = ["stream_status", "reason", "last_error", "stop_requested", "lease_until", "finished_at", "fence"]
    return [*fields, "current_section", *_folded(artifact)]


def _partial(artifact: Artifact, tokens: int | None) -> None:
    changes = {"status": SectionStatus.PARTIAL} | ({} if tokens is None else {"tokens": tokens})
    Section.objects.filter(artifact=artifact, status=SectionStatus.STREAMING).update(**changes)
