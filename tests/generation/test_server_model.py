"""Where no model is set, the one that a worker found at its endpoint has its price: in estimates, budgets, and from the
first word on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.test import Client

from artifacts.models import Artifact, CallCharge, Project, Section, StreamStatus
from generation.models import Worker
from generation.queue import workers
from generation.server_model import server_model
from tests.support import documents
from tests.support.endpoint.openai_script import ABSENT, Behaviour, Script
from tests.support.endpoint.openai_server import serving_endpoint
from tests.support.workbench import choice_of, start, until_artifact, until_ended, working

WORDS = "The lamp is lit at dusk and put out at dawn by nobody. "


@pytest.fixture(autouse=True)
def _prices(settings: Any, tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text('currency = "EUR"\n[models."found-model"]\ninput = 0\noutput = 1000\n')
    settings.STREAMGEN_PRICES, settings.STREAMGEN_MODEL, settings.STREAMGEN_MODELS = str(file), "", []


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_model_that_a_worker_found_is_priced_before_its_first_call_and_while_it_writes() -> None:
    artifact = await database_sync_to_async(documents.idle)()
    await Project.objects.filter(pk=artifact.project_id).aupdate(budget=10**12)
    script = Script(texts={"Why": WORDS * 10}, models=("found-model",), default=Behaviour(pause_s=0.005, usage=ABSENT))
    async with serving_endpoint(script) as server, working(choice_of(server, model="")):
        while not await database_sync_to_async(server_model)():
            pass
        estimated = await database_sync_to_async(estimate_by_api)(artifact)
        await start(artifact, None, "Why")  # its budget can be held
        seen = await until_artifact(artifact, lambda now: now.length > 100)
        named = await Section.objects.aget(artifact=artifact)
        ended = await until_ended(artifact)

    assert (estimated["model"], estimated["currency"]) == ("found-model", "EUR")
    assert estimated["amount"] is not None
    assert seen.cost > 0
    assert named.model == "found-model"
    assert ended.stream_status == StreamStatus.COMPLETE
    charge = await CallCharge.objects.aget()
    assert (charge.model, charge.cost) == ("found-model", ended.cost)


def estimate_by_api(artifact: Artifact) -> Any:
    client = Client()
    client.force_login(User.objects.get(projects=artifact.project_id))
    return client.post(f"/api/artifacts/{artifact.pk}/estimate", {}, content_type="application/json").json()


@pytest.mark.django_db
def test_model_that_is_set_comes_first_then_the_one_told_last(settings):
    assert server_model() == ""
    older, newer = (workers.register_worker(f"here:{number}", slots=1) for number in (1, 2))
    assert workers.beat(older, running=0, model="")
    assert server_model() == ""
    assert workers.beat(newer, running=0, model="lo\0cal" + "x" * 300)
    assert server_model() == "local" + "x" * 195
    assert Worker.objects.get(pk=older).model == ""
    settings.STREAMGEN_MODEL = "set"
    assert server_model() == "set"
