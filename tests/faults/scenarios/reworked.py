"""Scenarios: a process is killed while a written document is changed, or written anew."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.faults.environment import Database, Document, Rig, rigged
from tests.faults.polling import until
from tests.faults.result import Result
from tests.faults.scenarios.kills import drafts_are_what_was_sent
from tests.faults.system.processes import Process

WITHIN_S = 0.06
SOONER, LATER = 0.7, 1.4
"""Within so long after it was asked for a change the process is killed, at first; then sooner where it was done, later
where it was not: so it is killed before, in and after the transaction, whatever the machine has to do beside.
"""
WRITTEN_S = 1.0
"""A section takes about that: its worker is killed before its first word, in it and after its last."""
REWORKS = ("edit", "rewrite", "accept", "parallel", "restore")


async def rework_killed(database: Database, seed: int, runs: int) -> Result:
    """kill -9 in the middle of an edit, a rewrite, an accept, a restore (the web process, and the worker of the draft),
    and of writing sections side by side (the worker): done whole or not at all, the text before kept as a version, and
    done where the answer said so.
    """
    async with rigged(database, seed=seed, redis=database == "postgres", STREAMGEN_CONTINUATION="prefill") as rig:
        rig.calls_may_fail = True  # a draft asks for its section once more
        web = await rig.web()
        reworked = _Reworked(rig=rig, web=web, port=rig.port_of(web), worker=await rig.worker())
        rig.parallel = 2
        (reworked.document,) = await rig.begin(1, sections=2, chars=600)
        await rig.until([reworked.document])
        rig.free_text.add(reworked.document.artifact)
        rig.watch(reworked.document)
        for number in range(runs):
            await reworked.round(REWORKS[number % len(REWORKS)], number)
        await rig.caught_up()
        verdict = await rig.verdict()
        figures = ", ".join(f"{count} x {one}" for one, count in sorted(reworked.outcomes.items()))
        return Result(
            runs=runs, figures=f"{reworked.kills} kills: {figures}", broken=[*verdict.broken, *reworked.broken]
        )


@dataclass(kw_only=True)
class _Reworked:
    """One document that is changed again and again, and what came of it."""

    rig: Rig
    web: Process
    worker: Process
    port: int
    document: Document = field(init=False)
    kills: int = 0
    within_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(REWORKS, WITHIN_S))
    outcomes: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"/artifacts/{self.document.artifact}"

    async def round(self, kind: str, number: int) -> None:
        """One change, and one death in it."""
        before = await self._ok("GET", self.path)
        where = f"{kind} {number}"
        if kind == "parallel":
            said, after = await self._parallel(), self.document.expected
        else:
            change, after = await self._change(before["text"], kind, number)
            said = await self._ask_and_kill(*change, within_s=self.within_s[kind])
        found = await self._ok("GET", self.path)
        done = found["epoch"] == before["epoch"] + 1
        if kind == "rewrite":
            done = await self._judge_draft(where, said)
            expected = {before["epoch"]: before["text"]}  # the document stays as it is
        else:
            expected = {before["epoch"]: before["text"], before["epoch"] + 1: after}
            if said in {200, 202} and not done:
                self.broken.append(f"{where}: answered as done, and is not")
        self.outcomes[f"{kind} {'done' if done else 'not done'}"] += 1
        self.within_s[kind] *= SOONER if done else LATER
        if expected.get(found["epoch"]) != found["text"]:
            self.broken.append(f"{where}: epoch {found['epoch']} has another text than it should")
        if said not in {0, 200, 202}:
            self.broken.append(f"{where}: answered with {said}")
        if found["epoch"] == before["epoch"] + 1:
            kept = await self._ok("GET", f"{self.path}/versions/{before['epoch']}")
            if kept["text"] != before["text"]:
                self.broken.append(f"{where}: the version is not the text before")

    async def _ask_and_kill(self, method: str, path: str, body: object, *, within_s: float) -> int:
        """The status, or 0 where the web process died before it answered."""
        call = asyncio.create_task(self.rig.call(method, path, body))
        await asyncio.sleep(self.rig.rng.uniform(0, within_s))
        await self.web.kill()
        self.kills += 1
        try:
            said = (await call)[0]
        except (aiohttp.ClientError, ConnectionError):
            said = 0
        self.web = await self.rig.web(port=self.port)
        return said

    async def _kill_worker(self) -> None:
        await asyncio.sleep(self.rig.rng.uniform(0, WRITTEN_S))
        await self.worker.kill()
        self.kills += 1
        self.broken += drafts_are_what_was_sent(self.rig)
        self.worker = await self.rig.worker()

    async def _parallel(self) -> int:
        """The document written anew, its sections side by side; the worker dies in it."""
        await self.rig.start(self.document, "regenerate")
        await self._kill_worker()
        await self.rig.until([self.document])
        return 202

    async def _change(self, text: str, kind: str, number: int) -> tuple[tuple[str, str, object], str]:
        """A call that changes the document, and the text that it makes."""
        name = self.document.names[0]
        if kind == "rewrite":
            for artifact, _ in self._drafts():  # of a round in which nothing was accepted
                await self._ok("POST", f"/artifacts/{artifact}/reject")
            return ("POST", f"{self.path}/sections/1/rewrite", {"instructions": f"Round {number}."}), text
        if kind == "restore":
            oldest = (await self._ok("GET", f"{self.path}/versions"))["items"][-1]["number"]
            old = await self._ok("GET", f"{self.path}/versions/{oldest}")
            return ("POST", f"{self.path}/versions/{oldest}/restore", None), old["text"]
        section = await self._ok("GET", f"{self.path}/sections/1")
        heading, held = f"## {name}\n\n", section["text"]
        rest = text[len(heading) + len(held) :]
        if kind == "accept":
            status, asked = await self.rig.call("POST", f"{self.path}/sections/1/rewrite", {})
            assert status == 202, asked
            draft = Document(artifact=asked["draft"], names=(name,), expected="")
            await until(lambda: self.rig.status(draft) == "complete", within_s=30, what="the draft is written")
            written = await self._ok("GET", f"/artifacts/{draft.artifact}/sections/1")
            return ("POST", f"/artifacts/{draft.artifact}/accept", None), heading + written["text"] + rest
        typed = f"Typed in round {number}. " * 20
        base = hashlib.sha256(held.encode()).hexdigest()
        return ("PUT", f"{self.path}/sections/1", {"text": typed, "base_sha256": base}), heading + typed + rest

    async def _judge_draft(self, where: str, said: int) -> bool:
        """Whether there is one. Its worker dies as well; written, it is what the endpoint sent, and is dropped."""
        drafts = self._drafts()
        if len(drafts) > 1 or (said == 202 and not drafts) or any(tasks != 1 for _, tasks in drafts):
            self.broken.append(f"{where}: answered {said}, there are the drafts and tasks {drafts}")
        for artifact, _ in drafts:
            name = self.document.names[0]
            draft = Document(artifact=artifact, names=(name,), expected="")
            await self._kill_worker()
            await self.rig.until([draft])
            written = await self._ok("GET", f"/artifacts/{artifact}")
            sent = self.document.expected.partition(f"\n\n## {self.document.names[1]}\n\n")[0]
            if (written["state"]["status"], written["text"]) != ("complete", sent):
                self.broken.append(f"{where}: the draft is {written['state']['status']}, or not what was sent")
            await self._ok("POST", f"/artifacts/{artifact}/reject")
        return bool(drafts)

    def _drafts(self) -> list[tuple[int, int]]:
        """(artifact, its tasks) of each draft of the document."""
        sql = (
            "SELECT a.id, (SELECT count(*) FROM generation_generationtask t WHERE t.artifact_id = a.id)"
            f" FROM artifacts_artifact a WHERE a.draft_of_id = {self.document.artifact}"
        )
        return [(int(artifact), int(tasks)) for artifact, tasks in self.rig.store.query(sql)]

    async def _ok(self, method: str, path: str) -> dict[str, Any]:
        status, answer = await self.rig.call(method, path)
        assert status == 200, answer
        return dict(answer)
