"""How many files and sockets this process may have open: as many as it is allowed to ask for, within reason.

What starts processes gives them 1,024 by habit, for the sake of programs that use `select`. Each viewer takes one.
"""

from __future__ import annotations

import resource
from contextlib import suppress

OPEN_FILES = 65_536
"""More than one process serves; without a bound some systems would make their tables for a thousand million."""


def raise_open_files() -> None:
    """For this process and those that it starts, from now on. It never lowers what was given."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
