"""What the database itself refuses, whoever asks, and the shape of the tables."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from artifacts.errors import NotFound
from artifacts.lifecycle import commands
from artifacts.models import AccessToken, Artifact, ArtifactVersion, Delta, Section
from tests.support import documents
from tests.support.documents import row


def refused(constraint: str):
    """The database names the constraint, or for a unique one on SQLite its columns."""
    return pytest.raises(IntegrityError, match=constraint)


def change(artifact: Artifact, **values: object) -> None:
    with transaction.atomic():
        Artifact.objects.filter(pk=artifact.pk).update(**values)


def test_database_refuses_what_no_document_can_be(every_database):
    artifact = documents.idle()

    with refused("artifact_status_known"):
        change(artifact, stream_status="dreaming")
    with refused("artifact_folded_within_text"):
        change(artifact, content_length=1)
    with refused("artifact_sections_within_plan"):
        change(artifact, sections_completed=1)
    with refused("artifact_stop_only_while_streaming"):
        change(artifact, stop_requested="cancel")
    with refused("artifact_lease_only_while_streaming"):
        change(artifact, lease_until=Now())
    with refused("artifact_idle_is_empty"):
        change(artifact, length=1)
    with refused("artifact_complete_is_whole"):
        change(artifact, stream_status="complete", sections_total=2, sections_completed=1)


def test_database_refuses_two_of_what_there_is_one(every_database):
    draft = documents.opened()
    draft.append("Once")
    artifact = row(draft.pk)

    def again(**values: object):
        return {"artifact": artifact, "epoch": 1, **values}

    ArtifactVersion.objects.create(**again(stream_status="paused"))
    AccessToken.objects.create(user=artifact.project.owner, digest="d")
    for model, values, named in [
        (Artifact, {"project": artifact.project, "phase": "brief", "title": "Again"}, "project"),
        (Delta, again(seq=9, offset=0, text="Here"), "offset"),
        (Section, {"artifact": artifact, "position": 0, "name": "Again", "max_tokens": 1}, "position"),
        (ArtifactVersion, again(stream_status="paused"), "epoch"),
        (AccessToken, {"user": artifact.project.owner, "digest": "d"}, "digest"),
    ]:
        with refused(named), transaction.atomic():
            model.objects.create(**values)


def test_database_refuses_an_empty_delta_and_an_unknown_section_status(every_database):
    artifact = documents.waiting()

    with refused("delta_not_empty"), transaction.atomic():
        Delta.objects.create(artifact=artifact, epoch=1, seq=1, offset=0, text="")
    with refused("section_status_known"), transaction.atomic():
        Section.objects.filter(artifact=artifact).update(status="dreaming")


@pytest.mark.django_db
def test_artifact_has_the_fields_of_the_schema():
    names = {field.name for field in Artifact._meta.get_fields()}

    assert names >= {
        *("project", "phase", "type", "title", "created_at", "stream_status", "last_error", "epoch", "seq"),
        *("current_section", "sections_completed", "sections_total", "tokens_generated", "sections"),
        *("content", "preview_html", "stop_requested"),
    }


@pytest.mark.django_db
def test_new_artifact_is_idle_and_empty():
    artifact = row(documents.idle().pk)

    assert (artifact.stream_status, artifact.type, artifact.epoch, artifact.seq) == ("idle", "markdown", 1, 0)
    assert (artifact.text, artifact.content, artifact.length, artifact.fence) == ("", "", 0, 0)


@pytest.mark.django_db
def test_text_of_a_deleted_document_is_not_there():
    draft = documents.opened()
    draft.append("Once")
    read = row(draft.pk)
    commands.delete(draft.pk)

    with pytest.raises(NotFound):
        _ = read.text


def test_lengths_and_offsets_count_code_points(every_database):
    draft = documents.opened()

    draft.append("𝄞é\u0301")
    draft.append("x")

    assert list(Delta.objects.filter(artifact=draft.pk).order_by("offset").values_list("offset", flat=True)) == [0, 3]
    assert row(draft.pk).length == len(row(draft.pk).text) == 4


@pytest.mark.django_db
def test_migrations_say_what_the_models_say():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
