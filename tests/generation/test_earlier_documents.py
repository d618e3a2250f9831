"""Earlier documents feed later ones: what is told, that it stays the same, and that a change of it is seen."""

from __future__ import annotations

import hashlib

import pytest
from channels.db import database_sync_to_async
from django.test import Client

from artifacts.lifecycle import commands, reworking
from artifacts.lifecycle.epochs import Change
from artifacts.lifecycle.freshness import outdated, written_from
from artifacts.models import Artifact, SourceText, StreamStatus
from artifacts.planned_section import PlannedSection
from generation import control
from generation import reworking as rework
from generation.models import GenerationTask
from generation.queue import claims, finishing
from tests.support.documents import LEASE_S, Draft, reopened
from tests.support.endpoint.openai_script import Behaviour, Script
from tests.support.endpoint.openai_server import serving_endpoint
from tests.support.workbench import choice_of, planned, start, text_of, until_artifact, until_ended, working

synced = database_sync_to_async
FIRST, SECOND = "The keeper is Amina Öztürk, 灯台守.", "The lamp turns once in nine seconds."


def written(artifact: Artifact, user, *bodies: str) -> Artifact:
    """Complete, by the product's own verbs."""
    control.start(artifact, user, plan=planned(*(f"Part {number}" for number in range(1, len(bodies) + 1))))
    draft = reopened(artifact.pk)
    draft.finish(*("\n\n" * bool(at) + f"## Part {at + 1}\n\n{body}" for at, body in enumerate(bodies)))
    GenerationTask.objects.filter(artifact=artifact).update(status="succeeded")
    return Artifact.objects.get(pk=artifact.pk)


def edit(artifact: Artifact, body: str, before: str) -> None:
    digest = hashlib.sha256(before.encode()).hexdigest()
    reworking.replace_section(artifact.pk, 1, body=body, ending="", base_sha256=digest, by=Change())


@pytest.fixture
def documents(project, owner):
    """The project's documents; the first two are written."""
    brief, prd, *others = project.artifacts.order_by("pk")
    return [written(brief, owner, FIRST), written(prd, owner, SECOND), *others]


def parts(artifact: Artifact) -> str:
    return "\n".join(SourceText.objects.filter(artifact=artifact).values_list("part", flat=True))


@pytest.mark.django_db
def test_only_finished_documents_that_come_before_in_the_same_project_are_told(documents, owner, settings):
    brief, prd, specs, stories, *_ = documents
    foreign = control.create_project(owner, "Another").artifacts.first()
    written(foreign, owner, "A secret of another project.")
    control.start(stories, owner, plan=planned("Tales"))  # not finished
    control.start(specs, owner, plan=planned("Keeper and lamp"))
    found = written_from([specs.pk])[specs.pk]
    assert {(one.artifact, one.epoch, one.sha256) for one in found} == {
        (one.pk, 1, hashlib.sha256(one.text.encode()).hexdigest()) for one in (brief, prd)
    }
    assert FIRST in parts(specs)
    assert SECOND in parts(specs)
    assert "secret" not in parts(specs)
    assert parts(brief) == ""
    settings.STREAMGEN_CONTEXT_CHARS = 0
    control.cancel(specs)
    control.regenerate(specs, owner)
    assert written_from([specs.pk]) == {}


@pytest.mark.django_db
def test_change_of_an_earlier_document_marks_the_later_one_until_it_is_written_anew(documents, owner):
    brief, prd, specs, *_ = documents
    written(specs, owner, "It stands on both.")
    assert outdated([specs.pk, prd.pk]) == set()
    edit(brief, "Another keeper.", FIRST)
    assert outdated([one.pk for one in documents]) == {prd.pk, specs.pk}
    assert [(one.artifact, one.is_changed, one.is_kept) for one in written_from([prd.pk])[prd.pk]] == [
        (brief.pk, True, True)
    ]
    edit(brief, FIRST, "Another keeper.")  # the same text, two epochs later
    assert outdated([specs.pk]) == set()
    edit(brief, "Another keeper.", FIRST)
    control.regenerate(specs, owner)
    assert outdated([specs.pk]) == set()
    commands.request_stop(specs.pk, "cancel")
    control.restore(specs, specs.versions.get().pk, owner)  # what it was written from comes back with it
    assert outdated([specs.pk]) == {specs.pk}
    control.delete(brief, owner)
    assert outdated([specs.pk]) == set()
    assert [one.artifact for one in written_from([specs.pk])[specs.pk]].count(None) == 1


@pytest.mark.django_db
def test_what_changes_a_part_of_a_text_keeps_what_it_was_written_from(documents, owner):
    prd, specs = documents[1], documents[2]

    def sources(artifact: Artifact) -> list[tuple[int | None, int]]:
        return [(one.artifact, one.epoch) for one in written_from([artifact.pk]).get(artifact.pk, [])]

    before = sources(prd)
    assert before
    edit(prd, "Another lamp.", SECOND)
    assert sources(prd) == before
    added = rework.add_section(prd, owner, PlannedSection(name="Risks"))
    assert sources(prd) == before
    rework.reject(added.artifact, owner)
    assert (Artifact.objects.get(pk=prd.pk).epoch, sources(prd)) == (4, before)

    control.start(specs, owner, plan=planned("Keeper and lamp"))
    before = sources(specs)
    task = GenerationTask.objects.get(artifact=specs, status="queued")
    claim = claims.claim("worker", lease_s=LEASE_S, only=task.pk)
    draft = Draft(pk=specs.pk, fence=claim.fence)
    draft.begin(0)
    flush = draft.next_flush("Half a")
    finishing.stop_writing(specs.pk, fence=claim.fence, flush=flush, section_tokens=2, reason="bad_seam", detail="")
    control.resume(specs, owner, anew=True)
    assert (Artifact.objects.get(pk=specs.pk).epoch, sources(specs)) == (2, before)


@pytest.mark.django_db
def test_page_and_list_and_api_tell_what_changed(documents, owner, client: Client):
    brief, prd, *_ = documents
    edit(brief, "Another keeper.", FIRST)
    client.force_login(owner)
    page = client.get(f"/artifacts/{prd.pk}/").content.decode()
    assert "Out of date" in page
    assert f"/artifacts/{brief.pk}/versions/1/compare/current/" in page
    assert client.get(f"/artifacts/{brief.pk}/versions/1/compare/current/").status_code == 200
    assert client.get(f"/projects/{prd.project_id}/").content.decode().count('"outdated" hidden') == len(documents) - 1
    told = client.get(f"/api/artifacts/{prd.pk}").json()
    assert told["out_of_date"] is True
    assert told["written_from"] == [
        {
            "artifact": brief.pk,
            "title": brief.title,
            "epoch": 1,
            "sha256": hashlib.sha256(brief.text.encode()).hexdigest(),
            "changed": True,
        }
    ]
    rows = client.get(f"/api/projects/{prd.project_id}").json()["artifacts"]
    assert [row["id"] for row in rows if row["out_of_date"]] == [prd.pk]


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_every_call_is_told_the_same_also_after_a_stop_and_a_change(project, owner):
    brief, prd, *_ = await synced(lambda: list(project.artifacts.order_by("pk")))()
    await synced(written)(brief, owner, FIRST)
    texts = {"Why": "By ship, and by rail where there is no sea. " * 20, "How": "Slowly."}
    script = Script(texts=texts, default=Behaviour(pause_s=0.005))
    async with serving_endpoint(script) as server, working(choice_of(server)):
        await start(prd, owner, "Why", "How")
        await until_artifact(prd, lambda now: now.length > 100)
        await synced(control.pause)(prd)
        await until_ended(prd)
        await synced(edit)(brief, "Another keeper.", FIRST)
        await synced(control.resume)(prd)
        done = await until_ended(prd)
        told = [request.body["messages"][1]["content"].split("What it must hold")[0] for request in server.requests]
    before = {prompt.split("\n\nNothing is written")[0].split("\n\nHeadings written")[0] for prompt in told}
    assert done.stream_status == StreamStatus.COMPLETE, done.last_error
    assert len(told) == 3
    assert len(before) == 1
    assert FIRST in before.pop()
    assert (await text_of(prd)).startswith("## Why\n\nBy ship")
