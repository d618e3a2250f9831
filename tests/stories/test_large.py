"""Documents of up to 1 MB, of every kind, reach every viewer with a stock client: whenever it joins, however often it
leaves, in both formats, under `manage.py up` and uvicorn.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path

import pytest
import pytest_asyncio
from channels.db import database_sync_to_async
from django.db import connection
from websockets.asyncio.client import ClientConnection, connect

from artifacts.accounts.tokens import issue_token
from artifacts.live.protocol import FRAME_BYTES
from artifacts.models import Artifact
from artifacts.preview import render
from tests.support import documents, large
from tests.support.reader import Reader
from tests.support.servers import Server, serving_product, up

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

WAIT_S = 100.0
FLUSHES = 24
FRAMES_A_VISIT = 5
USUAL = [("up", "table"), ("uvicorn", "emoji")]
USUAL_SIZE = 400_000
"""Without `-m large`: still more than a viewer may leave unacknowledged, and a table that no frame holds."""

in_database = database_sync_to_async
text_of = cache(lambda kind, length: large.KINDS[kind](length))


@pytest.fixture(scope="module")
def server(
    request: pytest.FixtureRequest, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    database, folder = Path(connection.settings_dict["NAME"]), tmp_path_factory.mktemp(request.param)
    settings = {"STREAMGEN_SOCKETS_PER_USER": "1000"}
    opened = up if request.param == "up" else lambda **options: serving_product("uvicorn", **options)
    with opened(database=database, folder=folder, **settings) as running:
        yield running


class Place:
    """A document that is being written, and how its owner looks at it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.draft = documents.opened(total=1)
        self.draft.begin(0)
        self.token = issue_token(Artifact.objects.get(pk=self.draft.pk).project.owner)
        self.is_over = asyncio.Event()

    def socket(self, query: str) -> connect:
        """As a stock client opens it: messages of 1 MiB at most."""
        return connect(
            self.server.url(f"/ws/artifacts/{self.draft.pk}/{query}"),
            additional_headers={"Authorization": f"Bearer {self.token}"},
            open_timeout=WAIT_S,
        )


@pytest_asyncio.fixture
async def place(server: Server) -> AsyncIterator[Place]:
    yield await in_database(Place)(server)
    log = server.log.read_text()
    assert not any(word in log for word in ("Traceback", "WARNING", "ERROR")), log


class Visitor:
    """Follows to the end; `leaves` drops the connection after every few frames, and comes back with a cursor.

    A page has no cursor: whoever always leaves before all its parts are there never sees it. So they stay once the
    document is over.
    """

    def __init__(self, place: Place, shows: str, *, leaves: bool = False, text: str = "") -> None:
        self.reader = Reader(shows, text=text)
        self.sizes: list[tuple[int, int]] = []
        self._place = place
        self._leaves = leaves
        self._has_cursor = bool(text)

    async def follow(self) -> Visitor:
        while not self.reader.is_ended:
            seen = self.reader
            cursor = f"&epoch=1&offset={len(seen.text)}" if seen.epoch or self._has_cursor else ""
            self.reader = Reader(seen.shows, text=seen.text)
            async with self._place.socket(f"?format={seen.shows}{cursor}") as viewer:
                await self._look(viewer)
        return self

    async def _look(self, viewer: ClientConnection) -> None:
        frames = 0
        while not self.reader.is_ended:
            may_stay = self.reader.shows == "html" and self._place.is_over.is_set()
            if self._leaves and frames >= FRAMES_A_VISIT and not may_stay:
                return
            message = await viewer.recv()
            frame = self.reader.apply(message)
            frames += 1
            self.sizes.append((len(str(message).encode()), len(frame.get("fragments", ())) + bool(frame.get("tail"))))
            await viewer.send(self.reader.ack())


@pytest.mark.parametrize(
    ("server", "kind", "length"),
    [
        *((server, kind, USUAL_SIZE) for server, kind in USUAL),
        *(
            pytest.param(server, kind, large.SIZE, marks=pytest.mark.large)
            for server in ("up", "uvicorn")
            for kind in large.KINDS
        ),
    ],
    indirect=["server"],
)
async def test_every_viewer_of_a_large_document_ends_with_all_of_it(place: Place, kind: str, length: int) -> None:
    whole = text_of(kind, length)
    step = len(whole) // FLUSHES + 1
    looking = [asyncio.create_task(Visitor(place, shows).follow()) for shows in ("text", "html")]
    looking += [asyncio.create_task(Visitor(place, shows, leaves=True).follow()) for shows in ("text", "html")]
    async with asyncio.timeout(WAIT_S):
        for number, at in enumerate(range(0, len(whole), step)):
            if number == FLUSHES // 2:
                looking += [asyncio.create_task(Visitor(place, shows).follow()) for shows in ("text", "html")]
                looking.append(asyncio.create_task(Visitor(place, "text", text=whole[: at // 2]).follow()))
            await in_database(place.draft.append)(whole[at : at + step])
        await in_database(place.draft.end_section)(0)
        await in_database(place.draft.complete)()
        place.is_over.set()
        stored = await in_database(lambda: documents.row(place.draft.pk).text)()
        looking += [asyncio.create_task(Visitor(place, shows).follow()) for shows in ("text", "html")]
        looking.append(asyncio.create_task(Visitor(place, "text", leaves=True).follow()))
        looking.append(asyncio.create_task(Visitor(place, "text", text=stored[:-100_001]).follow()))
        visitors = await asyncio.gather(*looking)
    assert stored == whole
    html = squeezed(await asyncio.to_thread(render, stored))
    for visitor in visitors:
        if visitor.reader.shows == "text":
            assert visitor.reader.text == stored
        else:
            assert squeezed(visitor.reader.html) == html
        for size, pieces in visitor.sizes:
            assert size <= FRAME_BYTES or pieces == 1


def squeezed(html: str) -> str:
    """Without white space, which may differ between tags."""
    return "".join(html.split())
