"""Keeps full collections of garbage out of a rendering: one would look at every object of a large block, and nothing
else runs meanwhile, the event loop neither. What a rendering makes goes with its last reference.

Those of what is young go on: were they put off as well, the first one behind the rendering would look at all of it.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

NEVER = 1_000_000
"""So many collections of what is young come before a full one: none by itself."""
_lock = threading.Lock()
_renderings = 0
_usual = gc.get_threshold()


def is_paused() -> bool:
    """Something is just being rendered."""
    return _renderings > 0


@contextmanager
def paused() -> Iterator[None]:
    """No full collection by itself until the last of the renderings that are under way has ended."""
    global _renderings, _usual
    with _lock:
        if _renderings == 0:
            _usual = gc.get_threshold()
            gc.set_threshold(*_usual[:2], NEVER)
        _renderings += 1
    try:
        yield
    finally:
        with _lock:
            _renderings -= 1
            if _renderings == 0:
                gc.set_threshold(*_usual)
