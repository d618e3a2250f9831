"""The types that the loop and its callers share: how a turn is asked for, how a section ended; pure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from generation.providers.base import Item

CallDelivery = Literal["stream", "turns"]
Delivery = Literal["auto", "stream", "turns", "background"]
Complete = Callable[[str, int, CallDelivery], AbstractAsyncContextManager[AsyncIterator[Item]]]
"""`complete(text_so_far, max_tokens, delivery)`: one call that goes on from the text. Once it raised `PrefillRefused`,
it asks anew instead of continuing a begun answer."""
TakeText = Callable[[str], Awaitable[None]]
"""Takes text as soon as it is certain and will never be taken back; all that it took, joined, is the section."""


class Outcome(StrEnum):
    """How the loop ended. Only COMPLETE is success."""

    COMPLETE = "complete"
    STOPPED = "stopped"
    LIMITED = "limited"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Continuation:
    """What the loop made. `text` is what the section held before plus every chunk.

    `reason` is empty for COMPLETE and STOPPED, one of `AT_A_LIMIT` for LIMITED and another `StopReason` for FAILED.
    `tokens` holds `tokens_estimated`, the part that no provider reported. `delivery` is "turns" once streaming was
    refused.
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
