"""Scenarios: Redis, PostgreSQL, the disk or a connection goes away, and comes back."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.faults.environment import LARGE, Database, Document, Rig, rigged
from tests.faults.history import History
from tests.faults.polling import until
from tests.faults.result import Result, allowed, percentile

DATABASE_AWAY_S = 10.0
LAG_S = 2.0
SMALL_DISK = "96m" if LARGE else "6m"
"""Room for the documents: text, deltas, previews, the log of the database (4 MB), and the history that is kept here."""


def lags_s(rig: Rig, history: History, since: float, until_: float) -> list[float]:
    """How long after each commit of that stretch of time each viewer showed it."""
    found = []
    for bot in rig.bots:
        for write in history.writes:
            if write.artifact == bot.seen.artifact and since <= write.written_at <= until_ and write.length:
                shown = bot.seen.at(write.length)
                found.append((shown if shown is not None else time.time()) - write.written_at)
    return found


def rate(history: History, since: float, until_: float) -> float:
    """Characters committed per second."""
    chars = 0
    last: dict[int, int] = {}
    for write in history.writes:
        if since <= write.written_at <= until_:
            chars += write.length - last.get(write.artifact, write.length)
        last[write.artifact] = write.length
    return chars / (until_ - since)


async def redis_away(database: Database, seed: int, runs: int) -> Result:
    """Redis killed and started empty after ten seconds, then frozen, then half-open, then every connection cut."""
    broken: list[str] = []
    figures: list[str] = []
    async with rigged(database, seed=seed, redis=True, pause_s=0.03, lease_s=5) as rig:
        assert rig.redis
        assert rig.redis_proxy
        await rig.web()
        for _ in range(2):
            await rig.worker()

        async def kill() -> None:
            await rig.redis.stop()

        async def freeze() -> None:
            rig.redis.freeze()

        async def thaw() -> None:
            rig.redis.thaw()

        async def hold() -> None:
            rig.redis_proxy.hold()

        async def go_on() -> None:
            rig.redis_proxy.go_on()

        ways: list[tuple[str, Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]] = [
            ("killed", kill, rig.redis.start),
            ("frozen", freeze, thaw),
            ("half-open", hold, go_on),
        ]
        for name, fall, rise in ways[: max(1, runs)]:
            documents = await rig.begin(3, chars=6_000, sections=1)
            for document in documents:
                rig.watch(document)
            await rig.until(documents, 200)
            began = time.time()
            await asyncio.sleep(3)
            away = time.time()
            await fall()
            await asyncio.sleep(DATABASE_AWAY_S)
            back = time.time()
            await rise()
            await asyncio.sleep(LAG_S)
            history = await asyncio.to_thread(rig.store.dump)
            before, during = rate(history, began, away), rate(history, away, back)
            lag = lags_s(rig, history, away, back)
            figures.append(
                f"{name}: {during / before:.0%} of the speed, seen {percentile(lag, 0.5):.2f} s (p50), "
                f"{max(lag, default=0):.2f} s (most) after the commit"
            )
            if max(lag, default=0) > allowed(LAG_S):
                broken.append(f"{name}: a commit was seen only after {max(lag):.1f} s")
            if during < 0.7 * before:
                broken.append(f"{name}: {during:.0f} characters per second, {before:.0f} before")
            await rig.until(documents, within_s=120)
            await rig.caught_up(allowed(LAG_S))
        verdict = await rig.verdict()
    if verdict.takeovers_s:
        broken.append(f"{len(verdict.takeovers_s)} takeovers although no worker died")
    return Result(runs=len(figures), figures="; ".join(figures), broken=[*verdict.broken, *broken])


async def postgres_restarted(database: Database, seed: int, runs: int) -> Result:
    """PostgreSQL ends at once (no checkpoint) and is started again; the last time it stays away for a while."""
    broken: list[str] = []
    back_s: list[float] = []
    async with rigged(database, seed=seed, redis=True, pause_s=0.03, lease_s=5) as rig:
        assert rig.postgres
        await rig.web()
        for _ in range(2):
            await rig.worker()
        documents: list[Document] = []
        for turn in range(runs):
            if not documents or all(rig.status(one) != "streaming" for one in documents):
                documents += await _watched(rig, 3)
            await rig.until(documents, 60)
            running = [one for one in documents if rig.status(one) == "streaming"]
            before = rig.statuses(running) if running else {}
            away = time.time()
            await asyncio.to_thread(rig.postgres.fall)
            if turn == runs - 1:
                await asyncio.sleep(DATABASE_AWAY_S)
            await asyncio.to_thread(rig.postgres.rise)
            rig.outages.append((away, time.time()))
            began = time.monotonic()
            for one in running:
                await rig.until([one], before[one.artifact][1] + 1, within_s=20)
            back_s.append(time.monotonic() - began)
        await rig.until(documents, within_s=120)
        await rig.caught_up()
        verdict = await rig.verdict()
    if max(back_s) > allowed(3):
        broken.append(f"text went on only after {max(back_s):.1f} s")
    figures = (
        f"text goes on {percentile(back_s, 0.5):.2f} s (p50), {max(back_s):.2f} s (most) after it listens again, "
        f"{back_s[-1]:.2f} s after {DATABASE_AWAY_S:g} s away"
    )
    return Result(runs=runs, figures=figures, broken=[*verdict.broken, *broken])


async def answers_lost(database: Database, seed: int, runs: int) -> Result:
    """The connection breaks after COMMIT has reached PostgreSQL and before its answer comes back."""
    async with rigged(database, seed=seed, redis=True, pause_s=0.02, lease_s=5) as rig:
        assert rig.database_proxy
        await rig.web()
        await rig.worker()
        cuts = 0

        def rule(direction: str, data: bytes) -> str:
            nonlocal cuts
            if direction == "up" and b"COMMIT" in data and cuts < runs and rig.rng.random() < 0.1:
                cuts += 1
                return "pass-then-cut"
            return "pass"

        while cuts < runs:
            documents = await _watched(rig, 3)
            await rig.until(documents, 60)
            rig.database_proxy.rule = rule  # type: ignore[assignment]
            await rig.until(documents, within_s=120)
            rig.database_proxy.rule = lambda _direction, _data: "pass"
        await rig.caught_up()
        verdict = await rig.verdict()
        return Result(runs=cuts, figures="every committed write kept once", broken=verdict.broken)


_ABORTS = (
    "CREATE SEQUENCE fault_aborts",
    """CREATE FUNCTION fault_abort() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF random() < 0.15 THEN
                PERFORM nextval('fault_aborts');
                IF random() < 0.5 THEN
                    RAISE EXCEPTION 'as if in a deadlock' USING ERRCODE = 'deadlock_detected';
                END IF;
                RAISE EXCEPTION 'as if not serializable' USING ERRCODE = 'serialization_failure';
            END IF;
            RETURN NULL;
        END $$""",
    "CREATE TRIGGER fault_abort AFTER INSERT ON artifacts_delta FOR EACH ROW EXECUTE FUNCTION fault_abort()",
    "CREATE CONSTRAINT TRIGGER fault_abort_late AFTER INSERT ON artifacts_delta DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION fault_abort()",
)
"""Every fourth write is aborted: half at the statement, half at COMMIT. A sequence counts them."""


async def transactions_aborted(database: Database, seed: int, runs: int) -> Result:
    """PostgreSQL aborts writes as it does in a deadlock or for want of serializability: they come again, once each."""
    async with rigged(database, seed=seed, redis=True, lease_s=5) as rig:
        await rig.web()
        await rig.worker()
        rig.store.run(*_ABORTS)
        documents: list[Document] = []
        aborts = 0
        while aborts < runs:
            documents += await _watched(rig, 4)
            await rig.until(documents, within_s=120)
            aborts = rig.store.query("SELECT last_value FROM fault_aborts")[0][0]
        await rig.caught_up()
        verdict = await rig.verdict()
        return Result(runs=aborts, figures=f"{len(documents)} documents, every write kept once", broken=verdict.broken)


async def database_locked(database: Database, seed: int, runs: int) -> Result:
    """Somebody else holds the lock that every write needs: writing waits, nothing is lost, nobody is taken over."""
    async with rigged(database, seed=seed, redis=database == "postgres", pause_s=0.03, lease_s=5) as rig:
        await rig.web()
        await rig.worker()
        documents = await _watched(rig, 3)
        await rig.until(documents, 60)
        for _ in range(runs):
            await asyncio.to_thread(rig.store.hold_lock, 2.0)
            await asyncio.sleep(0.5)
        await rig.until(documents, within_s=120)
        await rig.caught_up()
        verdict = await rig.verdict()
        late = [f"{len(verdict.takeovers_s)} takeovers although nobody died"] if verdict.takeovers_s else []
        return Result(runs=runs, figures="writing waits, then goes on", broken=[*verdict.broken, *late])


async def disk_full(database: Database, seed: int, runs: int) -> Result:
    """No room for another word: the document pauses with that reason once it can, and is resumed without a restart."""
    folder = Path(tempfile.mkdtemp(prefix="streamgen-small-disk-"))
    if await _ran("mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(folder)):
        return Result(runs=0, figures="not tried: a small disk cannot be mounted here (it takes root's rights)")
    try:
        async with rigged(database, seed=seed, pause_s=0.01, lease_s=5, folder=folder) as rig:
            process = await rig.web(embedded=True)
            documents = await rig.begin(2, chars=6_000)
            await rig.until(documents, 200)
            ballast = folder / "ballast"
            _fill(ballast)
            await until(lambda: "outage begins kind=full" in process.said(), within_s=30, what="the disk is full")
            await asyncio.sleep(2)
            ballast.unlink()
            await rig.until(documents, within_s=60)
            reasons = {row[0] for row in rig.store.query("SELECT reason FROM artifacts_artifact WHERE length > 0")}
            for document in documents:
                if rig.status(document) == "paused":
                    status, answer = await rig.call("POST", f"/artifacts/{document.artifact}/resume")
                    assert status == 202, answer
            await rig.until(documents, within_s=120)
            verdict = await rig.verdict()
            broken = [] if "disk_full" in reasons else [f"no document said that the disk was full, only {reasons}"]
            return Result(runs=1, figures=f"reasons {sorted(reasons)}", broken=[*verdict.broken, *broken])
    finally:
        await _ran("umount", "-l", str(folder))


async def _ran(*command: str) -> int:
    """The exit code of a program."""
    try:
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    except FileNotFoundError:
        return 127
    return await process.wait()


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 512):
            try:
                while True:
                    file.write(os.urandom(size))
            except OSError:
                continue


async def provider_half_open(database: Database, seed: int, runs: int) -> Result:
    """The way to the endpoint hangs without a word, is cut, is refused, is slow: the text goes on by itself."""
    async with rigged(
        database,
        seed=seed,
        redis=database == "postgres",
        pause_s=0.02,
        STREAMGEN_STALL_SECONDS="1",
        STREAMGEN_FIRST_PIECE_SECONDS="2",
        STREAMGEN_CONNECT_SECONDS="1",
    ) as rig:
        rig.calls_may_fail = rig.calls_may_overlap = True
        await rig.web()
        await rig.worker()
        documents = await _watched(rig, 3)
        for _ in range(runs):
            await rig.until(documents, 60)
            rig.provider_proxy.hold()
            await asyncio.sleep(1.5)
            await rig.provider_proxy.stop()
            rig.provider_proxy.go_on()
            await asyncio.sleep(1)
            await rig.provider_proxy.start()
            rig.provider_proxy.delay_s = 0.2
            await asyncio.sleep(1)
            rig.provider_proxy.delay_s = 0.0
        await rig.until(documents, within_s=120)
        await rig.caught_up()
        verdict = await rig.verdict()
        return Result(runs=runs, figures="the text goes on where it ended", broken=verdict.broken)


async def _watched(rig: Rig, count: int) -> list[Document]:
    documents = await rig.begin(count, chars=2_000)
    for document in documents:
        rig.watch(document)
    return documents
