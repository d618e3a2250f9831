"""One run's world: a data folder, servers, the scripted endpoint, processes of the product, viewers; and its evidence.

It starts and ends them and asks for documents; what is right is the checker's to say.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import aiohttp

from tests.faults.checker import Called, Ended, Evidence, Verdict, judge
from tests.faults.clients import Bot
from tests.faults.history import Store
from tests.faults.oracle import section_name, section_text
from tests.faults.result import allowed
from tests.faults.system import processes
from tests.faults.system.processes import Process, Stem
from tests.faults.system.proxy import Proxy
from tests.faults.system.servers import Postgres, Redis
from tests.support.endpoint.openai_script import Behaviour, Script
from tests.support.endpoint.openai_server import OpenAIServer

Database = Literal["sqlite", "postgres"]
SETTLE_S = 60.0
DEFAULT_LEASE_S = 5.0
"""The default of STREAMGEN_LEASE_SECONDS: within this time a dead worker is replaced."""
OVER = {"complete", "cancelled", "paused"}
LARGE = bool(os.environ.get("FAULTS_LARGE"))
"""Every document has 1 MB: 8 sections of 125 000 characters, which the endpoint sends in larger pieces."""
LARGE_SECTIONS, LARGE_CHARS, LARGE_PIECE_TOKENS = 8, 125_000, 250
_PROCESS_STOP_S = 15.0


@dataclass(frozen=True, kw_only=True)
class Document:
    """A document that was asked for, and what the endpoint would write of it."""

    artifact: int
    names: tuple[str, ...]
    expected: str


@dataclass(kw_only=True)
class Rig:
    """Made by `rigged`. `environment` is what every process of the product gets."""

    database: Database
    folder: Path
    rng: random.Random
    store: Store
    endpoint: OpenAIServer
    provider_proxy: Proxy
    redis: Redis | None
    redis_proxy: Proxy | None
    postgres: Postgres | None
    database_proxy: Proxy | None
    environment: dict[str, str]
    http: aiohttp.ClientSession
    processes: list[Process] = field(default_factory=list)
    documents: dict[int, Document] = field(default_factory=dict)
    sections: dict[str, int] = field(default_factory=dict)
    bots: list[Bot] = field(default_factory=list)
    free_text: set[int] = field(default_factory=set)
    stem: Stem | None = None
    token: str = ""
    address: str = ""
    outages: list[tuple[float, float]] = field(default_factory=list)
    """When the database was away: no worker could have done anything."""
    calls_may_fail: bool = False
    calls_may_overlap: bool = False
    large: bool = False
    parallel: int = 1
    """So many sections of a document are written at once."""
    _spare: list[int] = field(default_factory=list)

    # Processes

    async def web(self, *, port: int = 0, embedded: bool = False, name: str = "", **environment: str) -> Process:
        """A web process, ready; the first one makes the database, and is the one that commands go to."""
        arguments = ["up", "--port", str(port), *([] if embedded else ["--no-worker"])]
        process = await self._start("embedded" if embedded else "web", name, ["manage.py", *arguments], environment)
        found = await process.until_said(r"address\s+http://localhost:(\d+)/")
        if not self.token:
            await self._begin(int(found[1]))
        return process

    def port_of(self, process: Process) -> int:
        return int(process.said().rpartition("http://localhost:")[2].partition("/")[0])

    async def worker(self, *, ready: bool = True, **environment: str) -> Process:
        """A worker; `FAULT_POINT` and `FAULT_CLOCK_S` make it a doomed one."""
        if self.stem is None:
            self.stem = Stem()
            await self.stem.start(self.folder, self.environment)
        name = f"worker-{len(self.processes)}"
        log = self.folder / f"{name}.log"
        process = Process(name=name, kind="worker", log=log, inner=await self.stem.fork(log, environment))
        self.processes.append(process)
        if environment.get("FAULT_POINT"):
            process.asked_to_end = environment["FAULT_POINT"]
        if ready:
            await process.until_said("worker started")
        return process

    async def _start(self, kind: str, name: str, arguments: list[str], environment: dict[str, str]) -> Process:
        name = name or f"{kind}-{len(self.processes)}"
        process = await processes.start_process(
            kind, *arguments, name=name, folder=self.folder, environment=self.environment | environment
        )
        self.processes.append(process)
        return process

    async def _begin(self, port: int) -> None:
        self.address = f"127.0.0.1:{port}"
        self.store.remember()
        maker = await processes.start_process(
            "command", "manage.py", "token", "admin", name="token", folder=self.folder, environment=self.environment
        )
        await maker.ended(60)
        self.token = maker.said().split()[-1]

    # Documents

    async def call(self, method: str, path: str, body: object = None, *, address: str = "") -> tuple[int, Any]:
        """One command; the status and the JSON answer."""
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"http://{address or self.address}/api{path}"
        async with self.http.request(method, url, json=body, headers=headers) as answer:
            return answer.status, (await answer.json()) if answer.status != 204 else None

    async def make(self, sections: int = 2, chars: int = 1_200, *, key: str = "") -> Document:
        """An idle document whose text the endpoint knows."""
        if not self._spare:
            status, project = await self.call("POST", "/projects", {"title": f"Project {len(self.documents)}"})
            assert status == 201, project
            self._spare += [row["id"] for row in project["artifacts"]]
        if self.large:
            sections, chars = LARGE_SECTIONS, LARGE_CHARS
        artifact = self._spare.pop()
        names = tuple(section_name(self.rng) for _ in range(sections))
        texts = {name: section_text(self.rng, chars) for name in names}
        self.endpoint.script.texts.update(texts)  # type: ignore[attr-defined]
        self.sections |= dict.fromkeys(names, artifact)
        expected = "\n\n".join(f"## {name}\n\n{text.strip(chr(10))}" for name, text in texts.items())
        document = self.documents[artifact] = Document(artifact=artifact, names=names, expected=expected)
        return document

    async def start(self, document: Document, verb: str = "start") -> None:
        tokens = 32_000 if self.large else 4_000
        plan = [{"name": name, "instructions": f"Write {name}.", "max_tokens": tokens} for name in document.names]
        order = {"plan": plan, "parallel": self.parallel}
        status, answer = await self.call("POST", f"/artifacts/{document.artifact}/{verb}", order)
        assert status == 202, answer

    async def begin(self, count: int = 1, **size: int) -> list[Document]:
        """New documents, started."""
        documents = [await self.make(**size) for _ in range(count)]
        for document in documents:
            await self.start(document)
        return documents

    def watch(self, document: Document, *, address: str = "", as_page: bool = False) -> Bot:
        rng = random.Random(self.rng.random())
        bot = Bot(document.artifact, address or self.address, self.token, rng=rng, as_page=as_page)
        self.bots.append(bot)
        bot.start()
        return bot

    def statuses(self, documents: Sequence[Document]) -> dict[int, tuple[str, int]]:
        """(status, length) of each, from the database itself."""
        wanted = ",".join(str(document.artifact) for document in documents)
        rows = self.store.query(f"SELECT id, stream_status, length FROM artifacts_artifact WHERE id IN ({wanted})")
        return {row[0]: (row[1], row[2]) for row in rows}

    def status(self, document: Document) -> str:
        return self.statuses([document])[document.artifact][0]

    async def until(
        self, documents: Sequence[Document], length: int | None = None, *, within_s: float = SETTLE_S
    ) -> None:
        """Until all have so much text, or, without a length, until all are over; `within_s` may pass without a change:
        how fast 1 MB is written is the machine's.
        """
        ends_at, before = time.monotonic() + within_s, None
        while True:
            found = await asyncio.to_thread(self.statuses, documents)
            if found != before:
                ends_at, before = time.monotonic() + within_s, found
            if all(now[0] in OVER or (length is not None and now[1] >= length) for now in found.values()):
                return
            if time.monotonic() > ends_at:
                raise AssertionError(f"no change for {within_s:g} s: {found}")
            await asyncio.sleep(0.03)

    async def caught_up(self, within_s: float = 10.0) -> float:
        """Seconds until every viewer shows what the database has; raises where that is too long."""
        began, history = time.monotonic(), await asyncio.to_thread(self.store.dump)
        texts = {row: history.text_of(row) for row in history.rows}
        while True:
            late = [
                bot
                for bot in self.bots
                if bot.seen.artifact in texts
                and (
                    bot.seen.text != texts[bot.seen.artifact]
                    or bot.seen.status != history.rows[bot.seen.artifact].status
                    or (bot.seen.status in {"complete", "cancelled"} and not bot.seen.sha256)
                )
            ]
            if not late:
                return time.monotonic() - began
            if time.monotonic() - began > within_s:
                raise AssertionError(f"{len(late)} of {len(self.bots)} viewers are behind after {within_s:g} s")
            await asyncio.sleep(0.02)

    # The end

    async def verdict(self) -> Verdict:
        """End everything in order and let the checker decide."""
        for bot in self.bots:
            await bot.stop()
        history = await asyncio.to_thread(self.store.dump)
        await self.stop_processes()
        evidence = Evidence(
            history=history,
            expected={document.artifact: document.expected for document in self.documents.values()},
            sections=self.sections,
            seen=[bot.seen for bot in self.bots],
            calls=self.calls(),
            processes=[self._ended(process) for process in self.processes],
            able=_without(
                _union([(a, b) for one in self.processes if one.kind != "web" for a, b in one.able]), self.outages
            ),
            free_text=frozenset(self.free_text),
            calls_may_fail=self.calls_may_fail,
            calls_may_overlap=self.calls_may_overlap,
            # Large pieces: what waits in the socket takes it longer to send.
            end_seen_s=allowed(0.5 if self.large else 0.05),
            orphan_s=allowed(5),
        )
        return judge(evidence)

    async def stop_processes(self) -> None:
        for process in self.processes:
            if process.is_alive and not process.asked_to_end:
                process.send(signal.SIGTERM)
        for process in self.processes:
            if process.is_alive and process.asked_to_end != signal.SIGTERM.name:
                process.send(signal.SIGTERM)
            try:
                await process.ended(_PROCESS_STOP_S)
            except TimeoutError:
                process.asked_to_end = ""  # told to end, and did not
                await _kill_quietly(process)

    def _ended(self, process: Process) -> Ended:
        by_signal = process.asked_to_end and process.asked_to_end != signal.SIGTERM.name
        is_fine = by_signal or (process.asked_to_end and process.exit_code == 0)
        return Ended(name=process.name, exit_code=process.exit_code, unasked=not is_fine, log=process.said())

    def calls(self) -> list[Called]:
        shift = time.time() - time.monotonic()
        return [
            Called(
                section=one.section,
                began_at=one.began_at + shift,
                ended_at=one.ended_at and one.ended_at + shift,
                state=one.state,
                position=one.position,
                sent=len(one.sent),
            )
            for one in self.endpoint.requests
        ]


async def _kill_quietly(process: Process) -> None:
    if process.is_alive:
        os.kill(process.inner.pid, signal.SIGKILL)
        await process.inner.wait()


def _union(stretches: list[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _without(stretches: list[tuple[float, float]], gaps: list[tuple[float, float]]) -> list[tuple[float, float]]:
    for gone, back in gaps:
        pieces = [piece for start, end in stretches for piece in ((start, min(end, gone)), (max(start, back), end))]
        stretches = [(start, end) for start, end in pieces if start < end]
    return stretches


@asynccontextmanager
async def rigged(
    database: Database,
    *,
    seed: int,
    redis: bool = False,
    pause_s: float = 0.01,
    lease_s: float = 2.0,
    folder: Path | None = None,
    large: bool = LARGE,
    endpoint: OpenAIServer | None = None,
    **settings: str,
) -> AsyncIterator[Rig]:
    """A world without processes of the product; everything in it ends with the block, and leaves nothing behind."""
    folder = folder or Path(tempfile.mkdtemp(prefix="streamgen-run-"))
    behaviour = Behaviour(pause_s=pause_s, piece_tokens=LARGE_PIECE_TOKENS if large else 1)
    script = Script(texts={}, by_section={}, default=behaviour)
    endpoint = endpoint or OpenAIServer()
    endpoint.script = script
    await endpoint.start()
    provider_proxy = Proxy(endpoint.port)
    await provider_proxy.start()
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("STREAMGEN_", "OPENAI_", "FAULT_"))
    } | {
        "SECRET_KEY": "a key of this run only, forty characters long",
        "OPENAI_API_KEY": "",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{provider_proxy.port}/v1",
        "REDIS_URL": "",
        "STREAMGEN_PROVIDER": "openai",
        "STREAMGEN_MODEL": "test-model",
        "STREAMGEN_LEASE_SECONDS": f"{lease_s:g}",
        "STREAMGEN_SOCKETS_PER_USER": "1000",
        "STREAMGEN_USER_RUNNING": "100000",
        "STREAMGEN_USER_QUEUED": "100000",
        "STREAMGEN_USER_STARTS_PER_MINUTE": "100000",
        "PYTHONUNBUFFERED": "1",
    }
    server, database_proxy, redis_server, redis_proxy = None, None, None, None
    try:
        if database == "postgres":
            server = await asyncio.to_thread(Postgres)
            server.make_database("run")
            database_proxy = Proxy(server.socket_path)
            await database_proxy.start()
            environment["DATABASE_URL"] = f"postgres://postgres@127.0.0.1:{database_proxy.port}/run"
            store = Store(postgres=f"postgresql://postgres:@/run?host={server.socket_folder}")
        else:
            environment["DATABASE_URL"] = f"sqlite:///{folder / 'run.sqlite3'}"
            store = Store(file=folder / "run.sqlite3")
        if redis:
            redis_server = Redis(folder)
            await redis_server.start()
            redis_proxy = Proxy(redis_server.port)
            await redis_proxy.start()
            environment["REDIS_URL"] = f"redis://127.0.0.1:{redis_proxy.port}/0"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
            rig = Rig(
                database=database,
                folder=folder,
                rng=random.Random(seed),
                store=store,
                endpoint=endpoint,
                provider_proxy=provider_proxy,
                redis=redis_server,
                redis_proxy=redis_proxy,
                postgres=server,
                database_proxy=database_proxy,
                environment=environment | settings,
                http=http,
                large=large,
            )
            try:
                yield rig
            finally:
                for bot in rig.bots:
                    await bot.stop()
                for process in rig.processes:
                    await _kill_quietly(process)
                if rig.stem is not None:
                    await rig.stem.stop()
    except BaseException:
        for log in sorted(folder.glob("*.log")) if os.environ.get("FAULTS_SHOW_LOGS") else ():
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-2500:]}", file=sys.stderr)  # noqa: T201
        raise
    finally:
        for proxy in (provider_proxy, database_proxy, redis_proxy):
            if proxy is not None:
                await proxy.stop()
        await endpoint.stop()
        if redis_server is not None:
            await redis_server.stop()
        if server is not None:
            await asyncio.to_thread(server.remove)
        shutil.rmtree(folder, ignore_errors=True)
