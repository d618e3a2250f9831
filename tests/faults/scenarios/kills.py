"""Scenarios: processes that are killed without a warning."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Sequence

from tests.faults.environment import LARGE, OVER, Database, Document, Rig, rigged
from tests.faults.injector import POINTS
from tests.faults.polling import until
from tests.faults.result import Result, allowed, percentile
from tests.faults.system.processes import Process
from tests.faults.workload import VIEWERS, top_up

DOOM_S = 300.0 if LARGE else 60.0
"""A worker that lives longer never reaches the point that the injector waits for; the furthest is a document's end."""
RECLAIMS = 5
"""So often a task is taken over without a new character before it is paused."""


async def worker_killed(database: Database, seed: int, runs: int) -> Result:
    """kill -9 of a worker at random and at the named points; two are always there."""
    return await _kill_workers(database, seed, runs)


async def parallel_killed(database: Database, seed: int, runs: int) -> Result:
    """The same where four of six sections are written at once; at every second death a document is paused and resumed
    as well. What is drafted is looked at whenever a worker dies.
    """
    return await _kill_workers(database, seed, runs, parallel=4, sections=6, chars=500)


async def _kill_workers(database: Database, seed: int, runs: int, *, parallel: int = 1, **size: int) -> Result:
    continuation = "prefill" if seed % 2 else "reprompt"
    async with rigged(
        database,
        seed=seed,
        redis=database == "postgres",
        pause_s=0.01 * parallel,  # as many pieces a second, however many calls they come by
        STREAMGEN_CONTINUATION=continuation,
    ) as rig:
        # A joiner may refuse a whole answer, and ask once more.
        rig.calls_may_fail = continuation == "reprompt"
        rig.parallel = parallel
        await rig.web()
        documents: list[Document] = []
        wrong: list[str] = []
        points = ["at_random", *POINTS]
        workers = [await _doomed(rig, points[0]), await _doomed(rig, points[1])]
        asked: list[Document] = []
        deaths = 0
        began = died = time.monotonic()
        while deaths < runs:
            await top_up(rig, documents, **size)
            await _resume_paused(rig, asked)
            for place, worker in enumerate(workers):
                if not worker.is_alive:
                    await worker.ended(1)
                    deaths += 1
                    died = time.monotonic()
                    workers[place] = await _doomed(rig, points[(deaths + 1) % len(points)], ready=False)
                    if parallel > 1:
                        wrong += drafts_are_what_was_sent(rig)
                        if deaths % 2:
                            asked.append(await _ask_for_pause(rig, documents))
            assert time.monotonic() - died < allowed(DOOM_S), "no worker reaches the point at which it dies"
            _note_ready(workers)
            await asyncio.sleep(0.02)
        took_s = time.monotonic() - began
        await rig.worker()
        for worker in workers:
            await worker.kill()
        await rig.until(documents, within_s=120)
        await _resume_paused(rig, asked)
        await rig.until(documents, within_s=120)
        await rig.caught_up()
        # Six workers in a row may be killed before a word, and a joiner may refuse what it is asked to join.
        sql = "SELECT reason FROM artifacts_artifact WHERE stream_status = 'paused'"
        paused = [row[0] for row in rig.store.query(sql)]
        verdict = await rig.verdict()
        late = percentile(verdict.takeovers_s, 0.99)
        reasons = Counter(paused)
        figures = (
            f"takeover p50 {percentile(verdict.takeovers_s, 0.5):.2f} s, p99 {late:.2f} s after the lease's end; "
            f"at most {max(verdict.rewritten, default=0)} characters asked for again; {len(documents)} documents, "
            f"{continuation}; {took_s / max(1, runs):.1f} s a kill" + (f"; paused {dict(reasons)}" if reasons else "")
        )
        if parallel > 1:
            wrong += [f"{rows[0]} drafts outlive their documents" for rows in rig.store.query(_LEFT) if rows[0]]
        wrong += [f"paused as {reason}" for reason in reasons if reason not in {"poison", "bad_seam"}]
        broken = [*verdict.broken, *wrong, *([f"taken over only after {late:.1f} s"] if late > allowed(5) else [])]
        return Result(runs=deaths, figures=figures, broken=broken)


_LEFT = (
    "SELECT count(*) FROM artifacts_draftdelta d JOIN artifacts_section s ON s.id = d.section_id"
    " JOIN artifacts_artifact a ON a.id = s.artifact_id WHERE a.stream_status = 'complete'"
)
_DRAFTED = (
    'SELECT s.artifact_id, s.name, s.drafted, d."offset", d.text FROM artifacts_section s'
    ' JOIN artifacts_draftdelta d ON d.section_id = s.id ORDER BY s.id, d."offset"'
)


def drafts_are_what_was_sent(rig: Rig) -> list[str]:
    """What is wrong with the drafts: each is a beginning of its section, every word once and in order."""
    wrong, drafts = [], dict[tuple[int, str], str]()
    for artifact, name, drafted, offset, text in rig.store.query(_DRAFTED):
        before = drafts.get((artifact, name), "")
        if offset != len(before) or offset + len(text) > drafted:
            wrong.append(
                f"draft of {name}: a delta begins at {offset} of {drafted}, the text before ends at {len(before)}"
            )
        drafts[artifact, name] = before + text
    for (artifact, name), draft in drafts.items():
        document = rig.documents[artifact]
        whole = document.expected[document.expected.index(f"## {name}\n\n") :]
        if not whole.startswith(draft):
            wrong.append(f"draft of {name}: {draft[-40:]!r} is not what was sent")
    return wrong


async def _ask_for_pause(rig: Rig, documents: Sequence[Document]) -> Document:
    document = rig.rng.choice(documents[-4:])
    status, answer = await rig.call("POST", f"/artifacts/{document.artifact}/pause")
    assert status in {200, 202, 409}, answer
    return document


async def _resume_paused(rig: Rig, asked: list[Document]) -> None:
    """Those whose pause is done. It is not waited for: who was to do it may have died, and all others with it."""
    for document in [one for one in asked if rig.status(one) != "streaming"]:
        asked.remove(document)
        status, answer = await rig.call("POST", f"/artifacts/{document.artifact}/resume")
        assert status in {200, 202, 409}, answer


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
            running = [one for one in documents if rig.status(one) == "streaming"]
            if len(running) < 2:
                more = await rig.begin(2, chars=2_500)
                documents += more
                for number, bot in enumerate([one for one in rig.bots if one.is_running and one.seen.sha256]):
                    await bot.stop()  # it has seen the end of its document
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
            *([f"viewers equal only after {max(equal_s):.1f} s"] if max(equal_s) > allowed(2) else []),
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
            running = [one for one in documents if rig.status(one) == "streaming"]
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


async def poison(database: Database, seed: int, runs: int) -> Result:
    """Documents on which every worker dies at once: paused with that reason, and resumed by a person."""
    broken: list[str] = []
    deaths = 0
    async with rigged(database, seed=seed, redis=database == "postgres", lease_s=1) as rig:
        await rig.web()
        for _ in range(runs):
            (document,) = await rig.begin(1)
            rig.watch(document)
            died = 0
            while rig.status(document) == "streaming":
                worker = await rig.worker(ready=False, FAULT_POINT="before_the_call:1")
                await until(
                    lambda worker=worker, document=document: not worker.is_alive or rig.status(document) in OVER,
                    within_s=20,
                    what="the worker died or gave up",
                )
                died += not worker.is_alive
                await worker.kill()
            deaths += died
            sql = f"SELECT stream_status, reason, last_error FROM artifacts_artifact WHERE id = {document.artifact}"
            status, reason, detail = rig.store.query(sql)[0]
            if (status, reason, died) != ("paused", "poison", RECLAIMS + 1) or not detail:
                broken.append(f"{status} {reason!r} {detail!r} after {died} deaths")
            healthy = await rig.worker()
            await rig.call("POST", f"/artifacts/{document.artifact}/resume")
            await rig.until([document])
            healthy.send(signal.SIGTERM)
            await healthy.ended(20)
        await rig.caught_up()
        verdict = await rig.verdict()
        figures = f"paused as poison after {deaths / runs:g} deaths each, complete once resumed"
        return Result(runs=runs, figures=figures, broken=[*verdict.broken, *broken])
