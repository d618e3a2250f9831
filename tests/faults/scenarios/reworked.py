"""Scenarios: the process that changes a written document is killed while it does."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter

import aiohttp

from tests.faults.environment import Database, Document, Rig, rigged
from tests.faults.polling import until
from tests.faults.result import Result

WITHIN_S = 0.06
"""A change takes about half of that: the process is killed before, in and after its transaction."""


async def rework_killed(database: Database, seed: int, runs: int) -> Result:
    """kill -9 of the web process in the middle of an edit, an accept or a restore: done whole or not at all, the text
    before kept as a version, and done where the answer said so.
    """
    async with rigged(database, seed=seed, redis=database == "postgres", lease_s=5) as rig:
        rig.calls_may_fail = True  # a draft asks for its section once more
        web = await rig.web()
        port = rig.port_of(web)
        await rig.worker()
        (document,) = await rig.begin(1, sections=2, chars=600)
        await rig.until([document])
        rig.free_text.add(document.artifact)
        rig.watch(document)
        outcomes: Counter[str] = Counter()
        broken: list[str] = []
        for number in range(runs):
            kind = ("edit", "accept", "restore")[number % 3]
            before = await _ok(rig, "GET", f"/artifacts/{document.artifact}")
            change, after = await _change(rig, document, before["text"], kind, number)
            call = asyncio.create_task(rig.call(*change))
            await asyncio.sleep(rig.rng.uniform(0, WITHIN_S))
            await web.kill()
            said = await _answer(call)
            web = await rig.web(port=port)
            found = await _ok(rig, "GET", f"/artifacts/{document.artifact}")
            done = found["epoch"] == before["epoch"] + 1
            outcomes[f"{kind} {'done' if done else 'not done'}"] += 1
            broken += [f"{kind} {number}: {one}" for one in _judge(before, found, after, said)]
            if done:
                kept = await _ok(rig, "GET", f"/artifacts/{document.artifact}/versions/{before['epoch']}")
                if kept["text"] != before["text"]:
                    broken.append(f"{kind} {number}: the version is not the text before")
        await rig.caught_up()
        verdict = await rig.verdict()
        figures = ", ".join(f"{count} x {one}" for one, count in sorted(outcomes.items()))
        return Result(runs=runs, figures=figures, broken=[*verdict.broken, *broken])


async def _change(
    rig: Rig, document: Document, text: str, kind: str, number: int
) -> tuple[tuple[str, str, object], str]:
    """A call that changes the document, and the text that it makes."""
    path = f"/artifacts/{document.artifact}"
    name = document.names[0]
    if kind == "restore":
        versions = (await _ok(rig, "GET", f"{path}/versions"))["items"]
        if versions:
            oldest = versions[-1]["number"]
            old = await _ok(rig, "GET", f"{path}/versions/{oldest}")
            return ("POST", f"{path}/versions/{oldest}/restore", None), old["text"]
    section = await _ok(rig, "GET", f"{path}/sections/1")
    heading, held = f"## {name}\n\n", section["text"]
    rest = text[len(heading) + len(held) :]
    if kind == "accept":
        status, asked = await rig.call("POST", f"{path}/sections/1/rewrite", {})
        assert status == 202, asked
        draft = Document(artifact=asked["draft"], names=(name,), expected="")
        await until(lambda: rig.status(draft) == "complete", within_s=30, what="the draft is written")
        written = await _ok(rig, "GET", f"/artifacts/{draft.artifact}/sections/1")
        return ("POST", f"/artifacts/{draft.artifact}/accept", None), heading + written["text"] + rest
    typed = f"Typed in round {number}. " * 20
    base = hashlib.sha256(held.encode()).hexdigest()
    return ("PUT", f"{path}/sections/1", {"text": typed, "base_sha256": base}), heading + typed + rest


def _judge(before: dict, found: dict, after: str, said: int) -> list[str]:
    wrong = []
    expected = {before["epoch"]: before["text"], before["epoch"] + 1: after}
    if expected.get(found["epoch"]) != found["text"]:
        wrong.append(f"epoch {found['epoch']} has another text than it should")
    if said == 200 and found["epoch"] == before["epoch"]:
        wrong.append("answered as done, and is not")
    if said not in {0, 200}:
        wrong.append(f"answered with {said}")
    return wrong


async def _ok(rig: Rig, method: str, path: str) -> dict:
    status, answer = await rig.call(method, path)
    assert status == 200, answer
    return dict(answer)


async def _answer(call: asyncio.Task) -> int:
    """The status, or 0 where the process died before it answered."""
    try:
        return (await call)[0]
    except (aiohttp.ClientError, ConnectionError):
        return 0
