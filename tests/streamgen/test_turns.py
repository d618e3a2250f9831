"""Requests with Django at once: bounded, and no slow client keeps a turn, neither by sending nor by reading slowly."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from streamgen.server.turns import HELD_BYTES, REQUESTS_AT_ONCE, InTurn

pytestmark = pytest.mark.asyncio

WAIT_S = 10


class Views:
    """An application that reads a request, is busy until it is let go, and answers with so many bytes."""

    def __init__(self, answer_bytes: int = 10) -> None:
        self.answer_bytes = answer_bytes
        self.busy = self.most = self.done = 0
        self.go_on = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        self.busy += 1
        self.most = max(self.most, self.busy)
        await self.go_on.wait()
        self.busy -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * self.answer_bytes})
        self.done += 1


async def whole() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def never(*_: object) -> Any:
    await asyncio.Event().wait()


async def taken(message: Any) -> None:
    pass


@pytest.mark.parametrize(
    ("slow", "answer_bytes"), [((never, taken), 10), ((whole, never), 10), ((whole, never), HELD_BYTES + 1)]
)
async def test_slow_clients_keep_no_turn_and_others_are_served_so_many_at_once(slow: Any, answer_bytes: int) -> None:
    views = Views(answer_bytes)
    app = InTurn(views)
    async with asyncio.TaskGroup() as group:
        lazy = [group.create_task(app({}, *slow)) for _ in range(3 * REQUESTS_AT_ONCE)]
        quick = [group.create_task(app({}, whole, taken)) for _ in range(3 * REQUESTS_AT_ONCE)]
        views.go_on.set()
        async with asyncio.timeout(WAIT_S):
            await asyncio.gather(*quick)
        assert views.most <= REQUESTS_AT_ONCE
        for one in lazy:
            one.cancel()


async def test_view_that_fails_or_is_given_up_gives_its_turn_back() -> None:
    async def fails(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise ConnectionError

    app = InTurn(fails)
    for _ in range(2 * REQUESTS_AT_ONCE):
        with pytest.raises(ConnectionError):
            await app({}, whole, taken)
    views = Views()
    busy = InTurn(views)
    async with asyncio.TaskGroup() as group:
        given_up = [group.create_task(busy({}, whole, taken)) for _ in range(2 * REQUESTS_AT_ONCE)]
        while views.busy < REQUESTS_AT_ONCE:
            await asyncio.sleep(0)
        for one in given_up:
            one.cancel()
    views.go_on.set()
    await asyncio.wait_for(busy({}, whole, taken), WAIT_S)
    assert views.done == 1
