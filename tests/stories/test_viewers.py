"""The law: whoever joins at any moment, or comes back with a cursor at any offset, ends with the text of the database,
its hash, and the rendered document, whatever happens to the messages on the way.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from itertools import accumulate
from random import Random
from typing import Any

import pytest
from channels.db import database_sync_to_async
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from artifacts.accounts.tokens import issue_token
from artifacts.lifecycle import commands, writing
from artifacts.lifecycle.state import section_starts
from artifacts.live import feed
from artifacts.live.feed import Feeds
from artifacts.messaging import subscription
from artifacts.models import Artifact, StopRequest
from artifacts.preview import render
from tests.support import documents, large
from tests.support.line import Line, bearer
from tests.support.lossy import LossyLayer
from tests.support.reader import Reader

pytestmark = pytest.mark.django_db(transaction=True)

OFTEN_S = 0.02
STORY_S = 60.0
LARGE_STORY_S = 300.0
SECTIONS = 3

in_database = database_sync_to_async


@pytest.fixture(autouse=True)
def _many_sockets_on_a_bad_layer(settings: Any) -> None:
    settings.STREAMGEN_SOCKETS_PER_USER = 1_000
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "tests.support.lossy.LossyLayer"}}


class Pen:
    """Writes one document through the lifecycle, as a worker does."""

    def __init__(self) -> None:
        self.draft = documents.opened(total=SECTIONS)
        self.position = 0
        self.draft.begin(0)
        self.pk = self.draft.pk
        self.token = issue_token(Artifact.objects.get(pk=self.pk).project.owner)

    def write(self, text: str) -> None:
        self.draft.append(text, tokens=1)

    def next_section(self, text: str) -> None:
        """End the section with the text, in one commit, and begin the next one."""
        if self.position + 1 < SECTIONS:
            self.draft.end_section(self.position, text)
            self.position += 1
            self.draft.begin(self.position)

    def wait(self, text: str) -> None:
        writing.wait(self.pk, fence=self.draft.fence, detail=text, lease_s=documents.LEASE_S)

    def pause(self, text: str) -> None:
        """Pause with the text as the tail, and go on."""
        self.draft.stop(text)
        commands.resume(self.pk)
        self._go_on()

    def begin_anew(self, text: str) -> None:
        """Cancel with the text as the tail, and regenerate."""
        self._cancel(text)
        commands.reset(self.pk, documents.sections(SECTIONS), "")
        self.position = 0
        self._go_on()

    def finish(self, *, cancels: bool) -> str:
        """The last word; what is stored then."""
        if cancels:
            self._cancel("Cut")
        else:
            for position in range(self.position, SECTIONS):
                self.draft.end_section(position, f"End {position}")
            self.draft.complete()
        return documents.row(self.pk).text

    def _cancel(self, text: str) -> None:
        commands.request_stop(self.pk, StopRequest.CANCEL)
        self.draft.stop(text)

    def _go_on(self) -> None:
        self.draft = documents.reopened(self.pk)
        self.draft.begin(self.position)


class Bystander:
    """Somebody with a browser tab: looks, loses the connection, comes back with the cursor."""

    def __init__(self, pen: Pen, shows: str) -> None:
        self.reader = Reader(shows)
        self._pen = pen
        self._looking: asyncio.Task[None] | None = None

    def look(self) -> None:
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())

    async def look_away(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
            self._looking = None

    async def _look(self) -> None:
        seen = self.reader
        query = f"?format={seen.shows}" + (f"&epoch={seen.epoch}&offset={seen.offset}" if seen.epoch else "")
        self.reader = Reader(seen.shows, text=seen.text)
        path = f"/ws/artifacts/{self._pen.pk}/{query}"
        async with Line(path, bearer(self._pen.token), reader=self.reader) as line:
            while True:
                await line.frame()

    async def is_at_the_end_of(self, epoch: int) -> None:
        self.look()
        assert self._looking is not None
        while epoch not in self.reader.ended_epochs:
            done, _ = await asyncio.wait([self._looking], timeout=OFTEN_S)
            for task in done:
                task.result()


def squeezed(html: str) -> str:
    """Without white space, which may differ between tags."""
    return "".join(html.split())


async def tell(steps: list[tuple[str, Any]], *, cancels: bool) -> None:
    feed.current.use(Feeds(subscription=subscription.current(), poll_s=OFTEN_S, preview_s=0.001))
    pen = await in_database(Pen)()
    bystanders = [Bystander(pen, shows) for shows in ("text", "html", "text")]
    for name, argument in steps:
        if name == "look":
            bystanders[argument].look()
        elif name == "look_away":
            await bystanders[argument].look_away()
        else:
            await in_database(getattr(pen, name))(argument)
    stored = await in_database(pen.finish)(cancels=cancels)
    epoch = await in_database(lambda: documents.row(pen.pk).epoch)()
    sections = await in_database(lambda: section_starts(documents.row(pen.pk)))()
    for bystander in bystanders:
        await bystander.is_at_the_end_of(epoch)
        if bystander.reader.shows == "text":
            assert bystander.reader.text == stored
        else:
            assert squeezed(bystander.reader.html) == squeezed(render(stored, sections))
            assert bystander.reader.tail == ""
        await bystander.look_away()
    await subscription.current().close()


TEXTS = st.text(st.sampled_from("ab *_`#\n-[]()>|1.\u00e9\U0001f600"), min_size=1, max_size=30)
STEPS = st.one_of(
    st.tuples(st.sampled_from(["write", "write", "write", "next_section", "wait", "pause", "begin_anew"]), TEXTS),
    st.tuples(st.sampled_from(["look", "look", "look_away"]), st.integers(0, 2)),
)
WEIGHTS = st.sampled_from([(1, 0, 0, 0), (2, 1, 1, 1), (0, 1, 0, 0), (1, 0, 3, 3), (1, 3, 0, 1)])


@given(steps=st.lists(STEPS, max_size=25), cancels=st.booleans(), weights=WEIGHTS, seed=st.integers(0, 1_000))
@hypothesis_settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_every_viewer_ends_with_the_text_of_the_database(
    steps: list[tuple[str, Any]], cancels: bool, weights: tuple[int, int, int, int], seed: int
) -> None:
    LossyLayer.dice, LossyLayer.weights = Random(seed), weights
    asyncio.run(asyncio.wait_for(tell(steps, cancels=cancels), STORY_S))


def pieces_of(text: str, count: int) -> list[str]:
    step = -(-len(text) // count)
    return [text[at : at + step] for at in range(0, len(text), step)]


@pytest.mark.large
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("seed", "kind"), [*enumerate(large.KINDS)])
def test_every_viewer_ends_with_the_large_text_of_the_database(seed: int, kind: str) -> None:
    """The same law over 1 MB: while it is written they come and go, and it is paused, waited for, ended, begun anew."""
    dice, pieces = Random(seed), pieces_of(large.KINDS[kind](), 48)
    LossyLayer.dice, LossyLayer.weights = Random(seed), (1, 1, 1, 1)
    interruptions = {8: "pause", 16: "wait", 20: "next_section", 32: "pause", 40: "next_section"}
    steps: list[tuple[str, Any]] = [("write", piece) for piece in pieces[:6]] + [("begin_anew", "Over")]
    for number, piece in enumerate(pieces):
        steps.append((interruptions.get(number, "write"), piece))
        steps.append((dice.choice(["look", "look", "look_away"]), dice.randrange(3)))
    steps = [("look", 0), ("look", 1), *steps]
    asyncio.run(asyncio.wait_for(tell(steps, cancels=seed % 2 == 0), LARGE_STORY_S))


EVERY_OFFSET = "One \U0001f600\u00e9\r\n\ttwo\u2028 e\u0301 end"


@pytest.mark.asyncio
@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", ["short", *(pytest.param(kind, marks=pytest.mark.large) for kind in large.KINDS)])
async def test_a_cursor_at_every_offset_gets_exactly_what_is_missing(kind: str) -> None:
    LossyLayer.dice, LossyLayer.weights = Random(1), (1, 1, 1, 1)
    feed.current.use(Feeds(subscription=subscription.current(), poll_s=OFTEN_S, preview_s=0.001))
    pen = await in_database(Pen)()
    written = EVERY_OFFSET if kind == "short" else large.KINDS[kind]()
    pieces = pieces_of(written, len(EVERY_OFFSET))
    for piece in pieces:
        await in_database(pen.write)(piece)
    async with asyncio.timeout(LARGE_STORY_S), AsyncExitStack() as stack:
        lines = []
        for offset in [*accumulate(map(len, pieces), initial=0)]:
            reader = Reader(text=written[:offset])
            path = f"/ws/artifacts/{pen.pk}/?epoch=1&offset={offset}"
            line = await stack.enter_async_context(Line(path, bearer(pen.token), reader=reader))
            snapshot = await line.frame()
            assert snapshot["offset"] == offset
            assert written[offset:].startswith(snapshot["text"])
            await line.until(lambda reader: reader.offset == len(written))
            assert line.reader.text == written
            lines.append(line)
        stored = await in_database(pen.finish)(cancels=False)
        for line in lines:
            await line.until(lambda reader: reader.is_ended)
            assert line.reader.text == stored
    await subscription.current().close()
