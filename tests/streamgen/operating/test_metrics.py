"""`/metrics` as Prometheus would read it, of a server that wrote and showed a document, and of a worker."""

from __future__ import annotations

import re
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from prometheus_client.parser import text_string_to_metric_families

from artifacts.accounts.tokens import issue_token
from artifacts.models import Artifact
from streamgen.operating.metrics import may_read_metrics, metrics_text
from tests.support.commands import ROOT, manage
from tests.support.endpoint.openai_script import Behaviour, Script
from tests.support.endpoint.openai_server import serving_endpoint
from tests.support.limits import WAIT_S
from tests.support.line import Line, bearer
from tests.support.place import place
from tests.support.workbench import choice_of, start, until_ended, working

__all__ = ["place"]

TEXT = "A lamp that never goes out. " * 40


def values_of(text: str) -> dict[str, float]:
    """Each sample by its name and labels."""
    return {
        sample.name + "".join(f"|{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_document_that_is_written_and_watched_shows_in_every_figure(
    artifact: Artifact, owner: User, settings: Any, tmp_path: Path
) -> None:
    settings.STREAMGEN_PRICES = str(prices := tmp_path / "prices.toml")
    settings.STREAMGEN_MODEL = "test-model"
    prices.write_text('currency = "EUR"\n[models."test-model"]\ninput = 0\noutput = 1000000\n')
    before = values_of((await metrics_text()).decode())
    script = Script(default=Behaviour(text=TEXT, pause_s=0.01))
    token = await database_sync_to_async(issue_token)(owner)
    async with serving_endpoint(script) as server, working(choice_of(server), capacity=7):
        await start(artifact, owner, "Summary")
        async with Line(f"/ws/artifacts/{artifact.pk}/", bearer(token)) as line:
            await line.frame_of("end")
            during = values_of((await metrics_text()).decode())

    def grown(name: str) -> float:
        return during[name] - before.get(name, 0)

    assert during["streamgen_database_up"] == during["streamgen_workers"] == during["streamgen_sockets"] == 1
    assert (during["streamgen_worker_slots"], during["streamgen_documents|complete"]) == (7, 1)
    assert grown("streamgen_flush_characters_total") > len(TEXT)
    assert grown("streamgen_commit_seconds_bucket|+Inf") == grown("streamgen_commit_seconds_count") > 0
    assert grown("streamgen_frames_total") > 2
    assert grown("streamgen_frame_bytes_total") > len(TEXT)
    for name in ("first_text_seconds_count", "provider_call_seconds_count", "provider_first_text_seconds_count"):
        assert grown(f"streamgen_{name}") == 1
    assert grown("streamgen_turns_total|complete") == grown("streamgen_endings_total|complete") == 1
    assert grown("streamgen_cost_total") == grown("streamgen_tokens_total|completion") > 0


@pytest.mark.parametrize(
    ("token", "client", "headers", "may"),
    [
        ("", "127.0.0.1", {}, True),
        ("", "::1", {}, True),
        ("", "192.0.2.7", {}, False),
        ("", "127.0.0.1", {"x-forwarded-for": "192.0.2.7"}, False),
        ("", "127.0.0.1", {"x-forwarded-proto": "https"}, False),
        ("secret", "127.0.0.1", {}, False),
        ("secret", "192.0.2.7", {"authorization": "Bearer secret"}, True),
        ("secret", "192.0.2.7", {"authorization": "bearer secret"}, True),
        ("secret", "192.0.2.7", {"authorization": "Bearer secrets"}, False),
        ("secret", "192.0.2.7", {"authorization": "Basic secret"}, False),
        ("secret", "192.0.2.7", {"authorization": "secret"}, False),
    ],
)
def test_figures_are_for_this_machine_or_for_the_token(settings, token, client, headers, may) -> None:
    settings.STREAMGEN_METRICS_TOKEN = token
    scope = {"client": (client, 4711), "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}
    assert may_read_metrics(scope) is may


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_refused_key_shows_as_a_document_that_paused_for_it(artifact: Artifact, owner: User) -> None:
    before = values_of((await metrics_text()).decode())
    async with serving_endpoint(Script(default=Behaviour(status=401))) as server, working(choice_of(server)):
        await start(artifact, owner, "Summary")
        await until_ended(artifact)
    after = values_of((await metrics_text()).decode())
    grown = {name: value - before[name] for name, value in after.items() if name.startswith("streamgen_endings")}
    assert {name: value for name, value in grown.items() if value} == {"streamgen_endings_total|auth": 1}


@pytest.mark.asyncio
async def test_worker_answers_on_a_port_of_its_own(folder) -> None:
    async with manage("runworker", "generation", "--metrics", "127.0.0.1:0", folder=folder) as worker:
        address = (await worker.until("metrics")).split("//")[1].partition("/")[0]
        with closing(HTTPConnection(address, timeout=WAIT_S)) as client:
            client.request("GET", "/metrics")
            values = values_of(client.getresponse().read().decode())
    assert values["streamgen_takeovers_total"] == 0
    assert values["process_resident_memory_bytes"] > 10_000_000


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_dashboard_alerts_and_docs_name_figures_that_are_there() -> None:
    there = {
        name
        for family in text_string_to_metric_families((await metrics_text()).decode())
        for name in (family.name, *(f"{family.name}{end}" for end in ("_total", "_bucket")))
    }
    for path in ("deploy/grafana.json", "deploy/alerts.yaml", "docs/operations.md"):
        named = set(re.findall(r"\bstreamgen_[a-z_]+", (ROOT / path).read_text(encoding="utf-8")))
        assert named, path
        assert named - there == set(), path
