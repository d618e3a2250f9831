"""How this process gives memory back: what was large goes to the system at once, and what only a large document needed
is looked for once nobody needs that any more.

Left to itself glibc takes a freed large block for a hint to keep such blocks; they then lie among small ones that stay.
And objects that hold one another, such as a request and its answer, wait for a collection that comes rarely.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
from contextlib import suppress
from typing import Any

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError
from django.db import connection

from artifacts.messaging.per_loop import PerLoop

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
BYTES = 131_072
"""glibc's own beginning for both thresholds; said by us, they stay there."""
ARENAS = 2
"""Of the many that threads would get: each keeps what is free in it to itself."""
LET_GO_CHARS = 500_000
"""What is smaller is not worth the time of looking for it."""
AFTER_S = 2.0
"""So long after it was let go: whoever held it has returned by then, and several that end together are one."""


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


class LettingGo:
    """What one event loop has let go of, and when that is looked for."""

    def __init__(self) -> None:
        self._chars = 0
        self._timer: asyncio.TimerHandle | None = None
        self._cleaning: asyncio.Future[Any] | None = None

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
        if not await asyncio.get_running_loop().run_in_executor(None, collect_and_trim):
            self._clean_later()


def drop_pages() -> None:
    """SQLite keeps what a connection has read of its file, up to a bound: most of it was of the large document."""
    if connection.vendor == "sqlite" and connection.connection is not None:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA shrink_memory")


def collect_and_trim() -> bool:
    """Collect what holds only itself, then give back every page that is free. False, and nothing is done, where no
    collection may be: what is just being rendered would all be looked at, and nothing else runs meanwhile.
    """
    if not gc.isenabled():
        return False
    gc.collect()
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
    return True


letting_go = PerLoop(LettingGo)
"""The running loop's."""
