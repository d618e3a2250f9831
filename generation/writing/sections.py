"""Writes one section: the joint, `## Name`, and what the model wrote; it can go on from any committed part of it.

It neither stores nor knows who reads; the loop is `continuation`, what belongs to the section `section_text` says.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace

from artifacts.planned_section import PlannedSection
from artifacts.preview import closing
from generation.errors import AnswerDiffers, KeepingRefused, PrefillRefused, ProviderError, SectionMismatch
from generation.providers.base import CHARS_PER_TOKEN, Begun, Item, KeepsAnswers, Message, Piece, Provider, WordsPrompts
from generation.seams import Mode
from generation.writing.callbacks import Callbacks
from generation.writing.continuation import Terms, write_on
from generation.writing.kept_text import KeptText
from generation.writing.policy import Timing, WritingPolicy
from generation.writing.prompts import Assignment, brief_of, section_prompt, tail_of
from generation.writing.section_text import SectionText, has_text
from generation.writing.turns import CallDelivery, Continuation, Outcome, TakeText

logger = logging.getLogger(__name__)

JOINT = "\n\n"


@dataclass(frozen=True, kw_only=True)
class SectionWork:
    """Section `index` (from 0) of the plan, to be written or gone on with.

    `earlier` is the document's committed text before the section, `held` what is committed of this section, the joint
    before its heading included. The section's `max_tokens` is the budget, unless `budget_tokens` says how much of it is
    left; `more_tokens` follow once. `unseen` are the names of the sections between `earlier` and this one where they
    are written at the same time: the joint is then missing, since nobody knows yet what it joins.
    """

    assignment: Assignment
    index: int
    earlier: str
    held: str = ""
    unseen: tuple[str, ...] = ()
    model: str = ""
    mode: Mode = "prefill"
    budget_tokens: int | None = None
    more_tokens: int = 0

    @property
    def planned(self) -> PlannedSection:
        return self.assignment.plan[self.index]


async def write_section(
    provider: Provider,
    work: SectionWork,
    take: TakeText,
    *,
    callbacks: Callbacks,
    policy: WritingPolicy,
    timing: Timing | None = None,
    kept: KeptText | None = None,
    stop: asyncio.Event | None = None,
) -> Continuation:
    """Write the section, or what is missing of it: only that goes to `take`.

    With `kept` the answers are asked for as ones that the endpoint keeps, where it does, and one that was begun is read
    on. The result's `text` is the whole section as it then is, what was held and what was taken. Raises
    `SectionMismatch` where what is held is not the beginning of this section.
    """
    missing, own = _split(opening_of(work.planned.name, earlier="" if work.unseen else work.earlier), work.held)
    passage = _Passage(work, missing, take, kept)
    # In a thread: the prompt is read from all the text before, which may be of any kind and size.
    calls = await asyncio.to_thread(_Calls, provider, work, kept, callbacks)

    async def write(begun: str, *, spent: int = 0) -> Continuation:
        passage.begin(begun)
        budget = work.planned.max_tokens if work.budget_tokens is None else work.budget_tokens
        terms = Terms(
            complete=calls.complete,
            take=passage.take,
            callbacks=callbacks,
            policy=policy,
            timing=timing or Timing(),
            kept=kept,
            mode=work.mode,
            budget_tokens=budget - spent,
            more_tokens=work.more_tokens,
            shown=tail_of,
            on_anew=calls.ask_anew,
            is_written=lambda answer: bool(begun) or has_text(work.planned.name, answer),
        )
        result = await write_on(terms, begun, stop=stop)
        if result.outcome is Outcome.COMPLETE:
            await passage.end()
        if kept is not None and kept.due_chars:
            if result.outcome is Outcome.COMPLETE:
                raise AnswerDiffers
            spent += tokens_of(kept.due_chars)
        return replace(
            result, tokens=result.tokens + spent, tokens_estimated=result.tokens_estimated + spent, text=passage.whole
        )

    if kept is None:
        return await write(own)
    begun = kept.take_up(own)
    try:
        return await write(begun)
    except AnswerDiffers:
        await calls.cancel()
        kept.give_up(own)
        return await write(own, spent=tokens_of(len(own) - len(begun)))


class _Passage:
    """From what the loop is sure of to the section's own text: under its heading, and without what is there already."""

    def __init__(self, work: SectionWork, missing: str, take: TakeText, kept: KeptText | None) -> None:
        self._name = work.planned.name
        self._missing = missing  # of what stands before the body
        self._take = take
        self._kept = kept
        self._chunks = [work.held]
        self.begin("")

    def begin(self, begun: str) -> None:
        """What follows goes on from so much of the body."""
        self._text = SectionText(self._name, is_begun=bool(begun))

    async def take(self, text: str, *, is_whole: bool = False) -> None:
        """What the loop is sure of; where it `is_whole` it belongs to the section as it is."""
        if not is_whole:
            text = self._text.feed(text)
        if self._kept is not None:
            text = self._kept.fresh(text)
        if text:  # the heading comes with the first text, so that no document ends with a heading alone
            text, self._missing = self._missing + text, ""
            self._chunks.append(text)
            await self._take(text)

    async def end(self) -> None:
        """The section is complete: what was held back, and what closes it."""
        await self.take(self._text.end(), is_whole=True)
        # In a thread: a section may be as large as a document. What is closed already, before a takeover, stays.
        text = self.whole
        text = text if self._kept is None else text[: len(text) - self._kept.due_chars]
        await self.take(await asyncio.to_thread(closing, text), is_whole=True)

    @property
    def whole(self) -> str:
        return "".join(self._chunks)


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
    """Calls for one section, each with the prompt for the text so far."""

    def __init__(self, provider: Provider, work: SectionWork, kept: KeptText | None, callbacks: Callbacks) -> None:
        self._provider = provider
        self._callbacks = callbacks
        self._prompt = section_prompt(
            work.assignment, work.index, earlier=work.earlier, unseen=work.unseen, mode=work.mode
        )
        if isinstance(provider, WordsPrompts):
            self._prompt = replace(self._prompt, opening=provider.opening(brief_of(work.assignment, work.index)))
        self._model = work.model
        self._kept = kept
        self._last_text: str | None = None

    @asynccontextmanager
    async def complete(self, text: str, max_tokens: int, call: CallDelivery) -> AsyncIterator[AsyncIterator[Item]]:
        messages = self._prompt.messages(text, is_repeated=text == self._last_text)
        self._last_text = text
        await self._callbacks.on_prompt(messages, max_tokens, call)
        async with aclosing(self._items(messages, max_tokens, call)) as items:
            yield items

    def ask_anew(self) -> None:
        """From now on nothing is begun for the model: it does not go on with it."""
        self._prompt, self._last_text = replace(self._prompt, mode="reprompt"), None
        self._provider.prefill_ignored(self._model)

    async def cancel(self) -> None:
        """End at the endpoint what is not read on."""
        if self._kept is not None and isinstance(self._provider, KeepsAnswers) and (answer := self._kept.to_cancel()):
            await self._provider.cancel(answer)

    async def _items(self, messages: list[Message], max_tokens: int, call: CallDelivery) -> AsyncGenerator[Item]:
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
