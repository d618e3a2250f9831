"""What a piece of work costs, in CPU time of this thread."""

import sys
import time
from collections.abc import Callable

from artifacts.preview import render
from artifacts.preview.sanitise import forget


def price_ms(work: Callable[[], object]) -> float:
    """In milliseconds; what the sanitiser remembers is forgotten first."""
    forget()
    # Coverage traces each line, at several times its price.
    trace = sys.gettrace()
    sys.settrace(None)
    try:
        start = time.thread_time()
        work()
        return (time.thread_time() - start) * 1000
    finally:
        sys.settrace(trace)


def calls_of(work: Callable[[], object]) -> int:
    """How many functions it calls, of Python and of C: the same on every machine."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    forget()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def longest_call_ms(text: str) -> float:
    """The longest call into C, an expression say, in milliseconds: while it runs, nothing else does."""
    longest, began = 0.0, 0.0

    def watch(_frame: object, event: str, _argument: object) -> None:
        nonlocal longest, began
        if event == "c_call":
            began = time.thread_time()
        elif event == "c_return":
            longest = max(longest, time.thread_time() - began)

    forget()
    sys.setprofile(watch)
    try:
        render(text)
    finally:
        sys.setprofile(None)
    return longest * 1000
