"""A little of what `make hostile` does at length: each attack once, on both servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.hostile import api_cases, exports, requests, sockets
from tests.hostile.furnish import furnished
from tests.hostile.target import Target
from tests.support.servers import Server, serving_product

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module", params=["uvicorn", "daphne"])
def server(
    request: pytest.FixtureRequest, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    database = Path(connection.settings_dict["NAME"])
    folder = tmp_path_factory.mktemp(request.param)
    with serving_product(request.param, database=database, folder=folder, STREAMGEN_CONCURRENCY="0") as running:
        yield running
    assert "Traceback" not in running.log.read_text(errors="replace")


def test_hostile_titles_texts_frames_clients_hosts_and_origins_do_nothing(server: Server) -> None:
    target = Target(server=server, **furnished(projects=1))
    broken = exports.exports(target) + requests.wrong_hosts(target) + requests.wrong_origins(target)
    broken += sockets.fuzz(target, sockets=40, seed=11) + requests.slow_clients(target, clients=30, seconds=0.1)
    assert broken == []


def test_whatever_is_asked_of_the_api_is_answered_as_its_document_says(server: Server, tmp_path: Path) -> None:
    if server.log.stem == "daphne":
        pytest.skip("the answers are Django's under either server; `make hostile` asks both")
    made = furnished(projects=6)
    asked = api_cases.ask(server, made["token"], made["ids"], folder=tmp_path, examples=2, seed=7, phases="fuzzing")
    assert not asked.failed, asked.said
    assert asked.cases > 60
