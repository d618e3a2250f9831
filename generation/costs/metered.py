"""A provider whose calls are metered: it passes on everything, and tells the meter what goes by."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal

from generation.costs.meter import Call, Meter
from generation.providers.base import (
    Begun,
    Item,
    KeepsAnswers,
    Message,
    Provider,
    SectionBrief,
    WordsPrompts,
)


def metered(provider: Provider, meter: Meter, section: str) -> Provider:
    """The provider for one section; it can what the given one can."""
    kind: type[_Metered]
    if isinstance(provider, KeepsAnswers):
        kind = _KeepsAndWords if isinstance(provider, WordsPrompts) else _Keeps
    else:
        kind = _Words if isinstance(provider, WordsPrompts) else _Metered
    return kind(provider, meter, section)


class _Metered:
    def __init__(self, provider: Provider, meter: Meter, section: str) -> None:
        self.name = provider.name
        self._provider = provider
        self._meter = meter
        self._section = section

    @property
    def default_model(self) -> str:
        return self._provider.default_model

    def prefills(self, model: str) -> bool:
        return self._provider.prefills(model)

    def prefill_ignored(self, model: str) -> None:
        self._provider.prefill_ignored(model)

    def streams(self, model: str) -> bool:
        return self._provider.streams(model)

    async def prepare(self) -> None:
        await self._provider.prepare()

    async def aclose(self) -> None:
        await self._provider.aclose()

    @asynccontextmanager
    async def stream(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int,
        delivery: Literal["stream", "turns"] = "stream",
    ) -> AsyncIterator[AsyncIterator[Item]]:
        async with self._provider.stream(messages, model=model, max_tokens=max_tokens, delivery=delivery) as items:
            call = self._begun(messages, model)
            try:
                yield _Items(items, call)
            finally:
                self._meter.close(call)

    def _begun(self, messages: Sequence[Message], model: str, *, is_kept: bool = False, reads_on: bool = False) -> Call:
        """A call that is under way: what model it asks, the provider may have learned only by it."""
        chars = sum(len(message["content"]) for message in messages)
        asked = model or self.default_model
        return self._meter.begin(self._section, asked, chars, is_kept=is_kept, reads_on=reads_on)


class _Keeps(_Metered):
    _provider: KeepsAnswers  # type: ignore[assignment]  # and a Provider

    def keeps(self, model: str) -> bool:
        return self._provider.keeps(model)

    async def cancel(self, answer: str) -> None:
        await self._provider.cancel(answer)

    @asynccontextmanager
    async def stream_kept(
        self, messages: Sequence[Message], *, model: str, max_tokens: int, begun: Begun | None = None
    ) -> AsyncIterator[AsyncIterator[Item]]:
        kept = self._provider.stream_kept(messages, model=model, max_tokens=max_tokens, begun=begun)
        async with kept as items:
            call = self._begun(messages, model, is_kept=True, reads_on=begun is not None)
            try:
                yield _Items(items, call)
            finally:
                self._meter.close(call)


class _Words(_Metered):
    _provider: WordsPrompts  # type: ignore[assignment]  # and a Provider

    def opening(self, brief: SectionBrief) -> tuple[Message, Message]:
        return self._provider.opening(brief)


class _KeepsAndWords(_Keeps, _Words):  # type: ignore[misc]  # all of these
    pass


class _Items:
    """What a call yields. No generator: nobody has to close it."""

    def __init__(self, items: AsyncIterator[Item], call: Call) -> None:
        self._items = items
        self._call = call

    def __aiter__(self) -> _Items:
        return self

    async def __anext__(self) -> Item:
        item = await anext(self._items)
        self._call.take(item)
        return item
