"""How messages leave: in order, bounded, and never at the cost of whoever posted them."""

from __future__ import annotations

import asyncio
import logging
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

    async def send(self, message: object) -> None:
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
    async def hang() -> None:
        await asyncio.Event().wait()

    assert await outbox.attempt(hang) is False


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
async def test_what_is_posted_together_wakes_the_loop_up_once_and_keeps_its_order():
    wire = Wire()
    outbox.attach()
    loop = asyncio.get_running_loop()
    ready = []

    def post_all() -> None:
        before = len(loop._ready)  # type: ignore[attr-defined]
        with outbox.posting_together():
            for number in range(50):
                outbox.post(partial(wire.send, number))
            assert len(loop._ready) == before  # type: ignore[attr-defined]
        ready.append(len(loop._ready) - before)  # type: ignore[attr-defined]

    post_all()  # on the loop's own thread, so that nothing runs meanwhile
    await asyncio.sleep(0)  # the loop takes it over
    await everything_else_is_done()

    assert wire.sent == list(range(50))
    assert ready == [1]


@pytest.mark.asyncio
async def test_nothing_posted_together_wakes_no_loop():
    outbox.attach()
    before = len(asyncio.get_running_loop()._ready)  # type: ignore[attr-defined]

    with outbox.posting_together():
        pass

    assert len(asyncio.get_running_loop()._ready) == before  # type: ignore[attr-defined]


def test_what_is_posted_together_is_sent_also_where_the_transaction_failed():
    wire = Wire()

    def fail() -> None:
        with outbox.posting_together():
            outbox.post(partial(wire.send, "first"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert wire.sent == ["first"]
