"""The reference for viewers: `broadcast()` of the websockets library on uvloop, and nothing else.

It runs as a child, see `child`; it sends frames of the product's form.
"""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

from bench.support import machine
from bench.support.child import obey
from bench.support.words import marked, plain

viewers: set[ServerConnection] = set()
snapshot = plain(int(sys.argv[1]) if len(sys.argv) > 1 else 0, 0)
written = len(snapshot)


async def view(viewer: ServerConnection) -> None:
    """Who comes late gets a text of the same length, which ends where the deltas go on."""
    begin = written - len(snapshot)
    frame = {"type": "snapshot", "v": 1, "artifact": 1, "epoch": 1, "seq": 0, "offset": begin, "text": snapshot}
    await viewer.send(json.dumps(frame))
    viewers.add(viewer)
    try:
        await viewer.wait_closed()
    finally:
        viewers.discard(viewer)


async def emit(*, count: int, rate: float, chars: int) -> None:
    global written
    loop = asyncio.get_running_loop()
    due = loop.time()
    for number in range(count):
        await asyncio.sleep(max(0.0, due - loop.time()))
        due += 1 / rate
        text = marked(chars, number)
        frame = {"type": "delta", "epoch": 1, "seq": number, "offset": written, "text": text}
        broadcast(viewers, json.dumps(frame))
        written += len(text)


async def main() -> None:
    machine.prepare()
    options = {"compression": None, "ping_interval": None, "write_limit": 2**22, "backlog": 2_048}
    async with serve(view, "127.0.0.1", 0, **options) as server:
        await obey({"emit": emit}, {"port": next(iter(server.sockets)).getsockname()[1]})


if __name__ == "__main__":
    uvloop.run(main())
