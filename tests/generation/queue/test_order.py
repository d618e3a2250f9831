"""Users take turns in the queue, whatever one of them piles up, and are told how many come before them."""

from __future__ import annotations

from threading import Barrier

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User

from artifacts.lifecycle.state import state_of
from artifacts.live.feed import Feeds
from artifacts.messaging.subscription import Subscription
from artifacts.models import Artifact
from generation import control
from generation.models import GenerationTask
from generation.queue import claims, finishing
from generation.queue.order import places
from tests.support import documents
from tests.support.documents import LEASE_S, Draft
from tests.support.watching import Watching

PLAN = documents.sections(1)


def users(*names: str) -> list[User]:
    return [User.objects.create_user(name) for name in names]


def ask(user: User | None, times: int = 1) -> list[Artifact]:
    return [control.start(documents.idle(), user, plan=PLAN).artifact for _ in range(times)]


def served() -> str:
    """By whom the next task is that a worker takes; "" where there is none to be had."""
    found = claims.claim("worker", lease_s=LEASE_S)
    return "" if found is None else GenerationTask.objects.get(pk=found.task).requested_by.username


def end(username: str) -> None:
    """A document of theirs that is being written is written."""
    task = GenerationTask.objects.filter(requested_by__username=username, status="running").earliest("pk")
    draft = Draft(pk=task.artifact_id, fence=task.artifact.fence)
    finishing.finish(draft.pk, draft.finish("One").status)


def test_users_take_turns_whoever_came_first(every_database, settings):
    settings.STREAMGEN_USER_RUNNING = 1_000
    heavy, light, late = users("heavy", "light", "late")
    ask(heavy, 20)
    assert [served() for _ in range(5)] == ["heavy"] * 5
    ask(light, 3)

    before = [served() for _ in range(4)]
    ask(late, 2)
    after = [served() for _ in range(6)]

    assert before == ["light", "heavy", "light", "heavy"]
    assert after == ["light", "late", "heavy", "late", "heavy", "heavy"]


def test_who_asks_one_by_one_does_not_pass_who_has_more_waiting(every_database):
    serial, patient = users("serial", "patient")
    ask(patient, 6)
    ask(serial)
    order = []
    for _ in range(8):
        name = served()
        order.append(name)
        if name == "serial":
            ask(serial)

    assert order == ["patient", "serial"] * 4


def test_what_is_over_a_users_limit_waits_and_lets_the_others_pass(every_database, settings):
    settings.STREAMGEN_USER_RUNNING = 2
    heavy, light = users("heavy", "light")
    waiting = ask(heavy, 5)
    last = ask(light)

    assert [served() for _ in range(2)] == ["heavy", "light"]
    assert [served() for _ in range(2)] == ["heavy", ""]
    assert places([waiting[2].pk, waiting[4].pk, last[0].pk]) == {
        waiting[2].pk: "Whoever asked for it has 2 documents being written, which is the most at once; "
        "it is the next one.",
        waiting[4].pk: "Whoever asked for it has 2 documents being written, which is the most at once; "
        "2 more come before it.",
    }
    more = ask(light, 2)
    assert places([more[1].pk]) == {more[1].pk: "1 document comes before it."}  # those of the other keep nobody waiting
    end("heavy")
    assert sorted(served() for _ in range(3)) == ["", "heavy", "light"]


def test_limit_of_what_is_written_holds_however_many_workers_claim(every_database, settings):
    settings.STREAMGEN_USER_RUNNING = 3
    first, second = users("first", "second")
    ask(first, 8)
    ask(second, 8)
    begin = Barrier(4)

    def work() -> None:
        begin.wait(timeout=30)
        while claims.claim("worker", lease_s=LEASE_S) is not None:
            pass

    assert documents.together(*[work] * 4) == [None] * 4

    running = GenerationTask.objects.filter(status="running")
    assert {user.username: running.filter(requested_by=user).count() for user in (first, second)} == {
        "first": 3,
        "second": 3,
    }


def test_dead_writers_document_is_taken_over_before_all_that_waits_and_over_every_limit(every_database, settings):
    settings.STREAMGEN_USER_RUNNING = 1
    heavy, light = users("heavy", "light")
    ask(heavy, 2)
    assert served() == "heavy"
    ask(light)
    documents.expire(GenerationTask.objects.get(status="running").artifact_id)

    assert [served() for _ in range(3)] == ["heavy", "light", ""]


@pytest.mark.django_db
def test_document_that_waits_tells_its_place_in_its_state():
    first, second = ask(None, 2)

    assert state_of(documents.row(first.pk))["last_error"] == "It is the next one."
    assert state_of(documents.row(second.pk))["last_error"] == "1 document comes before it."
    claims.claim("worker", lease_s=LEASE_S)
    assert state_of(documents.row(second.pk))["last_error"] == "It is the next one."


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_place_in_the_queue_changes_before_the_viewers_eyes():
    first, second = await database_sync_to_async(ask)(None, 2)
    watcher, all_feeds = Watching(), Feeds(subscription=Subscription(), poll_s=0.02, preview_s=0.01)
    watched = all_feeds.enter(second.pk, watcher)
    await watcher.until(lambda: watched.replica.epoch)
    assert watched.replica.state["last_error"] == "1 document comes before it."

    await database_sync_to_async(control.cancel)(first)

    await watcher.until(lambda: watched.replica.state["last_error"] == "It is the next one.")
    await all_feeds.leave(watched, watcher)
