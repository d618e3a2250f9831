"""Makes a worker process fail: at a named point of its work, or with a wrong clock.

It hooks only what Django and the channel layer offer; the product's own code runs as it is. From the environment:
`FAULT_POINT=name:count` kills the process (SIGKILL) the count-th time the point is reached, or stops it there with
`FAULT_SIGNAL=STOP`; `FAULT_CLOCK_S` is how wrong its clock goes; the endpoint tells workers apart by `FAULT_KEY`.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

POINTS = ("before_the_call", "mid_stream", "in_the_transaction", "after_commit", "before_broadcast", "at_completion")
MID_STREAM_S = 0.1
"""How long after a flush the process ends in the middle of the stream; a flush comes every 0.15 s."""
_DELTA = ('INSERT INTO "artifacts_delta"', 'INSERT INTO "artifacts_draftdelta"')
_CLAIM = 'UPDATE "generation_generationtask"'
_STOP = 'UPDATE "artifacts_artifact"'


class Doom:
    """Counts how often its point was reached, and ends the process in time."""

    def __init__(self, point: str, count: int, fate: signal.Signals = signal.SIGKILL) -> None:
        self.point = point
        self.fate = fate
        self._left = count
        self._written: set[str] = set()

    def reached(self, name: str) -> None:
        if name != self.point:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), self.fate)
            time.sleep(1 if self.fate == signal.SIGSTOP else 60)  # it is on its way: nothing more may happen here

    def on_statement(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith(_DELTA):
            self._written.add("delta")
            self.reached("in_the_transaction")
        elif sql.startswith(_CLAIM) and "running" in (params or ()):
            self._written.add("claim")
        elif sql.startswith(_STOP) and "complete" in (params or ()):
            self.reached("at_completion")
        return result

    def on_commit(self) -> None:
        written, self._written = self._written, set()
        if "claim" in written:
            self.reached("before_the_call")
        if "delta" in written:
            self.reached("after_commit")
            if self.point == "mid_stream":
                threading.Timer(MID_STREAM_S, self.reached, ["mid_stream"]).start()


def arm(doom: Doom) -> None:
    from channels_redis.pubsub import RedisPubSubLoopLayer  # noqa: PLC0415
    from django.db.backends.base.base import BaseDatabaseWrapper  # noqa: PLC0415
    from django.db.backends.signals import connection_created  # noqa: PLC0415

    from artifacts.messaging.memory import MemoryLayer  # noqa: PLC0415

    def hook(sender: Any, connection: Any, **_: Any) -> None:
        if doom.on_statement not in connection.execute_wrappers:
            connection.execute_wrappers.append(doom.on_statement)

    connection_created.connect(hook, weak=False)
    hooks = BaseDatabaseWrapper.run_and_clear_commit_hooks

    def after_commit(self: Any) -> None:
        doom.on_commit()
        hooks(self)

    BaseDatabaseWrapper.run_and_clear_commit_hooks = after_commit  # type: ignore[method-assign]
    if doom.point in ("before_broadcast", "before_text_broadcast"):
        for layer in (RedisPubSubLoopLayer, MemoryLayer):
            layer.group_send = _doomed_send(layer.group_send, doom)


def _doomed_send(send: Callable[..., Any], doom: Doom) -> Callable[..., Any]:
    async def group_send(self: Any, group: str, message: dict[str, Any]) -> None:
        if group.startswith("artifact."):
            doom.reached("before_broadcast")
            if '"text":""' not in message["event"]:
                doom.reached("before_text_broadcast")
        await send(self, group, message)

    return group_send


def shift_clock(seconds: float) -> None:
    """Every clock that tells the date is wrong by so much; the one that measures durations is right."""
    right = time.time
    time.time = lambda: right() + seconds
    from django.utils import timezone  # noqa: PLC0415

    timezone.now = lambda: datetime.now(tz=UTC) + timedelta(seconds=seconds)


def prepare() -> None:
    """Import the product, so that a fork begins at once."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "streamgen.settings")
    import django  # noqa: PLC0415

    django.setup()
    import generation.management.commands.runworker  # noqa: PLC0415
    import generation.providers.openai_compatible.client  # noqa: F401, PLC0415


def run_doomed(arguments: list[str]) -> None:
    """The command, in the process that the environment's `FAULT_` variables make of this one."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "streamgen.settings")
    shift_s = float(os.environ.get("FAULT_CLOCK_S") or 0)
    if shift_s:
        shift_clock(shift_s)
    from django.conf import settings  # noqa: PLC0415
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    settings.OPENAI_API_KEY = os.environ.get("FAULT_KEY") or settings.OPENAI_API_KEY

    point, _, count = os.environ.get("FAULT_POINT", "").partition(":")
    if point:
        arm(Doom(point, int(count or 1), signal.Signals[f"SIG{os.environ.get('FAULT_SIGNAL', 'KILL')}"]))
    execute_from_command_line(arguments)
