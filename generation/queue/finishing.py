"""What becomes of a task when its document stops, ends, or waits for another worker. Each verb is one transaction, and
brings task and artifact in line together; what the document's own state becomes, the artifact's lifecycle says.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from artifacts.lifecycle import writing
from artifacts.lifecycle.rows import WriteResult
from artifacts.lifecycle.writing import Flush
from artifacts.models import Artifact, StreamStatus
from generation.models import UNFINISHED, GenerationTask, TaskStatus
from generation.queue.wakeup import wake_after_commit

_TASK_STATUS = {
    StreamStatus.PAUSED: TaskStatus.PAUSED,
    StreamStatus.COMPLETE: TaskStatus.SUCCEEDED,
    StreamStatus.CANCELLED: TaskStatus.CANCELLED,
}


# The ends of a claim: the verb of the artifact's writer, and the task with it


@transaction.atomic
def stop_writing(
    artifact_id: int, *, fence: int, flush: Flush | None, section_tokens: int | None, reason: str, detail: str
) -> WriteResult:
    """The writer ends as a person asked, else `paused` with the reason. Raises `WriterRefused`."""
    result = writing.stop(
        artifact_id, fence=fence, flush=flush, section_tokens=section_tokens, reason=reason, detail=detail
    )
    finish(artifact_id, result.status, detail)
    return result


@transaction.atomic
def release_writing(artifact_id: int, *, fence: int, flush: Flush, section_tokens: int, task_id: int) -> WriteResult:
    """The writer's process shuts down: another worker goes on, unless a stop was asked for. Raises `WriterRefused`."""
    result = writing.release(artifact_id, fence=fence, flush=flush, section_tokens=section_tokens)
    if result.status == StreamStatus.STREAMING:
        requeue(artifact_id, task_id)
    else:
        finish(artifact_id, result.status)
    return result


@transaction.atomic
def complete_writing(artifact_id: int, *, fence: int) -> WriteResult:
    """Every section is written. Raises `WriterRefused`."""
    result = writing.complete(artifact_id, fence=fence)
    finish(artifact_id, result.status)
    return result


# The task alone


@transaction.atomic
def finish(artifact_id: int, status: str, error: str = "") -> None:
    """Bring the unfinished task, if there is one, in line with its artifact, which was stopped with this status.

    Changes nothing where the artifact has another status by now: then its task is another one, or in use again.
    """
    artifact = _locked(artifact_id)
    if artifact is not None and artifact.stream_status == status:
        _end(artifact_id, _TASK_STATUS[StreamStatus(status)], error)


@transaction.atomic
def requeue(artifact_id: int, task_id: int) -> None:
    """The task's worker has released the artifact: it waits for another worker, unless one has it already."""
    artifact = _locked(artifact_id)
    if artifact is not None and artifact.lease_until is None:
        running = GenerationTask.objects.filter(pk=task_id, status=TaskStatus.RUNNING)
        if running.update(status=TaskStatus.QUEUED, worker=""):
            wake_after_commit()


@transaction.atomic
def supersede(artifact_id: int) -> None:
    """The document is about to be written anew: a task of the old text has nothing left to resume."""
    artifact = _locked(artifact_id)
    if artifact is not None:
        was_complete = artifact.stream_status == StreamStatus.COMPLETE
        _end(artifact_id, TaskStatus.SUCCEEDED if was_complete else TaskStatus.CANCELLED, "")


def _locked(artifact_id: int) -> Artifact | None:
    """The artifact, locked before its task as everywhere, so that a claim and a cancel never wait for each other."""
    rows = Artifact.objects.select_for_update().only("stream_status", "lease_until")
    return rows.filter(pk=artifact_id).first()


def _end(artifact_id: int, status: TaskStatus, error: str) -> None:
    task = GenerationTask.objects.select_for_update().filter(artifact_id=artifact_id, status__in=UNFINISHED).first()
    if task is None:
        return
    task.status, task.worker, task.error = status, "", error
    fields = ["status", "worker", "error"]
    if status != TaskStatus.PAUSED:
        task.finished_at = Now()
        fields.append("finished_at")
    task.save(update_fields=fields)
