"""Documents written anew, brought back and removed: what is kept, what begins empty, what is gone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from artifacts.errors import NotFound, StaleFence
from artifacts.lifecycle import commands, writing
from artifacts.models import Artifact, ArtifactVersion, Delta
from tests.support import documents
from tests.support.documents import row

pytestmark = pytest.mark.django_db

STATES = {"paused": documents.paused, "complete": documents.complete, "cancelled": documents.cancelled}


@pytest.mark.parametrize("state", STATES)
def test_regenerate_keeps_the_version_and_starts_empty(state):
    artifact = STATES[state]()
    text, plan = artifact.text, list(artifact.sections.values_list("name", "status"))
    writing.save_preview(artifact.pk, epoch=1, length=artifact.length, html="<p>")

    commands.reset(artifact.pk, documents.sections(3), "Longer.")

    after = row(artifact.pk)
    assert (after.epoch, after.text, after.length, after.content_length) == (2, "", 0, 0)
    assert (after.preview_html, after.preview_length, after.tokens_generated) == ("", 0, 0)
    assert (after.sections_completed, after.sections_total, after.current_section) == (0, 3, "")
    assert (after.started_at, after.finished_at, after.instructions) == (None, None, "Longer.")
    assert (after.reason, after.seq) == ("queued", artifact.seq + 1)
    version = ArtifactVersion.objects.get(artifact=after)
    assert (version.epoch, version.content, version.stream_status) == (1, text, state)
    assert [(section["name"], section["status"]) for section in version.sections] == plan
    assert not Delta.objects.filter(artifact=artifact).exists()


def test_writer_of_the_old_epoch_cannot_write_into_the_new_one():
    draft = documents.opened(total=1)
    draft.finish("Old")
    commands.reset(draft.pk, documents.sections(1), "")
    new = documents.reopened(draft.pk)

    with pytest.raises(StaleFence):
        draft.append("Old")

    assert new.append("New").length == 3


def test_restore_brings_the_old_text_back_and_keeps_the_present_one():
    artifact = documents.complete("First", "Second")
    Artifact.objects.filter(pk=artifact.pk).update(started_at=artifact.finished_at - timedelta(seconds=75))
    commands.reset(artifact.pk, documents.sections(1), "")
    documents.reopened(artifact.pk).stop("Worse")
    old = ArtifactVersion.objects.get(artifact=artifact)

    commands.restore(artifact.pk, old.pk)

    after = row(artifact.pk)
    assert (after.epoch, after.text, after.content_length, after.stream_status) == (3, "FirstSecond", 11, "complete")
    assert documents.deltas(artifact.pk) == ["FirstSecond"]
    assert (after.finished_at - after.started_at).total_seconds() == 75
    assert list(after.sections.values_list("name", "status")) == [("Part 1", "complete"), ("Part 2", "complete")]
    assert (after.sections_completed, after.sections_total) == (2, 2)
    kept = ArtifactVersion.objects.get(artifact=artifact, epoch=2)
    assert (kept.content, kept.stream_status) == ("Worse", "paused")


def test_restored_half_of_a_document_is_cancelled_because_no_task_can_resume_it():
    artifact = documents.paused("Half")
    commands.reset(artifact.pk, documents.sections(1), "")
    documents.reopened(artifact.pk).finish("Whole")

    commands.restore(artifact.pk, ArtifactVersion.objects.get(artifact=artifact).pk)

    assert (row(artifact.pk).stream_status, row(artifact.pk).text) == ("cancelled", "Half")


@pytest.mark.parametrize("state", STATES)
def test_version_of_another_document_is_not_there(state):
    other = documents.complete("Other")
    commands.reset(other.pk, documents.sections(1), "")
    artifact = STATES[state]()
    before = documents.everything(artifact.pk)

    with pytest.raises(NotFound):
        commands.restore(artifact.pk, ArtifactVersion.objects.get(artifact=other).pk)

    assert documents.everything(artifact.pk) == before


@pytest.mark.parametrize("make", [documents.idle, documents.waiting, documents.opened, *STATES.values()])
def test_delete_keeps_no_text_in_any_status(make):
    pk = make().pk

    commands.delete(pk)

    assert documents.everything(pk) == {"artifact": [], "Section": [], "Delta": [], "ArtifactVersion": []}
    with pytest.raises(NotFound):
        commands.delete(pk)


def test_delete_takes_the_kept_versions_along():
    artifact = documents.complete("Old")
    commands.reset(artifact.pk, documents.sections(1), "")

    commands.delete(artifact.pk)

    assert not ArtifactVersion.objects.filter(content="Old").exists()
