"""Which sections of a document are written when: the first unfinished one live, others beside it as drafts that follow
in order. It knows neither their text nor where it goes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Iterable
from typing import NamedTuple, Protocol

from generation.writing.turns import Continuation, Outcome


class Sections(Protocol):
    """What is done with the sections, each named by its position; one call at a time, but for `write`."""

    async def begin(self, position: int, *, is_live: bool) -> None: ...
    async def write(self, position: int) -> Continuation: ...
    async def place(self, position: int) -> None: ...
    async def complete(self, position: int, result: Continuation) -> None: ...
    def end_all(self) -> None: ...


class Ending(NamedTuple):
    """Why the writing ended before the end of the document, and in which section."""

    position: int
    result: Continuation


class SideBySide:
    """Writes `unfinished` sections, `at_once` of them at most; of those in `drafted` only their turn is missing."""

    def __init__(
        self, sections: Sections, unfinished: Iterable[int], *, drafted: Collection[int] = (), at_once: int = 1
    ) -> None:
        self._sections = sections
        self._ahead = deque(unfinished)
        self._drafted = set(drafted)
        self._to_begin = deque(position for position in self._ahead if position not in self._drafted)
        self._at_once = at_once
        self._under_way: dict[asyncio.Task[Continuation], int] = {}
        self._live: int | None = None
        self._ended: dict[int, Continuation] = {}

    async def run(self) -> Ending | None:
        """None when all is written. Where one section cannot go on nothing is begun any more, and what is under way is
        written to its end: a call that was begun is paid for. What is raised ends all of them.
        """
        try:
            while True:
                await self._advance()
                await self._begin_more()
                if not self._under_way:
                    return self._ending()
                await self._take_in()
        except Exception:
            self._sections.end_all()  # each keeps what it has
            await asyncio.gather(*self._under_way, return_exceptions=True)
            raise
        finally:
            for task in self._under_way:
                task.cancel()

    async def _advance(self) -> None:
        """Whose turn it is goes live; a draft that is whole, or cannot go on, is put in its place."""
        while self._ahead and self._ahead[0] != self._live:
            first = self._ahead[0]
            if first in self._drafted:
                await self._sections.place(first)
                self._ahead.popleft()
            elif first in self._under_way.values() or first in self._ended:
                await self._sections.place(first)
                self._live = first
            else:
                return

    async def _begin_more(self) -> None:
        while self._to_begin and not self._ended and len(self._under_way) < self._at_once:
            position = self._to_begin.popleft()
            is_live = position == self._ahead[0]
            await self._sections.begin(position, is_live=is_live)
            self._under_way[asyncio.create_task(self._sections.write(position))] = position
            if is_live:
                self._live = position

    async def _take_in(self) -> None:
        done, _ = await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
        for task in sorted(done, key=lambda one: self._under_way[one]):
            position, result = self._under_way.pop(task), task.result()
            if result.outcome is not Outcome.COMPLETE:
                self._ended[position] = result
                continue
            await self._sections.complete(position, result)
            if position == self._live:
                self._ahead.popleft()
            else:
                self._drafted.add(position)

    def _ending(self) -> Ending | None:
        """A stop is told where there was one; else the first section that could not go on."""
        endings = [Ending(position, self._ended[position]) for position in sorted(self._ended)]
        stopped = [one for one in endings if one.result.outcome is Outcome.STOPPED]
        return next(iter([*stopped, *endings]), None)
