"""Scenarios: processes that sleep through their lease, or tell the wrong time."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from tests.faults.environment import DEFAULT_LEASE_S, Database, Document, rigged
from tests.faults.polling import until
from tests.faults.result import Result, percentile
from tests.faults.workload import top_up


async def worker_frozen(database: Database, seed: int, runs: int) -> Result:
    """SIGSTOP of a worker past its lease; another takes over; the old one, continued, writes nothing."""
    async with rigged(database, seed=seed, redis=database == "postgres", pause_s=0.03, lease_s=1) as rig:
        rig.calls_may_overlap = True
        await rig.web()
        workers = [await rig.worker(), await rig.worker()]
        documents: list[Document] = []
        for turn in range(runs):
            await top_up(rig, documents)
            await rig.until(documents, 60)
            frozen = workers[turn % 2]
            frozen.freeze()
            await asyncio.sleep(2.5)
            frozen.thaw()
            await asyncio.sleep(0.5)
        await rig.until(documents, within_s=120)
        await rig.caught_up()
        verdict = await rig.verdict()
        late = percentile(verdict.takeovers_s, 0.99)
        figures = f"{len(verdict.takeovers_s)} documents taken over, p99 {late:.2f} s after the lease's end"
        return Result(runs=runs, figures=figures, broken=verdict.broken)


async def clock_wrong(database: Database, seed: int, runs: int) -> Result:
    """One worker's clock an hour ahead, another's an hour behind, beside one that is right."""
    async with rigged(database, seed=seed, redis=database == "postgres", lease_s=5) as rig:
        await rig.web()
        await rig.worker(FAULT_CLOCK_S="3600")
        await rig.worker(FAULT_CLOCK_S="-3600")
        await rig.worker()
        documents = await rig.begin(max(3, runs))
        for document in documents:
            rig.watch(document)
        await rig.until(documents, within_s=120)
        await rig.caught_up()
        verdict = await rig.verdict()
        early = [f"{len(verdict.takeovers_s)} takeovers although nobody died"] if verdict.takeovers_s else []
        return Result(runs=len(documents), figures="no takeover", broken=[*verdict.broken, *early])


async def frozen_in_transaction(database: Database, seed: int, runs: int) -> Result:
    """A worker freezes between a write and its COMMIT, the row locked; another takes over all the same."""
    async with rigged(database, seed=seed, redis=True, pause_s=0.03, lease_s=DEFAULT_LEASE_S) as rig:
        rig.calls_may_overlap = True
        await rig.web()
        documents: list[Document] = []
        for _ in range(runs):
            fault = f"in_the_transaction:{rig.rng.randint(1, 4)}"
            sleeper = await rig.worker(FAULT_POINT=fault, FAULT_SIGNAL="STOP")
            documents += await rig.begin(3, sections=1, chars=1_200)
            for document in documents[-3:]:
                rig.watch(document)
            await until(lambda pid=sleeper.inner.pid: _is_stopped(pid), within_s=30, what="the worker is frozen")
            sleeper.freeze()
            other = await rig.worker()
            await rig.until(documents, within_s=60)
            sleeper.thaw()
            await until(lambda one=sleeper: "lost" in one.said(), within_s=20, what="the old writer is refused")
            for one in (sleeper, other):
                one.asked_to_end = ""
                one.send(signal.SIGTERM)
                await one.ended(20)
        await rig.caught_up()
        verdict = await rig.verdict()
        late = max(verdict.takeovers_s, default=0.0)
        figures = f"{len(verdict.takeovers_s)} documents taken over, {late:.2f} s (most) after the lease's end"
        return Result(runs=runs, figures=figures, broken=verdict.broken)


def _is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
