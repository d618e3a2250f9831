"""How this process gives memory back: what was large goes to the system at once, and what only a large document needed
is looked for once nobody needs that any more.

Left to itself glibc takes a freed large block for a hint to keep such blocks; they then lie among small ones that stay.
And objects that hold one another, such as a request and its answer, wait for a collection that comes rarely.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
import time
from contextlib import suppress
from typing import Any

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError
from django.db import connection

from artifacts.messaging.per_loop import PerLoop
from artifacts.preview import collector

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
BYTES = 131_072
"""glibc's own beginning for both thresholds; said by us, they stay there."""
ARENAS = 2
"""Of the many that threads would get: each keeps what is free in it to itself."""
LET_GO_CHARS = 500_000
"""What is smaller is not worth the time of looking for it."""
AFTER_S = 2.0
"""So long after it was let go: whoever held it has returned by then, and several that end together are one."""
CALM_BLOCKS = 400_000
"""A full collection looks at every object, and nothing else runs meanwhile: 40 ms, where no more blocks of memory than
these are in use, what was imported aside. A list of 1 MB that is being read has over a million.
"""
LOOK_S = 10.0
LEAST_YOUNG = 10
"""So many collections of what is young come before a full one, as Python has it."""
GROWN = 1.25
"""So much more is in use than after the last one, as Python has it too; else there is time."""
UNCOLLECTED_S = 60.0
PUT_OFF_S = 600.0
PUT_OFF_BLOCKS = 6_000_000
"""And so long it is put off at most where much is in use, and until so much more is, some 450 MB: what holds only
itself would grow.
"""
_imported_blocks = 0


def give_back_memory() -> None:
    """For this process, from now on; nothing where the C library is another one."""
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in ((M_MMAP_THRESHOLD, BYTES), (M_TRIM_THRESHOLD, BYTES), (M_ARENA_MAX, ARENAS)):
            mallopt(option, value)


def set_aside_imports() -> None:
    """Leave out of collections what was imported, since it stays for good: with it a full one holds the loop for 40 to
    60 ms, and none comes before a quarter as much waits for it. Called again it finds what has become garbage since.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.collect()  # the collector measures that quarter by what it found last
    global _imported_blocks
    _imported_blocks = sys.getallocatedblocks()


class LettingGo:
    """What one event loop has let go of, and when that is looked for."""

    def __init__(self, *, put_off_blocks: int = PUT_OFF_BLOCKS) -> None:
        self._put_off_blocks = put_off_blocks
        self._chars = 0
        self._timer: asyncio.TimerHandle | None = None
        self._cleaning: asyncio.Future[Any] | None = None
        self._is_looking = False
        self._collected_at_s = time.monotonic()
        self._blocks = 0  # in use after the last collection
        self._not_ours = _imported_blocks or sys.getallocatedblocks()  # where nothing was set aside: what is there now

    def begin(self) -> None:
        """From now on no full collection comes by itself, in the middle of whatever: it is begun here, at a calm time.
        Further calls change nothing.
        """
        if not self._is_looking:
            self._is_looking = True
            gc.set_threshold(*gc.get_threshold()[:2], collector.NEVER)
            self._check_later()

    def _check_later(self) -> None:
        asyncio.get_running_loop().call_later(LOOK_S, self._check)

    def _check(self) -> None:
        silent_s, used = time.monotonic() - self._collected_at_s, self._blocks_in_use()
        is_due = gc.get_count()[2] >= LEAST_YOUNG and (used > GROWN * self._blocks or silent_s > UNCOLLECTED_S)
        if is_due and self._is_time():
            self._cleaning = asyncio.ensure_future(self._collect())
        self._check_later()

    def _blocks_in_use(self) -> int:
        return sys.getallocatedblocks() - self._not_ours

    def _is_time(self) -> bool:
        used, silent_s = self._blocks_in_use(), time.monotonic() - self._collected_at_s
        return used < CALM_BLOCKS or used > self._blocks + self._put_off_blocks or silent_s > PUT_OFF_S

    async def _collect(self) -> bool:
        is_done = self._is_time() and await asyncio.get_running_loop().run_in_executor(None, collect_and_trim)
        if is_done:
            self._collected_at_s, self._blocks = time.monotonic(), self._blocks_in_use()
        return is_done

    def note(self, chars: int) -> None:
        """Nobody here needs so much text any more."""
        self._chars += chars
        if self._chars >= LET_GO_CHARS:
            self._chars = 0
            self._clean_later()

    def _clean_later(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(AFTER_S, self._begin_cleaning)

    def _begin_cleaning(self) -> None:
        self._timer = None
        self._cleaning = asyncio.ensure_future(self._let_go())

    async def _let_go(self) -> None:
        with suppress(DatabaseError):
            await database_sync_to_async(drop_pages)()
        if collector.is_paused():
            self._clean_later()
        else:
            await self._collect()


def drop_pages() -> None:
    """SQLite keeps what a connection has read of its file, up to a bound: most of it was of the large document."""
    if connection.vendor == "sqlite" and connection.connection is not None:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA shrink_memory")


def collect_and_trim() -> bool:
    """Collect what holds only itself, then give back every page that is free. False, and nothing is done, where no
    collection may be: what is just being rendered would all be looked at, and nothing else runs meanwhile.
    """
    if collector.is_paused():
        return False
    gc.collect()
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
    return True


letting_go = PerLoop(LettingGo)
"""The running loop's."""
