"""Real servers in processes of their own, on sockets that listen before the server starts: no port is guessed."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STOP_S = 60
ROOT = Path(__file__).resolve().parents[2]
SECRET_KEY = "of tests only, and long enough to be one"
"""For processes that must have the same."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that listens on this port of the loopback; `log` is what it wrote to stdout and stderr."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def url(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.port}{path}"

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


START_S = 60
COMMANDS = {
    "daphne": ("-m", "daphne", "--fd", "{fd}", "-v", "0", "streamgen.asgi:application"),
    "stock daphne": ("-m", "daphne", "--fd", "{fd}", "streamgen.asgi:application"),
    "stock uvicorn": ("-m", "uvicorn", "--fd", "{fd}", "streamgen.asgi:application"),
    "uvicorn": ("-m", "uvicorn", "--fd", "{fd}", "--log-level", "warning", "streamgen.asgi:application"),
}


@contextmanager
def up(*, database: Path, folder: Path, **environment: str) -> Iterator[Server]:
    """`manage.py up` without a worker. It is asked to stop at the end, and must, with 0."""
    log = folder / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-u", "manage.py", "up", "--port", "0", "--no-worker"],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"DATABASE_URL": f"sqlite:///{database}", "REDIS_URL": ""} | environment,
        )
    ends_at = time.monotonic() + START_S
    while not (address := re.search(r"http://localhost:(\d+)/", log.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < ends_at, log.read_text()
        time.sleep(0.05)
    try:
        yield Server(port=int(address[1]), process=process, log=log)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_S) == 0, log.read_text()


@contextmanager
def serving_product(kind: str, *, database: Path, folder: Path, port: int = 0, **environment: str) -> Iterator[Server]:
    """The project under Daphne or uvicorn with this SQLite file. It is asked to stop at the end, and must."""
    log = folder / f"{kind}.log"
    with socket.create_server(("127.0.0.1", port)) as listener, log.open("ab") as output:
        listener.listen(512)
        process = subprocess.Popen(
            [sys.executable, *(part.format(fd=listener.fileno()) for part in COMMANDS[kind])],
            pass_fds=[listener.fileno()],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ
            | {"DATABASE_URL": f"sqlite:///{database}", "STREAMGEN_PROVIDER": "scripted", "REDIS_URL": ""}
            | environment,
        )
        port = listener.getsockname()[1]
    try:
        yield Server(port=port, process=process, log=log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
