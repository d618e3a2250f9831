"""Notes which functions of the product are called, in the loop's thread and in the database's, while the block runs."""

from __future__ import annotations

import dis
import inspect
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from types import CodeType, FrameType

from asgiref.sync import sync_to_async

from tests.architecture.source import PACKAGES, ROOT

_RESUMED = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


class Trace:
    """`calls` as `package.module:Class.method`, in their order."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def note(self, frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and (name := name_of(frame.f_code)) and not _goes_on(frame):
            self.calls.append(name)

    def windows(self, way: Sequence[str]) -> list[list[str]]:
        """The parts of the calls in which these come in this order, each as short as can be; they do not overlap."""
        found: list[list[str]] = []
        end = -1
        while (ends := self._follow(way, end + 1)) is not None:
            begin = ends
            for wanted in reversed(way):  # back from the end: as late as can be
                while self.calls[begin] != wanted:
                    begin -= 1
                begin -= 1
            found.append(self.calls[begin + 1 : ends + 1])
            end = ends
        return found

    def missing(self, way: Sequence[str]) -> str:
        """The first of these that does not come after those before it; "" where all do."""
        return next((way[count - 1] for count in range(1, len(way) + 1) if self._follow(way[:count], 0) is None), "")

    def _follow(self, way: Sequence[str], at: int) -> int | None:
        """Where the last of these is called, when each is looked for behind the one before."""
        for wanted in way:
            try:
                at = self.calls.index(wanted, at) + 1
            except ValueError:
                return None
        return at - 1


@asynccontextmanager
async def traced() -> AsyncIterator[Trace]:
    trace = Trace()
    in_database = sync_to_async(sys.setprofile)  # in the thread where every crossing runs
    await in_database(trace.note)
    sys.setprofile(trace.note)
    try:
        yield trace
    finally:
        sys.setprofile(None)
        await in_database(None)


@cache
def name_of(code: CodeType) -> str:
    """Empty for what is not the product's."""
    if not code.co_filename.startswith(f"{ROOT}/"):
        return ""
    module = code.co_filename[len(f"{ROOT}/") :].removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return f"{module}:{code.co_qualname}" if module.partition(".")[0] in PACKAGES else ""


def _goes_on(frame: FrameType) -> bool:
    """Whether a coroutine or a generator is only resumed."""
    return bool(frame.f_code.co_flags & _RESUMED) and frame.f_lasti > _begin_of(frame.f_code)


@cache
def _begin_of(code: CodeType) -> int:
    return next(one.offset for one in dis.get_instructions(code) if one.opname == "RESUME")
