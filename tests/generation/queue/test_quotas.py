"""How much one user may have at once: exact, whoever asks at the same moment, and told with the time to wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone

from artifacts.models import ActionRecord, Artifact
from generation import control, reworking
from generation.errors import LimitReached
from generation.models import GenerationTask
from tests.support import documents

PLAN = documents.sections(1)


def ask(user: User, artifact: Artifact | None = None) -> GenerationTask:
    return control.start(artifact or documents.idle(), user, plan=PLAN)


def refusal(work: Callable[[], Any]) -> LimitReached:
    with pytest.raises(LimitReached) as raised:
        work()
    return raised.value


@pytest.mark.parametrize(
    ("limit", "code"),
    [("STREAMGEN_USER_QUEUED", "queue_full"), ("STREAMGEN_USER_STARTS_PER_MINUTE", "too_many_starts")],
)
def test_limit_is_exact_however_many_ask_at_once(every_database, settings, limit, code):
    setattr(settings, limit, 3)
    user, other = User.objects.create_user("user"), User.objects.create_user("other")
    idle = [documents.idle() for _ in range(8)]
    begin = Barrier(8)

    def work(artifact: Artifact) -> str:
        begin.wait(timeout=30)
        try:
            return ask(user, artifact).status
        except LimitReached as error:
            return error.code

    outcomes = documents.together(*(partial(work, artifact) for artifact in idle))

    assert Counter(outcomes) == {"queued": 3, code: 5}
    assert Artifact.objects.filter(stream_status="idle").count() == 5  # what is refused changes nothing
    assert ask(other).status == "queued"


@pytest.mark.django_db
def test_starts_of_a_minute_are_told_with_the_time_to_wait(settings):
    settings.STREAMGEN_USER_STARTS_PER_MINUTE = 2
    user = User.objects.create_user("user")
    first, second, third = documents.paused(), documents.complete("One"), documents.idle()
    for artifact in (first, second):
        GenerationTask.objects.get_or_create(artifact=artifact, status="paused")
    control.resume(first, user)
    reworking.rewrite_section(second, user, 1)
    ActionRecord.objects.filter(verb="resume").update(at=timezone.now() - timedelta(seconds=20, milliseconds=500))

    refused = refusal(lambda: ask(user, third))

    assert (refused.code, refused.retry_after_s) == ("too_many_starts", 40)
    assert refused.detail == "You started 2 documents within a minute, which is the most. Try again in 40 s."
    ActionRecord.objects.update(at=F("at") - timedelta(seconds=40))
    assert ask(user, third).status == "queued"


@pytest.mark.django_db
def test_full_queue_is_told_with_an_estimate_and_deleting_makes_room(settings):
    settings.STREAMGEN_USER_QUEUED = 2
    user = User.objects.create_user("user")
    waiting = [ask(user), ask(user)]

    refused = refusal(lambda: ask(user))

    assert (refused.code, refused.retry_after_s) == ("queue_full", 60)
    assert refused.detail == (
        "You have 2 documents waiting to be written, which is the most. Try again in about 60 s, or cancel one of them."
    )
    now = timezone.now()
    GenerationTask.objects.create(
        artifact=documents.idle(),
        requested_by=user,
        status="succeeded",
        started_at=now - timedelta(seconds=90),
        finished_at=now,
    )
    assert refusal(lambda: ask(user)).retry_after_s == 90
    control.cancel(waiting[0].artifact, user)
    assert ask(user).status == "queued"


@pytest.mark.django_db
def test_staff_resume_for_others_without_a_limit(settings):
    settings.STREAMGEN_USER_STARTS_PER_MINUTE = 1
    user, staff = User.objects.create_user("user"), User.objects.create_user("staff")
    tasks = [
        GenerationTask.objects.create(artifact=documents.paused(), requested_by=user, status="paused") for _ in "ab"
    ]

    for task in tasks:
        control.resume(task.artifact, staff, for_its_user=True)

    assert set(GenerationTask.objects.values_list("requested_by__username", "status")) == {("user", "queued")}
