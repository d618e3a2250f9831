"""Scenarios: people and processes that act at the same moment."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from pathlib import Path

from channels_redis.pubsub import RedisPubSubChannelLayer

from tests.faults.checker import Called
from tests.faults.clients import Bot
from tests.faults.environment import LARGE, Database, Document, Rig, rigged
from tests.faults.polling import until
from tests.faults.result import Result, allowed

AT_ONCE = 5
STEP_S = 0.002
SCATTER_S = 0.02
GROWTH_MB = 300 if LARGE else 60  # twenty documents at once
"""So much may a worker's memory grow while a long queue passes through it."""


class Aim:
    """How long after the middle of a text its cancel is sent. It follows the outcomes, so that either may win: steps
    grow while one side wins, and shrink when the other does.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._after_s = 0.1
        self._step_s = 0.02

    def take(self) -> float:
        return max(0.0, self._after_s + self._rng.uniform(-SCATTER_S, SCATTER_S))

    def learn(self, *, late: int, early: int) -> None:
        step_s = self._step_s if early > late else -self._step_s
        self._after_s = max(0.0, self._after_s + step_s)
        self._step_s = max(STEP_S, self._step_s / 2) if late and early else min(0.2, self._step_s * 1.5)


async def cancel_meets_completion(database: Database, seed: int, runs: int) -> Result:
    """Short documents, each cancelled so close to its end that either may win."""
    async with rigged(database, seed=seed, redis=database == "postgres", pause_s=0.002) as rig:
        await rig.web()
        await rig.worker()
        aim, ends, unkept = Aim(rig.rng), Counter[str](), 0
        before: list[Bot] = []
        for begun in range(0, runs, AT_ONCE):
            documents = await rig.begin(min(AT_ONCE, runs - begun), sections=1, chars=150)
            bots = [rig.watch(document) for document in documents]
            answers = await asyncio.gather(*(_cancel_near_the_end(rig, document, aim) for document in documents))
            await rig.until(documents)
            await until(lambda bots=bots: all(bot.seen.sha256 for bot in bots), within_s=20, what="viewers saw the end")
            late = 0
            for document, answer in zip(documents, answers, strict=True):
                status = rig.status(document)
                ends[status] += 1
                late += status == "complete"
                unkept += (answer == 409) != (status == "complete")
            aim.learn(late=late, early=len(documents) - late)
            for bot in before:  # these have watched for a while longer: nothing came after the end
                await bot.stop()
            before = bots
        await rig.caught_up()
        verdict = await rig.verdict()
        broken = [f"{unkept} answers that the end did not keep"] if unkept else []
        if runs >= 30 and not LARGE and min(ends["cancelled"], ends["complete"]) < runs / 20:
            broken.append(f"the race was hardly met: {dict(ends)}")
        figures = f"{ends['cancelled']} cancelled, {ends['complete']} complete, one end everywhere"
        return Result(runs=runs, figures=figures, broken=[*verdict.broken, *broken])


async def _cancel_near_the_end(rig: Rig, document: Document, aim: Aim) -> int:
    """The answer's status."""
    name = document.names[-1]
    half = len(rig.endpoint.script.texts[name]) / 2
    calls = rig.endpoint.requests
    await rig.endpoint.until(
        lambda: any(one.section == name and len(one.sent) >= half for one in calls[-AT_ONCE * 4 :]), timeout_s=60
    )
    await asyncio.sleep(aim.take())
    return (await rig.call("POST", f"/artifacts/{document.artifact}/cancel"))[0]


async def hammered(database: Database, seed: int, runs: int) -> Result:
    """Pause and resume as fast as the API takes them, by two people at once."""
    async with rigged(database, seed=seed, redis=database == "postgres", pause_s=0.01) as rig:
        await rig.web()
        await rig.worker()
        documents = await rig.begin(2, chars=1_500)
        for document in documents:
            rig.watch(document)
        wrong: list[int] = []

        async def person(artifact: int) -> None:
            for _ in range(runs):
                verb = rig.rng.choice(["pause", "resume"])
                status, _answer = await rig.call("POST", f"/artifacts/{artifact}/{verb}")
                if status not in {200, 202, 409}:
                    wrong.append(status)
                await asyncio.sleep(rig.rng.uniform(0, 0.1))

        await asyncio.gather(*(person(one.artifact) for one in documents for _ in range(2)))

        async def finish(artifact: int) -> None:
            while (now := (await rig.call("GET", f"/artifacts/{artifact}"))[1]["state"]["status"]) != "complete":
                if now == "paused":
                    await rig.call("POST", f"/artifacts/{artifact}/resume")
                await asyncio.sleep(0.1)

        async with asyncio.timeout(90):
            await asyncio.gather(*(finish(one.artifact) for one in documents))
        await rig.caught_up()
        verdict = await rig.verdict()
        broken = [f"answers {wrong}"] if wrong else []
        return Result(runs=runs * 4, figures="complete, every word once", broken=[*verdict.broken, *broken])


async def deleted(database: Database, seed: int, runs: int) -> Result:
    """Documents deleted while they are written, or just when they are claimed."""
    async with rigged(database, seed=seed, redis=database == "postgres", pause_s=0.02) as rig:
        await rig.web()
        await rig.worker()
        gone_s, closed_s = [], []
        for turn in range(runs):
            (document,) = await rig.begin(1)
            bot = rig.watch(document)
            if turn % 2:
                await rig.until([document], 60)
                await until(lambda bot=bot: bot.is_connected, within_s=10, what="the viewer is there")
            else:
                await asyncio.sleep(rig.rng.uniform(0, 0.1))
            status, _ = await rig.call("DELETE", f"/artifacts/{document.artifact}")
            assert status == 204, status
            calls = [one for one in rig.endpoint.requests if one.section in document.names]
            gone_s.append(
                await until(
                    lambda calls=calls: all(one.state != "open" for one in calls), within_s=5, what="call ended"
                )
            )
            closed_s.append(
                await until(
                    lambda bot=bot: bool(bot.seen.closes) and bot.seen.closes[-1][1] == 4404,
                    within_s=10,
                    what="viewer told",
                )
            )
        verdict = await rig.verdict()
        late = [f"a worker stopped only after {max(gone_s):.1f} s"] if max(gone_s) > allowed(1) else []
        figures = f"call ended after {max(gone_s):.2f} s, viewer told after {max(closed_s):.2f} s (most)"
        return Result(runs=runs, figures=figures, broken=[*verdict.broken, *late])


async def announced(database: Database, seed: int, runs: int) -> Result:
    """The same task announced 100 times to two workers."""
    async with rigged(database, seed=seed, redis=True, pause_s=0.01) as rig:
        assert rig.redis
        await rig.web()
        for _ in range(2):
            await rig.worker()
        layer = RedisPubSubChannelLayer(hosts=[f"redis://127.0.0.1:{rig.redis.port}/0"])
        documents = []
        for _ in range(runs):
            begun = await rig.begin(1, chars=400)
            documents += begun
            for _ in range(100):
                await layer.send("generation", {"type": "generation.wake"})
            await rig.until(begun)
        await layer.flush()
        verdict = await rig.verdict()
        calls = len(rig.endpoint.requests)
        needed = sum(len(document.names) for document in documents)
        broken = [f"{calls} calls, {needed} needed"] if calls != needed else []
        return Result(runs=runs, figures=f"{calls} calls, {needed} needed", broken=[*verdict.broken, *broken])


async def long_queue(database: Database, seed: int, runs: int) -> Result:
    """Many tasks and no worker; one that starts later runs each of them once, within its bounds."""
    async with rigged(database, seed=seed, redis=database == "postgres", pause_s=0, lease_s=5) as rig:
        await rig.web()
        began = time.monotonic()
        left = iter(range(runs))

        async def person() -> list[Document]:
            return [(await rig.begin(1, sections=1, chars=60))[0] for _ in left]

        documents = [one for several in await asyncio.gather(*(person() for _ in range(4))) for one in several]
        queued_s = time.monotonic() - began
        worker = await rig.worker()
        first_kb = _resident_kb(worker.inner.pid)
        most_kb, at_once = first_kb, 0
        began = time.monotonic()
        while rig.store.query("SELECT count(*) FROM artifacts_artifact WHERE stream_status = 'streaming'")[0][0]:
            most_kb = max(most_kb, _resident_kb(worker.inner.pid))
            at_once = max(at_once, sum(one.state == "open" for one in rig.endpoint.requests))
            await asyncio.sleep(0.2)
        took_s = time.monotonic() - began
        verdict = await rig.verdict()
        # A worker that the machine starved for a whole lease takes its own task over, and asks again.
        again = len(verdict.takeovers_s)
        needed = sum(len(document.names) for document in documents)
        extra = len(rig.endpoint.requests) - needed - again
        broken = [f"{extra} calls too many: {_asked_again(rig)}"] if extra else []
        if at_once > 32:
            broken.append(f"{at_once} calls at once")
        if most_kb - first_kb > GROWTH_MB * 1024:
            broken.append(f"its memory grew by {(most_kb - first_kb) // 1024} MB")
        figures = (
            f"{len(documents) / took_s:.0f} documents per second, memory {first_kb // 1024} -> {most_kb // 1024} MB, "
            f"queued in {queued_s:.0f} s, {again} taken over"
        )
        return Result(runs=len(documents), figures=figures, broken=[*verdict.broken, *broken])


def _asked_again(rig: Rig) -> list[str]:
    """The calls of each section that was asked for more than once."""
    by_section: dict[str, list[Called]] = {}
    for call in rig.calls():
        by_section.setdefault(call.section, []).append(call)
    return [" | ".join(one.told(calls[0].began_at) for one in calls) for calls in by_section.values() if calls[1:]]


def _resident_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0
