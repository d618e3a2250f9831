"""Scenarios: processes that are killed, stopped, frozen, or tell the wrong time."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence

import aiohttp

from tests.faults.doomed import POINTS
from tests.faults.processes import Process
from tests.faults.result import Result, percentile
from tests.faults.rig import Database, Document, Rig, rigged

DOCUMENTS_AT_ONCE = 4
VIEWERS = 20


async def worker_killed(database: Database, seed: int, runs: int) -> Result:
    """kill -9 of a worker at random and at the named points; two are always there."""
    continuation = "prefill" if seed % 2 else "reprompt"
    async with rigged(database, seed=seed, redis=database == "postgres", STREAMGEN_CONTINUATION=continuation) as rig:
        await rig.web()
        documents: list[Document] = []
        points = ["at_random", *POINTS]
        workers = [await _doomed(rig, points[0]), await _doomed(rig, points[1])]
        deaths = 0
        began = time.monotonic()
        while deaths < runs:
            await _top_up(rig, documents)
            for place, worker in enumerate(workers):
                if not worker.is_alive:
                    await worker.ended(1)
                    deaths += 1
                    workers[place] = await _doomed(rig, points[(deaths + 1) % len(points)], ready=False)
            _note_ready(workers)
            await asyncio.sleep(0.02)
        took_s = time.monotonic() - began
        await rig.worker()
        for worker in workers:
            await worker.kill()
        await rig.until(documents, within_s=120)
        await rig.caught_up()
        verdict = await rig.verdict()
        late = percentile(verdict.takeovers_s, 0.99)
        figures = (
            f"takeover p50 {percentile(verdict.takeovers_s, 0.5):.2f} s, p99 {late:.2f} s after the lease's end; "
            f"at most {max(verdict.rewritten, default=0)} characters asked for again; {len(documents)} documents, "
            f"{continuation}; {took_s / max(1, runs):.1f} s a kill"
        )
        broken = [*verdict.broken, *([f"taken over only after {late:.1f} s"] if late > 5 else [])]
        return Result(runs=deaths, figures=figures, broken=broken)


async def _doomed(rig: Rig, point: str, *, ready: bool = True) -> Process:
    if point == "at_random":
        worker = await rig.worker()
        asyncio.get_running_loop().call_later(rig.rng.uniform(1.5, 5.0), worker.send, signal.SIGKILL)
        return worker
    return await rig.worker(ready=ready, FAULT_POINT=f"{point}:{rig.rng.randint(1, 3)}")


def _note_ready(workers: Sequence[Process]) -> None:
    for worker in workers:
        if not worker.able and worker.is_alive and "worker started" in worker.said():
            worker.able.append([time.time(), float("inf")])


async def _top_up(rig: Rig, documents: list[Document]) -> None:
    under_way = documents[-2 * DOCUMENTS_AT_ONCE :]
    statuses = await asyncio.to_thread(rig.statuses, under_way) if under_way else {}
    missing = DOCUMENTS_AT_ONCE - sum(status == "streaming" for status, _ in statuses.values())
    for document in await rig.begin(max(0, missing)):
        documents.append(document)
        if len(rig.bots) < VIEWERS:
            rig.watch(document)


async def web_killed(database: Database, seed: int, runs: int) -> Result:
    """kill -9 of a web process with 20 viewers, while another one and a worker go on."""
    async with rigged(database, seed=seed, redis=database == "postgres", pause_s=0.02, lease_s=5) as rig:
        await rig.web()
        victim = await rig.web()
        port = rig.port_of(victim)
        await rig.worker()
        documents = await rig.begin(4, chars=2_500)
        for number in range(VIEWERS):
            rig.watch(documents[number % len(documents)], address=f"127.0.0.1:{port}")
        await rig.until(documents, 100)
        equal_s = []
        for _ in range(runs):
            running = [one for one in documents if rig.statuses([one])[one.artifact][0] == "streaming"]
            if len(running) < 2:
                more = await rig.begin(2, chars=2_500)
                documents += more
                for bot in rig.bots[: VIEWERS // 2]:
                    await bot.stop()
                for number in range(VIEWERS // 2):
                    rig.watch(more[number % 2], address=f"127.0.0.1:{port}")
                await rig.until(more, 50)
            await victim.kill()
            victim = await rig.web(port=port)
            equal_s.append(await _equal_after(rig, port))
        await rig.until(documents, within_s=120)
        await rig.caught_up()
        verdict = await rig.verdict()
        gap = _undisturbed(verdict.takeovers_s)
        figures = (
            f"viewers equal {percentile(equal_s, 0.5):.2f} s (p50), {max(equal_s):.2f} s (most) after the port opened"
        )
        broken = [
            *verdict.broken,
            *gap,
            *([f"viewers equal only after {max(equal_s):.1f} s"] if max(equal_s) > 2 else []),
        ]
        return Result(runs=runs, figures=figures, broken=broken)


def _undisturbed(takeovers_s: Sequence[float]) -> list[str]:
    return [f"generation was taken over {len(takeovers_s)} times"] if takeovers_s else []


async def _equal_after(rig: Rig, port: int) -> float:
    """Seconds until every viewer on that port has what was committed when it opened."""
    began = time.monotonic()
    lengths = {artifact: length for artifact, (_, length) in rig.statuses(list(rig.documents.values())).items()}
    bots = [bot for bot in rig.bots if bot.address.endswith(f":{port}") and bot.is_running]
    while any(len(bot.seen.text) < lengths[bot.seen.artifact] for bot in bots):
        if time.monotonic() - began > 20:
            raise AssertionError("viewers never caught up")
        await asyncio.sleep(0.01)
    return time.monotonic() - began


async def embedded_killed(database: Database, seed: int, runs: int) -> Result:
    """kill -9 of the one process that does everything; its restart resumes every document by itself."""
    async with rigged(database, seed=seed, pause_s=0.03) as rig:
        process = await rig.web(embedded=True)
        port = rig.port_of(process)
        documents = await rig.begin(3, chars=1_500)
        for document in documents:
            rig.watch(document)
        resumed_s = []
        for _ in range(runs):
            running = [one for one in documents if rig.statuses([one])[one.artifact][0] == "streaming"]
            if len(running) < 2:
                more = await rig.begin(2, chars=1_500)
                for document in more:
                    rig.watch(document)
                documents += more
                running += more
            await rig.until(running, 50)
            await asyncio.sleep(rig.rng.uniform(0, 0.4))
            await process.kill()
            before = rig.statuses(running)
            process = await rig.web(embedded=True, port=port)
            began = time.monotonic()
            for document in running:
                if before[document.artifact][0] == "streaming":
                    await rig.until([document], before[document.artifact][1] + 1, within_s=30)
            resumed_s.append(time.monotonic() - began)
        await rig.until(documents, within_s=120)
        await rig.caught_up()
        verdict = await rig.verdict()
        times = f"{percentile(resumed_s, 0.5):.1f} s (p50), {max(resumed_s):.1f} s (most)"
        figures = f"every document grew again {times} after the restart"
        return Result(runs=runs, figures=figures, broken=verdict.broken)


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
            await _top_up(rig, documents)
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
    if late > 1:
        broken.append(f"given back, taken over only {late:.2f} s later")
    if max(exits_s) > 10:
        broken.append(f"ended only after {max(exits_s):.1f} s")
    figures = (
        f"ended in {percentile(exits_s, 0.5):.1f} s (p50), {max(exits_s):.1f} s (most); "
        f"taken over in {late:.2f} s (p99 of {len(handed_s)})"
    )
    return Result(runs=runs, figures=figures, broken=[*verdict.broken, *broken])


async def _slow_request(rig: Rig, port: int) -> int | str:
    """The status of a request that takes most of a second, because somebody else holds the database."""
    lock = asyncio.create_task(asyncio.to_thread(rig.store.hold_lock, 0.8))
    await asyncio.sleep(0.1)
    try:
        status, _ = await rig.call("POST", "/projects", {"title": "In flight"}, address=f"127.0.0.1:{port}")
    except aiohttp.ClientError as error:
        return f"with {type(error).__name__}"
    finally:
        await lock
    return status


async def worker_frozen(database: Database, seed: int, runs: int) -> Result:
    """SIGSTOP of a worker past its lease; another takes over; the old one, continued, writes nothing."""
    async with rigged(database, seed=seed, redis=database == "postgres", pause_s=0.03, lease_s=1) as rig:
        rig.calls_may_overlap = True
        await rig.web()
        workers = [await rig.worker(), await rig.worker()]
        documents: list[Document] = []
        for turn in range(runs):
            await _top_up(rig, documents)
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
