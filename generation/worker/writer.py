"""The async door to `artifacts.lifecycle`: it coalesces pieces into flushes and carries the verbs of one claim to the
database. It decides nothing about the text. When the artifact is no longer the claim's, it sets `stop` and `is_lost`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

from artifacts.answer_place import NO_ANSWER, AnswerPlace
from artifacts.costs import NOTHING_SPENT, Spent
from artifacts.errors import NotFound, WriterRefused
from artifacts.lifecycle import writing
from artifacts.lifecycle.rows import WriteResult
from artifacts.lifecycle.writing import Append, Flush
from artifacts.live.replica import OVER
from artifacts.models import StreamStatus
from artifacts.operating import tracing
from artifacts.operating.counts import process_counts
from artifacts.reasons import Reason
from generation.costs.meter import Meter
from generation.costs.price_file import price_list
from generation.errors import DiskFull
from generation.inspection.journal import SLOW_COMMIT_S, Journal
from generation.queue import finishing
from generation.queue.claims import Claim
from generation.worker import group_commit
from generation.worker.database import until_answered
from generation.worker.preview_saver import PreviewSaver
from generation.worker.stop_signal import StopSignal
from generation.worker.unplaced_text import UnplacedText
from generation.writing.sections import JOINT

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
    kept_prompts: int = 0  # of a claim


class Writer:
    """Writes the text of one claim, and keeps its lease from the first moment on.

    Before the first text `take_up` tells it what is there; `answer` is what the next flush stores of an answer that its
    endpoint keeps, `meter` what all of it costs. One section is live, which is what viewers see; others are drafts
    until their turn comes. One flush commits what came of all of them.
    """

    def __init__(self, claim: Claim, *, policy: FlushPolicy, stop: StopSignal) -> None:
        self.claim = claim
        self._artifact, self._fence, self._lease_s = claim.artifact, claim.fence, policy.lease_s
        self.answer = NO_ANSWER
        self.meter = Meter(price_list(), on_over=stop.exhaust)
        self.under_way: Mapping[str, int] = {}  # the characters so far of each section that a call was writing
        self.is_lost = False
        self._leased_at_s = time.clock_gettime(_CLOCK)  # the lease was renewed then or later
        self._began_at_s = self._leased_at_s
        self._began_s = asyncio.get_running_loop().time()
        self.journal = Journal(self._ms_since_claim, kept_prompts=policy.kept_prompts)
        self._policy = policy
        self._stop = stop
        self._offset = claim.length
        self._tokens = dict[int | None, int]()  # what each section has cost
        self._unsaved: list[str] = []
        self._unsaved_chars = 0
        self._put_at_s = float("-inf")
        self._answer_saved = NO_ANSWER
        self._timer: asyncio.TimerHandle | None = None
        self._failure: Exception | None = None  # of a flush that nobody awaited, until it is told
        self._full: DiskFull | None = None  # the first one that a verb met
        self._late: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()  # one verb at a time
        self._begun = set[int]()
        self._drafts: dict[int | None, UnplacedText] = {}
        self._joint = ""  # that comes with the next text
        self._previews = PreviewSaver(claim, "")
        self._group = group_commit.current()

    def take_up(
        self, text: str, tokens: Sequence[int], starts: Sequence[int | None] = (), spent: Spent = NOTHING_SPENT
    ) -> None:
        """Go on from this committed text, in which the sections begin that were begun. Each of them has cost so many
        tokens, and all of it what is `spent`.
        """
        self._tokens, self._offset = dict(enumerate(tokens)), len(text)
        self.meter.take_up(spent, self.under_way)
        self._begun = {position for position, start in enumerate(starts) if start is not None}
        self._previews = PreviewSaver(self.claim, text, [start for start in starts if start is not None])

    def take_up_draft(self, position: int, text: str, tokens: int, answer: AnswerPlace = NO_ANSWER) -> None:
        """So much is committed of a section whose turn has not come."""
        self._drafts[position] = UnplacedText(position, text, tokens, answer)

    async def put(
        self, text: str, position: int | None = None, *, tokens: int = 0, answer: AnswerPlace = NO_ANSWER
    ) -> None:
        """Take one piece, of the live section or of a draft, for which nobody waits, and what `count` takes with it.
        Where it fills a flush, return after that, so that a fast model waits for the database.
        """
        self._tokens[position] = tokens
        if (draft := self._drafts.get(position)) is not None:
            draft.tokens, draft.answer = tokens, answer
            draft.unsaved.append(text)
            is_due, is_awaited = sum(map(len, draft.unsaved)) >= self._policy.chars, False
        else:
            self.answer = answer
            flush_s, now_s = self._policy.ms / 1000, asyncio.get_running_loop().time()
            silent_s, self._put_at_s = now_s - self._put_at_s, now_s
            if silent_s == float("inf"):
                process_counts.first_text_s.add(time.clock_gettime(_CLOCK) - self._began_at_s)
            self._unsaved.append(self._joint + text)
            self._unsaved_chars, self._joint = self._unsaved_chars + len(self._joint + text), ""
            is_due = silent_s >= flush_s or self._unsaved_chars >= self._policy.chars
            is_awaited = silent_s >= max(flush_s, NOTICED_S)
        if is_due:
            await self._commit(is_awaited=is_awaited)
        else:
            self._flush_in_time()

    def count(self, position: int | None, tokens: int, answer: AnswerPlace) -> None:
        """What this section has cost, and what is known of its answer, as of its next flush."""
        self._tokens[position] = tokens
        draft = self._drafts.get(position)
        if draft is None:
            self.answer = answer
        else:
            draft.tokens, draft.answer = tokens, answer

    def is_draft(self, position: int) -> bool:
        return position in self._drafts

    async def flush(self, *, is_awaited: bool = True) -> None:
        """Commit what is unsaved. Where the artifact is not ours any more nothing is written, and `stop` is set."""
        if self._is_unsaved:
            await self._commit(is_awaited=is_awaited)

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

    async def begin_draft(self, position: int, model: str, answer: AnswerPlace = NO_ANSWER) -> None:
        """The section is written now, beside the live one."""
        draft = self._drafts.setdefault(position, UnplacedText(position))
        draft.answer = draft.answer_saved = answer
        await self._carry(
            lambda: writing.begin_draft(
                self._artifact, fence=self._fence, position=position, model=model, lease_s=self._lease_s
            )
        )

    async def name_model(self, position: int, model: str) -> None:
        """Text of this model follows that of another in the section."""
        name = partial(writing.name_model, self._artifact, fence=self._fence, lease_s=self._lease_s)
        await self._carry(lambda: name(position=position, model=model))

    async def place_section(self, position: int) -> None:
        """The turn of a draft has come: its text goes into the document, and what follows comes live."""
        draft = self._drafts[position]
        result = await self._commit(
            lambda flush: writing.place_section(
                self._artifact, fence=self._fence, position=position, flush=flush, lease_s=self._lease_s
            )
        )
        if result is None:
            return
        del self._drafts[position]
        self._begun.add(position)
        self._previews.begin_section()
        self._joint = JOINT if self._offset > 0 else ""
        if draft.text:
            text, self._joint = self._joint + draft.text, ""
            self._previews.note(text)
            self._offset += len(text)
        self.answer, self._answer_saved = draft.answer, draft.answer_saved
        if rest := "".join(draft.unsaved):  # what came while it was committed
            rest, self._joint = self._joint + rest, ""
            self._unsaved.append(rest)
            self._unsaved_chars += len(rest)
            self._flush_in_time()

    async def complete_section(self, position: int, *, tokens: int, model: str) -> None:
        complete = partial(writing.complete_section, self._artifact, fence=self._fence, lease_s=self._lease_s)
        await self._commit(lambda flush: complete(position=position, flush=flush, tokens=tokens, model=model))
        if position not in self._drafts:
            self._previews.note("", section_ended=True)

    async def wait(self, reason: str, detail: str) -> None:
        """Show why no text comes; what was received is saved first."""
        await self.flush()
        await self._carry(
            lambda: writing.wait(self._artifact, fence=self._fence, reason=reason, detail=detail, lease_s=self._lease_s)
        )

    async def note_answer(self, position: int | None = None) -> None:
        """Save which answer has begun; what was received before it is saved first. `position`: of which section."""
        if position in self._drafts:
            await self._commit(
                lambda flush: writing.append(self._artifact, fence=self._fence, flush=flush, lease_s=self._lease_s)
            )
            return
        await self.flush()
        answer = self.answer
        await self._carry(
            lambda: writing.renew(self._artifact, fence=self._fence, lease_s=self._lease_s, answer=answer)
        )
        self._answer_saved = answer

    async def renew(self, *, older_than_s: float = 0.0) -> None:
        """A sign of life while the model is silent, with those of others; none where a verb before it was one."""
        async with self._turn:
            if self.lease_age_s > older_than_s:
                await self._attempt(
                    Append(artifact=self._artifact, fence=self._fence, flush=None, lease_s=self._lease_s)
                )

    async def assure(self) -> None:
        """Renew the lease where it may be over: afterwards the document is ours for a while, or `stop` is set."""
        while not self.is_lost and self.lease_age_s > self._lease_s / 2:
            await self._carry(partial(writing.renew, self._artifact, fence=self._fence, lease_s=self._lease_s))

    @property
    def length(self) -> int:
        """Of the committed text, in characters."""
        return self._offset

    @property
    def silent_s(self) -> float:
        """How long no text has come."""
        since_s = self._put_at_s if self._put_at_s > 0 else self._began_s
        return asyncio.get_running_loop().time() - since_s

    @property
    def waits_on(self) -> str:
        """Where no text comes: `database` while one of its transactions is under way, else `endpoint`."""
        return "database" if self._turn.locked() else "endpoint"

    @property
    def lease_age_s(self) -> float:
        """How long ago the lease was renewed, at most; a sleep of the process or of the machine counts."""
        return time.clock_gettime(_CLOCK) - self._leased_at_s

    def _ms_since_claim(self) -> int:
        return int((time.clock_gettime(_CLOCK) - self._began_at_s) * 1000)

    async def stop(self, reason: str, detail: str, *, section_tokens: int) -> WriteResult | None:
        """Commit the tail and stop, as a person asked or else `paused` with the reason."""
        self.meter.settle()  # no answer is read on after a stop
        return await self._end(
            lambda flush: finishing.stop_writing(
                self._artifact,
                fence=self._fence,
                flush=flush,
                section_tokens=section_tokens,
                reason=reason,
                detail=detail,
            ),
            reason,
        )

    async def abandon(self, reason: str, detail: str) -> None:
        """Stop a claim whose document could not even be read."""
        await self._carry(
            lambda: finishing.stop_writing(
                self._artifact, fence=self._fence, flush=None, section_tokens=None, reason=reason, detail=detail
            ),
            waits_for_room=True,
        )
        self._note_end(StreamStatus.PAUSED, reason)

    async def release(self, *, section_tokens: int) -> WriteResult | None:
        """Commit the tail and give the task back to the queue."""
        return await self._end(
            lambda flush: finishing.release_writing(
                self._artifact,
                fence=self._fence,
                flush=flush,
                section_tokens=section_tokens,
                task_id=self.claim.task,
            ),
            Reason.SHUTDOWN,
        )

    async def complete(self) -> WriteResult | None:
        await self.flush()
        return await self._end(lambda _: finishing.complete_writing(self._artifact, fence=self._fence))

    async def _end(self, verb: Callable[[Flush], WriteResult], reason: str = "") -> WriteResult | None:
        result = await self._commit(verb, waits_for_room=True)
        if result is not None:
            self._note_end(result.status, reason)
            await self._previews.finish(is_over=result.status in OVER)
        return result

    def _note_end(self, status: str, reason: str) -> None:
        ended = "queued" if status == StreamStatus.STREAMING else status  # given back
        self.journal.end(ended, reason)
        process_counts.endings[reason if ended == StreamStatus.PAUSED else ended] += 1

    @property
    def _is_unsaved(self) -> bool:
        return bool(self._unsaved) or any(draft.unsaved for draft in self._drafts.values())

    def _flush_in_time(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            flush_s = self._group.load.stretched_s(self._policy.ms / 1000, loop.time())
            self._timer = loop.call_later(flush_s, self._begin_late_flush)

    def _begin_late_flush(self) -> None:
        self._timer = None
        self._late = asyncio.get_running_loop().create_task(self._late_flush())

    async def _late_flush(self) -> None:
        """The timer's flush. What it cannot handle stops the work, and is raised by the next verb that carries text,
        but for a full disk that another flush met before: the stop that follows waits for room.
        """
        try:
            await self.flush(is_awaited=False)
        except Exception as error:  # nobody awaits this task
            if not isinstance(error, DiskFull) or error is self._full:
                self._failure = error
            self._stop.set()

    async def _commit(
        self,
        verb: Callable[[Flush], WriteResult] | None = None,
        *,
        is_awaited: bool = False,
        waits_for_room: bool = False,
    ) -> WriteResult | None:
        """Carry out the verb with all that is unsaved as its tail; without one commit that with the flushes of others,
        at once where somebody waits for it. None where the claim is lost. Raises `DiskFull`.
        """
        async with self._turn:
            # Told to the run, whose verbs carry text, and never to the supervisor, which only renews.
            if self._failure is not None and not self.is_lost:
                failure, self._failure = self._failure, None
                raise failure
            taken, answer, charges = len(self._unsaved), self.answer, tuple(self.meter.charges)
            drafts = [(draft, found, len(draft.unsaved)) for draft in self._drafts.values() if (found := draft.flush())]
            flush = Flush(
                offset=self._offset,
                text="".join(self._unsaved),
                tokens=sum(self._tokens.values()),
                answer=answer if answer != self._answer_saved else None,
                drafts=tuple(found for _, found, _ in drafts),
                spent=self.meter.spent,
                charges=charges,
            )
            append = Append(artifact=self._artifact, fence=self._fence, flush=flush, lease_s=self._lease_s)
            work: Append | Callable[[], WriteResult] = append if verb is None else partial(verb, flush)
            span = partial(tracing.span, "flush", artifact=self._artifact, chars=len(flush.text))
            with span() if tracing.is_on else nullcontext():
                result = await self._attempt(work, is_awaited=is_awaited, waits_for_room=waits_for_room)
            if result is None:
                return None
            del self._unsaved[:taken]
            self._unsaved_chars -= len(flush.text)
            self._offset += len(flush.text)
            self._answer_saved = answer
            for draft, found, pieces in drafts:
                draft.saved(found, pieces)
            process_counts.cost += self.meter.committed(len(charges)) if charges else 0
            if flush.text or drafts:
                self.journal.sums.flushes += 1
                self.journal.sums.chars += len(flush.text) + sum(len(found.text) for _, found, _ in drafts)
                self._previews.note(flush.text)
            if self._timer is not None and not self._is_unsaved:
                self._timer.cancel()
                self._timer = None
            return result

    async def _carry(self, verb: Callable[[], WriteResult], *, waits_for_room: bool = False) -> None:
        """Carry out a verb that brings no text. Raises `DiskFull`."""
        async with self._turn:
            await self._attempt(verb, waits_for_room=waits_for_room)

    async def _attempt(
        self, work: Append | Callable[[], WriteResult], *, is_awaited: bool = False, waits_for_room: bool = False
    ) -> WriteResult | None:
        """One short transaction, tried again while the database is away; None where the claim is lost."""
        if self.is_lost:
            return None
        began_at_s = time.clock_gettime(_CLOCK)
        try:
            # Safe to repeat: a verb that had been committed before its answer was lost changes nothing, or is refused.
            if isinstance(work, Append):
                result = await self._group.append(work, is_awaited=is_awaited, journal=self.journal)
            else:
                result = await until_answered(work, waits_for_room=waits_for_room)
        except (WriterRefused, NotFound) as refusal:
            logger.info("lost artifact=%s fence=%s: %s", self._artifact, self._fence, refusal)
            self.is_lost = True
            self.journal.end("lost")
            self._stop.set()
            return None
        except DiskFull as full:
            self._full = self._full or full
            raise
        if (took_s := time.clock_gettime(_CLOCK) - began_at_s) >= SLOW_COMMIT_S:
            self.journal.commit_waited(took_s)
        self._leased_at_s = began_at_s
        self._stop.observe(result)
        return result
