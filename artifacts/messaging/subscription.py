"""How this process hears of artifacts: one channel of the channel layer, joined to groups on demand, local listeners.

It never blocks its callers and never raises into them. Whatever the layer does, it goes on trying; once it hears again,
every listener is told that it may have missed something. It must not look at the database: that is the listener's.
"""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from channels.layers import get_channel_layer

from artifacts.messaging import events
from artifacts.messaging.events import Event
from artifacts.messaging.per_loop import PerLoop

logger = logging.getLogger(__name__)

T = TypeVar("T")

JOIN_WAIT_S = 0.5
"""`join` waits so long for the layer; one that joins later has the listener told that it may have missed something."""
LAYER_TIMEOUT_S = 2.0
PROBE_S = 5.0
"""So often we send ourselves a message: a layer may lose its subscriptions without a word."""
REJOIN_S = 3_600.0
"""Layers drop members of a group after a day."""
BACK_OFF_S = (0.2, 5.0)
"""Shortest and longest pause before the layer is tried again."""

PROBE_TYPE = "artifact.probe"


@dataclass(frozen=True, kw_only=True)
class Missed:
    """Events may have been lost: look at the database."""


Listener = Callable[[Event | Missed], None]
"""Called on the event loop; must return at once and not raise."""


class Subscription:
    """One per event loop; `current()` has it. `layer` is asked for the channel layer at each new beginning."""

    def __init__(
        self,
        layer: Callable[[], Any] = get_channel_layer,
        *,
        probe_s: float = PROBE_S,
        timeout_s: float = LAYER_TIMEOUT_S,
        rejoin_s: float = REJOIN_S,
    ) -> None:
        self._find_layer = layer
        self._probe_s = probe_s
        self._timeout_s = timeout_s
        self._rejoin_s = rejoin_s
        self._layer: Any = None
        self._channel = ""
        self._listeners: dict[int, list[Listener]] = {}
        self._memberships: dict[int, asyncio.Event] = {}
        self._left: set[int] = set()
        self._unsure: set[int] = set()
        self._is_away = False
        self._work = asyncio.Event()
        self._echo = asyncio.Event()
        self._probe_group = f"artifacts.probe.{uuid.uuid4().hex}"
        self._probe_number = 0
        self._is_probe_joined = False
        self._probed_at = 0.0
        self._joined_at = 0.0
        self._keeper: asyncio.Task[None] | None = None
        self._receiver: asyncio.Task[None] | None = None

    async def join(self, artifact_id: int, listener: Listener) -> None:
        """From its return on the listener hears of the artifact, or is told later that it may have missed something."""
        self._listeners.setdefault(artifact_id, []).append(listener)
        self._left.discard(artifact_id)
        membership = self._memberships.setdefault(artifact_id, asyncio.Event())
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())
        if membership.is_set():
            return
        if not self._is_away:
            self._work.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(JOIN_WAIT_S):
                    await membership.wait()
        if not membership.is_set():
            self._unsure.add(artifact_id)

    async def leave(self, artifact_id: int, listener: Listener) -> None:
        """The listener hears nothing more."""
        listeners = self._listeners.get(artifact_id, [])
        if listener in listeners:
            listeners.remove(listener)
        if not listeners and self._listeners.pop(artifact_id, None) is not None:
            self._memberships.pop(artifact_id)
            self._unsure.discard(artifact_id)
            self._left.add(artifact_id)
            self._work.set()

    async def close(self) -> None:
        """Hear nothing more at all."""
        tasks = [task for task in (self._keeper, self._receiver) if task is not None]
        self._keeper = self._receiver = None
        self._channel = ""
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # The keeper: one task that does everything the layer must be asked for, one thing after the other

    async def _keep(self) -> None:
        shortest, longest = BACK_OFF_S
        back_off = shortest
        while True:
            _raise_lost_cancel()
            self._work.clear()
            try:
                await self._look_after()
            except Exception as error:  # whatever a layer's driver raises: it is tried again
                self._fell_away(error)
                await asyncio.sleep(back_off * random.uniform(0.5, 1.0))
                back_off = min(back_off * 2, longest)
                continue
            back_off = shortest
            with suppress(TimeoutError):
                async with asyncio.timeout(self._probe_s if self._listeners else None):
                    await self._work.wait()

    async def _look_after(self) -> None:
        now = asyncio.get_running_loop().time()
        if not self._channel:
            self._layer = self._find_layer()
            self._channel = await self._in_time(self._layer.new_channel())
            self._receiver = asyncio.create_task(self._receive())
        if now - self._joined_at > self._rejoin_s:
            self._joined_at, self._is_probe_joined = now, False
            for membership in self._memberships.values():
                membership.clear()
        for artifact_id in [known for known, membership in self._memberships.items() if not membership.is_set()]:
            await self._add(artifact_id)
        while self._left:
            await self._in_time(self._layer.group_discard(events.group(self._left.pop()), self._channel))
        if self._is_away or now - self._probed_at >= self._probe_s:
            await self._probe()
            self._probed_at = now
        if self._is_away:
            self._came_back()

    async def _add(self, artifact_id: int) -> None:
        await self._in_time(self._layer.group_add(events.group(artifact_id), self._channel))
        membership = self._memberships.get(artifact_id)
        if membership is None:  # everybody left meanwhile
            return
        membership.set()
        if artifact_id in self._unsure:
            self._unsure.discard(artifact_id)
            self._tell(artifact_id, Missed())

    async def _probe(self) -> None:
        if not self._is_probe_joined:
            await self._in_time(self._layer.group_add(self._probe_group, self._channel))
            self._is_probe_joined = True
        self._probe_number += 1
        self._echo.clear()
        await self._in_time(
            self._layer.group_send(self._probe_group, {"type": PROBE_TYPE, "number": self._probe_number})
        )
        try:
            await self._in_time(self._echo.wait())
        except TimeoutError:
            # The layer takes our messages and we do not hear them: this channel is deaf, the next one may not be.
            self._channel = ""
            if self._receiver is not None:
                self._receiver.cancel()
            raise

    def _fell_away(self, error: Exception) -> None:
        if not self._is_away:
            logger.warning("The channel layer is away, news comes from the database: %s", type(error).__name__)
        self._is_away = True
        self._is_probe_joined = False
        for membership in self._memberships.values():
            membership.clear()

    def _came_back(self) -> None:
        logger.info("The channel layer is back.")
        self._is_away = False
        for artifact_id in list(self._listeners):
            self._tell(artifact_id, Missed())

    async def _in_time(self, step: Awaitable[T]) -> T:
        async with asyncio.timeout(self._timeout_s):
            return await step

    # The receiver

    async def _receive(self) -> None:
        while True:
            try:
                message = await self._layer.receive(self._channel)
            except Exception as error:  # whatever a layer's driver raises: it is tried again
                self._fell_away(error)
                await asyncio.sleep(BACK_OFF_S[1] * random.uniform(0.5, 1.0))
                continue
            if message.get("type") == PROBE_TYPE:
                if message.get("number") == self._probe_number:
                    self._echo.set()
                continue
            try:
                event = events.decode(message)
            except (KeyError, TypeError, ValueError):
                logger.warning("A message that is not an event came over the channel layer.")
                continue
            self._tell(event.artifact, event)

    def _tell(self, artifact_id: int, news: Event | Missed) -> None:
        for listener in list(self._listeners.get(artifact_id, ())):
            try:
                listener(news)
            except Exception:  # a fault of one listener must not make the others deaf
                logger.exception("A listener failed artifact=%s", artifact_id)


def _raise_lost_cancel() -> None:
    """A layer's driver may swallow the cancel of its caller; whoever ends the loop would wait for this task in vain."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


current = PerLoop(Subscription)
"""The running loop's subscription."""
