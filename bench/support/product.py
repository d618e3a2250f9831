"""The product as its users run it: a server of its own, an endpoint to write with, documents by the API.

Nothing of the product is imported here, so that any version can be measured.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.support.child import ROOT, Child

READY_S, STOP_S = 60.0, 20.0
SERVERS = {
    "uvicorn": (
        *("-m", "uvicorn", "--fd", "{fd}", "--log-level", "warning", "--no-access-log"),
        *("--ws-ping-interval", "300", "--ws-ping-timeout", "300", "streamgen.asgi:application"),
    ),
    "daphne": ("manage.py", "up", "--port", "{port}"),
}

SET_UP = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "streamgen.settings"
django.setup()
from django.core.management import call_command
from django.db import connection
call_command("migrate", verbosity=0)
call_command("createsuperuser", interactive=False, username="bench", email="bench@example.org", verbosity=0)
call_command("token", "bench")
connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
"""
SECRET_KEY = secrets.token_hex(32)
made: list[Any] = []


class Product:
    """One server, the embedded worker in it, a database of its own, and the endpoint that it writes with."""

    def __init__(self, server: str = "uvicorn", **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="streamgen-bench-"))
        self.database = self.folder / "bench.sqlite3"
        self.endpoint = Child("endpoint")
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("STREAMGEN_")} | {
            "DATABASE_URL": f"sqlite:///{self.database}",
            "REDIS_URL": "",
            "SECRET_KEY": SECRET_KEY,
            "OPENAI_BASE_URL": f"http://127.0.0.1:{self.endpoint.hello['port']}/v1",
            "OPENAI_API_KEY": "bench",
            "STREAMGEN_PROVIDER": "openai",
            "STREAMGEN_MODEL": "pace-200-20-2000-1",
            "STREAMGEN_DELIVERY": "stream",
            "STREAMGEN_SOCKETS_PER_USER": "100000",
            "STREAMGEN_CONCURRENCY": "1000",
            "STREAMGEN_USER_RUNNING": "100000",
            "STREAMGEN_USER_QUEUED": "100000",
            "STREAMGEN_USER_STARTS_PER_MINUTE": "100000",
            "PYTHONUNBUFFERED": "1",
            **settings,
        }
        self.started: list[int] = []
        self.token = self._set_up()
        self._log = (self.folder / "log").open("wb")
        with socket.create_server(("127.0.0.1", 0), backlog=2_048) as listener:
            self.port = listener.getsockname()[1]
            if server == "daphne":
                listener.close()  # `up` takes a port, not a socket
            words = [part.format(fd=listener.fileno(), port=self.port) for part in SERVERS[server]]
            self.process = subprocess.Popen(
                [sys.executable, *words],
                pass_fds=[] if server == "daphne" else [listener.fileno()],
                cwd=ROOT,
                env=self.environment,
                stdout=self._log,
                stderr=self._log,
            )
        self._wait_until_ready()
        self.workers: list[subprocess.Popen[bytes]] = []

    @property
    def pid(self) -> int:
        return self.process.pid

    def run_worker(self) -> int:
        """A worker in a process of its own; its pid. The server's own writes nothing where its concurrency is 0."""
        worker = subprocess.Popen(
            [sys.executable, "manage.py", "runworker", "generation", "--concurrency", "1000"],
            cwd=ROOT,
            env=self.environment,
            stdout=self._log,
            stderr=self._log,
        )
        self.workers.append(worker)
        return worker.pid

    def _set_up(self) -> str:
        """A migrated database with one person; made once for all products of this process. Returns a bearer token."""
        if not made:
            done = subprocess.run(
                [sys.executable, "-c", SET_UP],
                cwd=ROOT,
                env=self.environment | {"DJANGO_SUPERUSER_PASSWORD": secrets.token_hex(8)},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            made.extend((self.database.read_bytes(), done.stdout.split()[-1]))
        database, token = made
        self.database.write_bytes(database)
        return token

    def _wait_until_ready(self) -> None:
        limit = time.monotonic() + READY_S
        while time.monotonic() < limit and self.process.poll() is None:
            try:
                self.api("GET", "/api/projects")
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the server did not start:\n" + (self.folder / "log").read_text()[-2_000:])

    def api(self, method: str, path: str, body: Any = None, *, token: str = "") -> Any:
        """The answer's JSON; asked for as the administrator, unless there is another's token."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
        return json.loads(text or b"null")

    def documents(self, count: int) -> list[int]:
        """Ids of documents that are not begun."""
        found: list[int] = []
        while len(found) < count:
            project = self.api("POST", "/api/projects", {"title": f"Bench {len(found)}", "description": ""})
            found += [artifact["id"] for artifact in project["artifacts"]]
        return found[:count]

    def start(self, document: int, model: str, verb: str = "start", sections: int = 1, parallel: int = 1) -> None:
        """A document by the model of that name, see `endpoint`, which says how long a section gets."""
        plan = [
            {"name": f"Part {part + 1}", "instructions": "Write.", "max_tokens": 32_000} for part in range(sections)
        ]
        self.started.append(document)
        self.api("POST", f"/api/artifacts/{document}/{verb}", {"model": model, "plan": plan, "parallel": parallel})

    def cancel_all(self) -> None:
        """Whatever is being written is stopped; what has ended stays as it is."""
        for document in set(self.started):
            if self.api("GET", f"/api/artifacts/{document}")["state"]["status"] == "streaming":
                self.api("POST", f"/api/artifacts/{document}/cancel")
        self.started.clear()

    def gate(self, document: int, key: str) -> None:
        """A document that stands open; `endpoint.ask("emit", key=..., ...)` writes into it, 6 MB at most."""
        self.start(document, f"gate-{key}", sections=100)
        self.endpoint.ask("emit", key=key, count=3, rate=20, chars=200)

    def places(self, documents: list[int], count: int, shows: str = "text") -> list[list[str]]:
        """Where so many viewers look, spread over the documents."""
        paths = [f"/ws/artifacts/{documents[number % len(documents)]}/?format={shows}" for number in range(count)]
        return [[path, self.token] for path in paths]

    def close(self) -> None:
        processes = [*self.workers, self.process]
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.endpoint.close()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Product:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self.close()


kept: list[Product] = []


@contextmanager
def serving(server: str = "uvicorn", **settings: str) -> Iterator[Product]:
    """A product of its own; within `shared` the one that all share, whatever the settings."""
    if not kept:
        with Product(server, **settings) as product:
            yield product
        return
    yield kept[0]
    kept[0].cancel_all()


@contextmanager
def shared() -> Iterator[None]:
    """One product for a quick run of all scripts, which looks at no figure."""
    with Product() as product:
        kept.append(product)
        try:
            yield
        finally:
            kept.clear()


# Which part of it the CPU of a server goes to. A sampling profiler, py-spy (`pip install py-spy`), looks from outside;
# only samples that hold the interpreter count. What a library does is its caller's: the ORM belongs to the
# transaction, the HTTP client to the reading.

SAMPLES_S = 250
PARTS = {
    "flush: the transaction": ("artifacts/lifecycle", "artifacts/models", "worker/database"),
    "flush: writer, group, hand-over to the thread": ("worker/writer", "worker/group_commit", "channels/db"),
    "reading: socket, TLS, HTTP": ("openai_compatible/client", "openai_compatible/network", "answer/chunks"),
    "reading: events to text": ("openai_compatible",),
    "joints, sections, counting": (
        "generation/writing",
        "generation/seams",
        "generation/markdown",
        "generation/worker",
    ),
    "news: signal, outbox, layer": ("artifacts/signals", "artifacts/messaging", "channels/layers"),
    "viewers: feed, frame, socket": ("artifacts/live", "server/wires"),
    "previews": ("artifacts/preview", "worker/preview_saver", "renderer"),
    "queue: claims and polls": ("generation/queue", "worker/supervisor"),
}
"""Of two that fit a place in the code the one with the longer name of it."""
REST = "event loop, server, threads"


def sample(pid: int, seconds: float, to: Path) -> None:
    program = shutil.which("py-spy")
    if program is None:
        raise RuntimeError("py-spy is not there: pip install py-spy")
    options = ("--gil", "--format", "raw", "--rate", str(SAMPLES_S), "--duration", str(round(seconds)))
    done = subprocess.run([program, "record", *options, "--pid", str(pid), "--output", str(to)], capture_output=True)
    if done.returncode:
        raise RuntimeError(f"py-spy: {done.stderr.decode()[-300:]}")


def parts(stacks: Iterable[str]) -> Counter[str]:
    """Lines of `frame;frame;... count`, outermost first -> samples of each part."""
    found = Counter[str]()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        found[next(filter(None, map(part_of, reversed(stack.split(";")))), REST)] += int(count)
    return found


def part_of(frame: str) -> str:
    fitting = [(len(place), part) for part, places in PARTS.items() for place in places if place in frame]
    return max(fitting, default=(0, ""))[1]
