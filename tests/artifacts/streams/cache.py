"""A crowd that reads a growing document through nginx, as docs/streams.md configures it: how much of it reaches us.

`python -m tests.artifacts.streams.cache [--readers 2000] [--seconds 30]` measures it; `test_cache` holds it with fewer.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import re
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import django

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "streams.md"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
MARK = re.compile(rb"@@(\d{19}) ")
CONFIGURATION = """
user {user}; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
worker_processes 1; worker_rlimit_nofile 20000;
events {{ worker_connections 9000; }}
http {{
    log_format us '$msec $status $upstream_cache_status $upstream_addr $request_uri';
    access_log {folder}/access.log us;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {path}
    server {{ listen 127.0.0.1:{port} backlog=4096; {location} }}
}}
"""


@dataclass
class Crowd:
    """What came of it."""

    texts: set[str] = field(default_factory=set)
    late_ms: list[float] = field(default_factory=list)
    requests: int = 0
    upstream: list[float] = field(default_factory=list)
    """When each request came that reached us, in seconds."""

    @property
    def upstream_per_s(self) -> float:
        return len(self.upstream) / max(1.0, self.upstream[-1] - self.upstream[0])

    @property
    def most_in_a_second(self) -> int:
        return max(sum(begin <= other < begin + 1 for other in self.upstream) for begin in self.upstream)


@asynccontextmanager
async def serving_nginx(origin_port: int, port: int, folder: Path) -> AsyncIterator[None]:
    """nginx in front of that port, by the block of the documentation."""
    (block,) = re.findall(r"```nginx\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    block = block.replace("127.0.0.1:8000", f"127.0.0.1:{origin_port}").replace("/var/cache/nginx", str(folder))
    path, _, location = block.partition("\n")
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(user=getpass.getuser(), folder=folder, port=port, path=path, location=location)
    )
    assert NGINX, "nginx is not here: apt install nginx-light"
    process = await asyncio.create_subprocess_exec(NGINX, "-c", str(configuration), "-e", str(folder / "error.log"))
    try:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            except OSError:
                assert process.returncode is None, (folder / "error.log").read_text()
                await asyncio.sleep(0.05)
        yield
    finally:
        process.terminate()
        await process.wait()


async def crowd(
    number: int, path: str, port: int, folder: Path, write: Callable[[], Awaitable[None]], *, arriving_s: float
) -> Crowd:
    """So many readers, who come one after the other within that time; `write` writes the document and ends it."""
    found = Crowd()
    reading = [asyncio.create_task(_read(found, path, port, index * arriving_s / number)) for index in range(number)]
    await write()
    found.texts = set(await asyncio.gather(*reading))
    lines = [line.split() for line in (folder / "access.log").read_text().splitlines()]
    found.requests = len(lines)
    found.upstream = sorted(float(line[0]) for line in lines if line[3] != "-")
    return found


async def _read(found: Crowd, path: str, port: int, after_s: float) -> str:
    await asyncio.sleep(after_s)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    text, query = b"", "offset=-1"
    try:
        while True:
            writer.write(f"GET {path}?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
            fields = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
            assert head[0].split()[1] in {"200", "204"}, head
            body = await reader.readexactly(int(fields.get("content-length", 0)))
            if "live" in query and body:
                now = time.monotonic_ns()
                found.late_ms += [(now - int(mark)) / 1e6 for mark in MARK.findall(body)[-1:]]
            text += body
            if "stream-closed" in fields:
                return text.decode()
            cursor = f"cursor={fields['stream-cursor']}&" if "stream-cursor" in fields else ""
            live = f"{cursor}live=long-poll&" if "stream-up-to-date" in fields else ""
            query = f"{live}offset={fields['stream-next-offset']}"
    finally:
        writer.close()


async def measure(readers: int, seconds: float, folder: Path, database: Path) -> Crowd:
    """A document that grows every tenth of a second; all readers must have all of it."""
    from channels.db import database_sync_to_async  # noqa: PLC0415  these need Django

    from tests.artifacts.streams.writing_half import WritingHalf  # noqa: PLC0415
    from tests.support import documents  # noqa: PLC0415
    from tests.support.servers import serving_product  # noqa: PLC0415

    with serving_product("uvicorn", database=database, folder=folder) as running:
        half = WritingHalf(running.origin)
        written = await half.open()
        async with aiohttp.ClientSession() as client, client.get(running.origin + written.path):
            pass  # it answers: now it runs
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]

        async def write() -> None:
            ends_at = time.monotonic() + seconds
            while time.monotonic() < ends_at:
                await half.write(written, f"@@{time.monotonic_ns():019} \u91cd\u8981\U0001f600 words and words. " * 4)
                await asyncio.sleep(0.1)
            await half.write(written, "The end", closes=True)

        async with serving_nginx(running.port, port, folder):
            found = await crowd(readers, written.path, port, folder, write, arriving_s=seconds / 2)
    assert found.texts == {(await database_sync_to_async(documents.row)(written.draft.pk)).text}
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ |= {"DATABASE_URL": f"sqlite:///{folder}/db.sqlite3", "DJANGO_SETTINGS_MODULE": "streamgen.settings"}
        django.setup()
        from django.core.management import call_command  # noqa: PLC0415  the database is known only now

        call_command("migrate", verbosity=0)
        found = asyncio.run(measure(options.readers, options.seconds, folder, folder / "db.sqlite3"))
    late = statistics.quantiles(found.late_ms, n=100)
    sys.stdout.write(
        f"{options.readers} readers, all texts equal: {found.requests} requests, {len(found.upstream)} reached us: "
        f"{found.upstream_per_s:.1f}/s, {found.most_in_a_second} in one second at most; "
        f"text is {late[49]:.0f} ms old when it is read (median), {late[98]:.0f} (p99)\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
