"""What the log lines of this task of the event loop are about: ids of task, artifact, worker and user, where there are.

Ids only, never what somebody wrote; how a line shows them is `streamgen.logs`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_about: ContextVar[Mapping[str, object]] = ContextVar("about", default={})  # noqa: B039  never changed, only replaced


def tell_about(**ids: object) -> None:
    """From here on, for the running task and for all that it begins; an id that is None is not there. One that may be
    known later is a function, called for each line.
    """
    _about.set(_with(ids))


@contextmanager
def lines_about(**ids: object) -> Iterator[None]:
    """The same for the lines within."""
    before = _about.set(_with(ids))
    try:
        yield
    finally:
        _about.reset(before)


def _with(ids: Mapping[str, object]) -> Mapping[str, object]:
    return {name: value for name, value in {**_about.get(), **ids}.items() if value is not None}


def told_about() -> Mapping[str, object]:
    found = {name: value() if callable(value) else value for name, value in _about.get().items()}
    return {name: value for name, value in found.items() if value is not None}
