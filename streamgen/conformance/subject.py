"""What is looked at: documents that the caller names, or a project that is made for it and goes afterwards."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass, field
from typing import Any

from streamgen.conformance.spec import ENDINGS, Broken, require
from streamgen.conformance.target import Target

REST_POLL_S = 0.2
LARGE_CHARS = 300_000
_SECTIONS = ("Goals", "People", "Risks")
_LINE = "Line {number}: a lamp, 灯台, 🎈, e\u0301, 👩‍🚀 and text that goes on. "


class NotAsked(Exception):
    """A check has nothing to look at; the text says what is missing."""


@dataclass(frozen=True, kw_only=True)
class Resting:
    """A document that is complete or cancelled, as the API has it."""

    artifact: int
    epoch: int
    text: str


@dataclass(kw_only=True)
class Subject:
    """What the checks have. `own` is the id of the project that was made, None where documents are named."""

    target: Target
    named: tuple[int, ...] = ()
    places: int = 200
    """How many offsets of each document a viewer comes back at."""
    viewers: int = 20
    wait_s: float = 120.0
    own: int | None = None
    artifacts: list[int] = field(default_factory=list)
    """Of the own project: each is used by one kind of check."""
    _resting: list[Resting] = field(default_factory=list)
    _large: Resting | None = None

    async def prepare(self) -> None:
        if not self.named:
            answer = await self.target.ask("POST", "/api/projects", {"title": "Conformance"})
            require(answer.status_code == 201, f"POST /api/projects answered {answer.status_code}: {answer.text[:200]}")
            made = answer.json()
            self.own, self.artifacts = made["id"], [row["id"] for row in made["artifacts"]]

    async def clear(self) -> None:
        if self.own is not None:
            await self.target.ask("DELETE", f"/api/projects/{self.own}")

    async def document(self, artifact: int) -> dict[str, Any]:
        """As the API has it now."""
        return dict(await self.target.read(f"/api/artifacts/{artifact}"))

    def made(self, place: int) -> int:
        """A document of the own project. Raises `NotAsked`."""
        if self.own is None:
            raise NotAsked("it writes a document of its own: run it without --document")
        require(len(self.artifacts) > place, f"a new project has documents, this one {len(self.artifacts)}")
        return self.artifacts[place]

    async def start(self, artifact: int, *, sections: int = 3, tokens: int = 1_000) -> None:
        plan = [{"name": name, "max_tokens": tokens} for name in _SECTIONS[:sections]]
        await self.command(artifact, "start", {"plan": plan}, wanted=(202,))

    async def command(
        self, artifact: int, verb: str, body: Any = None, *, wanted: tuple[int, ...] = (200, 202)
    ) -> dict[str, Any]:
        answer = await self.target.ask("POST", f"/api/artifacts/{artifact}/{verb}", body)
        require(answer.status_code in wanted, f"POST {verb} answered {answer.status_code}: {answer.text[:200]}")
        return dict(answer.json())

    async def rested(self, artifact: int) -> Resting:
        """The document once it is complete or cancelled."""
        ends_at = time.monotonic() + self.wait_s
        while True:
            told = await self.document(artifact)
            status, reason = told["state"]["status"], told["state"]["last_error"]
            if status in ENDINGS:
                return Resting(artifact=artifact, epoch=told["epoch"], text=told["text"])
            if status == "paused" and self.own is not None:
                await self.command(artifact, "cancel")  # a model that goes on for ever has written enough
            elif status in ("paused", "idle"):
                raise NotAsked(f"document {artifact} is {status} {reason}".strip())
            if time.monotonic() > ends_at:
                raise NotAsked(f"document {artifact} is not written after {self.wait_s:g} s (--wait): {reason}")
            await asyncio.sleep(REST_POLL_S)

    async def resting(self) -> list[Resting]:
        """The named documents, or one that is written now and a large one."""
        if not self._resting:
            if self.own is None:
                self._resting = [await self.rested(artifact) for artifact in self.named]
            else:
                if (await self.document(self.made(0)))["state"]["status"] == "idle":
                    await self.start(self.made(0))
                self._resting = [await self.rested(self.made(0)), await self.large()]
        return self._resting

    async def large(self) -> Resting:
        """A document that is larger than what a viewer may leave unacknowledged. Raises `NotAsked`."""
        if self.own is None:
            for document in await self.resting():
                if len(document.text.encode()) > 2 * LARGE_CHARS:
                    return document
            raise NotAsked(f"none of the documents has {2 * LARGE_CHARS} bytes")
        if self._large is None:
            artifact = self.made(1)
            if (await self.document(artifact))["state"]["status"] == "idle":
                await self.start(artifact, sections=1)
            await self.rested(artifact)
            lines = (_LINE.format(number=number) for number in range(LARGE_CHARS * 2 // len(_LINE)))
            await self.edit(artifact, "".join(lines))
            self._large = await self.rested(artifact)
        return self._large

    async def edit(self, artifact: int, text: str) -> None:
        """Put another text in the place of the first section's."""
        before = await self.target.read(f"/api/artifacts/{artifact}/sections/1")
        digest = hashlib.sha256(before["text"].encode()).hexdigest()
        require(digest == before["sha256"], "the sha256 of a section is not that of its text")
        body = {"text": text, "base_sha256": digest}
        answer = await self.target.ask("PUT", f"/api/artifacts/{artifact}/sections/1", body)
        if answer.status_code != 200:
            raise Broken(f"PUT of a section answered {answer.status_code}: {answer.text[:200]}")
