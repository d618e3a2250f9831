"""What comes in heaps is read in a thread: text that is made to be dear would hold up everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TypeVar

from generation.providers.base import Life, Piece
from generation.providers.openai_compatible.answer.answers import Answer

T = TypeVar("T")

HEAP_BYTES = 8_192
"""A heap is so much or more. Each KB of it may cost a millisecond."""


async def items_of(answer: Answer, portion: bytes) -> Iterator[Piece | Life]:
    """What a portion brings. What may take long to read, together with what is held back, is read in a thread."""
    found = answer.feed(portion)
    held = len(answer.thoughts.held) + (0 if answer.events is None else answer.events.open_bytes)
    return found if len(portion) + held < HEAP_BYTES else await in_thread(found)


async def in_thread(found: Iterator[T]) -> Iterator[T]:
    """What is found, and what is raised behind it; others have their turn meanwhile."""
    items, trouble = await asyncio.to_thread(_all_of, found)
    return _then_raised(items, trouble)


def _all_of(found: Iterator[T]) -> tuple[list[T], Exception | None]:
    items = list[T]()
    try:
        for item in found:
            items.append(item)  # what came before a fault stays
    except Exception as err:
        return items, err
    return items, None


def _then_raised(items: list[T], trouble: Exception | None) -> Iterator[T]:
    yield from items
    if trouble is not None:
        raise trouble
