"""What the log lines of this task of the event loop are about: ids of task, artifact, worker and user, where there are.

Ids only, never what somebody wrote; how a line shows them is `streamgen.logs`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar

_about: ContextVar[Mapping[str, object]] = ContextVar("about", default={})  # noqa: B039  never changed, only replaced


def tell_about(**ids: object) -> None:
    """From here on, for the running task and for all that it begins; an id that is None is not there."""
    _about.set({name: value for name, value in {**_about.get(), **ids}.items() if value is not None})


def told_about() -> Mapping[str, object]:
    return _about.get()
