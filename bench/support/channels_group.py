"""The reference for viewers as the Channels documentation shows it: every viewer is a consumer in the group.

Each message goes through the channel layer once per viewer and is encoded once per viewer. It runs as a child under
uvicorn, see `child`; the layer is the in-memory one.
"""

from __future__ import annotations

import asyncio
import json
import socket

import uvicorn
import uvloop
from django.conf import settings

settings.configure(CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}})

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.layers import get_channel_layer  # noqa: E402

from bench.support import machine  # noqa: E402
from bench.support.child import obey  # noqa: E402
from bench.support.words import marked  # noqa: E402

written = 0


class Viewer(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        await self.channel_layer.group_add("document", self.channel_name)
        await self.accept()
        await self.send(text_data=json.dumps({"type": "snapshot", "epoch": 1, "seq": 0, "offset": written, "text": ""}))

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard("document", self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """An acknowledgement."""

    async def document_delta(self, event: dict[str, object]) -> None:
        await self.send(text_data=json.dumps(event["frame"]))


async def emit(*, count: int, rate: float, chars: int) -> None:
    global written
    layer, loop = get_channel_layer(), asyncio.get_running_loop()
    due = loop.time()
    for number in range(count):
        await asyncio.sleep(max(0.0, due - loop.time()))
        due += 1 / rate
        text = marked(chars, number)
        frame = {"type": "delta", "epoch": 1, "seq": number, "offset": written, "text": text}
        await layer.group_send("document", {"type": "document.delta", "frame": frame})
        written += len(text)


async def main() -> None:
    machine.prepare()
    listener = socket.create_server(("127.0.0.1", 0), backlog=2_048)
    config = uvicorn.Config(Viewer.as_asgi(), log_level="critical", lifespan="off", ws_ping_interval=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await obey({"emit": emit}, {"port": listener.getsockname()[1]})
    server.should_exit = server.force_exit = True
    await serving


if __name__ == "__main__":
    uvloop.run(main())
