"""The loop that writes one section: it calls again until the text is complete, it is stopped, or a named limit ends it.

It awaits nothing but the provider, its callbacks and the sleep between attempts. It knows neither prompts nor storage:
`complete` makes the call, `take` takes text that will never be taken back.
"""

from __future__ import annotations

import asyncio
import logging
import random as random_module
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial

from artifacts.validation import clean
from generation.errors import (
    AnsweredAnew,
    BadSeam,
    CallEnded,
    DeadlinePassed,
    PrefillRefused,
    ProviderError,
    ProviderUnavailable,
    Stopped,
    StreamRefused,
    ThoughtTooLong,
    TooSlow,
    WaitCut,
)
from generation.markdown.farewell import stops_within
from generation.providers.base import CHARS_PER_TOKEN, Finish, FinishReason, Item, Life, Piece
from generation.reasons import AT_A_LIMIT, StopReason
from generation.seams import Mode, certain
from generation.writing.callbacks import Callbacks, FunctionCallbacks, OnCall, OnThinking, OnTurn, OnWait, ignore
from generation.writing.cancel_scope import CancelScope
from generation.writing.kept_text import KeptText
from generation.writing.patience import Limits, Patience
from generation.writing.policy import Timing, WritingPolicy
from generation.writing.prompts import last_words
from generation.writing.retries import Random, RetryPolicy, Troubles
from generation.writing.stream_joiner import WAY_OUT, StreamJoiner
from generation.writing.turns import CallDelivery, Complete, Continuation, Delivery, Outcome, TakeText

logger = logging.getLogger(__name__)

CALL_CLOSE_S = 2.0
"""Leaving a call may take this long; the loop then goes on without it."""
HEAP_CHARS = 8_192
"""So much in one piece is read in a thread: it may take long."""
REASONING_FACTOR, REASONING_MAX_TOKENS = 4, 32_000
"""A model that spent a whole turn on hidden reasoning is asked once more with a turn this many times larger."""


@dataclass(frozen=True, kw_only=True)
class _Verdict:
    outcome: Outcome
    reason: str = ""
    detail: str = ""


def has_words(text: str) -> bool:
    return bool(text.strip())


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the loop works with for one section.

    `budget_tokens` is what it may spend, and `more_tokens` once more when they are used up. `shown(text)` is the part
    of the text the model sees in prefill mode (so that an echo of it is known), `copied(text)` the words at its end
    that a model that is asked anew is to begin with, `is_written(text)` says whether a section may end with it. Once
    `on_anew()` was called, `complete` is to ask anew: the endpoint did not go on with a begun answer.
    """

    complete: Complete
    take: TakeText
    callbacks: Callbacks
    policy: WritingPolicy
    timing: Timing
    kept: KeptText | None = None
    mode: Mode = "prefill"
    budget_tokens: int = 2_000
    more_tokens: int = 0
    shown: Callable[[str], str] = str
    copied: Callable[[str], str] = last_words
    is_written: Callable[[str], bool] = has_words
    on_anew: Callable[[], None] = lambda: None


async def write_on(terms: Terms, text: str = "", *, stop: asyncio.Event | None = None) -> Continuation:
    """Write on from `text` until the model says it is done, `stop` is set, or a named limit or trouble ends it.

    Never raises for what a provider does; what a callback raises passes through, after the call was closed.
    """
    stop, deadline = stop or asyncio.Event(), terms.policy.limits.deadline
    async with CancelScope(stop=stop, deadline=deadline, clock=terms.timing.clock) as scope:
        return await _Loop(terms, scope, text).run()


_Why = CallEnded | None
"""Why a call ended before its answer did, or why the answer cannot be used; None when all went well."""


class _Loop:
    """What is remembered from call to call."""

    def __init__(self, terms: Terms, scope: CancelScope, text: str) -> None:
        self.terms = terms
        self.policy = terms.policy
        self.scope = scope
        self.text = text  # what the section held before and all that was taken
        self.delta = ""  # the part of it that the turn under way brought
        self.held = ""  # in reprompt mode the last, perhaps partial word: certain only once more follows
        self.asked_again = ""  # what the turns before held back: kept where no later turn brings text
        self.mode: Mode = terms.mode  # reprompt once the endpoint refused to continue a begun answer
        self.unread: StreamJoiner | None = None  # of an answer that broke off and is read on in the next call
        self.delivery = terms.policy.delivery  # turns once streaming was refused
        self.budget_tokens = terms.budget_tokens
        self.more_tokens = terms.more_tokens
        self.tokens_factor = 1
        self.turns = 0
        self.tokens = 0
        self.tokens_estimated = 0
        self.model = ""
        self.troubles = Troubles(terms.policy.retry, terms.timing.random, terms.timing.clock)
        self.barren = 0  # turns in a row that ended and brought nothing
        self.bad_seams = 0  # turns in a row that could not be joined

    async def run(self) -> Continuation:
        ending = self._limit()
        while ending is None:
            ending = await self._turn()
        if self.unread is not None:
            await self._take(self.unread.salvage())
            self._count(Finish(reason=FinishReason.INTERRUPTED))
        await self._take_rest()
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

    async def _turn(self) -> _Verdict | None:
        """One call and what follows from it; None to go on."""
        kept, joiner = self.terms.kept, self.unread or await self._next_joiner()
        chars = 0 if kept is None else kept.chars
        finish, why = await self._attempt(joiner)
        await self.terms.callbacks.on_over(finish, why)
        if kept is not None and kept.is_unread and isinstance(why, ProviderError) and why.retryable:
            return await self._read_on(joiner, why, is_longer=kept.chars > chars)
        self.unread = None
        if kept is not None:
            kept.leave()
        await self._take(joiner.salvage())
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
            await self._take_rest()
        if is_turn:
            await self._report(finish)
        if ending is None and isinstance(why, ProviderError):
            ending = await self._wait(why)
        return ending

    async def _next_joiner(self) -> StreamJoiner:
        self.asked_again = self.held or self.asked_again  # so that the joint lies between words
        self.delta = self.held = ""
        shown = self.terms.shown(self.text)
        copied, may_end = self.terms.copied(self.text), not self.asked_again.strip()
        make = partial(StreamJoiner, self.text, mode=self.mode, shown=shown, copied=copied, may_end=may_end)
        return await asyncio.to_thread(make) if self.text else make()  # it looks through all of it

    async def _read_on(self, joiner: StreamJoiner, why: ProviderError, *, is_longer: bool) -> _Verdict | None:
        """The answer broke off, and its endpoint keeps it: what follows is taken as if it had not."""
        self.unread = joiner
        if is_longer:
            self.troubles.are_over()
        return self._judge_trouble(why) or self._limit() or await self._wait(why)

    async def _attempt(self, joiner: StreamJoiner) -> tuple[Finish, _Why]:
        finish = Finish(reason=FinishReason.INTERRUPTED, model=self.model)
        try:
            finish = await self._call(joiner)
            if finish.reason in (FinishReason.INTERRUPTED, FinishReason.ERROR):
                return finish, ProviderUnavailable("The answer broke off before its end.")
            is_cut = finish.reason is FinishReason.TRUNCATED
            await self._take(await asyncio.to_thread(joiner.end, is_truncated=is_cut))
        except CallEnded as why:
            return finish, why
        return finish, None

    async def _call(self, joiner: StreamJoiner) -> Finish:
        """Make one call and take its pieces. The call is closed when this returns, however it does."""
        call: CallDelivery = "turns" if self.delivery == "turns" else "stream"
        stack = AsyncExitStack()

        async def begin() -> tuple[AsyncIterator[Item], Item | None]:
            pieces = await stack.enter_async_context(self.terms.complete(self.text, self._max_tokens(call), call))
            return pieces, await anext(pieces, None)

        await self.terms.callbacks.on_call()
        patience = Patience(self.policy.limits, is_whole=call == "turns", now_s=self.terms.timing.clock)
        unsure = ""
        try:
            pieces, item = await self.scope.wait(begin, at_most_s=patience.left_s())
            following = partial(anext, pieces, None)
            while isinstance(item, (Piece, Life)):
                unsure = item.held if isinstance(item, Life) else ""
                if isinstance(item, Piece):
                    at_most_s = patience.text_came()
                    feed, text = joiner.feed, clean(item.text)
                    await self._take(feed(text) if len(text) < HEAP_CHARS else await asyncio.to_thread(feed, text))
                else:
                    if item.at is not None:
                        await self.terms.callbacks.on_kept()
                    if (silent_s := patience.life_came(item)) is not None:
                        await self.terms.callbacks.on_thinking(silent_s)
                    at_most_s = patience.left_s()
                item = await self.scope.wait(following, at_most_s=at_most_s)
        except WaitCut as cut:
            await self._take(await asyncio.to_thread(joiner.feed, clean(unsure)))
            if isinstance(cut, TooSlow):
                raise patience.failure() from None
            raise
        finally:
            with suppress(ProviderError, TimeoutError):
                async with asyncio.timeout(CALL_CLOSE_S):
                    await stack.aclose()
        return item or Finish(reason=FinishReason.INTERRUPTED)

    def _max_tokens(self, call: CallDelivery) -> int:
        left = self.budget_tokens - self.tokens
        asked = left if call == "stream" else min(self.policy.turn_tokens, left)
        return asked if self.tokens_factor == 1 else max(asked, min(asked * self.tokens_factor, REASONING_MAX_TOKENS))

    async def _take(self, text: str, *, is_last: bool = False) -> None:
        """Pass on what is certain of what came; what is last is certain as a whole."""
        if not text:
            return
        held = self.held + text
        length = certain(held) if self.mode == "reprompt" and not is_last else len(held)
        chunk, self.held = held[:length], held[length:]
        if chunk:
            self.asked_again = ""
            self.text += chunk
            self.delta += chunk
            await self.terms.take(chunk)

    async def _take_rest(self) -> None:
        """At the end of the run nothing is held back any more, not even a word that was asked for again in vain."""
        rest, self.held = self.held or self.asked_again, ""
        await self._take(rest, is_last=True)

    async def _report(self, finish: Finish) -> None:
        logger.debug(
            "Turn %d ended %s: %d characters, %d tokens in all.",
            self.turns,
            finish.reason.value,
            len(self.delta),
            self.tokens,
        )
        await self.terms.callbacks.on_turn(self.turns, self.delta, self.text, finish)

    async def _wait(self, error: ProviderError) -> _Verdict | None:
        """Wait before the next attempt, visibly."""
        seconds, attempt = self.troubles.next_attempt(error)
        if seconds >= self.scope.left_s():
            return _ending_of(DeadlinePassed(), f" Last trouble: {error.detail}")
        await self.terms.callbacks.on_wait(seconds, error, attempt, self.policy.retry.attempts)
        try:
            await self.scope.wait(lambda: self.terms.timing.sleep(seconds))
        except WaitCut as cut:
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

    def _judge(self, finish: Finish, why: _Why) -> _Verdict | None:
        if self.delta:
            self.troubles.are_over()
            self.barren = self.bad_seams = 0
        match why:
            case WaitCut():
                return _ending_of(why)
            case BadSeam():
                self.bad_seams += 1
                detail = f"The model did not go on where the text ends, {self.bad_seams} times: {why}. {WAY_OUT}"
                ending = _ended_by(StopReason.BAD_SEAM, detail)
                return ending if self.bad_seams > 1 else None
            case ThoughtTooLong():
                return _ended_by(StopReason.NO_PROGRESS, str(why))
            case ProviderError():
                return self._judge_trouble(why)
        return self._judge_finish(finish)

    def _judge_trouble(self, error: ProviderError) -> _Verdict | None:
        enough = self.troubles.meet(error)
        return None if enough is None else _ended_by(error.reason, enough)

    def _judge_finish(self, finish: Finish) -> _Verdict | None:
        match finish.reason:
            case FinishReason.FILTERED:
                detail = "The provider's content filter ended the answer. Change the instructions or the model."
                return _ended_by(StopReason.FILTERED, detail)
            case FinishReason.TOOL:
                detail = "The model asked for a tool instead of writing; there are none here. Choose another model."
                return _ended_by(StopReason.PROVIDER_ERROR, detail)
            case FinishReason.COMPLETE if self.terms.is_written(self.text + self.held) and not self._breaks_off():
                return _Verdict(outcome=Outcome.COMPLETE)
            case FinishReason.TRUNCATED if self.delta:
                return None
        return self._judge_barren(finish)

    def _breaks_off(self) -> bool:
        """The turn brought nothing, though the text stops within a sentence."""
        return not (self.delta or self.held) and stops_within(self.text + self.asked_again)

    def _judge_barren(self, finish: Finish) -> _Verdict | None:
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
        return _ended_by(StopReason.NO_PROGRESS, detail)

    def _limit(self) -> _Verdict | None:
        """The limits that hold between calls."""
        left_s = self.scope.left_s()
        if self.scope.stopped:
            return _ending_of(Stopped())
        if left_s is not None and left_s <= 0:
            return _ending_of(DeadlinePassed())
        if self.tokens >= self.budget_tokens and self.more_tokens:
            logger.info("The section used up its %d tokens and gets %d more.", self.budget_tokens, self.more_tokens)
            self.budget_tokens, self.more_tokens = self.budget_tokens + self.more_tokens, 0
        if self.tokens >= self.budget_tokens:
            counted = " (counted from the text: the endpoint does not tell them)" if self.tokens_estimated else ""
            detail = (
                f"The section's tokens are used up{counted} and the model is not done. Resume gives it as many again."
            )
            return _ended_by(StopReason.TOKENS_EXHAUSTED, detail)
        if self.turns >= self.policy.max_turns:
            detail = f"The model was not done after {self.turns} turns."
            return _ended_by(StopReason.TURNS_EXHAUSTED, detail)
        return None


def _ended_by(reason: str, detail: str) -> _Verdict:
    outcome = Outcome.LIMITED if reason in AT_A_LIMIT else Outcome.FAILED
    return _Verdict(outcome=outcome, reason=reason, detail=detail)


def _ending_of(cut: WaitCut, addition: str = "") -> _Verdict:
    if isinstance(cut, Stopped):
        return _Verdict(outcome=Outcome.STOPPED)
    detail = "The time for this document was used up." + addition
    return _ended_by(StopReason.DEADLINE, detail)


async def continue_if_truncated(
    complete: Complete,
    on_turn: OnTurn,
    max_turns: int = 20,
    *,
    on_chunk: TakeText = ignore,
    on_wait: OnWait = ignore,
    on_thinking: OnThinking = ignore,
    on_call: OnCall = ignore,
    on_kept: OnCall = ignore,
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
    is_written: Callable[[str], bool] = has_words,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    random: Random = random_module.random,
) -> Continuation:
    """`write_on` for who has functions and numbers instead of objects: the callbacks are those of `Callbacks`.

    `on_chunk` takes the text; `on_turn` may be a plain function.
    """
    terms = Terms(
        complete=complete,
        take=on_chunk,
        callbacks=FunctionCallbacks(on_turn, on_wait, on_thinking, on_call, on_kept),
        policy=WritingPolicy(
            delivery=delivery,
            turn_tokens=turn_tokens,
            max_turns=max_turns,
            retry=policy or RetryPolicy(),
            limits=limits or Limits(),
        ),
        timing=Timing(clock=clock, sleep=sleep, random=random),
        kept=kept,
        mode=mode,
        budget_tokens=budget_tokens,
        more_tokens=more_tokens,
        shown=shown,
        copied=copied,
        is_written=is_written,
    )
    return await write_on(terms, text, stop=stop)
