"""The protocol of what the loop reports beside its text: calls, ends of turns, waits, thinking; pure."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence

from generation.errors import CallEnded, ProviderError
from generation.providers.base import Finish, Message
from generation.writing.turns import CallDelivery

OnTurn = Callable[[int, str, str, Finish], Awaitable[None] | None]
OnWait = Callable[[float, ProviderError, int, int], Awaitable[None]]
OnThinking = Callable[[float], Awaitable[None]]
OnCall = Callable[[], Awaitable[None]]


async def ignore(*_: object) -> None:
    """The callback of who does not want to know."""


class Callbacks:
    """Awaited one after the other. Here nothing is done; override what is wanted."""

    async def on_call(self) -> None:
        """Before each call; where `stop` is set afterwards, the call is not made."""

    async def on_prompt(self, messages: Sequence[Message], max_tokens: int, delivery: CallDelivery) -> None:
        """What the call is about to ask."""

    async def on_over(self, finish: Finish, why: CallEnded | None) -> None:
        """The answer of the call is over, and `why` where not as it should be."""

    async def on_kept(self) -> None:
        """An answer that the endpoint keeps has begun."""

    async def on_turn(self, turn: int, delta: str, aggregated: str, finish: Finish) -> None:
        """After each turn, counted from 1: the text it brought, and the section's text with it."""

    async def on_wait(self, seconds: float, error: ProviderError, attempt: int, of: int) -> None:
        """Before a wait: after `seconds` comes attempt number `attempt`.

        `of` bounds them, unless the policy waits the error out.
        """

    async def on_thinking(self, seconds: float) -> None:
        """While the model thinks, at once and then now and then; the seconds are those without text."""


class FunctionCallbacks(Callbacks):
    """Made of functions, for who has those; `on_turn` may be a plain one."""

    def __init__(
        self, on_turn: OnTurn, on_wait: OnWait, on_thinking: OnThinking, on_call: OnCall, on_kept: OnCall
    ) -> None:
        self._on_turn = on_turn
        self._on_wait = on_wait
        self._on_thinking = on_thinking
        self._on_call = on_call
        self._on_kept = on_kept

    async def on_call(self) -> None:
        await self._on_call()

    async def on_kept(self) -> None:
        await self._on_kept()

    async def on_turn(self, turn: int, delta: str, aggregated: str, finish: Finish) -> None:
        done = self._on_turn(turn, delta, aggregated, finish)
        if inspect.isawaitable(done):
            await done

    async def on_wait(self, seconds: float, error: ProviderError, attempt: int, of: int) -> None:
        await self._on_wait(seconds, error, attempt, of)

    async def on_thinking(self, seconds: float) -> None:
        await self._on_thinking(seconds)
