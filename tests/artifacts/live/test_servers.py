"""The same websocket under Daphne and uvicorn, each a process of its own, with the `websockets` library as the client.

The writer is the test's process: the servers share nothing with it but the database.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from channels.db import database_sync_to_async
from django.db import connection
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from artifacts.accounts.tokens import issue_token
from artifacts.lifecycle import commands
from artifacts.live.protocol import FRAME_BYTES
from artifacts.models import Artifact
from artifacts.preview import render
from tests.support import documents
from tests.support.reader import Reader
from tests.support.servers import Server, serving_product

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

PROTOCOL = Path(__file__).resolve().parents[3] / "docs" / "protocol.md"
WAIT_S = 60.0

in_database = database_sync_to_async


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def server(
    request: pytest.FixtureRequest, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    database = Path(connection.settings_dict["NAME"])
    with serving_product(request.param, database=database, folder=tmp_path_factory.mktemp(request.param)) as running:
        yield running


class Place:
    """A document that is being written, its owner's token, and sockets to it."""

    def __init__(self, server: Server, draft: documents.Draft, token: str) -> None:
        self.server, self.draft, self.token = server, draft, token

    def socket(self, query: str = "", **headers: str) -> connect:
        return connect(
            self.server.url(f"/ws/artifacts/{self.draft.pk}/{query}"),
            additional_headers={"Authorization": f"Bearer {self.token}"} | headers,
            open_timeout=WAIT_S,
        )


@pytest_asyncio.fixture
async def place(server: Server) -> AsyncIterator[Place]:
    def make() -> Place:
        draft = documents.opened()
        draft.begin(0)
        return Place(server, draft, issue_token(Artifact.objects.get(pk=draft.pk).project.owner))

    async with asyncio.timeout(WAIT_S):
        yield await in_database(make)()
    log = server.log.read_text()
    assert "Traceback" not in log, log


async def follow(viewer: ClientConnection, reader: Reader) -> None:
    """Read and acknowledge until the end of an epoch."""
    async for message in viewer:
        frame = reader.apply(message)
        await viewer.send(reader.ack())
        if frame["type"] == "end":
            return


async def closing(viewer: ClientConnection) -> tuple[list[Any], int]:
    """The errors that come before the close, and its code."""
    errors = []
    try:
        while True:
            frame = json.loads(await viewer.recv())
            errors += [frame["code"]] if frame["type"] == "error" else []
    except ConnectionClosed as closed:
        return errors, closed.rcvd.code if closed.rcvd else 0


async def test_document_is_followed_to_its_end_in_both_formats(place: Place) -> None:
    text, html = Reader(), Reader("html")
    async with place.socket() as first, place.socket("?format=html") as second:
        reading = asyncio.gather(follow(first, text), follow(second, html))
        for piece in ("# Ti", "tle\n\n- one\n- tw", "o \U0001f600\n\n`code` **bo"):
            await in_database(place.draft.append)(piece)
        await in_database(place.draft.end_section)(0, "ld**")
        await in_database(place.draft.begin)(1)
        await in_database(place.draft.end_section)(1, "\n\nThe end.")
        await in_database(place.draft.complete)()
        await reading
    stored = await in_database(lambda: documents.row(place.draft.pk).text)()
    assert text.text == stored
    assert "".join(html.html.split()) == "".join(render(stored).split())


async def test_ten_megabytes_reach_a_stock_client(place: Place) -> None:
    line = "0123456789 \u00e9\U0001f600 abcdefghijklmnopqrstuvwxyz\n"
    whole = line * (10_000_000 // len(line.encode()))
    await in_database(place.draft.append)(whole)
    await in_database(place.draft.stop)("The end")
    reader = Reader()
    async with place.socket() as viewer:
        while len(reader.text) < len(whole) + 7:
            reader.apply(await viewer.recv())
            await viewer.send(reader.ack())
    assert reader.text == whole + "The end"


async def test_block_larger_than_a_frame_reaches_a_stock_client_early_and_late(place: Place) -> None:
    """As it grows and at the end: `websockets` takes messages of 1 MiB, and this one line is larger."""
    early, late, text = Reader("html"), Reader("html"), Reader()
    async with place.socket("?format=html") as first, place.socket() as second:
        reading = asyncio.gather(follow(first, early), follow(second, text))
        for _ in range(2):
            await in_database(place.draft.append)("\u91cd" * 200_000)
        await in_database(place.draft.end_section)(0, "\n\nThe end.")
        await in_database(place.draft.begin)(1)
        await in_database(place.draft.end_section)(1, "")
        await in_database(place.draft.complete)()
        await reading
    async with place.socket("?format=html") as viewer:
        await follow(viewer, late)
    stored = await in_database(lambda: documents.row(place.draft.pk).text)()
    assert text.text == stored
    assert early.fragments == late.fragments
    assert "".join(late.html.split()) == "".join(render(stored).split())
    sizes = [len(json.dumps(frame, ensure_ascii=False).encode()) for frame in [*early.frames, *late.frames]]
    assert max(sizes) <= FRAME_BYTES


async def test_client_of_the_documentation_reads_a_document_to_its_end(place: Place) -> None:
    await in_database(place.draft.finish)("One \U0001f600", "Two")
    (code,) = re.findall(r"```python\n(.*?)```", PROTOCOL.read_text(), re.DOTALL)
    code = code.replace("ws://localhost:8000/ws/artifacts/7/", place.server.url(f"/ws/artifacts/{place.draft.pk}/"))
    code = code.replace("os.environ['TOKEN']", "token")
    names = {"token": place.token}
    await asyncio.to_thread(exec, code, names)
    assert names["text"] == await in_database(lambda: documents.row(place.draft.pk).text)()


async def test_reconnecting_viewer_gets_what_is_missing(place: Place) -> None:
    await in_database(place.draft.append)("Hello \U0001f600 world")
    async with place.socket("?epoch=1&offset=7") as viewer:
        snapshot = json.loads(await viewer.recv())
    assert (snapshot["offset"], snapshot["text"]) == (7, " world")


async def test_foreign_origin_and_unknown_path_are_403(place: Place) -> None:
    for path, origin in ((f"/ws/artifacts/{place.draft.pk}/", "http://evil.example"), ("/ws/nothing/", "")):
        headers = {"Authorization": f"Bearer {place.token}"} | ({"Origin": origin} if origin else {})
        with pytest.raises(InvalidStatus) as refused:
            await connect(place.server.url(path), additional_headers=headers)
        assert refused.value.response.status_code == 403


async def test_every_close_code_reaches_the_client(place: Place) -> None:
    async with place.socket(Authorization="Bearer wrong") as viewer:
        assert await closing(viewer) == (["login_required"], 4401)
    async with place.socket("?format=pdf") as viewer:
        assert await closing(viewer) == (["bad_format"], 4409)
    async with place.socket() as viewer:
        await viewer.send("nonsense")
        await viewer.send("nonsense")
        assert await closing(viewer) == (["bad_message", "bad_message"], 4409)
    async with place.socket() as viewer:
        await viewer.recv()
        await in_database(commands.delete)(place.draft.pk)
        assert await closing(viewer) == (["deleted"], 4404)
    async with place.socket() as viewer:
        assert await closing(viewer) == (["not_found"], 4404)


@pytest.mark.parametrize("size", [65_537, 1_000_000, 9_000_000])
@pytest.mark.parametrize("pieces", [1, 50], ids=["whole", "in fragments"])
async def test_message_over_the_limit_is_told_with_1009(place: Place, size: int, pieces: int) -> None:
    part = size // pieces + 1
    for whole in ("x" * size, b"x" * size):
        async with place.socket() as viewer:
            await viewer.recv()
            with suppress(ConnectionClosed):  # it may come before all is sent
                await viewer.send([whole[at : at + part] for at in range(0, size, part)] if pieces > 1 else whole)
            assert await closing(viewer) == ([], 1009)


async def test_message_of_the_limit_is_answered(place: Place) -> None:
    empty = json.dumps({"type": "ping", "padding": ""})
    message = json.dumps({"type": "ping", "padding": "x" * (65_536 - len(empty))})
    async with place.socket() as viewer:
        await viewer.send(message)
        await viewer.send([message[:10], message[10:]])
        pongs = 0
        while pongs < 2:
            pongs += json.loads(await viewer.recv())["type"] == "pong"


async def test_client_that_misbehaves_or_vanishes_leaves_no_traceback(place: Place) -> None:
    """What the log holds is looked at after each test."""
    handshake = (
        f"GET /ws/artifacts/{place.draft.pk}/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Authorization: Bearer {place.token}\r\n\r\n"
    ).encode()
    half_a_frame, unmasked, bad_close = b"\x81\xfe\x00\xff\x01\x02", b"\x81\x02hi", b"\x88\x82\x00\x00\x00\x00\x03\xee"
    for after in (b"", half_a_frame, unmasked, bad_close, b"\xff" * 100):
        for resets in (False, True):
            with socket.create_connection(("127.0.0.1", place.server.port)) as raw:
                raw.sendall(handshake + after)
                if resets:  # what is still on its way is thrown away on both sides
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    raw.settimeout(WAIT_S)
                    await asyncio.to_thread(raw.recv, 1)
    with socket.create_connection(("127.0.0.1", place.server.port)) as raw:
        raw.sendall(handshake[:60])
    await in_database(place.draft.append)("Hello")
    async with place.socket() as viewer:
        assert json.loads(await viewer.recv())["type"] == "snapshot"


SOCKETS = 8
"""Of each kind: with few of them a server that cancels them all may still be too late."""


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_server_that_is_told_to_stop_says_1012_to_every_socket(
    kind: str, django_db_setup: None, tmp_path: Path
) -> None:
    database = Path(connection.settings_dict["NAME"])
    with serving_product(kind, database=database, folder=tmp_path) as running:
        async with asyncio.timeout(WAIT_S):
            draft = await in_database(documents.opened)()
            owner = await in_database(lambda: Artifact.objects.get(pk=draft.pk).project.owner)()
            place = Place(running, draft, await in_database(issue_token)(owner))
            async with AsyncExitStack() as stack:
                queries = ["", "?format=html"] * SOCKETS
                sockets = [await stack.enter_async_context(place.socket(query)) for query in queries]
                for one in sockets:
                    await one.recv()
                running.process.terminate()
                for one in sockets:
                    assert await closing(one) == ([], 1012)
    assert "Traceback" not in running.log.read_text()
