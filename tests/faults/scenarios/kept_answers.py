"""Scenarios: answers that the endpoint keeps, and workers, lines and people that leave them in the middle.

Each section must be asked for once, whatever happens to who reads the answer, and the text must be the same.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.faults.environment import LARGE, LARGE_PIECE_TOKENS, Database, Document, Rig, rigged
from tests.faults.polling import until
from tests.faults.result import Result, allowed, percentile
from tests.faults.system.processes import Process
from tests.support.endpoint.responses_server import STREAMABLE_S, Keeping, ResponsesServer

MOMENTS = ("mid_stream", "in_the_transaction", "after_commit", "before_text_broadcast")
"""All of them after the answer has begun: its id is committed before any of its text. News without text is sent while
the endpoint is asked, and whoever dies then cannot know whether it was.
"""
CHARS = 1_800
SHORT_LEASE_S = 1.0


@asynccontextmanager
async def _kept(database: Database, seed: int, *, pause_s: float = 0.02) -> AsyncIterator[tuple[Rig, ResponsesServer]]:
    endpoint = ResponsesServer(keeping=Keeping(piece_tokens=LARGE_PIECE_TOKENS if LARGE else 1, pause_s=pause_s))
    async with rigged(
        database,
        seed=seed,
        redis=database == "postgres",
        lease_s=SHORT_LEASE_S,
        endpoint=endpoint,
        STREAMGEN_DELIVERY="background",
    ) as rig:
        await rig.web()
        yield rig, endpoint


async def killed_in_mid_answer(database: Database, seed: int, runs: int) -> Result:
    """kill -9 of the only worker in mid-answer, again and again in the same answers; every third answer is too old to
    be streamed when the next worker comes.
    """
    documents: list[Document] = []
    deaths, polled = 0, 0
    async with _kept(database, seed) as (rig, endpoint):
        while deaths < runs:
            (document,) = await rig.begin(1, sections=2, chars=CHARS)
            documents.append(document)
            rig.watch(document)
            while deaths < runs and rig.status(document) == "streaming":
                point = rig.rng.choice(MOMENTS)
                worker = await rig.worker(ready=False, FAULT_POINT=f"{point}:{rig.rng.randint(1, 5)}")
                if not await _died(rig, worker, document):
                    continue
                deaths += 1
                if deaths % 3 == 0:
                    endpoint.later_s += STREAMABLE_S + 1
                    polled += 1
        await rig.worker()
        await rig.until(documents, within_s=180)
        await rig.caught_up()
        verdict = await rig.verdict()
        late = percentile(verdict.takeovers_s, 0.99)
        figures = (
            f"{len(endpoint.kept)} create calls for {len(rig.sections)} sections, {len(endpoint.retrieves)} reads "
            f"of what was begun ({polled} times too old to stream); takeover p99 {late:.2f} s after the lease's end"
        )
        slow = [f"taken over only after {late:.1f} s"] if late > allowed(5) else []
        return Result(runs=deaths, figures=figures, broken=[*verdict.broken, *_asked_twice(rig, endpoint), *slow])


async def _died(rig: Rig, worker: Process, document: Document) -> bool:
    """Whether the worker died before the document was over."""

    def is_over() -> bool:
        return not worker.is_alive or rig.status(document) != "streaming"

    await until(is_over, within_s=allowed(60), what="the worker's end")
    died = not worker.is_alive
    if died:
        await worker.ended(1)
    else:
        await worker.kill()
    return died


async def left_in_mid_answer(database: Database, seed: int, runs: int) -> Result:
    """In turn: SIGTERM of the worker, the line cut, an endpoint that is away for a while, pause and resume."""
    documents: list[Document] = []
    paused: set[str] = set()
    waited_s: list[float] = []
    async with _kept(database, seed) as (rig, endpoint):
        worker = await rig.worker()
        for turn in range(runs):
            (document,) = await rig.begin(1, sections=1, chars=CHARS)
            documents.append(document)
            rig.watch(document)
            await rig.until([document], rig.rng.randint(100, CHARS // 2))
            length = rig.statuses([document])[document.artifact][1]
            began = time.monotonic()
            if turn % 4 == 0:
                worker.send(signal.SIGTERM)
                await worker.ended(20)
                worker = await rig.worker()
            elif turn % 4 == 1:
                rig.provider_proxy.cut()
            elif turn % 4 == 2:
                endpoint.is_away = True
                rig.provider_proxy.cut()
                await asyncio.sleep(rig.rng.uniform(0.2, 1.5))
                endpoint.is_away = False
            else:
                await _pause_and_resume(rig, endpoint, document)
                paused |= set(document.names)
            await rig.until([document], length + 1, within_s=60)
            waited_s.append(time.monotonic() - began)
        await rig.until(documents, within_s=180)
        await rig.caught_up()
        verdict = await rig.verdict()
        figures = (
            f"{len(endpoint.kept)} create calls for {len(rig.sections)} sections, {len(paused)} of them paused; "
            f"text goes on {percentile(waited_s, 0.5):.2f} s (p50), {max(waited_s):.2f} s (most) after it was left"
        )
        return Result(
            runs=runs, figures=figures, broken=[*verdict.broken, *_asked_twice(rig, endpoint, but_for=paused)]
        )


async def _pause_and_resume(rig: Rig, endpoint: ResponsesServer, document: Document) -> None:
    cancels = len(endpoint.cancels)
    status, answer = await rig.call("POST", f"/artifacts/{document.artifact}/pause")
    assert status in (200, 202), answer
    await until(lambda: rig.status(document) == "paused", within_s=20, what="the pause")
    await until(lambda: len(endpoint.cancels) > cancels, within_s=20, what="the answer's end at the endpoint")
    status, answer = await rig.call("POST", f"/artifacts/{document.artifact}/resume")
    assert status in (200, 202), answer


def _asked_twice(rig: Rig, endpoint: ResponsesServer, *, but_for: Sequence[str] | set[str] = ()) -> list[str]:
    """A section that was paused may be asked for once more: its answer was ended at the endpoint."""
    wrong = [
        f"section {name}: {asked} create calls"
        for name in rig.sections
        if (asked := endpoint.creates_of(name)) != 1 and not (name in but_for and asked == 2)
    ]
    others = [f"{len(endpoint.requests)} calls in the ordinary way"] if endpoint.requests else []
    return [*wrong, *others]
