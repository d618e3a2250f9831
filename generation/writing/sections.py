"""Writes one section: the joint, `## Name`, and what the model wrote; it can go on from any committed part of it.

It neither stores nor knows who reads; the loop is continuation's, what belongs to the section is body's to say.
"""

from __future__ import annotations

import asyncio
import logging
import random as random_module
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

from artifacts.preview import closing
from generation.providers.base import (
    Begun,
    Finish,
    FinishReason,
    Item,
    KeepingRefused,
    KeepsAnswers,
    Life,
    Message,
    Piece,
    PrefillRefused,
    Provider,
    ProviderError,
)
from generation.seams import Mode
from generation.writing.continuation import continue_if_truncated
from generation.writing.kept_text import KeptText, NotTheSame
from generation.writing.patience import Limits
from generation.writing.prompts import Assignment, SectionPrompt, section_prompt, tail_of
from generation.writing.retries import Random, RetryPolicy
from generation.writing.section_text import Body, Characters, has_text
from generation.writing.turns import (
    CHARS_PER_TOKEN,
    Call,
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

JOINT = "\n\n"


class SectionMismatch(ValueError):
    """What is committed of the section does not begin as it must: the plan and the text do not belong together."""


async def write_section(
    provider: Provider,
    assignment: Assignment,
    index: int,
    *,
    earlier: str,
    on_chunk: OnChunk,
    held: str = "",
    model: str = "",
    on_turn: OnTurn = ignore,
    on_wait: OnWait = ignore,
    on_thinking: OnThinking = ignore,
    on_call: OnCall = ignore,
    on_kept: OnCall = ignore,
    kept: KeptText | None = None,
    mode: Mode = "prefill",
    delivery: Delivery = "auto",
    turn_tokens: int = 300,
    budget_tokens: int | None = None,
    more_tokens: int = 0,
    max_turns: int = 20,
    policy: RetryPolicy | None = None,
    limits: Limits | None = None,
    stop: asyncio.Event | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    random: Random = random_module.random,
) -> Continuation:
    """Write section `index` (from 0) of the plan, or go on with it.

    `earlier` is the document's committed text before the section, `held` what is committed of this section, the joint
    before its heading included. Only what is missing goes to `on_chunk`. The section's `max_tokens` is the budget,
    unless `budget_tokens` says how much of it is left; `more_tokens` follow once. With `kept` the answers are asked for
    as ones that the endpoint keeps, where it does, and one that was begun is read on. The result's `text` is the whole
    section as it then is, `held` and the chunks. Raises `SectionMismatch` where `held` is not the beginning of this
    section.
    """
    section = assignment.plan[index]
    opening = opening_of(section.name, earlier=earlier)
    missing, own = _split(opening, held)
    budget = section.max_tokens if budget_tokens is None else budget_tokens
    calls = _Calls(provider, section_prompt(assignment, index, earlier=earlier, mode=mode), model, kept)
    chunks = [held]

    async def emit(text: str) -> None:
        nonlocal missing
        if kept is not None:
            text = kept.fresh(text)
        if text:  # the heading comes with the first text, so that no document ends with a heading alone
            text, missing = missing + text, ""
            chunks.append(text)
            await on_chunk(text)

    async def write_on(begun: str, *, spent: int = 0) -> Continuation:
        body = Body(section.name, is_begun=bool(begun))

        async def take(chunk: str) -> None:
            await emit(body.feed(chunk))

        result = await continue_if_truncated(
            calls.complete,
            on_turn,
            max_turns,
            on_chunk=take,
            on_wait=on_wait,
            on_thinking=on_thinking,
            on_call=on_call,
            on_kept=on_kept,
            on_anew=calls.ask_anew,
            kept=kept,
            text=begun,
            mode=mode,
            delivery=delivery,
            turn_tokens=turn_tokens,
            budget_tokens=budget - spent,
            more_tokens=more_tokens,
            policy=policy,
            limits=limits,
            stop=stop,
            shown=tail_of,
            is_written=lambda text: bool(begun) or has_text(section.name, text),
            clock=clock,
            sleep=sleep,
            random=random,
        )
        if result.outcome is Outcome.COMPLETE:
            await emit(body.end())
            # In a thread: a section may be as large as a document. What is closed already, before a takeover, stays.
            so_far = "".join(chunks)
            so_far = so_far if kept is None else so_far[: len(so_far) - kept.due_chars]
            await emit(await asyncio.to_thread(closing, so_far))
        if kept is not None and kept.due_chars:
            if result.outcome is Outcome.COMPLETE:
                raise NotTheSame
            spent += tokens_of(kept.due_chars)
        return replace(
            result, tokens=result.tokens + spent, tokens_estimated=result.tokens_estimated + spent, text="".join(chunks)
        )

    if kept is None:
        return await write_on(own)
    begun = kept.take_up(own)
    try:
        return await write_on(begun)
    except NotTheSame:
        await calls.cancel()
        kept.give_up(own)
        return await write_on(own, spent=tokens_of(len(own) - len(begun)))


def tokens_of(chars: int) -> int:
    """The estimate for text whose tokens nobody reported."""
    return -(-chars // CHARS_PER_TOKEN)


def portions(max_tokens: int, *, spent: int, stopped_at: int) -> tuple[int, int]:
    """What a section that is gone on with may spend, and how much more it gets by itself once that is used up.

    A section has two portions of `max_tokens`. `spent` are its tokens so far, `stopped_at` those when it was stopped
    last (0 where it never was): who resumes it after both gives it one more.
    """
    if spent < max_tokens:
        return max_tokens - spent, max_tokens
    if stopped_at < 2 * max_tokens:
        return 2 * max_tokens - spent, 0
    return stopped_at + max_tokens - spent, 0


def opening_of(name: str, *, earlier: str) -> str:
    """What stands between the text before a section and its body."""
    return f"{JOINT if earlier else ''}## {name}\n\n"


def _split(opening: str, held: str) -> tuple[str, str]:
    """What is missing of the opening, and what is committed of the body."""
    if opening.startswith(held):
        return opening[len(held) :], ""
    if held.startswith(opening):
        return "", held[len(opening) :]
    raise SectionMismatch("the committed text does not begin with this section's heading")


class _Calls:
    """Calls for one section, each with the prompt for the text so far and answers that can be stored."""

    def __init__(self, provider: Provider, prompt: SectionPrompt, model: str, kept: KeptText | None) -> None:
        self._provider = provider
        self._prompt = prompt
        self._model = model
        self._kept = kept
        self._last_text: str | None = None

    @asynccontextmanager
    async def complete(self, text: str, max_tokens: int, call: Call) -> AsyncIterator[AsyncIterator[Item]]:
        messages = self._prompt.messages(text, is_repeated=text == self._last_text)
        self._last_text = text
        async with (
            aclosing(self._items(messages, max_tokens, call)) as items,
            aclosing(_storable(items)) as storable,
        ):
            yield storable

    def ask_anew(self) -> None:
        """From now on nothing is begun for the model: it does not go on with it."""
        self._prompt, self._last_text = replace(self._prompt, mode="reprompt"), None
        self._provider.prefill_ignored(self._model)

    async def cancel(self) -> None:
        """End at the endpoint what is not read on."""
        if self._kept is not None and isinstance(self._provider, KeepsAnswers) and (answer := self._kept.to_cancel()):
            await self._provider.cancel(answer)

    async def _items(self, messages: list[Message], max_tokens: int, call: Call) -> AsyncGenerator[Item]:
        provider, kept = self._provider, self._kept
        if kept is not None and isinstance(provider, KeepsAnswers):
            begun = kept.begun()
            if begun is None:
                await self.cancel()
            if begun or (call == "stream" and kept.is_worth_asking and provider.keeps(self._model)):
                try:
                    async with aclosing(self._kept_items(provider, kept, begun, messages, max_tokens)) as items:
                        async for item in items:
                            yield item
                    return
                except KeepingRefused:
                    logger.debug("The endpoint keeps no answers: the ordinary way.")
            kept.ask_ordinarily()
        try:
            async with provider.stream(messages, model=self._model, max_tokens=max_tokens, delivery=call) as stream:
                async for item in stream:
                    yield item
        except PrefillRefused:
            self._prompt = replace(self._prompt, mode="reprompt")  # as the loop does, which hears of it too
            raise

    async def _kept_items(
        self, provider: KeepsAnswers, kept: KeptText, begun: Begun | None, messages: list[Message], max_tokens: int
    ) -> AsyncGenerator[Item]:
        """The answer that the endpoint keeps, from where it was read last; noted as it comes."""
        if known := kept.known():
            yield Piece(text=known)
        try:
            async with provider.stream_kept(messages, model=self._model, max_tokens=max_tokens, begun=begun) as stream:
                async for item in stream:
                    kept.note(item)
                    yield item
        except ProviderError as trouble:
            kept.note_trouble(trouble)
            raise


async def _storable(items: AsyncIterator[Item]) -> AsyncGenerator[Item]:
    characters = Characters()
    async for item in items:
        ends_well = isinstance(item, Finish) and item.reason in (FinishReason.COMPLETE, FinishReason.TRUNCATED)
        text = characters.feed(item.text) if isinstance(item, Piece) else characters.end() if ends_well else ""
        if text:
            yield Piece(text=text)
        if isinstance(item, (Life, Finish)):
            yield item
