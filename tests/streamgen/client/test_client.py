"""The client before the real product, over a line that breaks and goes dead, to a server that is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from streamgen.client import (
    BlockingClient,
    CallRefused,
    NoSuchDocument,
    ServerAway,
    SignInNeeded,
    TextAdded,
    TextPlace,
)
from tests.streamgen.client.cutting import CUT_PLAN, Installation, watch_over_a_broken_line

CUTS = 24


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Installation]:
    running = Installation(tmp_path_factory.mktemp("installation"), migrated_file)
    yield running
    running.end()


def documents(client: BlockingClient, number: int) -> list[int]:
    project = client.create_project("Lighthouse")
    return [one["id"] for one in project["artifacts"]][:number]


@pytest.mark.timeout(120)
def test_text_is_whole_over_a_line_that_breaks_and_a_server_that_is_replaced(installation):
    found = asyncio.run(watch_over_a_broken_line(installation, Random(11), cuts=CUTS))
    assert (found.cuts, found.differ, found.watches) == (CUTS, 0, 6)


def test_calls_say_what_is_wrong_and_a_script_needs_no_loop(installation):
    with BlockingClient(installation.address, token=installation.token) as client:
        (artifact,) = documents(client, 1)
        client.start(artifact, plan=CUT_PLAN[:1])
        text = "".join(event.text for event in client.watch(artifact) if isinstance(event, TextAdded))
        assert text == client.text(artifact)
        half = TextPlace(client.artifact(artifact)["epoch"], len(text) // 2)
        rest = [event for event in client.watch(artifact, since=half) if isinstance(event, TextAdded)]
        assert "".join(event.text for event in rest) == text[half.offset :]
        section = client.section(artifact, 1)
        client.edit_section(artifact, 1, "By ship.", base_sha256=section["sha256"])
        with pytest.raises(CallRefused) as refused:
            client.edit_section(artifact, 1, "By land.", base_sha256=section["sha256"])
        assert (refused.value.status, refused.value.code) == (409, "base_changed")
        with pytest.raises(CallRefused, match=r"plan\[0\]") as refused:
            client.regenerate(artifact, plan=[{"name": ""}])
        assert refused.value.status == 422
        client.delete(artifact)
        with pytest.raises(NoSuchDocument):
            next(client.watch(artifact))
        with pytest.raises(NoSuchDocument):
            client.text(artifact)
    with BlockingClient(installation.address, token="wrong") as nobody:
        with pytest.raises(SignInNeeded):
            nobody.projects()
        with pytest.raises(SignInNeeded):
            next(nobody.watch(1))


def test_server_that_is_not_there_is_given_up_in_time(unused_tcp_port):
    with BlockingClient(f"http://127.0.0.1:{unused_tcp_port}", token="any") as client, pytest.raises(ServerAway):
        next(client.watch(1, away_s=0.5))


@pytest.mark.parametrize("address", ["localhost:8000", "ftp://localhost/", "http:///path"])
def test_address_that_is_none_is_refused_at_once(address):
    with pytest.raises(ValueError, match="begins with http"):
        BlockingClient(address)
