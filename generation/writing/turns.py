"""The words between the continuation loop and its callers: how it calls, what it tells, how it ended; pure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from generation.providers.base import Finish, Item, ProviderError

Call = Literal["stream", "turns"]
Delivery = Literal["auto", "stream", "turns", "background"]
Complete = Callable[[str, int, Call], AbstractAsyncContextManager[AsyncIterator[Item]]]
"""`complete(text_so_far, max_tokens, delivery)`: one call that goes on from the text. Once it raised `PrefillRefused`,
it asks anew instead of continuing a begun answer."""
OnChunk = Callable[[str], Awaitable[None]]
"""Text as soon as it is certain; chunks joined are the section."""
OnTurn = Callable[[int, str, str, Finish], Awaitable[None] | None]
"""`on_turn(turn, delta, aggregated, finish)` after each turn, counted from 1."""
OnWait = Callable[[float, ProviderError, int, int], Awaitable[None]]
"""`on_wait(seconds, error, attempt, of)` before a wait: after `seconds` comes attempt number `attempt`. `of` bounds
them, unless the policy waits the error out.
"""
OnThinking = Callable[[float], Awaitable[None]]
"""`on_thinking(seconds)` while the model thinks, at once and then now and then; the seconds are those without text."""
OnCall = Callable[[], Awaitable[None]]
"""Before each call; where `stop` is set afterwards, the call is not made."""

CHARS_PER_TOKEN = 4
"""Tokens of a call whose usage nobody reported are estimated from the text kept: about four characters each."""


class Outcome(StrEnum):
    """How the loop ended. Only COMPLETE is success."""

    COMPLETE = "complete"
    STOPPED = "stopped"
    LIMITED = "limited"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Continuation:
    """What the loop made. `text` is what the section held before plus every chunk.

    `reason` is empty for COMPLETE and STOPPED; for LIMITED it is turns_exhausted, no_progress, tokens_exhausted,
    bad_seam or deadline; for FAILED rate_limited, provider_error, auth, model_not_found or filtered. `tokens` holds
    `tokens_estimated`, the part that no provider reported. `delivery` is "turns" once streaming was refused.
    """

    text: str
    outcome: Outcome
    reason: str = ""
    detail: str = ""
    turns: int = 0
    tokens: int = 0
    tokens_estimated: int = 0
    model: str = ""
    delivery: Delivery = "auto"


async def ignore(*_: object) -> None:
    """The callback of who does not want to know."""
