"""Documents written anew, brought back and removed: what is kept, what begins empty, what is gone."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from functools import partial

import pytest

from artifacts.errors import NotFound, StaleFence
from artifacts.lifecycle import commands, writing
from artifacts.lifecycle.written_by import called_last, joined_models, with_model
from artifacts.models import Artifact, ArtifactVersion, Delta
from generation import reworking
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


def test_of_too_many_versions_the_oldest_goes(settings):
    settings.STREAMGEN_VERSIONS = 3
    artifact = documents.complete("## Part 1\n\n0")
    for number in range(6):
        base = hashlib.sha256(str(number).encode()).hexdigest()
        reworking.edit_section(artifact, None, 1, text=str(number + 1), base_sha256=base)

    assert list(artifact.versions.values_list("epoch", flat=True)) == [6, 5, 4]
    assert row(artifact.pk).text == "## Part 1\n\n6"


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


def test_version_names_every_model_that_wrote_of_it_and_none_that_only_tried():
    draft = documents.opened(total=3)
    begin = partial(writing.begin_section, draft.pk, lease_s=documents.LEASE_S)
    begin(fence=draft.fence, position=0, model="first")
    draft.append("Half a section")
    draft.stop(reason="auth")
    for model in ("second", "third"):  # the second has no key, and brings no word
        commands.resume(draft.pk)
        draft = documents.reopened(draft.pk)
        begin(fence=draft.fence, position=0, model=model)
        if model == "third":
            writing.name_model(draft.pk, fence=draft.fence, position=0, model=model, lease_s=documents.LEASE_S)
            draft.append(", and the rest.")
        draft.stop(reason="auth")
    commands.reset(draft.pk, documents.sections(1), "")

    version = ArtifactVersion.objects.get(artifact=draft.pk)
    assert version.model == "first, third"
    assert [one["model"] for one in version.sections] == ["first, third", "", ""]


@pytest.mark.parametrize(
    ("before", "told", "after"),
    [
        ("a", "a-2026", "a-2026"),
        ("a, b", "b-2026", "a, b-2026"),
        ("a, b", "", "a, b"),
        ("", "b", "b"),
        ("b, a", "b", "b"),
    ],
)
def test_model_goes_by_the_name_that_its_endpoint_told(before, told, after):
    assert called_last(before, told) == after


def test_models_stand_in_the_order_in_which_they_wrote_last():
    assert with_model("", "a") == "a"
    assert with_model("a, b", "a") == "b, a"
    assert joined_models(["a, b", "", "b, c"]) == "a, b, c"
    assert len(with_model("x" * 150, "y\0" * 200)) == 200
