"""Scenarios: processes that are asked to end, once or twice."""

from __future__ import annotations

import asyncio
import signal
import time

import aiohttp

from tests.faults.environment import Database, Document, Rig, rigged
from tests.faults.result import Result, allowed, percentile
from tests.faults.system.processes import Process
from tests.faults.workload import DOCUMENTS_AT_ONCE, top_up

HELD_S = 3.0


async def ended_in_turn(database: Database, seed: int, runs: int) -> Result:
    """SIGTERM of everything in turn under load: 1012, exit 0, taken over at once."""
    broken, exits_s = [], []
    async with rigged(database, seed=seed, redis=database == "postgres", pause_s=0.02, lease_s=5) as rig:
        await rig.web()
        web = await rig.web()
        port = rig.port_of(web)
        workers = [await rig.worker(), await rig.worker()]
        documents: list[Document] = []
        for turn in range(runs):
            await top_up(rig, documents)
            for number, document in enumerate(documents[-DOCUMENTS_AT_ONCE:]):
                if number < 2:
                    rig.watch(document, address=f"127.0.0.1:{port}")
            await rig.until(documents, 60)
            if turn % 2:
                watching = [bot for bot in rig.bots if bot.is_connected and bot.address.endswith(f":{port}")]
                slow = asyncio.create_task(_slow_request(rig, port))
                await asyncio.sleep(0.4)
                began, since = time.monotonic(), time.time()
                web.send(signal.SIGTERM)
                code = await web.ended(30)
                exits_s.append(time.monotonic() - began)
                if (answer := await slow) != 201:
                    broken.append(f"a request under way was answered {answer}")
                web = await rig.web(port=port)
                await asyncio.sleep(0.3)
                wrong = {code for bot in watching for at, code in bot.seen.closes if at >= since} - {1012}
                if wrong:
                    broken.append(f"sockets closed with {wrong}")
            else:
                began = time.monotonic()
                workers[0].send(signal.SIGTERM)
                replacement = asyncio.create_task(rig.worker())
                code = await workers[0].ended(30)
                exits_s.append(time.monotonic() - began)
                workers = [workers[1], await replacement]
            if code != 0:
                broken.append(f"exit code {code}")
        await rig.until(documents, within_s=120)
        await rig.caught_up()
        verdict = await rig.verdict()
        handed_s = verdict.handovers_s
        late = percentile(handed_s, 0.99) if handed_s else 0.0
    if late > allowed(1):
        broken.append(f"given back, taken over only {late:.2f} s later")
    if max(exits_s) > 10:
        broken.append(f"ended only after {max(exits_s):.1f} s")
    figures = (
        f"ended in {percentile(exits_s, 0.5):.1f} s (p50), {max(exits_s):.1f} s (most); "
        f"taken over in {percentile(handed_s, 0.5):.2f} s (p50), {late:.2f} s (p99 of {len(handed_s)})"
    )
    return Result(runs=runs, figures=figures, broken=[*verdict.broken, *broken])


async def _slow_request(rig: Rig, port: int, seconds: float = 0.8) -> int | str:
    """The status of a request that takes so long, because somebody else holds the database."""
    lock = asyncio.create_task(asyncio.to_thread(rig.store.hold_lock, seconds))
    await asyncio.sleep(0.1)
    try:
        status, _ = await rig.call("POST", "/projects", {"title": "In flight"}, address=f"127.0.0.1:{port}")
    except aiohttp.ClientError as error:
        return f"with {type(error).__name__}"
    finally:
        await lock
    return status


async def told_twice(database: Database, seed: int, runs: int) -> Result:
    """A second SIGTERM, while the database keeps the work of the first one waiting, ends any process at once."""
    broken: list[str] = []
    exits_s: list[float] = []
    async with rigged(database, seed=seed, redis=database == "postgres", pause_s=0.02) as rig:
        await rig.web()
        web = await rig.web()
        port = rig.port_of(web)
        worker = await rig.worker()
        documents: list[Document] = []
        for turn in range(runs):
            await top_up(rig, documents)
            await rig.until(documents, 60)
            if turn % 2:
                slow = asyncio.create_task(_slow_request(rig, port, HELD_S))
                await asyncio.sleep(0.4)
                took_s = await _tell_twice(web, broken)
                await slow
                web = await rig.web(port=port)
            else:
                lock = asyncio.create_task(asyncio.to_thread(rig.store.hold_lock, HELD_S))
                await asyncio.sleep(0.4)
                took_s = await _tell_twice(worker, broken)
                await lock
                worker = await rig.worker()
            exits_s.append(took_s)
        await rig.until(documents, within_s=120)
        await rig.caught_up()
        verdict = await rig.verdict()
    if max(exits_s) > allowed(0.5):
        broken.append(f"ended only {max(exits_s):.1f} s after the second signal")
    figures = f"ended {max(exits_s):.2f} s (most) after the second signal"
    return Result(runs=runs, figures=figures, broken=[*verdict.broken, *broken])


async def _tell_twice(process: Process, broken: list[str]) -> float:
    """Seconds from the second signal to the end."""
    process.send(signal.SIGTERM)
    await asyncio.sleep(0.5)
    if not process.is_alive:
        broken.append("it ended at the first signal already, so the second was not tried")
    began = time.monotonic()
    process.send(signal.SIGTERM)
    process.asked_to_end = "twice"
    await process.ended(30)
    return time.monotonic() - began
