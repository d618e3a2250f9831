"""What a viewer costs: CPU for each delivery of a delta to many viewers of one document, and the memory of one that
never reads. Run `.venv/bin/python -m bench.viewers`; it starts real servers on the loopback and prints a table.

The writer lives in the server's process, as the embedded worker does, and goes the whole way: transaction, event,
channel layer, subscription, feed, socket. What it costs by itself is measured with one viewer and taken off. The floor
beside it is what the server itself takes to send the same frame to as many sockets, with nothing of ours in between.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
SERVERS = {
    "daphne": ("-m", "daphne", "--fd", "{fd}", "-v", "0", "bench.viewers:application"),
    "uvicorn": ("-m", "uvicorn", "--fd", "{fd}", "--log-level", "warning", "bench.viewers:application"),
}
FLUSH_CHARS = 400


# In the server's process


async def application(scope: Any, receive: Any, send: Any) -> None:
    """The project's application, and one address that writes."""
    from streamgen.asgi import application as streamgen

    if scope["type"] == "http" and scope["path"] == "/bench/write":
        await write(**json.loads(scope["query_string"].decode().replace("%22", '"')))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})
    elif scope["path"] == "/bench/floor":
        await floor(receive, send)
    else:
        await streamgen(scope, receive, send)


floors: set[Any] = set()


async def floor(receive: Any, send: Any) -> None:
    """A socket that is only sent to. The one that asks for it, as `<flushes>`, makes all of them be sent to."""
    await receive()
    await send({"type": "websocket.accept"})
    floors.add(send)
    while (message := await receive())["type"] == "websocket.receive":
        for number in range(int(message["text"])):
            frame = {"type": "delta", "epoch": 1, "seq": number, "offset": number, "text": "x" * FLUSH_CHARS}
            encoded = {"type": "websocket.send", "text": json.dumps(frame)}
            for other in list(floors):
                await other(encoded)
            await asyncio.sleep(0.1)
    floors.discard(send)


async def write(*, artifact: int, fence: int, flushes: int, chars: int, pause_s: float) -> None:
    """So many flushes of so many characters, one every `pause_s` seconds."""
    from channels.db import database_sync_to_async

    from artifacts.lifecycle import writing
    from artifacts.lifecycle.writing import Flush
    from artifacts.messaging import outbox

    outbox.attach()
    loop = asyncio.get_running_loop()
    offset = 0
    due = loop.time()
    for _ in range(flushes):
        flush = Flush(offset=offset, text=f"{offset:>{chars}}", tokens=offset)
        await database_sync_to_async(writing.append)(artifact, fence=fence, flush=flush, lease_s=600)
        offset += chars
        due += pause_s
        await asyncio.sleep(max(0.0, due - loop.time()))


# Outside of it


class Bench:
    """One server of one kind, with a database and a user of its own."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.environment = os.environ | {
            "DATABASE_URL": f"sqlite:///{folder}/bench.sqlite3",
            "REDIS_URL": "",
            "SECRET_KEY": secrets.token_hex(32),
            "STREAMGEN_PROVIDER": "scripted",
            "STREAMGEN_SOCKETS_PER_USER": "100000",
            "DJANGO_SETTINGS_MODULE": "streamgen.settings",
        }
        self.token = self._run("make")
        listener = socket.create_server(("127.0.0.1", 0), backlog=1_024)
        self.port = listener.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, *(part.format(fd=listener.fileno()) for part in SERVERS[kind])],
            pass_fds=[listener.fileno()],
            cwd=ROOT,
            env=self.environment,
        )
        listener.close()
        self.server = psutil.Process(self.process.pid)

    def _run(self, verb: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "bench.viewers", verb],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def document(self) -> tuple[int, int]:
        """A new document that is being written: its id and its writer's fence."""
        artifact, fence = self._run("document").split()
        return int(artifact), int(fence)

    def cpu_s(self) -> float:
        times = self.server.cpu_times()
        return float(times.user + times.system)

    async def write(self, document: tuple[int, int], *, flushes: int, chars: int, pause_s: float) -> None:
        job = {"artifact": document[0], "fence": document[1], "flushes": flushes, "chars": chars, "pause_s": pause_s}
        query = json.dumps(job, separators=(",", ":")).replace('"', "%22")
        url = f"http://127.0.0.1:{self.port}/bench/write?{query}"
        await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=600).read())

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)


async def view(bench: Bench, artifact: int, ready: asyncio.Event, until: int, compressed: bool) -> int:
    """One viewer: counts deltas until it has `until` characters, and acknowledges as the protocol asks."""
    from websockets.asyncio.client import connect

    deltas, acknowledged_at, offset = 0, time.monotonic(), 0
    async with connect(
        f"ws://127.0.0.1:{bench.port}/ws/artifacts/{artifact}/",
        additional_headers={"Authorization": f"Bearer {bench.token}"},
        compression="deflate" if compressed else None,
        open_timeout=60,
    ) as viewer:
        async for message in viewer:
            ready.set()
            frame = json.loads(message)
            if frame["type"] == "delta":
                deltas += 1
                offset = frame["offset"] + len(frame["text"])
                if time.monotonic() - acknowledged_at > 1:
                    acknowledged_at = time.monotonic()
                    await viewer.send(json.dumps({"type": "ack", "epoch": frame["epoch"], "offset": offset}))
            if offset >= until:
                return deltas
    return deltas


async def deliver(bench: Bench, viewers: int, seconds: int, compressed: bool) -> tuple[float, int]:
    """CPU seconds of the server, and deltas delivered, for 10 flushes a second."""
    document = bench.document()
    flushes = seconds * 10
    ready = [asyncio.Event() for _ in range(viewers)]
    tasks = [asyncio.create_task(view(bench, document[0], event, flushes * FLUSH_CHARS, compressed)) for event in ready]
    await asyncio.gather(*(event.wait() for event in ready))
    before = bench.cpu_s()
    await bench.write(document, flushes=flushes, chars=FLUSH_CHARS, pause_s=0.1)
    delivered = sum(await asyncio.gather(*tasks))
    return bench.cpu_s() - before, delivered


async def deliver_floor(bench: Bench, viewers: int, seconds: int) -> tuple[float, int]:
    """The same frames from a bare ASGI application."""
    from websockets.asyncio.client import connect

    url, flushes = f"ws://127.0.0.1:{bench.port}/bench/floor", seconds * 10
    sockets = [await connect(url, compression=None, open_timeout=60) for _ in range(viewers)]

    async def count(viewer: Any) -> None:
        for _ in range(flushes):
            json.loads(await viewer.recv())

    before = bench.cpu_s()
    await sockets[0].send(str(flushes))
    await asyncio.gather(*(count(viewer) for viewer in sockets))
    used = bench.cpu_s() - before
    await asyncio.gather(*(viewer.close() for viewer in sockets))
    return used, flushes * viewers


async def never_read(bench: Bench) -> tuple[float, float, int]:
    """Memory in MB before and after 5 MB of text for one viewer that never reads; and how much was sent to it."""
    document = bench.document()
    viewer = socket.create_connection(("127.0.0.1", bench.port))
    viewer.sendall(
        f"GET /ws/artifacts/{document[0]}/ HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Authorization: Bearer {bench.token}\r\n\r\n".encode()
    )
    viewer.recv(1)
    before = bench.server.memory_info().rss
    await bench.write(document, flushes=250, chars=20_000, pause_s=0.01)
    after = bench.server.memory_info().rss
    viewer.setblocking(False)
    sent = 0
    try:
        while part := viewer.recv(1 << 20):
            sent += len(part)
            await asyncio.sleep(0.02)
    except (BlockingIOError, ConnectionResetError):  # all is read; or the server gave up on it
        pass
    viewer.close()
    return before / 1e6, after / 1e6, sent


async def measure(options: argparse.Namespace) -> None:
    print(f"{options.viewers} viewers of one document, 10 flushes a second of {FLUSH_CHARS} characters")
    for kind in options.servers:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(kind, Path(folder))
            try:
                await deliver(bench, 1, 2, False)  # warm
                alone, _ = await deliver(bench, 1, options.seconds, False)
                used, delivered = await deliver_floor(bench, options.viewers, options.seconds)
                print(f"{kind:8} {'floor':8} {used / delivered * 1e6:6.1f} microseconds of CPU for each delivery")
                for compressed in (False, True):
                    used, delivered = await deliver(bench, options.viewers, options.seconds, compressed)
                    print(
                        f"{kind:8} {'deflate' if compressed else 'plain':8} {delivered} deliveries,"
                        f" {used / delivered * 1e6:6.1f} microseconds of CPU for each,"
                        f" {(used - alone) / delivered * 1e6:6.1f} without the writer"
                    )
                before, after, sent = await never_read(bench)
                print(
                    f"{kind:8} one viewer that never reads: {before:.0f} -> {after:.0f} MB while 5 MB were written"
                    f" (the text itself is held once: 5 MB); {sent} bytes were sent to it"
                )
            finally:
                bench.close()


def make() -> None:
    """The database and the user of a bench; prints a bearer token."""
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from artifacts.accounts.tokens import issue_token

    call_command("migrate", verbosity=0)
    print(issue_token(User.objects.create_user("bench")))


def make_document() -> None:
    """Prints the id and the fence of a document that is being written."""
    from django.contrib.auth.models import User

    from artifacts.lifecycle import commands, writing
    from artifacts.models import Artifact, Project
    from artifacts.planned_section import PlannedSection

    project = Project.objects.create(owner=User.objects.get(), title="Bench")
    artifact = Artifact.objects.create(project=project, phase="brief", title="Bench")
    commands.plan(artifact.pk, [PlannedSection(name="One", instructions="", max_tokens=1)], "")
    print(artifact.pk, writing.open(artifact.pk, lease_s=600).fence)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", nargs="?", choices=["measure", "make", "document"], default="measure")
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--servers", nargs="*", default=list(SERVERS))
    options = parser.parse_args()
    if options.verb == "measure":
        asyncio.run(measure(options))
        return
    import django

    django.setup()
    {"make": make, "document": make_document}[options.verb]()


if __name__ == "__main__":
    main()
