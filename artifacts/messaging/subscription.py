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
from artifacts.messaging.events import ACCESS_TYPE, AccessChanged, Event
from artifacts.messaging.per_loop import PerLoop
from artifacts.operating import outages
from artifacts.operating.outages import OutageKind

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
LAYER_GROUP = "artifacts.layer"
"""Nothing is ever sent to it: as long as somebody has joined it, the layer is looked after."""


@dataclass(frozen=True, kw_only=True)
class Missed:
    """Events may have been lost: look at the database."""


Listener = Callable[[Event | Missed], None]
"""Called on the event loop; must return at once and not raise."""
AccessListener = Callable[[AccessChanged | Missed], None]
"""The same, for the group of changes of access."""


class _Membership:
    """One group, and who listens to it here."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.listeners: list[Callable[[Any], None]] = []
        self.joined = asyncio.Event()  # set while the layer has us in the group
        self.may_have_missed = False  # somebody listens since before it was joined

    def tell(self, news: Event | AccessChanged | Missed) -> None:
        for listener in list(self.listeners):
            try:
                listener(news)
            except Exception:  # a fault of one listener must not make the others deaf
                logger.exception("A listener failed group=%s", self.group)


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
        self._channel = ""  # empty: a new one is needed
        self._memberships: dict[str, _Membership] = {}
        self._to_discard: set[str] = set()
        self._is_away = False
        self._has_work = asyncio.Event()
        self._probe = _Probe()
        self._probed_at = 0.0
        self._is_asked = False  # somebody wants to know how the layer is now
        self._looked = asyncio.Event()
        self._joined_at = 0.0
        self._keeper: asyncio.Task[None] | None = None
        self._receiver: asyncio.Task[None] | None = None

    async def join(self, group: str, listener: Listener | AccessListener) -> None:
        """From its return on the listener is told what happens, or later that it may have missed something."""
        membership = self._memberships.setdefault(group, _Membership(group))
        membership.listeners.append(listener)
        self._to_discard.discard(group)
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())
        if not (membership.joined.is_set() or self._is_away):
            self._has_work.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(JOIN_WAIT_S):
                    await membership.joined.wait()
        if not membership.joined.is_set():
            membership.may_have_missed = True

    async def watch_layer(self) -> None:
        """From now on know whether the layer is there, although nobody listens to anything."""
        if LAYER_GROUP not in self._memberships:
            await self.join(LAYER_GROUP, _ignore)

    async def answers(self, within_s: float, *, fresh_s: float = 0.0) -> bool:
        """Whether the layer brings us what we send: looked at now, unless that was done `fresh_s` ago. Bounded."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + within_s
        await self.watch_layer()
        if not self._is_away and loop.time() - self._probed_at > fresh_s:
            self._looked.clear()
            self._is_asked = True
            self._has_work.set()
            try:
                async with asyncio.timeout_at(ends_at):
                    await self._looked.wait()
            except TimeoutError:
                return False
        return self.is_joined(LAYER_GROUP)

    def is_joined(self, group: str) -> bool:
        """Whether what is sent to the group reaches us, as far as is known."""
        membership = self._memberships.get(group)
        return membership is not None and membership.joined.is_set() and not self._is_away

    async def leave(self, group: str, listener: Listener | AccessListener) -> None:
        """The listener is told nothing more."""
        membership = self._memberships.get(group)
        if membership is None or listener not in membership.listeners:
            return
        membership.listeners.remove(listener)
        if not membership.listeners:
            del self._memberships[group]
            self._to_discard.add(group)
            self._has_work.set()

    async def close(self) -> None:
        """Hear nothing more at all."""
        tasks = [task for task in (self._keeper, self._receiver) if task is not None]
        self._keeper = self._receiver = None
        self._channel = ""
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # The keeper: one task that asks the layer for everything, one thing after the other

    async def _keep(self) -> None:
        shortest, longest = BACK_OFF_S
        back_off = shortest
        while True:
            _raise_lost_cancel()
            self._has_work.clear()
            try:
                await self._do_work()
            except Exception as error:  # whatever a layer's driver raises: it is tried again
                self._on_away(error)
                await asyncio.sleep(back_off * random.uniform(0.5, 1.0))
                back_off = min(back_off * 2, longest)
                continue
            back_off = shortest
            with suppress(TimeoutError):
                async with asyncio.timeout(self._probe_s if self._memberships else None):
                    await self._has_work.wait()

    async def _do_work(self) -> None:
        """Open a channel, join and leave groups, probe: whatever is due. Raises where the layer does."""
        now = asyncio.get_running_loop().time()
        if not self._channel:
            self._layer = self._find_layer()
            self._channel = await self._in_time(self._layer.new_channel())
            self._receiver = asyncio.create_task(self._receive())
        if now - self._joined_at > self._rejoin_s:
            self._joined_at = now
            self._forget_joined()
        for group, membership in list(self._memberships.items()):
            if not membership.joined.is_set():
                await self._add(group)
        while self._to_discard:
            await self._in_time(self._layer.group_discard(self._to_discard.pop(), self._channel))
        if self._is_away or self._is_asked or now - self._probed_at >= self._probe_s:
            self._is_asked = False
            await self._send_probe()
            self._probed_at = now
            outages.of_layer.answered()
        if self._is_away:
            self._on_back()
        if not self._is_asked:
            self._looked.set()

    async def _add(self, group: str) -> None:
        await self._in_time(self._layer.group_add(group, self._channel))
        membership = self._memberships.get(group)
        if membership is None:  # everybody left meanwhile
            return
        membership.joined.set()
        if membership.may_have_missed:
            membership.may_have_missed = False
            membership.tell(Missed())

    async def _send_probe(self) -> None:
        probe = self._probe
        if not probe.is_joined:
            await self._in_time(self._layer.group_add(probe.group, self._channel))
            probe.is_joined = True
        await self._in_time(self._layer.group_send(probe.group, probe.next_message()))
        try:
            await self._in_time(probe.came_back.wait())
        except TimeoutError:
            # The layer takes our messages and we do not hear them: this channel is deaf, the next one may not be.
            self._channel = ""
            if self._receiver is not None:
                self._receiver.cancel()
            raise

    def _on_away(self, error: Exception) -> None:
        outages.of_layer.failed(OutageKind.LAYER)
        self._is_away = True
        self._looked.set()
        self._forget_joined()

    def _on_back(self) -> None:
        self._is_away = False
        for membership in list(self._memberships.values()):
            membership.tell(Missed())

    def _forget_joined(self) -> None:
        """Every group has to be joined (again)."""
        self._probe.is_joined = False
        for membership in self._memberships.values():
            membership.joined.clear()

    async def _in_time(self, step: Awaitable[T]) -> T:
        async with asyncio.timeout(self._timeout_s):
            return await step

    # The receiver

    async def _receive(self) -> None:
        while True:
            try:
                message = await self._layer.receive(self._channel)
            except Exception as error:  # whatever a layer's driver raises: it is tried again
                self._on_away(error)
                await asyncio.sleep(BACK_OFF_S[1] * random.uniform(0.5, 1.0))
                continue
            if message.get("type") == PROBE_TYPE:
                self._probe.receive(message)
                continue
            try:
                news: Event | AccessChanged
                if message.get("type") == ACCESS_TYPE:
                    group, news = events.ACCESS_GROUP, events.decode_access(message)
                else:
                    news = events.decode_event(message)
                    # A process of another version names no group: it sends to viewers only.
                    group = message.get("group") or events.group(news.artifact)
            except (KeyError, TypeError, ValueError):
                logger.warning("A message that is not an event came over the channel layer.")
                continue
            if (membership := self._memberships.get(group)) is not None:
                membership.tell(news)


class _Probe:
    """A message that we send ourselves through the layer."""

    def __init__(self) -> None:
        self.group = f"artifacts.probe.{uuid.uuid4().hex}"
        self.is_joined = False
        self.came_back = asyncio.Event()
        self._number = 0

    def next_message(self) -> dict[str, object]:
        self._number += 1
        self.came_back.clear()
        return {"type": PROBE_TYPE, "number": self._number}

    def receive(self, message: dict[str, Any]) -> None:
        """An older one, which came late, says nothing."""
        if message.get("number") == self._number:
            self.came_back.set()


def _raise_lost_cancel() -> None:
    """A layer's driver may swallow the cancel of its caller; whoever ends the loop would wait for this task in vain."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _ignore(news: Event | Missed) -> None:
    pass


current = PerLoop(Subscription)
"""The running loop's subscription."""
