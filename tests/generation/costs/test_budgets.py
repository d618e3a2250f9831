"""Budgets over a real endpoint: a project stops at its limit by name, with what it cost charged once and exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db.models import Sum

from artifacts.costs import CallCost, Spent
from artifacts.lifecycle import commands, writing
from artifacts.lifecycle.writing import Flush
from artifacts.models import Artifact, CallCharge, Project, StreamStatus
from generation import control
from generation.costs.budgets import ceilings, spent
from generation.errors import BudgetRefused
from tests.support import documents
from tests.support.documents import LEASE_S
from tests.support.endpoint.openai_script import ABSENT, Behaviour, Script
from tests.support.endpoint.openai_server import serving_endpoint
from tests.support.workbench import choice_of, start, until_artifact, until_ended, working

WORDS = "The lamp is lit at dusk and put out at dawn by nobody. "


@pytest.fixture(autouse=True)
def _prices(settings: Any, tmp_path: Path) -> None:
    """A million tokens of an answer cost 1 000: one costs a thousandth, a million billionths."""
    file = tmp_path / "prices.toml"
    file.write_text('currency = "EUR"\n[models."test-model"]\ninput = 0\noutput = 1000\n')
    settings.STREAMGEN_PRICES, settings.STREAMGEN_MODEL = str(file), "test-model"


async def charged(project: int) -> int:
    charges = CallCharge.objects.filter(project=project)
    return await database_sync_to_async(lambda: charges.aggregate(all=Sum("cost"))["all"] or 0)()


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
class TestWriting:
    async def test_document_that_cost_what_was_reported_is_charged_by_call_and_section(self) -> None:
        artifact = await database_sync_to_async(documents.idle)()
        script = Script(texts={"Why": WORDS, "How": WORDS * 2})
        async with serving_endpoint(script) as server, working(choice_of(server)):
            await start(artifact, None, "Why", "How")
            ended = await until_ended(artifact)

        rows = [row async for row in CallCharge.objects.order_by("pk")]
        assert [(row.section, row.is_estimated, row.document) for row in rows] == [
            ("Why", False, artifact.pk),
            ("How", False, artifact.pk),
        ]
        assert [row.cost for row in rows] == [row.completion_tokens * 1_000_000 for row in rows]
        assert ended.cost == sum(row.cost or 0 for row in rows) == ended.tokens_generated * 1_000_000
        assert (ended.cost_estimated, ended.cost_under_way) == (0, 0)

    async def test_budget_stops_by_name_within_a_flush_and_goes_on_once_it_is_raised(self) -> None:
        artifact = await database_sync_to_async(documents.idle)()
        await Project.objects.filter(pk=artifact.project_id).aupdate(budget=100_000_000)
        script = Script(texts={"Why": WORDS * 40}, default=Behaviour(pause_s=0.002, usage=ABSENT))
        async with serving_endpoint(script) as server, working(choice_of(server)):
            await start(artifact, None, "Why")
            stopped = await until_ended(artifact)

            assert (stopped.stream_status, stopped.reason) == (StreamStatus.PAUSED, "budget")
            assert stopped.last_error == (
                "The project's budget of 0.10 EUR is used up. "
                "Its owner can raise it on the project's page Cost and budget; then resume."
            )
            assert 100_000_000 <= stopped.cost <= 103_000_000  # the piece that reached it
            assert stopped.cost == stopped.cost_estimated == await charged(artifact.project_id)
            with pytest.raises(BudgetRefused):
                await database_sync_to_async(control.resume)(artifact)

            await Project.objects.filter(pk=artifact.project_id).aupdate(budget=None)
            await database_sync_to_async(control.resume)(artifact)
            ended = await until_ended(artifact)

        assert ended.stream_status == StreamStatus.COMPLETE
        assert ended.cost == await charged(artifact.project_id)

    async def test_budget_that_is_set_while_documents_are_written_stops_them_all(self) -> None:
        first = await database_sync_to_async(documents.idle)()
        second = await Artifact.objects.acreate(project_id=first.project_id, phase="prd", title="Requirements")
        script = Script(texts={"Why": WORDS * 400}, default=Behaviour(pause_s=0.002))
        async with serving_endpoint(script) as server, working(choice_of(server)):
            for artifact in (first, second):
                await start(artifact, None, "Why", max_tokens=30_000)
                await until_artifact(artifact, lambda now: now.cost > 20_000_000)
            await Project.objects.filter(pk=first.project_id).aupdate(budget=1)
            reasons = [(await until_ended(artifact)).reason for artifact in (first, second)]

        assert reasons == ["budget", "budget"]

    async def test_what_a_dead_worker_left_is_charged_as_an_estimate_and_nothing_twice(self) -> None:
        artifact = await database_sync_to_async(documents.idle)()
        # No sentence twice: an answer that goes on with what stands there already would be taken for a new beginning.
        text = "".join(f"Lamp {number} is lit at dusk and put out at dawn by nobody. " for number in range(20))
        script = Script(texts={"Why": text}, default=Behaviour(pause_s=0.005))
        async with serving_endpoint(script) as server:
            async with working(choice_of(server)):
                await start(artifact, None, "Why")
                seen = await until_artifact(artifact, lambda now: now.cost_under_way > 20_000_000)
                # The fence is another one, and then the lease over: as if this worker had died with the call under way.
                await Artifact.objects.filter(pk=artifact.pk).aupdate(fence=seen.fence + 10)
            await database_sync_to_async(documents.expire)(artifact.pk)
            async with working(choice_of(server)):
                ended = await until_ended(artifact)

        rows = [row async for row in CallCharge.objects.order_by("pk")]
        assert [row.is_estimated for row in rows] == [True, False]
        assert rows[0].cost is not None
        assert rows[0].cost >= seen.cost_under_way
        assert ended.cost == await charged(artifact.project_id)


def test_call_is_charged_once_however_often_its_commit_is_tried(every_database: str) -> None:
    draft = documents.opened(total=1)
    draft.begin(0)
    charge = CallCost(
        number=1,
        section="Part 1",
        model="m\0" + "灯" * 300,
        prompt_tokens=4,
        cached_tokens=0,
        completion_tokens=2,
        is_estimated=False,
        cost=10**15,
    )
    flush = Flush(offset=0, text="", tokens=2, spent=Spent(cost=10**15, estimated=0, under_way=0), charges=(charge,))
    for _ in range(3):  # the answer of the first was lost on the way
        writing.complete_section(
            draft.pk, fence=draft.fence, position=0, flush=flush, tokens=2, model="m", lease_s=LEASE_S
        )

    charged = CallCharge.objects.get()
    assert charged.cost == documents.row(draft.pk).cost == 10**15
    assert charged.model == "m" + "灯" * 199


@pytest.mark.django_db
def test_what_was_deleted_stays_spent_and_leaves_the_others_less():
    artifact = documents.complete("One")
    other = Artifact.objects.create(project=artifact.project, phase="prd", title="Requirements", cost=300)
    draft = Artifact.objects.create(project=artifact.project, phase="draft-1", title="Draft", draft_of=artifact, cost=7)
    Artifact.objects.filter(pk=artifact.pk).update(cost=50)
    Project.objects.filter(pk=artifact.project_id).update(budget=1_000)
    assert ceilings([artifact.pk, other.pk, draft.pk]) == {artifact.pk: 693, other.pk: 943, draft.pk: 650}

    commands.delete(artifact.pk)

    project = Project.objects.get(pk=artifact.project_id)
    assert (project.cost_of_deleted, spent(project)) == (57, 357)
    assert ceilings([other.pk, documents.idle().pk]) == {other.pk: 943}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("budget", "model", "told"),
    [
        (50, "", "The project's budget of 0.00000005 EUR is used up."),
        (51, "unpriced", "The model unpriced has no price, so the project's budget cannot be held with it."),
    ],
)
def test_nothing_is_started_that_the_budget_cannot_hold(budget, model, told):
    artifact = documents.idle()
    Project.objects.filter(pk=artifact.project_id).update(budget=budget)
    Artifact.objects.create(project=artifact.project, phase="prd", title="Requirements", cost=50)

    with pytest.raises(BudgetRefused) as raised:
        control.start(artifact, None, model=model)

    assert raised.value.detail.startswith(told)
    assert documents.row(artifact.pk).stream_status == "idle"
