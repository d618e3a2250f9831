"""The task table as a queue: who gets what, in which order, and what becomes of tasks whose workers vanish."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import count
from threading import Barrier, Event
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from artifacts.lifecycle import commands
from artifacts.models import Artifact, StopRequest
from generation import control
from generation.models import GenerationTask
from generation.queue import claims, finishing
from generation.queue.claims import POISON_RECLAIMS, Claim
from tests.support import documents
from tests.support.documents import LEASE_S, Draft, row

PLAN = documents.sections(1)


def queued(*, model: str = "") -> GenerationTask:
    return control.start(documents.idle(), None, plan=PLAN, model=model)


def claim(**kwargs: int) -> Claim | None:
    return claims.claim("worker", lease_s=LEASE_S, **kwargs)


def taken(**kwargs: int) -> Claim:
    found = claim(**kwargs)
    assert found is not None
    return found


def draft_of(found: Claim) -> Draft:
    return Draft(pk=found.artifact, fence=found.fence)


def fresh(task: GenerationTask) -> GenerationTask:
    task.refresh_from_db()
    return task


# Claims


@pytest.mark.django_db
def test_one_trip_takes_so_many_and_says_whether_more_wait():
    tasks = [queued(), queued(), queued()]

    first = claims.take("worker", most=2, lease_s=LEASE_S)
    rest = claims.take("worker", most=2, lease_s=LEASE_S, besides=[one.artifact for one in first.claims])

    assert [one.task for one in first.claims + rest.claims] == [task.pk for task in tasks]
    assert (first.is_last, rest.is_last) == (False, True)
    assert rest.lease_end_s is None  # the leases that run are the worker's own


@pytest.mark.django_db
def test_what_was_claimed_before_the_database_went_away_is_kept():
    tasks = [queued(), queued()]
    claimed = count()

    def goes_away(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith('UPDATE "generation_generationtask"') and next(claimed) == 1:
            raise OperationalError("away")
        return execute(sql, *rest)

    with connection.execute_wrapper(goes_away):
        taken = claims.take("worker", most=5, lease_s=LEASE_S)

    assert [one.task for one in taken.claims] == [tasks[0].pk]
    assert not taken.is_last
    assert [one.task for one in claims.take("worker", most=5, lease_s=LEASE_S).claims] == [tasks[1].pk]


@pytest.mark.django_db
def test_oldest_task_comes_first_and_each_once():
    tasks = [queued(), queued(), queued()]

    assert [taken().task for _ in tasks] == [task.pk for task in tasks]
    assert claim() is None


@pytest.mark.django_db
def test_claim_carries_what_the_writer_needs():
    task = queued(model="tiny")

    found = taken()

    artifact = row(task.artifact_id)
    assert found == Claim(task=task.pk, artifact=artifact.pk, fence=artifact.fence, epoch=1, length=0, model="tiny")
    assert (fresh(task).status, task.worker) == ("running", "worker")
    assert task.started_at is not None
    assert artifact.lease_until is not None


@pytest.mark.django_db
def test_only_the_named_task_is_claimed():
    first, second = queued(), queued()

    assert taken(only=second.pk).task == second.pk
    assert claim(only=second.pk) is None
    assert claim(only=10**9) is None
    assert fresh(first).status == "queued"


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["paused", "succeeded", "failed", "cancelled"])
def test_task_that_is_not_to_be_run_is_not_claimed(status):
    task = queued()
    GenerationTask.objects.filter(pk=task.pk).update(status=status)

    assert claim() is None


@pytest.mark.django_db
def test_expired_task_is_reclaimed_with_a_higher_fence_and_goes_on_from_its_text():
    queued()
    first = taken()
    draft_of(first).append("Once")
    documents.expire(first.artifact)

    second = taken()

    assert (second.task, second.length, second.fence) == (first.task, 4, first.fence + 1)
    assert draft_of(second).append(" upon").length == 9


def test_end_of_the_first_lease_of_others_is_known(every_database):
    assert claims.next_lease_end_s() is None
    for lease_s in (3_000, 2_000, 1_000):
        queued()
        claims.claim("worker", lease_s=lease_s)
    first, second, third = Artifact.objects.order_by("pk")

    assert 900 < claims.next_lease_end_s() <= 1_000
    assert 1_900 < claims.next_lease_end_s(besides=[third.pk]) <= 2_000
    documents.expire(second.pk)
    assert 2_900 < claims.next_lease_end_s(besides=[third.pk]) <= 3_000
    assert claims.next_lease_end_s(besides=[first.pk, third.pk]) is None


@pytest.mark.django_db
def test_queued_task_of_a_document_that_somebody_writes_is_left_alone():
    """Were it tried, the refusal would stop the claiming of every task behind it."""
    task, other = queued(), queued()
    taken(only=task.pk)
    GenerationTask.objects.filter(pk=task.pk).update(status="queued")

    assert taken().task == other.pk


@pytest.mark.django_db
def test_stop_that_a_dead_writer_left_undone_ends_the_task_unrun():
    task, other = queued(), queued()
    draft_of(taken(only=task.pk)).append("Once")
    control.cancel(task.artifact)
    documents.expire(task.artifact_id)

    assert taken().task == other.pk
    assert (fresh(task).status, row(task.artifact_id).stream_status) == ("cancelled", "cancelled")
    assert task.finished_at is not None


@pytest.mark.django_db
@pytest.mark.parametrize(("request_", "status"), [(StopRequest.CANCEL, "cancelled"), (StopRequest.PAUSE, "paused")])
def test_task_whose_worker_died_between_stop_and_settling_is_settled(request_, status):
    task = queued()
    draft = draft_of(taken())
    commands.request_stop(draft.pk, request_)
    draft.stop()

    assert claim() is None
    assert fresh(task).status == status


@pytest.mark.django_db
def test_claim_loads_no_text():
    queued()

    with CaptureQueriesContext(connection) as captured:
        taken()

    assert not any(f'"{name}"' in query["sql"] for query in captured for name in ("content", "preview_html", "text"))


@pytest.mark.django_db
def test_claims_read_no_finished_tasks():
    """SQLite uses a partial index only where the query repeats its condition without parameters."""
    asked = []
    control.start(documents.idle(), User.objects.create_user("writer"), plan=PLAN)

    def note(execute, sql, params, many, context):
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        taken()
        assert claim() is None
    looks = [(sql, params) for sql, params in asked if sql.startswith("SELECT") and 'finished_at" IS NULL' in sql]
    plans = []
    with connection.cursor() as cursor:
        for sql, params in looks:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            plans += [line[3] for line in cursor.fetchall() if "generation_generationtask" in line[3]]

    # Abandoned, who is at their limit, waiting, the count of one user's; then the first three once more.
    assert len(looks) == 7
    assert all("USING INDEX task_o" in plan or "USING COVERING INDEX task_o" in plan for plan in plans), plans


# Poison


def die(task: GenerationTask) -> None:
    taken(only=task.pk)
    documents.expire(task.artifact_id)


@pytest.mark.django_db
def test_poison_task_is_paused_after_its_reclaims_and_can_be_resumed():
    task, other = queued(), queued()
    for _ in range(POISON_RECLAIMS + 1):
        die(task)

    assert taken().task == other.pk

    artifact = row(task.artifact_id)
    assert (artifact.stream_status, artifact.reason) == ("paused", "poison")
    assert artifact.last_error == (
        "6 workers died on this document without writing a word. Look at their logs, then resume."
    )
    assert (fresh(task).status, task.worker) == ("paused", "")
    control.resume(artifact)
    for _ in range(POISON_RECLAIMS + 1):
        die(task)
    assert claim(only=task.pk) is None


@pytest.mark.django_db
def test_one_written_word_starts_the_count_anew():
    task = queued()
    for _ in range(POISON_RECLAIMS):
        die(task)
    draft_of(taken(only=task.pk)).append("word")
    documents.expire(task.artifact_id)

    for _ in range(POISON_RECLAIMS):
        die(task)

    assert taken(only=task.pk).length == 4


# Given back, settled, looked at


@pytest.mark.django_db
def test_task_given_back_waits_for_another_worker():
    task = queued()
    found = taken()
    draft_of(found).release("Once")

    finishing.requeue(found.artifact, found.task)

    assert (fresh(task).status, task.worker) == ("queued", "")
    assert taken().length == 4


@pytest.mark.django_db
def test_task_that_another_worker_has_already_is_not_given_back():
    task = queued()
    found = taken()
    draft_of(found).release()
    claims.claim("faster", lease_s=LEASE_S)

    finishing.requeue(found.artifact, found.task)

    assert (fresh(task).status, task.worker) == ("running", "faster")


@pytest.mark.django_db
@pytest.mark.parametrize(("end", "status"), [("stop", "paused"), ("cancel", "cancelled"), ("complete", "succeeded")])
def test_task_is_settled_as_its_document_ended(end, status):
    task = queued()
    draft = draft_of(taken())
    if end == "cancel":
        commands.request_stop(draft.pk, StopRequest.CANCEL)
    standing = draft.finish("Whole") if end == "complete" else draft.stop()

    finishing.finish(draft.pk, standing.status, "a sentence")

    assert (fresh(task).status, task.worker, task.error) == (status, "", "a sentence")
    assert (task.finished_at is None) == (status == "paused")


@pytest.mark.django_db
def test_settling_late_does_not_touch_a_document_that_goes_on():
    resumed, anew = queued(), queued()
    for task in (resumed, anew):
        with transaction.atomic():
            finishing.finish(task.artifact_id, draft_of(taken(only=task.pk)).stop("Half").status)
    control.resume(resumed.artifact)
    control.regenerate(anew.artifact, None, plan=PLAN)

    finishing.finish(resumed.artifact_id, "paused")
    finishing.finish(anew.artifact_id, "paused")

    assert taken().task == resumed.pk
    assert taken().artifact == anew.artifact_id


@pytest.mark.django_db
def test_nothing_is_settled_or_given_back_for_a_deleted_document():
    task = queued()
    found = taken()
    control.delete(task.artifact)

    finishing.requeue(found.artifact, found.task)
    finishing.finish(found.artifact, "cancelled")
    finishing.supersede(found.artifact)

    assert not GenerationTask.objects.filter(pk=found.task).exists()


@pytest.mark.django_db
def test_look_is_one_query_for_all_and_misses_the_deleted():
    tasks = [queued(), queued(), queued()]
    held = [taken() for _ in tasks]
    control.pause(tasks[1].artifact)
    control.delete(tasks[2].artifact)

    with CaptureQueriesContext(connection) as captured:
        seen = claims.poll_claimed([found.artifact for found in held])

    assert len(captured) == 1
    assert seen == {
        held[0].artifact: claims.ClaimState(fence=1, status="streaming", stop_requested=""),
        held[1].artifact: claims.ClaimState(fence=1, status="streaming", stop_requested="pause"),
    }
    assert claims.poll_claimed([]) == {}


# Many workers


def test_task_is_taken_over_by_database_time(postgres, skewed_clock):
    """By this process's own clock every lease is over."""
    first, second = queued(), queued()
    with skewed_clock("- interval '1 hour'"):
        assert taken().task == first.pk
        assert taken().task == second.pk
        assert claim() is None


def test_every_task_is_claimed_once_however_many_workers_ask(every_database):
    tasks = [queued().pk for _ in range(24)]
    begin = Barrier(4)

    def work() -> list[int]:
        begin.wait(timeout=30)
        found = []
        while (got := claim()) is not None:
            found.append(got.task)
        return found

    outcomes = documents.together(*[work] * 4)

    assert Counter(pk for outcome in outcomes for pk in outcome) == Counter(tasks)
    assert set(Artifact.objects.values_list("fence", flat=True)) == {1}


def test_expired_tasks_are_taken_over_once_however_many_workers_ask(every_database):
    tasks = [queued().pk for _ in range(8)]
    for pk in tasks:
        documents.expire(taken(only=pk).artifact)

    def work() -> list[int]:
        found = []
        while (got := claim()) is not None:
            found.append(got.task)
        return found

    outcomes = documents.together(*[work] * 4)

    assert Counter(pk for outcome in outcomes for pk in outcome) == Counter(tasks)
    assert set(Artifact.objects.values_list("fence", flat=True)) == {2}


def test_claim_passes_over_a_document_that_is_locked_instead_of_waiting(postgres):
    busy, free = queued(), queued()
    is_locked, may_end = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            Artifact.objects.select_for_update().get(pk=busy.artifact_id)
            is_locked.set()
            assert may_end.wait(timeout=30)

    def work() -> tuple[Claim | None, Claim | None]:
        assert is_locked.wait(timeout=30)
        try:
            return claim(), claim()
        finally:
            may_end.set()

    held, (first, second) = documents.together(hold, work)

    assert held is None
    assert first.task == free.pk
    assert second is None
    assert taken().task == busy.pk


def locks(work: Callable[[], object]) -> list[str]:
    """Which rows were locked or changed, in their order: artifact, task."""
    with CaptureQueriesContext(connection) as captured:
        work()
    taken = [query["sql"] for query in captured if " FOR UPDATE" in query["sql"] or query["sql"].startswith("UPDATE ")]
    of_artifact = re.compile(r'FOR UPDATE OF "artifacts_artifact"|(FROM|UPDATE) "artifacts_artifact"')
    return ["artifact" if of_artifact.search(sql) else "task" for sql in taken]


def test_artifact_is_locked_before_its_task(postgres):
    task, other, third = queued(), queued(), queued()

    # A claim reads the task again under the locks: what it found may be older than they are.
    assert locks(lambda: claim(only=task.pk))[:3] == ["artifact", "artifact", "task"]  # abandoned, waiting

    found, released = taken(only=other.pk), taken(only=third.pk)
    draft_of(found).stop()
    draft_of(released).release()
    assert locks(lambda: finishing.finish(found.artifact, "paused")) == ["artifact", "task", "task"]
    assert locks(lambda: finishing.requeue(released.artifact, released.task)) == ["artifact", "task"]
    assert locks(lambda: control.resume(other.artifact))[0] == "artifact"
    assert locks(lambda: control.cancel(other.artifact))[0] == "artifact"
    assert locks(lambda: control.regenerate(other.artifact, None, plan=PLAN))[0] == "artifact"
    assert locks(lambda: control.cancel(task.artifact)) == ["artifact", "artifact"]


def test_cancels_and_claims_never_lock_each_other_out(every_database):
    """Locks are taken in one order, artifact before task: PostgreSQL would end a circle with a deadlock error."""
    tasks = [queued() for _ in range(20)]
    begin = Barrier(4)

    def cancel_all(order: int) -> None:
        begin.wait(timeout=30)
        for task in tasks[::order]:
            control.cancel(task.artifact)

    def work() -> list[int]:
        begin.wait(timeout=30)
        found = []
        for _ in range(60):
            got = claim()
            if got is not None:
                found.append(got.task)
                draft = draft_of(got)
                with transaction.atomic():
                    finishing.finish(draft.pk, draft.stop("x").status)
        return found

    outcomes = documents.together(partial(cancel_all, 1), partial(cancel_all, -1), work, work)

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert max(Counter(pk for outcome in outcomes[2:] for pk in outcome).values(), default=1) == 1
    assert {fresh(task).status for task in tasks} == {"cancelled"}
    assert set(Artifact.objects.values_list("stream_status", flat=True)) == {"cancelled"}
