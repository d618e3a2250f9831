"""The async door to `artifacts.lifecycle`: it coalesces pieces into flushes and carries the verbs of one claim to the
database. It decides nothing about the text. When the artifact is no longer the claim's, it sets `stop` and `is_lost`.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError
from django.db import InterfaceError, InternalError, OperationalError, transaction

from artifacts.answer_place import NO_ANSWER, AnswerPlace
from artifacts.errors import NotFound, WriterRefused
from artifacts.lifecycle import writing
from artifacts.lifecycle.rows import WriteResult
from artifacts.lifecycle.writing import Flush
from artifacts.live.replica import OVER
from artifacts.models import StreamStatus
from generation.queue import claims
from generation.queue.claims import Claim
from generation.worker.preview_saver import PreviewSaver

logger = logging.getLogger(__name__)

T = TypeVar("T")

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""A clock that goes on while the machine sleeps, where there is one: leases do."""

RETRY_BASE_S = 0.05
RETRY_CAP_S = 1.0
POSTGRES_DISK_FULL = "53100"
POSTGRES_SLEPT = "25P03"
"""We were frozen inside a transaction, and the server ended it."""


class DiskFull(Exception):
    """The database has no room for more text. Nothing was committed, nothing is lost: stop the writer."""


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

    def __init__(self, claim: Claim, *, policy: FlushPolicy, stop: asyncio.Event) -> None:
        self.claim = claim
        self.tokens = 0
        self.answer = NO_ANSWER
        self.is_lost = False
        self._leased_at_s = time.clock_gettime(_CLOCK)  # the lease was renewed then or later
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
        self._door = asyncio.Lock()
        self._begun = set[int]()
        self._previews = PreviewSaver(claim, "")

    def take_up(self, text: str, tokens: int, starts: Sequence[int | None] = ()) -> None:
        """Go on from this committed text, in which the sections begin that were begun."""
        self.tokens, self._offset = tokens, len(text)
        self._begun = {position for position, start in enumerate(starts) if start is not None}
        self._previews = PreviewSaver(self.claim, text, [start for start in starts if start is not None])

    async def put(self, text: str) -> None:
        """Take one piece; where it fills a flush, return after that, so that a fast model waits for the database."""
        loop, flush_s = asyncio.get_running_loop(), self._policy.ms / 1000
        silent_s, self._put_at_s = loop.time() - self._put_at_s, loop.time()
        self._unsaved.append(text)
        self._unsaved_chars += len(text)
        if self._unsaved_chars >= self._policy.chars or silent_s >= flush_s:
            await self.flush()
        elif self._timer is None:
            self._timer = loop.call_later(flush_s, self._begin_late_flush)

    async def flush(self) -> None:
        """Commit what is unsaved. Where the artifact is not ours any more nothing is written, and `stop` is set."""
        if self._unsaved:
            await self._commit(partial(writing.append, lease_s=self._policy.lease_s))

    async def begin_section(self, position: int, model: str, answer: AnswerPlace = NO_ANSWER) -> None:
        """The section is written now; `answer` is what its row says of one."""
        self.answer = self._answer_saved = answer
        verb = partial(writing.begin_section, position=position, model=model, lease_s=self._policy.lease_s)
        await self._commit(verb, with_tail=False)
        if position not in self._begun:
            self._begun.add(position)
            self._previews.begin_section()

    async def complete_section(self, position: int, *, tokens: int, model: str) -> None:
        lease_s = self._policy.lease_s
        verb = partial(writing.complete_section, position=position, tokens=tokens, model=model, lease_s=lease_s)
        await self._commit(verb)
        self._previews.note("", section_ended=True)

    async def wait(self, reason: str, detail: str) -> None:
        """Show why no text comes; what was received is saved first."""
        await self.flush()
        verb = partial(writing.wait, reason=reason, detail=detail, lease_s=self._policy.lease_s)
        await self._commit(verb, with_tail=False)

    async def note_answer(self) -> None:
        """Save which answer has begun; what was received before it is saved first."""
        await self.flush()
        answer = self.answer
        await self._commit(partial(writing.renew, answer=answer, lease_s=self._policy.lease_s), with_tail=False)
        self._answer_saved = answer

    async def renew(self) -> None:
        """A sign of life while the model is silent."""
        await self._commit(partial(writing.renew, lease_s=self._policy.lease_s), with_tail=False, waits_for_room=True)

    async def assure(self) -> None:
        """Renew the lease where it may be over: afterwards the document is ours for a while, or `stop` is set."""
        while not self.is_lost and self.lease_age_s > self._policy.lease_s / 2:
            await self._commit(partial(writing.renew, lease_s=self._policy.lease_s), with_tail=False)

    @property
    def lease_age_s(self) -> float:
        """How long ago the lease was renewed, at most; a sleep of the process or of the machine counts."""
        return time.clock_gettime(_CLOCK) - self._leased_at_s

    async def stop(self, reason: str, detail: str, *, section_tokens: int) -> WriteResult | None:
        """Commit the tail and stop, as a person asked or else `paused` with the reason."""
        return await self._end(partial(_stop, reason=reason, detail=detail, section_tokens=section_tokens))

    async def abandon(self, reason: str, detail: str) -> None:
        """Stop a claim whose document could not even be read."""
        await self._commit(
            partial(_stop, flush=None, reason=reason, detail=detail, section_tokens=None),
            with_tail=False,
            waits_for_room=True,
        )

    async def release(self, *, section_tokens: int) -> WriteResult | None:
        """Commit the tail and give the task back to the queue."""
        return await self._end(partial(_release, task=self.claim, section_tokens=section_tokens))

    async def complete(self) -> WriteResult | None:
        await self.flush()
        return await self._end(_complete)

    async def _end(self, verb: Callable[..., WriteResult]) -> WriteResult | None:
        standing = await self._commit(verb, waits_for_room=True)
        if standing is not None:
            await self._previews.finish(is_over=standing.status in OVER)
        return standing

    def _begin_late_flush(self) -> None:
        self._timer = None
        self._late = asyncio.get_running_loop().create_task(self._late_flush())

    async def _late_flush(self) -> None:
        """The timer's flush. What it cannot handle stops the work, and is raised by the next verb."""
        try:
            await self.flush()
        except Exception as error:  # nobody awaits this task
            self._failure = error
            self._stop.set()

    async def _commit(
        self, verb: Callable[..., WriteResult], *, with_tail: bool = True, waits_for_room: bool = False
    ) -> WriteResult | None:
        """One verb in one short transaction, tried again while the database is away; None where the claim is lost.

        Raises `DiskFull`, unless the verb is one that waits for room.
        """
        async with self._door:
            if self.is_lost:
                return None
            # Told to the run, whose verbs carry text, and never to the slots, which only renew.
            if self._failure is not None and with_tail:
                failure, self._failure = self._failure, None
                raise failure
            taken = len(self._unsaved) if with_tail else 0
            answer = self.answer
            flush = Flush(
                offset=self._offset,
                text="".join(self._unsaved[:taken]),
                tokens=self.tokens,
                answer=answer if answer != self._answer_saved else None,
            )
            began_at_s = time.clock_gettime(_CLOCK)
            standing = await self._attempt(partial(verb, flush=flush) if with_tail else verb, waits_for_room)
            if standing is None:
                return None
            del self._unsaved[:taken]
            self._unsaved_chars -= len(flush.text)
            self._answer_saved = answer if with_tail else self._answer_saved
            self._offset += len(flush.text)
            if flush.text:
                self._previews.note(flush.text)
            if with_tail and self._timer is not None and not self._unsaved:
                self._timer.cancel()
                self._timer = None
            self._leased_at_s = began_at_s
            if standing.stop_requested:
                self._stop.set()
            return standing

    async def _attempt(self, verb: Callable[..., WriteResult], waits_for_room: bool) -> WriteResult | None:
        try:
            # Safe to repeat: a verb that had been committed before its answer was lost changes nothing, or is refused.
            work = partial(verb, self.claim.artifact, fence=self.claim.fence)
            return await until_answered(work, waits_for_room=waits_for_room)
        except (WriterRefused, NotFound) as refusal:
            logger.info("lost artifact=%s fence=%s: %s", self.claim.artifact, self.claim.fence, refusal)
            self.is_lost = True
            self._stop.set()
            return None


async def until_answered(work: Callable[[], T], *, waits_for_room: bool = True) -> T:
    """Run one short transaction in the database's thread, again and again while the database is away."""
    for failures in itertools.count(1):
        try:
            answer: T = await database_sync_to_async(work)()
            return answer
        except (OperationalError, InterfaceError, InternalError) as error:
            if isinstance(error, InternalError) and _state(error) != POSTGRES_SLEPT:
                raise
            if not waits_for_room and _is_disk_full(error):
                raise DiskFull from None
            # The class only: the text of a database error may carry what was being written.
            logger.warning("database away, attempt=%s: %s", failures, type(error).__name__)
            await asyncio.sleep(min(RETRY_CAP_S, RETRY_BASE_S * 2 ** min(failures, 10)))
    raise AssertionError("unreachable")


def _is_disk_full(error: DatabaseError) -> bool:
    code = getattr(error.__cause__, "sqlite_errorcode", None)
    return code == sqlite3.SQLITE_FULL or _state(error) == POSTGRES_DISK_FULL


def _state(error: DatabaseError) -> str | None:
    """PostgreSQL's code of what went wrong."""
    return getattr(error.__cause__, "sqlstate", None)


def _stop(
    artifact: int, *, fence: int, flush: Flush | None, reason: str, detail: str, section_tokens: int | None
) -> WriteResult:
    with transaction.atomic():
        standing = writing.stop(
            artifact, fence=fence, flush=flush, section_tokens=section_tokens, reason=reason, detail=detail
        )
        claims.settle(artifact, standing.status, detail)
        return standing


def _release(artifact: int, *, fence: int, flush: Flush, task: Claim, section_tokens: int) -> WriteResult:
    with transaction.atomic():
        standing = writing.release(artifact, fence=fence, flush=flush, section_tokens=section_tokens)
        if standing.status == StreamStatus.STREAMING:
            claims.give_back(task)
        else:
            claims.settle(artifact, standing.status)
        return standing


def _complete(artifact: int, *, fence: int, flush: Flush) -> WriteResult:
    with transaction.atomic():
        standing = writing.complete(artifact, fence=fence)
        claims.settle(artifact, standing.status)
        return standing
