"""The async door to `artifacts.lifecycle`: it coalesces pieces into flushes and carries the verbs of one claim to the
database. It decides nothing about the text. When the artifact is no longer the claim's, it sets `stop` and `is_lost`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from artifacts.answer_place import NO_ANSWER, AnswerPlace
from artifacts.errors import NotFound, WriterRefused
from artifacts.lifecycle import writing
from artifacts.lifecycle.rows import WriteResult
from artifacts.lifecycle.writing import Append, Flush
from artifacts.live.replica import OVER
from artifacts.operating.counts import process_counts
from generation.queue import finishing
from generation.queue.claims import Claim
from generation.worker import group_commit
from generation.worker.database import until_answered
from generation.worker.preview_saver import PreviewSaver
from generation.worker.stop_signal import StopSignal

logger = logging.getLogger(__name__)

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""A clock that goes on while the machine sleeps, where there is one: leases do."""


NOTICED_S = 1.0
"""After so long a silence somebody waits for the text; what is read at a pace has time for company in its commit."""


@dataclass(frozen=True, kw_only=True)
class FlushPolicy:
    """A flush comes at `chars` code points or `ms` milliseconds after the first unsaved one, whichever is first; the
    first piece after a silence of `ms` is flushed at once, because somebody waits for it.
    """

    chars: int
    ms: int
    lease_s: float


class Writer:
    """Writes the text of one claim, and keeps its lease from the first moment on.

    Before the first text `take_up` tells it what is there; `tokens` is the count that the next flush stores, `answer`
    what is committed with it of an answer that its endpoint keeps.
    """

    def __init__(self, claim: Claim, *, policy: FlushPolicy, stop: StopSignal) -> None:
        self.claim = claim
        self._artifact, self._fence, self._lease_s = claim.artifact, claim.fence, policy.lease_s
        self.tokens = 0
        self.answer = NO_ANSWER
        self.is_lost = False
        self._leased_at_s = time.clock_gettime(_CLOCK)  # the lease was renewed then or later
        self._began_at_s = self._leased_at_s
        self._policy = policy
        self._stop = stop
        self._offset = claim.length
        self._unsaved: list[str] = []
        self._unsaved_chars = 0
        self._put_at_s = float("-inf")
        self._answer_saved = NO_ANSWER
        self._timer: asyncio.TimerHandle | None = None
        self._failure: Exception | None = None
        self._late: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()  # one verb at a time
        self._begun = set[int]()
        self._previews = PreviewSaver(claim, "")
        self._group = group_commit.current()

    def take_up(self, text: str, tokens: int, starts: Sequence[int | None] = ()) -> None:
        """Go on from this committed text, in which the sections begin that were begun."""
        self.tokens, self._offset = tokens, len(text)
        self._begun = {position for position, start in enumerate(starts) if start is not None}
        self._previews = PreviewSaver(self.claim, text, [start for start in starts if start is not None])

    async def put(self, text: str) -> None:
        """Take one piece; where it fills a flush, return after that, so that a fast model waits for the database."""
        loop, flush_s = asyncio.get_running_loop(), self._policy.ms / 1000
        silent_s, self._put_at_s = loop.time() - self._put_at_s, loop.time()
        if silent_s == float("inf"):
            process_counts.first_text_s.add(time.clock_gettime(_CLOCK) - self._began_at_s)
        self._unsaved.append(text)
        self._unsaved_chars += len(text)
        if silent_s >= flush_s or self._unsaved_chars >= self._policy.chars:
            await self._flush(is_awaited=silent_s >= max(flush_s, NOTICED_S))
        elif self._timer is None:
            self._timer = loop.call_later(self._group.load.stretched_s(flush_s), self._begin_late_flush)

    async def flush(self) -> None:
        """Commit what is unsaved. Where the artifact is not ours any more nothing is written, and `stop` is set."""
        await self._flush(is_awaited=True)

    async def _flush(self, *, is_awaited: bool) -> None:
        """With the flushes of others; at once where somebody waits for it."""

        def append(flush: Flush) -> Awaitable[WriteResult]:
            one = Append(artifact=self._artifact, fence=self._fence, flush=flush, lease_s=self._lease_s)
            return self._group.append(one, is_awaited=is_awaited)

        if self._unsaved:
            await self._commit_by(append)

    async def begin_section(self, position: int, model: str, answer: AnswerPlace = NO_ANSWER) -> None:
        """The section is written now; `answer` is what its row says of one."""
        self.answer = self._answer_saved = answer
        await self._carry(
            lambda: writing.begin_section(
                self._artifact, fence=self._fence, position=position, model=model, lease_s=self._lease_s
            )
        )
        if position not in self._begun:
            self._begun.add(position)
            self._previews.begin_section()

    async def complete_section(self, position: int, *, tokens: int, model: str) -> None:
        await self._commit(
            lambda flush: writing.complete_section(
                self._artifact,
                fence=self._fence,
                position=position,
                flush=flush,
                tokens=tokens,
                model=model,
                lease_s=self._lease_s,
            )
        )
        self._previews.note("", section_ended=True)

    async def wait(self, reason: str, detail: str) -> None:
        """Show why no text comes; what was received is saved first."""
        await self.flush()
        await self._carry(
            lambda: writing.wait(self._artifact, fence=self._fence, reason=reason, detail=detail, lease_s=self._lease_s)
        )

    async def note_answer(self) -> None:
        """Save which answer has begun; what was received before it is saved first."""
        await self.flush()
        answer = self.answer
        await self._carry(
            lambda: writing.renew(self._artifact, fence=self._fence, lease_s=self._lease_s, answer=answer)
        )
        self._answer_saved = answer

    async def renew(self) -> None:
        """A sign of life while the model is silent."""
        await self._carry(self._renewed, waits_for_room=True)

    async def assure(self) -> None:
        """Renew the lease where it may be over: afterwards the document is ours for a while, or `stop` is set."""
        while not self.is_lost and self.lease_age_s > self._lease_s / 2:
            await self._carry(self._renewed)

    @property
    def lease_age_s(self) -> float:
        """How long ago the lease was renewed, at most; a sleep of the process or of the machine counts."""
        return time.clock_gettime(_CLOCK) - self._leased_at_s

    async def stop(self, reason: str, detail: str, *, section_tokens: int) -> WriteResult | None:
        """Commit the tail and stop, as a person asked or else `paused` with the reason."""
        return await self._end(
            lambda flush: finishing.stop_writing(
                self._artifact,
                fence=self._fence,
                flush=flush,
                section_tokens=section_tokens,
                reason=reason,
                detail=detail,
            )
        )

    async def abandon(self, reason: str, detail: str) -> None:
        """Stop a claim whose document could not even be read."""
        await self._carry(
            lambda: finishing.stop_writing(
                self._artifact, fence=self._fence, flush=None, section_tokens=None, reason=reason, detail=detail
            ),
            waits_for_room=True,
        )

    async def release(self, *, section_tokens: int) -> WriteResult | None:
        """Commit the tail and give the task back to the queue."""
        return await self._end(
            lambda flush: finishing.release_writing(
                self._artifact,
                fence=self._fence,
                flush=flush,
                section_tokens=section_tokens,
                task_id=self.claim.task,
            )
        )

    async def complete(self) -> WriteResult | None:
        await self.flush()
        return await self._end(lambda _: finishing.complete_writing(self._artifact, fence=self._fence))

    async def _end(self, verb: Callable[[Flush], WriteResult]) -> WriteResult | None:
        result = await self._commit(verb, waits_for_room=True)
        if result is not None:
            await self._previews.finish(is_over=result.status in OVER)
        return result

    def _begin_late_flush(self) -> None:
        self._timer = None
        self._late = asyncio.get_running_loop().create_task(self._late_flush())

    async def _late_flush(self) -> None:
        """The timer's flush. What it cannot handle stops the work, and is raised by the next verb that carries text."""
        try:
            await self._flush(is_awaited=False)
        except Exception as error:  # nobody awaits this task
            self._failure = error
            self._stop.set()

    def _renewed(self) -> WriteResult:
        return writing.renew(self._artifact, fence=self._fence, lease_s=self._lease_s)

    async def _commit(
        self, verb: Callable[[Flush], WriteResult], *, waits_for_room: bool = False
    ) -> WriteResult | None:
        """Carry out the verb with all that is unsaved as its tail; None where the claim is lost. Raises `DiskFull`."""
        return await self._commit_by(lambda flush: until_answered(partial(verb, flush), waits_for_room=waits_for_room))

    async def _commit_by(self, carry: Callable[[Flush], Awaitable[WriteResult]]) -> WriteResult | None:
        async with self._turn:
            # Told to the run, whose verbs carry text, and never to the supervisor, which only renews.
            if self._failure is not None and not self.is_lost:
                failure, self._failure = self._failure, None
                raise failure
            taken, answer = len(self._unsaved), self.answer
            flush = Flush(
                offset=self._offset,
                text="".join(self._unsaved),
                tokens=self.tokens,
                answer=answer if answer != self._answer_saved else None,
            )
            result = await self._attempt(lambda: carry(flush))
            if result is None:
                return None
            del self._unsaved[:taken]
            self._unsaved_chars -= len(flush.text)
            self._offset += len(flush.text)
            self._answer_saved = answer
            if flush.text:
                self._previews.note(flush.text)
            if self._timer is not None and not self._unsaved:
                self._timer.cancel()
                self._timer = None
            return result

    async def _carry(self, verb: Callable[[], WriteResult], *, waits_for_room: bool = False) -> None:
        """Carry out a verb that brings no text. Raises `DiskFull`."""
        async with self._turn:
            await self._attempt(lambda: until_answered(verb, waits_for_room=waits_for_room))

    async def _attempt(self, carry: Callable[[], Awaitable[WriteResult]]) -> WriteResult | None:
        """One short transaction, tried again while the database is away; None where the claim is lost."""
        if self.is_lost:
            return None
        began_at_s = time.clock_gettime(_CLOCK)
        try:
            # Safe to repeat: a verb that had been committed before its answer was lost changes nothing, or is refused.
            result = await carry()
        except (WriterRefused, NotFound) as refusal:
            logger.info("lost artifact=%s fence=%s: %s", self._artifact, self._fence, refusal)
            self.is_lost = True
            self._stop.set()
            return None
        self._leased_at_s = began_at_s
        self._stop.observe(result)
        return result
