"""How the C library keeps freed memory: what was large goes back to the system at once, also after a large document.

Left to itself glibc takes a freed large block for a hint to keep such blocks; they then lie among small ones that stay.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
BYTES = 131_072
"""glibc's own beginning for both thresholds; said by us, they stay there."""
ARENAS = 2
"""Of the many that threads would get: each keeps what is free in it to itself."""


def give_back_memory() -> None:
    """For this process, from now on; nothing where the C library is another one."""
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in ((M_MMAP_THRESHOLD, BYTES), (M_TRIM_THRESHOLD, BYTES), (M_ARENA_MAX, ARENAS)):
            mallopt(option, value)
