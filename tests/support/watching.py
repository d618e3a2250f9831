"""Somebody who looks at a feed, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from tests.support.limits import WAIT_S

T = TypeVar("T")


class Watching:
    """Somebody who looks at a feed, and whose wake-ups can be awaited."""

    def __init__(self, *, shows_html: bool = False) -> None:
        self.shows_html = shows_html
        self.news = asyncio.Event()

    def on_news(self) -> None:
        self.news.set()

    async def until(self, condition: Callable[[], T]) -> T:
        async with asyncio.timeout(WAIT_S):
            while not (met := condition()):
                self.news.clear()
                await self.news.wait()
            return met
