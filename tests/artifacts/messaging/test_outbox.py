"""How messages leave: in order, bounded, and never at the cost of whoever posted them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from functools import partial
from threading import Thread

import pytest

from artifacts.messaging import outbox
from artifacts.messaging.outbox import BACKLOG, Outbox


class Wire:
    """Takes messages, and refuses them while it is cut."""

    def __init__(self) -> None:
        self.sent: list[object] = []
        self.is_cut = False
        self.tried = asyncio.Event()

    async def send(self, message: object, layer: object) -> None:
        self.tried.set()
        if self.is_cut:
            raise OSError("the wire is cut")
        self.sent.append(message)


async def everything_else_is_done() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others)


@pytest.mark.asyncio
async def test_messages_leave_in_the_order_they_were_put():
    wire, box = Wire(), Outbox(asyncio.get_running_loop())

    for number in range(100):
        box.put(partial(wire.send, number))
    await everything_else_is_done()
    box.put(partial(wire.send, "one more"))
    await everything_else_is_done()

    assert wire.sent == [*range(100), "one more"]


@pytest.mark.asyncio
async def test_backlog_is_bounded_and_the_oldest_goes_first():
    wire, box = Wire(), Outbox(asyncio.get_running_loop())

    for number in range(BACKLOG + 5):
        box.put(partial(wire.send, number))
    await everything_else_is_done()

    assert wire.sent == list(range(5, BACKLOG + 5))


@pytest.mark.asyncio
async def test_after_a_failure_what_waits_is_dropped_and_what_comes_later_is_sent(caplog):
    wire, box = Wire(), Outbox(asyncio.get_running_loop())
    wire.is_cut = True

    box.put(partial(wire.send, "lost"))
    await wire.tried.wait()
    wire.is_cut = False
    box.put(partial(wire.send, "stale"))
    await everything_else_is_done()
    box.put(partial(wire.send, "fresh"))
    await everything_else_is_done()

    assert wire.sent == ["fresh"]
    (record,) = caplog.records
    assert (record.levelno, record.exc_info) == (logging.WARNING, None)
    assert record.message.startswith("outage begins kind=layer")


@pytest.mark.asyncio
async def test_layer_that_hangs_is_given_up():
    wire = Wire()

    async def hang(layer: object) -> None:
        await asyncio.Event().wait()

    waiting = deque([hang, partial(wire.send, "stale")])

    await outbox.send_all(waiting, quiet_s=0.0)

    assert (list(waiting), wire.sent) == ([], [])


@pytest.mark.asyncio
async def test_threads_post_through_the_attached_loop_in_their_order():
    wire = Wire()
    outbox.attach()

    def post_all() -> None:
        for number in range(50):
            outbox.post(partial(wire.send, number))

    await asyncio.to_thread(post_all)
    await everything_else_is_done()

    assert wire.sent == list(range(50))


def test_without_an_attached_loop_a_message_is_sent_before_post_returns():
    wire = Wire()

    outbox.post(partial(wire.send, "now"))

    assert wire.sent == ["now"]


def test_post_does_not_raise_when_the_layer_does():
    wire = Wire()
    wire.is_cut = True

    outbox.post(partial(wire.send, "lost"))

    assert wire.sent == []


def test_loop_that_has_ended_is_not_waited_for():
    wire = Wire()

    async def attach() -> None:
        outbox.attach()

    thread = Thread(target=asyncio.run, args=(attach(),))
    thread.start()
    thread.join()
    outbox.post(partial(wire.send, "after"))

    assert wire.sent == ["after"]


def test_on_a_loop_that_nobody_attached_a_message_is_sent_by_that_loop():
    wire = Wire()

    async def notebook() -> None:
        outbox.post(partial(wire.send, "here"))
        await asyncio.sleep(0)  # the loop takes it over
        await everything_else_is_done()

    asyncio.run(notebook())

    assert wire.sent == ["here"]


@pytest.mark.asyncio
async def test_what_is_posted_before_the_loop_looks_wakes_it_up_once_and_keeps_its_order():
    wire = Wire()
    outbox.attach()
    loop = asyncio.get_running_loop()

    for about in ("first", "second"):
        before = len(loop._ready)  # type: ignore[attr-defined]
        for number in range(50):  # on the loop's own thread, so that nothing runs meanwhile
            outbox.post(partial(wire.send, f"{about} {number}"))
        assert len(loop._ready) - before == 1  # type: ignore[attr-defined]
        await asyncio.sleep(0)  # the loop takes it over
        await everything_else_is_done()

    assert wire.sent == [f"{about} {number}" for about in ("first", "second") for number in range(50)]
