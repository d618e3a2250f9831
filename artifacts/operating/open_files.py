"""How many files and sockets this process may have open: as many as it is allowed to ask for, within reason; and a line
in the log when they run out, for whom the next viewer is the one who gets no answer.

What starts processes gives them 1,024 by habit, for the sake of programs that use `select`. Each viewer takes one.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import resource
from contextlib import suppress

from artifacts.messaging.per_loop import PerLoop

logger = logging.getLogger(__name__)

OPEN_FILES = 65_536
"""More than one process serves; without a bound some systems would make their tables for a thousand million."""
COUNT_FILES_EVERY_S = 0.5
FEW_LEFT, ENOUGH_LEFT = 0.9, 0.8
"""The part of them in use from which on it is told, and the part below which that is over."""
OWN_FILES = "/proc/self/fd"


def raise_open_files() -> None:
    """For this process and those that it starts, from now on. It never lowers what was given."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class OpenFilesWatch:
    """Of one event loop's process; `begin` may be called again and again."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._has_begun = self._runs_out = False

    def begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self._count_files()

    def _count_files(self) -> None:
        allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        in_use = _in_use(allowed)
        if in_use is None or allowed == resource.RLIM_INFINITY:
            return  # this system does not tell, or does not count
        if not self._runs_out and in_use >= FEW_LEFT * allowed:
            self._runs_out = True
            logger.warning(
                "open files run out: %s of %s in use. Raise the limit (LimitNOFILE=, ulimit -n), or add processes.",
                in_use,
                allowed,
            )
        elif self._runs_out and in_use < ENOUGH_LEFT * allowed:
            self._runs_out = False
            logger.warning("open files do not run out any more: %s of %s in use", in_use, allowed)
        self._loop.call_later(COUNT_FILES_EVERY_S, self._count_files)


def _in_use(allowed: int) -> int | None:
    """How many, where the system tells; it takes the time of one call on Linux from 6.2 on."""
    try:
        return min(allowed, os.stat(OWN_FILES).st_size or len(os.listdir(OWN_FILES)) - 1)
    except OSError as error:
        return allowed if error.errno in {errno.EMFILE, errno.ENFILE} else None


watch = PerLoop(OpenFilesWatch)
"""The running loop's."""
