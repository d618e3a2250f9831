"""Rendering of a feed's page: off the event loop, one at a time, not too often, and never without an end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from artifacts.live.renderer import Renderer
from artifacts.live.replica import Replica
from artifacts.preview import LivePreview, Update
from tests.artifacts.live.test_replica import Truth
from tests.support.limits import WAIT_S
from tests.support.watching import Watching

SELDOM_S = 3_600.0


class Gate(LivePreview):
    """A preview whose rendering waits until it is let through, and which counts who is inside."""

    inside, most = 0, 0

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.may_go = threading.Event(), threading.Event()

    def update(self) -> Update:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.entered.set()
        assert self.may_go.wait(WAIT_S)
        self.inside -= 1
        return super().update()


class Broken(LivePreview):
    def update(self) -> Update:
        raise ZeroDivisionError


@contextmanager
def rendering(replica: Replica, watcher: Watching, **options: Any) -> Iterator[Renderer]:
    renderer = Renderer(replica, interval_s=options.pop("interval_s", 0.0), on_page=watcher.news.set, **options)
    renderer.news.set()
    yield renderer
    renderer.stop()


@pytest.mark.asyncio
class TestRendering:
    async def test_rendering_runs_off_the_event_loop_and_never_twice_at_once(self) -> None:
        truth, replica, watcher, gate = Truth(text="Hello"), Replica(1), Watching(), Gate()
        replica.apply_snapshot(truth.look(replica))
        with rendering(replica, watcher, make_preview=lambda: gate) as renderer:
            assert await asyncio.to_thread(gate.entered.wait, WAIT_S)  # the loop is free while it renders
            truth.append(" world")
            replica.apply_event(truth.events[-1])
            renderer.news.set()
            assert replica.page is None
            gate.may_go.set()
            await watcher.until(lambda: replica.page is not None and replica.page.length == 11)
        assert gate.most == 1

    async def test_rendering_waits_for_the_interval_but_the_end_does_not(self) -> None:
        truth, replica, watcher = Truth(text="Hello"), Replica(1), Watching()
        replica.apply_snapshot(truth.look(replica))
        with rendering(replica, watcher, interval_s=SELDOM_S) as renderer:
            await watcher.until(lambda: replica.page)
            assert replica.page is not None
            truth.append(" world")
            replica.apply_event(truth.events[-1])
            renderer.news.set()
            for _ in range(20):
                await asyncio.sleep(0)
            assert replica.page.version == 1
            truth.end()
            replica.apply_snapshot(truth.look(replica))
            renderer.news.set()
            await watcher.until(lambda: replica.page and replica.page.is_final)
            assert (replica.page.version, replica.page.length) == (2, 11)

    async def test_epoch_that_ends_while_it_is_rendered_is_not_shown(self) -> None:
        truth, replica, watcher, made = Truth(text="Old"), Replica(1), Watching(), asyncio.Queue[Gate]()

        def make() -> Gate:
            gate = Gate()
            made.put_nowait(gate)
            return gate

        replica.apply_snapshot(truth.look(replica))
        with rendering(replica, watcher, interval_s=SELDOM_S, make_preview=make) as renderer:
            old = await made.get()
            assert await asyncio.to_thread(old.entered.wait, WAIT_S)
            truth.begin_anew()
            truth.append("New")
            replica.apply_snapshot(truth.look(replica))
            renderer.news.set()
            old.may_go.set()
            new = await made.get()
            assert replica.page is None
            new.may_go.set()
            await watcher.until(lambda: replica.page)
            assert replica.page is not None
            assert (replica.page.epoch, replica.page.length) == (2, 3)

    async def test_fault_in_rendering_shows_the_text_itself_and_the_end_comes(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        truth, replica, watcher = Truth(text="a < b"), Replica(1), Watching()
        replica.apply_snapshot(truth.look(replica))
        with rendering(replica, watcher, make_preview=Broken) as renderer:
            page = await watcher.until(lambda: replica.page)
            assert page.fragments == ["<pre>a &lt; b</pre>"]
            truth.append(" & c")
            truth.end()
            replica.apply_snapshot(truth.look(replica))
            renderer.news.set()
            await watcher.until(lambda: page.is_final)
            assert (page.fragments, page.tail) == (["<pre>a &lt; b &amp; c</pre>"], "")
        assert "The preview failed artifact=1" in caplog.text
