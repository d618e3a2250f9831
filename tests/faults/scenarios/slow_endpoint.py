"""Scenarios: an endpoint that lets its callers wait, and workers that die or sleep meanwhile."""

from __future__ import annotations

import asyncio
import signal
import time

from tests.faults.environment import DEFAULT_LEASE_S, Database, Document, Rig, rigged
from tests.faults.polling import until
from tests.faults.result import Result, allowed, percentile
from tests.support.endpoint.openai_script import Behaviour

ENDPOINT_AWAY_S = 12.0


async def worker_replaced(database: Database, seed: int, runs: int) -> Result:
    """kill -9 of the worker that writes; how long until another one has asked the endpoint for what is missing."""
    took_s: list[float] = []
    async with rigged(database, seed=seed, redis=database == "postgres", pause_s=0.03, lease_s=DEFAULT_LEASE_S) as rig:
        await rig.web()
        documents: list[Document] = []
        writing = await rig.worker(FAULT_KEY="worker-0")
        while len(took_s) < runs:
            running = await rig.begin(2, sections=1, chars=8_000)
            documents += running
            await rig.until(running, 200)
            key = f"worker-{len(documents)}"
            other = await rig.worker(FAULT_KEY=key)
            await asyncio.sleep(rig.rng.uniform(0, 1))
            killed_at = time.monotonic()
            await writing.kill()
            for document in running:
                began_at = await _asked_by(rig, key, document)
                took_s.append(began_at - killed_at)
            writing = other
        writing.send(signal.SIGTERM)
        await writing.ended(20)
        await rig.worker()
        await rig.until(documents, within_s=180)
        verdict = await rig.verdict()
    late = percentile(took_s, 0.99)
    broken = [f"replaced only after {late:.2f} s"] if late > allowed(DEFAULT_LEASE_S) else []
    figures = f"another one asks {percentile(took_s, 0.5):.2f} s (p50), {late:.2f} s (p99) after the kill"
    return Result(runs=len(took_s), figures=figures, broken=[*verdict.broken, *broken])


async def frozen_while_waiting(database: Database, seed: int, runs: int) -> Result:
    """A worker freezes past its lease while it waits for the endpoint; continued, it does not ask for them."""
    broken: list[str] = []
    async with rigged(database, seed=seed, redis=database == "postgres", pause_s=0.03, lease_s=1) as rig:
        rig.calls_may_fail = True
        await rig.web()
        documents: list[Document] = []
        for turn in range(runs):
            sleeper = await rig.worker(FAULT_KEY=f"sleeper-{turn}")
            asleep = [await rig.make(sections=1, chars=2_000) for _ in range(2)]
            for document in asleep:
                wait = Behaviour(status=429, headers={"Retry-After": f"{rig.rng.uniform(1, 2):.2f}"})
                rig.endpoint.script.by_section[document.names[0]] = [wait]  # type: ignore[index]
                await rig.start(document)
            documents += asleep
            for document in asleep:
                await _asked_by(rig, f"sleeper-{turn}", document)
            await until(lambda: _count(rig, asleep, "reason = 'waiting_retry'") == 2, within_s=20, what="both wait")  # noqa: B023
            sleeper.freeze()
            other = await rig.worker(FAULT_KEY=f"other-{turn}")
            for document in asleep:
                await _asked_by(rig, f"other-{turn}", document)
            asked_before = len(rig.endpoint.requests)
            sleeper.thaw()
            await until(lambda: sleeper.said().count("lost") >= 2, within_s=20, what="it is refused")  # noqa: B023
            await asyncio.sleep(0.5)
            late = [
                one for one in rig.endpoint.requests[asked_before:] if one.authorization == f"Bearer sleeper-{turn}"
            ]
            broken += [f"the worker that slept asked {len(late)} times for what was another's"] if late else []
            await rig.until(documents, within_s=60)
            for one in (sleeper, other):
                one.send(signal.SIGTERM)
                await one.ended(20)
        verdict = await rig.verdict()
    return Result(
        runs=runs, figures="it asks nothing before it knows whose they are", broken=[*verdict.broken, *broken]
    )


async def endpoint_away(database: Database, seed: int, runs: int) -> Result:
    """Nothing listens at the endpoint for longer than all attempts would take; the documents go on by themselves."""
    back_s: list[float] = []
    broken: list[str] = []
    async with rigged(
        database, seed=seed, redis=database == "postgres", pause_s=0.03, lease_s=2, STREAMGEN_RETRIES="2"
    ) as rig:
        rig.calls_may_fail = rig.calls_may_overlap = True
        await rig.web()
        await rig.worker()
        for _ in range(runs):
            documents = await rig.begin(3, sections=1, chars=1_500)
            rig.watch(documents[0])
            await rig.until(documents, 60)
            await rig.provider_proxy.stop()
            await asyncio.sleep(ENDPOINT_AWAY_S)
            running = [one for one in documents if rig.status(one) == "streaming"]
            if (shown := _count(rig, running, "reason = 'waiting_retry'")) < len(documents):
                broken.append(f"{shown} of {len(documents)} documents wait, and show it")
            before = rig.statuses(documents)
            await rig.provider_proxy.start()
            back_at = time.monotonic()
            for document in documents:
                await rig.until([document], before[document.artifact][1] + 1, within_s=60)
            back_s.append(time.monotonic() - back_at)
            await rig.until(documents, within_s=120)
            if (complete := _count(rig, documents, "stream_status = 'complete'")) < len(documents):
                broken.append(f"{complete} of {len(documents)} documents are complete")
        await rig.caught_up()
        verdict = await rig.verdict()
    late = [f"{len(verdict.takeovers_s)} takeovers although no worker died"] if verdict.takeovers_s else []
    figures = f"{ENDPOINT_AWAY_S:g} s away; all grow again {max(back_s):.1f} s (most) after it is back"
    return Result(runs=runs, figures=figures, broken=[*verdict.broken, *broken, *late])


async def model_thinks(database: Database, seed: int, runs: int) -> Result:
    """The model thinks for longer than the limits on silence, before its text: it is waited for, and asked once."""
    broken: list[str] = []
    async with rigged(
        database,
        seed=seed,
        redis=database == "postgres",
        lease_s=2,
        STREAMGEN_FIRST_PIECE_SECONDS="2",
        STREAMGEN_STALL_SECONDS="2",
    ) as rig:
        await rig.web()
        await rig.worker()
        documents = [await rig.make(sections=1) for _ in range(runs)]
        for number, document in enumerate(documents):
            field = ("reasoning_content", "reasoning", "tag")[number % 3]
            thinks = Behaviour(reasoning="Hm. " * 25, reasoning_field=field, think_pause_s=0.3)
            rig.endpoint.script.by_section[document.names[0]] = [thinks]  # type: ignore[index]
            rig.watch(document)
            await rig.start(document)
        await rig.until(documents, within_s=120)
        for document in documents:
            calls = sum(one.section == document.names[0] for one in rig.endpoint.requests)
            sql = f"SELECT count(*) FROM fault_writes WHERE reason = 'thinking' AND artifact = {document.artifact}"
            shown = rig.store.query(sql)[0][0]
            if (rig.status(document), calls) != ("complete", 1) or not shown:
                broken.append(f"{rig.status(document)} after {calls} calls, shown {shown} times")
        await rig.caught_up()
        verdict = await rig.verdict()
    return Result(runs=runs, figures="waited for, shown, asked once", broken=[*verdict.broken, *broken])


async def _asked_by(rig: Rig, key: str, document: Document) -> float:
    """When (of the monotonic clock) the worker with that key first asked for the document."""

    def first() -> float | None:
        mine = (
            one.began_at
            for one in rig.endpoint.requests
            if one.authorization == f"Bearer {key}" and one.section in document.names
        )
        return next(mine, None)

    await until(lambda: first() is not None, within_s=30, what=f"{key} asks")
    found = first()
    assert found is not None
    return found


def _count(rig: Rig, documents: list[Document], condition: str) -> int:
    """Of how many it holds by now."""
    wanted = ",".join(str(document.artifact) for document in documents) or "0"
    return int(rig.store.query(f"SELECT count(*) FROM artifacts_artifact WHERE {condition} AND id IN ({wanted})")[0][0])
