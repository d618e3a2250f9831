"""A proxy's program while it runs, and the files that any of them needs."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.limits import WAIT_S
from tests.support.servers import ROOT

NAME = "docs.example.com"
DEPLOY = ROOT / "deploy"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def changed(text: str, changes: Mapping[str, str]) -> str:
    """The text of an example with those parts replaced; each of them must be there."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@contextmanager
def proxied(command: list[str], folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The program, once it listens."""
    log = folder / "proxy.log"
    environment = os.environ | {"XDG_DATA_HOME": str(folder), "HOME": str(folder)}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        ends_at = time.monotonic() + WAIT_S
        while not _listens(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < ends_at, log.read_text()
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait(WAIT_S)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
