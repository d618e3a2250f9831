"""Streams under Daphne and uvicorn, each a process of its own: what only a real server and a real socket can show."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from channels.db import database_sync_to_async
from django.db import connection

from artifacts.accounts.tokens import issue_token
from artifacts.lifecycle import commands
from artifacts.models import Artifact
from tests.artifacts.streams.conformance import read_in_pieces
from tests.support import documents
from tests.support.limits import WAIT_S
from tests.support.memory import grown
from tests.support.reader import Reader
from tests.support.servers import Server, serving_product

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

READERS = 200
STREAMS = Path(__file__).resolve().parents[3] / "docs" / "streams.md"

in_database = database_sync_to_async


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def server(
    request: pytest.FixtureRequest, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    database, folder = Path(connection.settings_dict["NAME"]), tmp_path_factory.mktemp(request.param)
    many = {"STREAMGEN_SOCKETS_PER_USER": str(READERS)}
    with serving_product(request.param, database=database, folder=folder, **many) as running:
        yield running


class Place:
    """A document that is being written, and ways to its stream."""

    def __init__(self, server: Server, draft: documents.Draft, token: str) -> None:
        self.server, self.draft, self.token = server, draft, token
        self.path = f"/api/artifacts/{draft.pk}/events"
        self.client: aiohttp.ClientSession

    async def read(self, query: str = "", until: str = "end", reader: Reader | None = None) -> Reader:
        """Every event up to a frame of that type, or all of the stream."""
        reader = reader or Reader("html" if "html" in query else "text")
        async with self.client.get(self.server.origin + self.path + query) as answer:
            assert answer.status == 200
            async for line in answer.content:
                if line.startswith(b"data: ") and reader.apply(line[6:])["type"] == until:
                    break
        return reader

    async def unread(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A reader that has asked, and reads nothing by itself."""
        streams = await asyncio.open_connection("127.0.0.1", self.server.port, limit=2**24)
        head = f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.token}\r\n\r\n"
        streams[1].write(head.encode())
        await streams[0].readuntil(b"\r\n\r\n")
        streams[1].transport.pause_reading()  # type: ignore[attr-defined]
        return streams


@pytest_asyncio.fixture
async def place(server: Server) -> AsyncIterator[Place]:
    def make() -> Place:
        draft = documents.opened()
        draft.begin(0)
        return Place(server, draft, issue_token(Artifact.objects.get(pk=draft.pk).project.owner))

    place = await in_database(make)()
    connector = aiohttp.TCPConnector(limit=0)
    place.client = aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {place.token}"}, connector=connector, read_bufsize=2**20
    )
    async with place.client, asyncio.timeout(WAIT_S):
        yield place
    log = server.log.read_text()
    assert "Traceback" not in log, log
    assert "without completing" not in log, log


def threads_of(place: Place) -> int:
    return len(list(Path(f"/proc/{place.server.process.pid}/task").iterdir()))


async def test_two_hundred_readers_of_both_formats_see_the_end_and_hold_no_thread(place: Place) -> None:
    await place.read(until="snapshot")
    before = threads_of(place)
    ways = ["", "?format=html"] * (READERS // 2)
    reading = [asyncio.create_task(place.read(query)) for query in ways]
    for _ in range(5):
        await in_database(place.draft.append)("one \U0001f600 *two*\n\n")
    while (await in_database(documents.row)(place.draft.pk)).length < 50:
        pass
    after = threads_of(place)
    await in_database(place.draft.end_section)(0, "three")
    await in_database(place.draft.begin)(1)
    await in_database(place.draft.end_section)(1, "")
    await in_database(place.draft.complete)()
    readers = await asyncio.gather(*reading)
    text = (await in_database(documents.row)(place.draft.pk)).text
    assert {reader.text for reader in readers[::2]} == {text}
    assert len({reader.html for reader in readers[1::2]}) == 1
    assert all(reader.is_ended for reader in readers)
    assert after - before <= 4  # the renderer's


async def test_reader_that_does_not_read_costs_little_and_gets_all_of_it_later(place: Place) -> None:
    whole = "0123456789 \u91cd\U0001f600 " * 200_000
    await in_database(place.draft.append)(whole)
    await place.read(until="snapshot")  # the feed, and its copy of the text, are there
    silent = [await place.unread() for _ in range(8)]
    with grown(place.server.process.pid) as growth:
        other = asyncio.create_task(place.read())
        await in_database(commands.request_stop)(place.draft.pk, "cancel")
        await in_database(place.draft.stop)("The end")
        assert (await other).text == whole + "The end"
    assert growth.megabytes < 16, growth  # eight copies would be 35 MB
    reader = Reader()
    unread, writer = silent[0]
    writer.transport.resume_reading()  # type: ignore[attr-defined]
    body = b""
    while size := int(await unread.readline(), 16):
        body += await unread.readexactly(size)
        await unread.readexactly(2)
        *events, body = body.split(b"\n\n")
        for event in events:
            if b"data: " in event:
                reader.apply(event.partition(b"data: ")[2])
    assert reader.text == whole + "The end"
    assert reader.is_ended
    for _, writer in silent:
        writer.transport.abort()


async def test_public_client_follows_a_document_to_its_end(place: Place) -> None:
    url = f"{place.server.origin}/streams/artifacts/{place.draft.pk}/1"
    headers = {"Authorization": f"Bearer {place.token}"}
    ways = [asyncio.to_thread(read_in_pieces, url, live, headers) for live in ("long-poll", "sse")]
    reading = [asyncio.create_task(way) for way in ways]
    await in_database(place.draft.append)("\U0001f468\u200d\U0001f469 \u91cd\u8981\n  \n" * 2_000)
    for number in range(2):
        await in_database(place.draft.append)(f"{number} \u0e01\u0301\n")
        await asyncio.sleep(0.2)  # so that the readers come and go
    await in_database(commands.request_stop)(place.draft.pk, "cancel")
    await in_database(place.draft.stop)("The end")
    text = (await in_database(documents.row)(place.draft.pk)).text
    assert [read for read, _ in await asyncio.gather(*reading)] == [text, text]
    (code,) = re.findall(r"```python\n(.*?)```", STREAMS.read_text(), re.DOTALL)
    code = code.replace("http://localhost:8000/streams/artifacts/7/1", url).replace("print(", "found.append(")
    code = code.replace("os.environ['TOKEN']", "token")
    names: dict[str, Any] = {"token": place.token, "found": []}
    await asyncio.to_thread(exec, code, names)
    assert names["found"] == [text]


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_server_that_is_told_to_stop_ends_streams_read_and_unread(
    kind: str, django_db_setup: None, tmp_path: Path
) -> None:
    """That it stops in time is held by the server's own end."""
    database = Path(connection.settings_dict["NAME"])
    with serving_product(kind, database=database, folder=tmp_path) as running:
        draft = await in_database(documents.opened)()
        await in_database(draft.begin)(0)
        await in_database(draft.append)("x" * 3_000_000)
        owner = await in_database(lambda: Artifact.objects.get(pk=draft.pk).project.owner)()
        place = Place(running, draft, await in_database(issue_token)(owner))
        async with asyncio.timeout(WAIT_S):
            _, silent = await place.unread()
            headers = {"Authorization": f"Bearer {place.token}"}
            async with aiohttp.ClientSession(headers=headers, read_bufsize=2**20) as place.client:
                reading = asyncio.create_task(place.read(reader=(reader := Reader())))
                while len(reader.text) < 3_000_000:
                    await asyncio.sleep(0.01)
                running.process.terminate()
                await reading
            silent.transport.abort()
    assert not reader.is_ended
    log = running.log.read_text()
    assert "Traceback" not in log, log
