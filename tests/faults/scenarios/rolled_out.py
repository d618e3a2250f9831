"""Scenario: every process is replaced by a new one while documents are written and watched, behind a real nginx."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import aiohttp

from tests.faults.clients import Bot
from tests.faults.environment import LARGE, Database, Document, Rig, rigged
from tests.faults.polling import until
from tests.faults.result import Result, allowed, percentile
from tests.faults.system.processes import Process
from tests.support.proxies.nginx import nginx
from tests.support.proxies.running import free_port, proxied

ROLLED, LOOKING = 20, 50
SECTIONS, SECTION_CHARS = 2, 3_000
PAUSE_S = 0.05
"""Between two words of the endpoint: a document takes about a minute, which is longer than all is replaced in."""
LONGEST_GAP_S = 15.0 if LARGE else 2.0  # each new process renders twenty documents of 1 MB from their beginning
ASK_EVERY_S = 0.1
AFTER_S = 3.0
"""So long it is looked on after the last process has ended."""


async def rolled_out(database: Database, seed: int, runs: int) -> Result:
    """Web processes and workers replaced in turn: even runs begin the new one first, odd ones end the old one first."""
    broken: list[str] = []
    gaps_s: list[float] = []
    quiet_s: list[float] = []
    took_s: list[float] = []
    asked = Counter[str]()
    slowest_s = 0.0
    async with rigged(database, seed=seed, redis=True, pause_s=PAUSE_S, lease_s=5) as rig:
        ports = [free_port() for _ in range(3)]
        webs = {port: await rig.web(port=port) for port in ports[:2]}
        workers = [await rig.worker(), await rig.worker()]
        front = free_port()
        with proxied(nginx(rig.folder, front, ports, tls=False), rig.folder, front):
            rig.address = f"127.0.0.1:{front}"
            for turn in range(runs):
                documents = await rig.begin(ROLLED, sections=SECTIONS, chars=SECTION_CHARS)
                bots = [rig.watch(documents[number % ROLLED], as_page=True) for number in range(LOOKING)]
                await rig.until(documents, 200)
                await until(lambda: all(bot.seen.text for bot in bots), within_s=30, what="each viewer sees text")  # noqa: B023
                before = time.time()
                visitor = asyncio.create_task(_ask(rig, documents[0], asked))
                await asyncio.sleep(AFTER_S)
                began = time.time()
                if turn % 2 == 0:
                    webs, workers = await _new_ones_first(rig, ports, webs, workers, broken)
                else:
                    webs, workers = await _in_place(rig, webs, workers, broken)
                took_s.append(time.time() - began)
                writing = sum(status == "streaming" for status, _ in rig.statuses(documents).values())
                if writing < ROLLED / 2:
                    broken.append(f"only {writing} documents were still written when all was replaced")
                await asyncio.sleep(AFTER_S)
                visitor.cancel()
                slowest_s = max(slowest_s, await visitor)
                gaps_s += _gaps_s(bots, began, time.time())
                quiet_s += _gaps_s(bots, before, began)
                await rig.until(documents, within_s=120)
            await rig.caught_up()
            verdict = await rig.verdict()
    if gaps_s and max(gaps_s) > allowed(LONGEST_GAP_S):
        broken.append(f"a viewer waited {max(gaps_s):.2f} s for text")
    broken += [f"{count} requests were answered {answer}" for answer, count in asked.items() if answer[0] != "2"]
    figures = (
        f"all replaced in {percentile(took_s, 0.5):.0f} s (p50); longest gap of a viewer "
        f"{percentile(gaps_s, 0.5):.2f} s (p50), {max(gaps_s):.2f} s (most of {len(gaps_s)}), "
        f"without a replacement {max(quiet_s):.2f} s; "
        f"{sum(asked.values())} requests answered, the slowest in {slowest_s:.2f} s; "
        f"{sum(len(bot.seen.closes) for bot in rig.bots)} sockets came back"
    )
    return Result(runs=runs, figures=figures, broken=[*verdict.broken, *broken])


async def _new_ones_first(
    rig: Rig, ports: Sequence[int], webs: dict[int, Process], workers: list[Process], broken: list[str]
) -> tuple[dict[int, Process], list[Process]]:
    """As an orchestrator does it: one more begins, then one ends."""
    for port in list(webs):
        free = next(other for other in ports if other not in webs)
        webs[free] = await rig.web(port=free)
        await _end(webs.pop(port), broken)
    for worker in list(workers):
        workers.append(await rig.worker())
        workers.remove(worker)
        await _end(worker, broken)
    return webs, workers


async def _in_place(
    rig: Rig, webs: dict[int, Process], workers: list[Process], broken: list[str]
) -> tuple[dict[int, Process], list[Process]]:
    """As `systemctl restart` does it: one ends, then it begins again on the same port."""
    for worker in list(workers):
        workers.remove(worker)
        await _end(worker, broken)
        workers.append(await rig.worker())
    for port in list(webs):
        await _end(webs[port], broken)
        webs[port] = await rig.web(port=port)
    return webs, workers


async def _end(process: Process, broken: list[str]) -> None:
    process.send(signal.SIGTERM)
    if (code := await process.ended(30)) != 0:
        broken.append(f"{process.name} ended with {code}")


async def _ask(rig: Rig, document: Document, asked: Counter[str]) -> float:
    """Read and make something through the proxy until cancelled; the longest wait for an answer."""
    slowest_s = 0.0
    try:
        while True:
            for method, path, body in (
                ("GET", f"/artifacts/{document.artifact}", None),
                ("POST", "/projects", {"title": "Made meanwhile"}),
            ):
                began = time.monotonic()
                try:
                    status, _ = await rig.call(method, path, body)
                    answer = str(status)
                except (aiohttp.ClientError, ValueError) as error:
                    answer = f"{method} with {error!r}"[:300]
                asked[answer] += 1
                slowest_s = max(slowest_s, time.monotonic() - began)
            await asyncio.sleep(ASK_EVERY_S)
    except asyncio.CancelledError:
        return slowest_s


def _gaps_s(bots: Sequence[Bot], since: float, until: float) -> list[float]:
    """Of each viewer the longest time within that stretch in which nothing new was shown while more was to come."""
    found = []
    for bot in bots:
        grew = [now for (_, _, _, before), (now, _, _, after) in pairwise(bot.seen.frames) if after > before]
        times = [now for now in grew if since <= now <= until]
        is_cut = grew and grew[-1] > until
        stretch = [since, *times, *([until] if is_cut else [])]
        if times:
            found.append(max(later - earlier for earlier, later in pairwise(stretch)))
    return found
