"""What a document waits for: told by place, worker, endpoint and person, with the time since when."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from artifacts.models import Artifact, Delta
from generation import control
from generation.queue import claims, workers
from generation.waiting import waiting_of, waits_grown
from tests.support import documents

pytestmark = pytest.mark.django_db


def test_place_in_the_queue_and_who_could_take_it(project, owner):
    first, second, *_ = project.artifacts.all()
    for artifact in (first, second):
        control.start(artifact, owner)
    assert waiting_of(second).sentence.startswith("1 document comes before it. No worker is heard of")
    row = workers.register_worker("here:1", slots=1)
    workers.beat(row, running=1)
    waiting = waiting_of(first)
    assert (waiting.on, waiting.sentence) == (
        "queue",
        "It is the next one. The workers write 1 of 1 documents at once.",
    )
    claims.claim("here:1", lease_s=5)
    assert waiting_of(first) is None
    assert waiting_of(second).sentence.startswith("It is the next one.")


def test_silent_endpoint_gone_worker_and_a_pause(owner):
    draft = documents.opened()
    draft.begin(0)
    draft.append("Hello")
    artifact = Artifact.objects.get(pk=draft.pk)
    assert waiting_of(artifact) is None
    long_ago = timezone.now() - timedelta(minutes=3)
    Delta.objects.update(created_at=long_ago)
    waiting = waiting_of(artifact)
    assert (waiting.on, waiting.since) == ("endpoint", long_ago)
    Artifact.objects.update(lease_until=Now() - timedelta(minutes=1))
    assert waiting_of(artifact).on == "worker"
    assert waiting_of(documents.paused()).on == "person"
    assert waiting_of(documents.complete()) is None


def test_page_and_admin_tell_it(artifact, owner, staff):
    control.start(artifact, owner)
    told = "It is the next one. No worker is heard of"
    client = Client()
    client.force_login(owner)
    assert told in client.get(reverse("artifacts:artifact", args=[artifact.pk])).content.decode()
    client.force_login(staff)
    assert told in client.get(reverse("admin:artifacts_artifact_change", args=[artifact.pk])).content.decode()


def test_limit_of_whoever_asked_is_told_in_page_and_log(project, owner, settings):
    settings.STREAMGEN_USER_RUNNING = 1
    first, second, *_ = project.artifacts.all()
    for artifact in (first, second):
        control.start(artifact, owner)
    claims.claim("here:1", lease_s=60)
    waiting = waiting_of(second)
    assert waiting.on == "limit"
    assert "which is the most at once" in waiting.sentence
    assert waits_grown(after_s=30, every_s=5) == []
    Artifact.objects.filter(pk=second.pk).update(updated_at=Now() - timedelta(seconds=32))
    (told,) = waits_grown(after_s=30, every_s=5)
    assert (told.artifact, told.on, round(told.seconds)) == (second.pk, "limit", 32)
    assert waits_grown(after_s=20, every_s=5) == []


def test_row_that_somebody_keeps_locked_is_told_as_a_lock(postgres):
    draft = documents.opened()
    draft.begin(0)
    draft.append("Hello")
    Delta.objects.update(created_at=timezone.now() - timedelta(minutes=3))
    artifact = Artifact.objects.get(pk=draft.pk)
    assert waiting_of(artifact).on == "endpoint"
    with closing(connection.copy()) as other:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM artifacts_artifact WHERE id = %s FOR UPDATE", [artifact.pk])
        assert waiting_of(artifact).on == "lock"
        other.rollback()
    assert waiting_of(artifact).on == "endpoint"
