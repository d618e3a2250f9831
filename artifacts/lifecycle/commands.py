"""The verbs of people. Each is one transaction: lock the row, guard, change, save what was set; `signals` broadcasts
after the commit.

They raise `NotFound` and `IllegalTransition`, and trust nothing that the caller read earlier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q

from artifacts.answer_place import NO_ANSWER
from artifacts.errors import IllegalTransition, NotFound
from artifacts.lifecycle.drafted import place_drafts
from artifacts.lifecycle.endings import end_writing
from artifacts.lifecycle.epochs import UNKNOWN, Change, begin_epoch, lock_at_rest, set_text
from artifacts.lifecycle.rows import LockedRow, WriteResult, lock
from artifacts.lifecycle.sources import EarlierText, copy_sources, keep_sources
from artifacts.lifecycle.transitions import illegal, target_of
from artifacts.models import Artifact, ArtifactVersion, Project, Section, SectionStatus, StopRequest, StreamStatus
from artifacts.planned_section import PlannedSection
from artifacts.reasons import WAYS_ON, Reason


@transaction.atomic
def plan(
    artifact_id: int,
    sections: Sequence[PlannedSection],
    instructions: str,
    *,
    by: Change = UNKNOWN,
    sources: Sequence[EarlierText] = (),
) -> WriteResult:
    """idle -> streaming, waiting for a worker."""
    row = lock(artifact_id)
    if row.artifact.stream_status != StreamStatus.IDLE:
        raise illegal(row.artifact, "start")
    _set_plan(row, sections, instructions)
    keep_sources(row, sources)
    row.set(text_author_id=by.author, text_note=by.note)
    return row.write()


@transaction.atomic
def reset(
    artifact_id: int,
    sections: Sequence[PlannedSection],
    instructions: str,
    *,
    by: Change = UNKNOWN,
    sources: Sequence[EarlierText] = (),
) -> WriteResult:
    """paused | complete | cancelled -> streaming with a new epoch; the old text is kept as a version."""
    row = lock_at_rest(artifact_id, "regenerate")
    _begin_empty(row, by)
    _set_plan(row, sections, instructions)
    keep_sources(row, sources)
    return row.write()


@transaction.atomic
def restore(artifact_id: int, version_id: int, *, by: Change = UNKNOWN) -> WriteResult:
    """Bring the text of an earlier epoch back as a new epoch; the present text is kept as a version."""
    row = lock_at_rest(artifact_id, "restore")
    artifact = row.artifact
    version = ArtifactVersion.objects.filter(artifact=artifact, pk=version_id).first()
    if version is None:
        raise NotFound("There is no such version of this document.")
    _begin_empty(row, by)
    set_text(row, version.content)
    copy_sources(row, version.epoch)
    # A paused version has no task to resume: what comes back is a document that stands as it is.
    whole = version.stream_status == StreamStatus.COMPLETE
    row.set(stream_status=StreamStatus.COMPLETE if whole else StreamStatus.CANCELLED, finished_at=row.now)
    if version.seconds is not None:
        row.set(started_at=row.now - timedelta(seconds=version.seconds))
    Section.objects.bulk_create(Section(artifact=artifact, **section) for section in version.sections)
    row.set(
        tokens_generated=version.tokens_generated,
        sections_total=len(version.sections),
        sections_completed=sum(section["status"] == SectionStatus.COMPLETE for section in version.sections),
    )
    return row.write()


@transaction.atomic
def resume(artifact_id: int, *, max_tokens: int | None = None, anew: bool = False, by: Change = UNKNOWN) -> WriteResult:
    """paused -> streaming, waiting for a worker; the text stays.

    `max_tokens` become those of the section that stopped, and of those not begun that have less. `anew` begins the
    section that stopped once more, as a new epoch without a word of it; the text before is kept as a version.
    """
    row = lock(artifact_id)
    if row.artifact.stream_status != StreamStatus.PAUSED:
        raise illegal(row.artifact, "resume")
    stopped = Section.objects.filter(artifact=row.artifact, status=SectionStatus.PARTIAL, start__isnull=False).first()
    if anew and stopped is None:
        raise IllegalTransition(StreamStatus.PAUSED, "write its section anew", "It stopped in none; resume it.")
    if max_tokens is not None:
        later = Q(status=SectionStatus.PENDING, max_tokens__lt=max_tokens)
        Section.objects.filter(later | Q(status=SectionStatus.PARTIAL), artifact=row.artifact).update(
            max_tokens=max_tokens
        )
    if anew and stopped is not None:
        _begin_anew(row, stopped, by)
    row.set(stream_status=StreamStatus.STREAMING, reason=Reason.QUEUED, last_error="", finished_at=None)
    return row.write()


@transaction.atomic
def request_stop(artifact_id: int, request: StopRequest, *, why: str = Reason.USER) -> WriteResult:
    """Ask the live writer to stop, for this reason; where none is alive, stop here and now.

    Asking again changes nothing; cancel outranks pause.
    """
    row = lock(artifact_id)
    artifact, target = row.artifact, target_of(request)
    status = artifact.stream_status
    if status == target:
        return row.result()
    if status == StreamStatus.PAUSED and target == StreamStatus.CANCELLED:
        end_writing(row, target, why, WAYS_ON.get(why, ""))
        return row.write()
    if status != StreamStatus.STREAMING:
        raise illegal(artifact, request.value)
    asked_before = artifact.stop_requested
    if asked_before == StopRequest.CANCEL:
        request = StopRequest.CANCEL
    if artifact.lease_until is None or artifact.lease_until <= row.now:
        end_writing(row, target_of(request), why, WAYS_ON.get(why, ""))
        return row.write()
    if request == asked_before:
        return row.result()
    row.set(stop_requested=request, stop_reason=why)
    return row.write()


@transaction.atomic
def delete(artifact_id: int) -> None:
    """Remove the document, its drafts and all text, from any status. Writers are refused; viewers are told.

    What they cost stays the project's cost.
    """
    # The project before its documents, as whoever deletes the project locks them; new documents do not wait for it.
    project = (
        Project.objects.select_for_update(of=("self",), no_key=True).filter(artifacts=artifact_id).only("pk").first()
    )
    row = lock(artifact_id)
    cost = row.artifact.cost
    for draft in Artifact.objects.filter(draft_of=artifact_id).order_by("pk").values_list("pk", flat=True):
        cost += lock(draft).artifact.cost  # locked, else a flush of its writer would fail the whole deletion
    if project is not None and cost:
        Project.objects.filter(pk=project.pk).update(cost_of_deleted=F("cost_of_deleted") + cost)
    row.artifact.delete()


def _set_plan(row: LockedRow, sections: Sequence[PlannedSection], instructions: str) -> None:
    Section.objects.filter(artifact=row.artifact).delete()
    Section.objects.bulk_create(
        Section(artifact=row.artifact, position=position, **asdict(section))
        for position, section in enumerate(sections)
    )
    row.set(stream_status=StreamStatus.STREAMING, reason=Reason.QUEUED, last_error="")
    row.set(instructions=instructions, sections_total=len(sections))


def _begin_anew(row: LockedRow, stopped: Section, by: Change) -> None:
    """The next epoch, which ends where the section that stopped began; that one is as if it had never been begun."""
    text = row.artifact.text
    begin_epoch(row, by)
    copy_sources(row, row.artifact.epoch - 1)
    set_text(row, text[: stopped.start])
    done = Section.objects.filter(artifact=row.artifact, status=SectionStatus.COMPLETE)
    row.set(current_section="", tokens_generated=sum(done.values_list("tokens", flat=True)))
    stopped.status, stopped.start, stopped.tokens = SectionStatus.PENDING, None, 0
    for name, value in NO_ANSWER.as_columns().items():
        setattr(stopped, name, value)
    stopped.save(update_fields=["status", "start", "tokens", *NO_ANSWER.as_columns()])


def _begin_empty(row: LockedRow, by: Change) -> None:
    """The next epoch, without a word and without a plan."""
    place_drafts(row)  # the version has every word
    begin_epoch(row, by)
    Section.objects.filter(artifact=row.artifact).delete()
    row.set(current_section="", sections_completed=0, tokens_generated=0)
    row.set(reason="", last_error="", started_at=None, finished_at=None)
