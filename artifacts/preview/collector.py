"""Keeps Python's garbage collector out of a rendering: it would look at every object of a large block, again and
again, and nothing else runs meanwhile, the event loop neither. What a rendering makes goes with its last reference.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_renderings = 0
_was_enabled = True


@contextmanager
def paused() -> Iterator[None]:
    """No collection until the last of the renderings that are under way has ended."""
    global _renderings, _was_enabled
    with _lock:
        if _renderings == 0:
            _was_enabled = gc.isenabled()
            gc.disable()
        _renderings += 1
    try:
        yield
    finally:
        with _lock:
            _renderings -= 1
            if _renderings == 0 and _was_enabled:
                gc.enable()
