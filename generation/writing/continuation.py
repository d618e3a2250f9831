"""The loop that writes one section: it calls again until the text is complete, it is stopped, or a named limit ends it.

It awaits nothing but the provider, its callbacks and the sleep between attempts. It knows neither prompts nor storage:
`complete` makes the call, `on_chunk` takes text that will never be taken back.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import random as random_module
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

from generation.providers.base import (
    Finish,
    FinishReason,
    Item,
    Life,
    Piece,
    PrefillRefused,
    ProviderError,
    ProviderUnavailable,
    StreamRefused,
)
from generation.seams import BadSeam, Mode, certain
from generation.writing.anew import AnsweredAnew
from generation.writing.cancel_scope import Cut, DeadlinePassed, Guard, Stopped, TooSlow
from generation.writing.kept_text import KeptText
from generation.writing.patience import Limits, Patience, ThoughtTooLong
from generation.writing.prompts import last_words
from generation.writing.retries import Random, RetryPolicy, Troubles
from generation.writing.section_text import Characters
from generation.writing.stream_joiner import WAY_OUT, Intake
from generation.writing.turns import (
    CHARS_PER_TOKEN,
    Call,
    Complete,
    Continuation,
    Delivery,
    OnCall,
    OnChunk,
    OnThinking,
    OnTurn,
    OnWait,
    Outcome,
    ignore,
)

logger = logging.getLogger(__name__)

CLOSE_S = 2.0
"""Leaving a call may take this long; the loop then goes on without it."""
REASONING_FACTOR = 4
REASONING_MAX_TOKENS = 32_000
"""A model that spent a whole turn on hidden reasoning is asked once more with a turn this many times larger."""


@dataclass(frozen=True, kw_only=True)
class _Ending:
    outcome: Outcome
    reason: str = ""
    detail: str = ""


def _has_words(text: str) -> bool:
    return bool(text.strip())


async def continue_if_truncated(
    complete: Complete,
    on_turn: OnTurn,
    max_turns: int = 20,
    *,
    on_chunk: OnChunk = ignore,
    on_wait: OnWait = ignore,
    on_thinking: OnThinking = ignore,
    on_call: OnCall = ignore,
    on_kept: OnCall = ignore,
    on_anew: Callable[[], None] = lambda: None,
    kept: KeptText | None = None,
    text: str = "",
    mode: Mode = "prefill",
    delivery: Delivery = "auto",
    turn_tokens: int = 300,
    budget_tokens: int = 2_000,
    more_tokens: int = 0,
    policy: RetryPolicy | None = None,
    limits: Limits | None = None,
    stop: asyncio.Event | None = None,
    shown: Callable[[str], str] = str,
    copied: Callable[[str], str] = last_words,
    is_written: Callable[[str], bool] = _has_words,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    random: Random = random_module.random,
) -> Continuation:
    """Write on from `text` until the model says it is done, `stop` is set, or a named limit or trouble ends it.

    `budget_tokens` is what this run may spend, and `more_tokens` once more when they are used up. `shown(text)` is the
    part of the text the model sees in prefill mode (so that an echo of it is known), `copied(text)` the words at its
    end that a model that is asked anew is to begin with, `is_written(text)` says whether a section may end with it.
    Once `on_anew()` was called, `complete` is to ask anew: the endpoint did not go on with a begun answer.
    Never raises for what a provider does; what a callback raises passes through, after the call was closed.
    """
    terms = _Terms(
        complete=complete,
        on_turn=on_turn,
        on_chunk=on_chunk,
        on_wait=on_wait,
        on_thinking=on_thinking,
        on_call=on_call,
        on_kept=on_kept,
        on_anew=on_anew,
        kept=kept,
        max_turns=max_turns,
        mode=mode,
        turn_tokens=turn_tokens,
        more_tokens=more_tokens,
        policy=policy or RetryPolicy(),
        limits=limits or Limits(),
        shown=shown,
        copied=copied,
        is_written=is_written,
        sleep=sleep,
        random=random,
    )
    async with Guard(stop=stop or asyncio.Event(), deadline=terms.limits.deadline, clock=clock) as guard:
        return await _Loop(terms, guard, text=text, delivery=delivery, budget_tokens=budget_tokens).run()


@dataclass(frozen=True, kw_only=True)
class _Terms:
    complete: Complete
    on_turn: OnTurn
    on_chunk: OnChunk
    on_wait: OnWait
    on_thinking: OnThinking
    on_call: OnCall
    on_kept: OnCall
    on_anew: Callable[[], None]
    kept: KeptText | None
    max_turns: int
    mode: Mode
    turn_tokens: int
    more_tokens: int
    policy: RetryPolicy
    limits: Limits
    shown: Callable[[str], str]
    copied: Callable[[str], str]
    is_written: Callable[[str], bool]
    sleep: Callable[[float], Awaitable[None]]
    random: Random


_Why = AnsweredAnew | BadSeam | Cut | ProviderError | ThoughtTooLong | None
"""Why a call ended before its answer did, or why the answer cannot be used; None when all went well."""


class _Loop:
    """What is remembered from call to call."""

    def __init__(self, terms: _Terms, guard: Guard, *, text: str, delivery: Delivery, budget_tokens: int) -> None:
        self.terms = terms
        self.guard = guard
        self.text = text  # what the section held before and all that went to on_chunk
        self.delta = ""  # the part of it that the turn under way brought
        self.held = ""  # in reprompt mode the last, perhaps partial word: certain only once more follows
        self.asked_again = ""  # what the turns before held back: kept where no later turn brings text
        self.mode: Mode = terms.mode  # reprompt once the endpoint refused to continue a begun answer
        self.unread: Intake | None = None  # of an answer that broke off and is read on in the next call
        self.delivery = delivery
        self.budget_tokens = budget_tokens
        self.more_tokens = terms.more_tokens
        self.tokens_factor = 1
        self.turns = 0
        self.tokens = 0
        self.tokens_estimated = 0
        self.model = ""
        self.troubles = Troubles(terms.policy, terms.random, guard.now_s)
        self.barren = 0  # turns in a row that ended and brought nothing
        self.bad_seams = 0  # turns in a row that could not be joined

    async def run(self) -> Continuation:
        ending = self._limit()
        while ending is None:
            ending = await self._turn()
        if self.unread is not None:
            await self._take(self.unread.salvage())
            self._count(Finish(reason=FinishReason.INTERRUPTED))
        await self._hand_over()
        return Continuation(
            text=self.text,
            outcome=ending.outcome,
            reason=ending.reason,
            detail=ending.detail,
            turns=self.turns,
            tokens=self.tokens,
            tokens_estimated=self.tokens_estimated,
            model=self.model,
            delivery=self.delivery,
        )

    async def _turn(self) -> _Ending | None:
        """One call and what follows from it; None to go on."""
        kept, intake = self.terms.kept, self.unread or self._next_intake()
        chars = 0 if kept is None else kept.chars
        finish, why = await self._attempt(intake)
        if kept is not None and kept.is_unread and isinstance(why, ProviderError) and why.retryable:
            return await self._read_on(intake, why, is_longer=kept.chars > chars)
        self.unread = None
        if kept is not None:
            kept.leave()
        await self._take(intake.salvage())
        if isinstance(why, StreamRefused) and self.delivery in ("auto", "background"):
            self.delivery = "turns"
            return None
        if isinstance(why, PrefillRefused) and self.mode == "prefill":
            self.mode = "reprompt"
            return None
        if isinstance(why, AnsweredAnew):
            logger.info("The endpoint does not go on with a begun answer: it is asked anew.")
            self.mode = "reprompt"
            self.terms.on_anew()
            self._count(finish)
            return self._limit()
        self._count(finish)
        is_turn = bool(self.delta) or why is None or isinstance(why, BadSeam)
        self.turns += is_turn
        ending = self._judge(finish, why) or self._limit()
        if ending is not None:
            await self._hand_over()
        if is_turn:
            await self._report(finish)
        if ending is None and isinstance(why, ProviderError):
            ending = await self._wait(why)
        return ending

    def _next_intake(self) -> Intake:
        self.asked_again = self.held or self.asked_again  # so that the joint lies between words
        self.delta = self.held = ""
        shown = self.terms.shown(self.text)
        return Intake(self.text, mode=self.mode, shown=shown, copied=self.terms.copied(self.text))

    async def _read_on(self, intake: Intake, why: ProviderError, *, is_longer: bool) -> _Ending | None:
        """The answer broke off, and its endpoint keeps it: what follows is taken as if it had not."""
        self.unread = intake
        if is_longer:
            self.troubles.are_over()
        return self._judge_trouble(why) or self._limit() or await self._wait(why)

    async def _attempt(self, intake: Intake) -> tuple[Finish, _Why]:
        finish = Finish(reason=FinishReason.INTERRUPTED, model=self.model)
        try:
            finish = await self._call(intake)
            if finish.reason in (FinishReason.INTERRUPTED, FinishReason.ERROR):
                return finish, ProviderUnavailable("The answer broke off before its end.")
            await self._take(intake.end(is_truncated=finish.reason is FinishReason.TRUNCATED))
        except (AnsweredAnew, BadSeam, Cut, ProviderError, ThoughtTooLong) as why:
            return finish, why
        return finish, None

    async def _call(self, intake: Intake) -> Finish:
        """Make one call and take its pieces. The call is closed when this returns, however it does."""
        call: Call = "turns" if self.delivery == "turns" else "stream"
        stack = AsyncExitStack()

        async def begin() -> tuple[AsyncIterator[Item], Item | None]:
            pieces = await stack.enter_async_context(self.terms.complete(self.text, self._max_tokens(call), call))
            return pieces, await anext(pieces, None)

        await self.terms.on_call()
        patience = Patience(self.terms.limits, is_whole=call == "turns", now_s=self.guard.now_s)
        unsure = ""
        try:
            pieces, item = await self.guard.wait(begin, at_most_s=patience.left_s())
            while isinstance(item, (Piece, Life)):
                unsure = item.held if isinstance(item, Life) else ""
                if isinstance(item, Piece):
                    patience.text_came()
                    await self._take(intake.feed(item.text))
                else:
                    if item.at is not None:
                        await self.terms.on_kept()
                    if (silent_s := patience.life_came(item)) is not None:
                        await self.terms.on_thinking(silent_s)
                item = await self.guard.wait(lambda: anext(pieces, None), at_most_s=patience.left_s())
        except Cut as cut:
            await self._take(intake.feed(Characters().feed(unsure)))
            if isinstance(cut, TooSlow):
                raise patience.failure() from None
            raise
        finally:
            with suppress(ProviderError, TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await stack.aclose()
        return item or Finish(reason=FinishReason.INTERRUPTED)

    def _max_tokens(self, call: Call) -> int:
        left = self.budget_tokens - self.tokens
        asked = left if call == "stream" else min(self.terms.turn_tokens, left)
        return asked if self.tokens_factor == 1 else max(asked, min(asked * self.tokens_factor, REASONING_MAX_TOKENS))

    async def _take(self, text: str) -> None:
        if text:
            self.held += text
            await self._hand_over(certain(self.held) if self.mode == "reprompt" else len(self.held))

    async def _hand_over(self, length: int | None = None) -> None:
        """Commit so much of what is held; at the end of the run all of it, also a word asked for again in vain."""
        if length is None:
            self.held = self.held or self.asked_again
            length = len(self.held)
        chunk, self.held = self.held[:length], self.held[length:]
        if chunk:
            self.asked_again = ""
            self.text += chunk
            self.delta += chunk
            await self.terms.on_chunk(chunk)

    async def _report(self, finish: Finish) -> None:
        logger.debug(
            "Turn %d ended %s: %d characters, %d tokens in all.",
            self.turns,
            finish.reason.value,
            len(self.delta),
            self.tokens,
        )
        done = self.terms.on_turn(self.turns, self.delta, self.text, finish)
        if inspect.isawaitable(done):
            await done

    async def _wait(self, error: ProviderError) -> _Ending | None:
        """Wait before the next attempt, visibly."""
        seconds, attempt = self.troubles.next_attempt(error)
        left_s = self.guard.left_s()
        if left_s is not None and seconds >= left_s:
            return _ending_of(DeadlinePassed(), f" Last trouble: {error.detail}")
        await self.terms.on_wait(seconds, error, attempt, self.terms.policy.attempts)
        try:
            await self.guard.wait(lambda: self.terms.sleep(seconds))
        except Cut as cut:
            return _ending_of(cut, f" Last trouble: {error.detail}")
        return None

    def _count(self, finish: Finish) -> None:
        self.model = finish.model or self.model
        if finish.usage is not None and finish.usage.completion_tokens > 0:
            self.tokens += finish.usage.completion_tokens
        else:
            estimated = -(-len(self.delta + self.held) // CHARS_PER_TOKEN)
            self.tokens += estimated
            self.tokens_estimated += estimated

    def _judge(self, finish: Finish, why: _Why) -> _Ending | None:
        if self.delta:
            self.troubles.are_over()
            self.barren = self.bad_seams = 0
        match why:
            case Cut():
                return _ending_of(why)
            case BadSeam():
                self.bad_seams += 1
                detail = f"The model did not go on where the text ends, {self.bad_seams} times: {why}. {WAY_OUT}"
                ending = _Ending(outcome=Outcome.LIMITED, reason="bad_seam", detail=detail)
                return ending if self.bad_seams > 1 else None
            case ThoughtTooLong():
                return _Ending(outcome=Outcome.LIMITED, reason="no_progress", detail=str(why))
            case ProviderError():
                return self._judge_trouble(why)
        return self._judge_finish(finish)

    def _judge_trouble(self, error: ProviderError) -> _Ending | None:
        enough = self.troubles.meet(error)
        return None if enough is None else _Ending(outcome=Outcome.FAILED, reason=error.reason, detail=enough)

    def _judge_finish(self, finish: Finish) -> _Ending | None:
        match finish.reason:
            case FinishReason.FILTERED:
                detail = "The provider's content filter ended the answer. Change the instructions or the model."
                return _Ending(outcome=Outcome.FAILED, reason="filtered", detail=detail)
            case FinishReason.TOOL:
                detail = "The model asked for a tool instead of writing; there are none here. Choose another model."
                return _Ending(outcome=Outcome.FAILED, reason="provider_error", detail=detail)
            case FinishReason.COMPLETE if self.terms.is_written(self.text + self.held):
                return _Ending(outcome=Outcome.COMPLETE)
            case FinishReason.TRUNCATED if self.delta:
                return None
        return self._judge_barren(finish)

    def _judge_barren(self, finish: Finish) -> _Ending | None:
        """A turn that ended and brought nothing: once more, with room to think in, then no more."""
        self.barren += 1
        thought = finish.reasoned or (finish.reason is FinishReason.TRUNCATED and not self.text)
        if self.barren == 1:
            if thought and finish.usage is not None:
                self.tokens_factor = REASONING_FACTOR
                self.budget_tokens += finish.usage.completion_tokens  # nothing was bought with these
            return None
        detail = "The model answered twice without new text. Change the section's instructions or choose another model."
        if thought:
            detail = (
                "The model spent its turns on hidden reasoning and wrote nothing. "
                "Give the section more tokens or choose a model that reasons less."
            )
        return _Ending(outcome=Outcome.LIMITED, reason="no_progress", detail=detail)

    def _limit(self) -> _Ending | None:
        """The limits that hold between calls."""
        left_s = self.guard.left_s()
        if self.guard.stopped:
            return _ending_of(Stopped())
        if left_s is not None and left_s <= 0:
            return _ending_of(DeadlinePassed())
        if self.tokens >= self.budget_tokens and self.more_tokens:
            logger.info("The section used up its %d tokens and gets %d more.", self.budget_tokens, self.more_tokens)
            self.budget_tokens, self.more_tokens = self.budget_tokens + self.more_tokens, 0
        if self.tokens >= self.budget_tokens:
            detail = "The section's tokens are used up and the model is not done. Resume gives it as many again."
            return _Ending(outcome=Outcome.LIMITED, reason="tokens_exhausted", detail=detail)
        if self.turns >= self.terms.max_turns:
            detail = f"The model was not done after {self.turns} turns."
            return _Ending(outcome=Outcome.LIMITED, reason="turns_exhausted", detail=detail)
        return None


def _ending_of(cut: Cut, addition: str = "") -> _Ending:
    if isinstance(cut, Stopped):
        return _Ending(outcome=Outcome.STOPPED)
    detail = "The time for this document was used up." + addition
    return _Ending(outcome=Outcome.LIMITED, reason="deadline", detail=detail)
