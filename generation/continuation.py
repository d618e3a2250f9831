"""The loop that writes one section: calls again until the text is complete, somebody stops it, or a named limit ends it.

It awaits nothing but the provider, its callbacks and the sleep between attempts. It knows neither prompts nor storage: `complete`
makes the call, `on_chunk` takes text that will never be taken back.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import random as random_module
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from generation.guards import DeadlinePassed, Guard, Stopped, TooSlow
from generation.intake import Intake
from generation.providers.base import Finish, FinishReason, Piece, ProviderError, ProviderUnavailable, StreamRefused
from generation.retries import Random, RetryPolicy
from generation.seams import BadSeam, Mode

logger = logging.getLogger(__name__)

Call = Literal["stream", "turns"]
Delivery = Literal["auto", "stream", "turns"]
Complete = Callable[[str, int, Call], AbstractAsyncContextManager[AsyncIterator[Piece | Finish]]]
"""`complete(text_so_far, max_tokens, delivery)`: one call that goes on from the text."""
OnChunk = Callable[[str], Awaitable[None]]
"""Text as soon as it is certain; chunks joined are the section."""
OnTurn = Callable[[int, str, str, Finish], Awaitable[None] | None]
"""`on_turn(turn, delta, aggregated, finish)` after each turn, counted from 1."""
OnWait = Callable[[float, ProviderError, int, int], Awaitable[None]]
"""`on_wait(seconds, error, attempt, of)` before a wait: after `seconds` comes attempt number `attempt`."""

CHARS_PER_TOKEN = 4
"""Tokens of a call whose usage nobody reported are estimated from the text kept: about four characters each."""
CLOSE_S = 2.0
"""Leaving a call may take this long; the loop then goes on without it."""
REASONING_FACTOR = 4
REASONING_MAX_TOKENS = 32_000
"""A model that spent a whole turn on hidden reasoning is asked once more with a turn this many times larger, at most."""


class Outcome(StrEnum):
    """How the loop ended. Only COMPLETE is success."""

    COMPLETE = "complete"
    STOPPED = "stopped"
    LIMITED = "limited"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long to wait, in seconds; `deadline` is a moment of the loop's clock."""

    first_piece_s: float = 60.0
    stall_s: float = 30.0
    deadline: float | None = None


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


@dataclass(frozen=True, kw_only=True)
class _Ending:
    outcome: Outcome
    reason: str = ""
    detail: str = ""


async def _no_chunk(_: str) -> None:
    return None


async def _no_wait(_seconds: float, _error: ProviderError, _attempt: int, _of: int) -> None:
    return None


def _has_words(text: str) -> bool:
    return bool(text.strip())


async def continue_if_truncated(
    complete: Complete,
    on_turn: OnTurn,
    max_turns: int = 20,
    *,
    on_chunk: OnChunk = _no_chunk,
    on_wait: OnWait = _no_wait,
    text: str = "",
    mode: Mode = "prefill",
    delivery: Delivery = "auto",
    turn_tokens: int = 300,
    budget_tokens: int = 2_000,
    policy: RetryPolicy | None = None,
    limits: Limits | None = None,
    stop: asyncio.Event | None = None,
    shown: Callable[[str], str] = str,
    is_written: Callable[[str], bool] = _has_words,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    random: Random = random_module.random,
) -> Continuation:
    """Write on from `text` until the model says it is done, `stop` is set, or a named limit or trouble ends it.

    `budget_tokens` is what this run may spend. `shown(text)` is the part of the text the model sees in prefill mode (so
    that an echo of it is known), `is_written(text)` says whether the text is something a section may end with.
    Never raises for what a provider does; what a callback raises passes through, after the call was closed.
    """
    guard = Guard(stop=stop or asyncio.Event(), deadline=(limits or Limits()).deadline, clock=clock)
    loop = _Loop(complete=complete, on_turn=on_turn, on_chunk=on_chunk, on_wait=on_wait, text=text, mode=mode)
    loop.max_turns, loop.delivery, loop.turn_tokens, loop.budget_tokens = max_turns, delivery, turn_tokens, budget_tokens
    loop.policy, loop.limits, loop.guard = policy or RetryPolicy(), limits or Limits(), guard
    loop.shown, loop.is_written, loop.sleep, loop.random = shown, is_written, sleep, random
    async with guard:
        return await loop.run()
