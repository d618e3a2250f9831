"""Hearing of artifacts through channel layers that work, fail, hang, forget and come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

from artifacts.messaging import subscription
from artifacts.messaging.events import Event, encode_event, group
from artifacts.messaging.subscription import Missed, Subscription
from tests.support.limits import WAIT_S
from tests.support.redis_server import RedisServer, redis_server

__all__ = ["redis_server"]

pytestmark = pytest.mark.asyncio

QUICK_S = 0.05


def event(seq: int, artifact: int = 1) -> Event:
    return Event(artifact=artifact, epoch=1, seq=seq, status="streaming")


class Ear:
    """A listener whose news can be awaited."""

    def __init__(self) -> None:
        self.news: asyncio.Queue[Event | Missed] = asyncio.Queue()

    def __call__(self, news: Event | Missed) -> None:
        self.news.put_nowait(news)

    async def receives(self, wanted: Event | Missed) -> None:
        """Passes over other news until the wanted comes."""
        async with asyncio.timeout(WAIT_S):
            while await self.news.get() != wanted:
                pass


class FaultyLayer(InMemoryChannelLayer):
    """The in-memory layer; while `fault` is set, every call does that first."""

    def __init__(self) -> None:
        super().__init__(capacity=1_000)
        self.fault: Callable[[], Any] | None = None

    async def _suffer(self) -> None:
        if self.fault is not None:
            await self.fault()

    async def new_channel(self, prefix: str = "specific.") -> str:
        await self._suffer()
        return str(await super().new_channel(prefix))

    async def group_add(self, group: str, channel: str) -> None:
        await self._suffer()
        await super().group_add(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        await self._suffer()
        await super().group_discard(group, channel)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await self._suffer()
        await super().group_send(group, message)


async def refuse() -> None:
    raise ConnectionError("away")


async def hang() -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def subscribed(layer: Any) -> AsyncIterator[Subscription]:
    subscription = Subscription(lambda: layer, probe_s=QUICK_S, timeout_s=0.2)
    yield subscription
    await subscription.close()


async def broadcast(layer: Any, news: Event) -> None:
    await layer.group_send(group(news.artifact), encode_event(news))


async def receives_again(layer: Any, ear: Ear, news: Event) -> None:
    """The layer drops what is sent while nobody is joined, so the news is sent until it is heard."""
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                await broadcast(layer, news)
                async with asyncio.timeout(0.2):
                    await ear.receives(news)
                return
            except (TimeoutError, ConnectionError):
                continue


async def test_listener_hears_its_artifact_from_the_join_on_and_nothing_after_leaving() -> None:
    layer = FaultyLayer()
    async with subscribed(layer) as subscription:
        first, second = Ear(), Ear()
        await subscription.join(group(1), first)
        await subscription.join(group(1), second)
        await broadcast(layer, event(1, artifact=2))
        await broadcast(layer, event(1))
        await first.receives(event(1))
        await second.receives(event(1))
        await subscription.leave(group(1), first)
        await broadcast(layer, event(2))
        await second.receives(event(2))
        assert first.news.empty()


async def test_group_is_left_with_its_last_listener_and_joined_again_with_the_next() -> None:
    layer = FaultyLayer()
    async with subscribed(layer) as subscription:
        ear = Ear()
        await subscription.join(group(1), ear)
        assert group(1) in layer.groups
        await subscription.leave(group(1), ear)
        await subscription.join(group(2), ear)  # what was left before is done before
        assert group(1) not in layer.groups
        await subscription.join(group(1), ear)
        await broadcast(layer, event(3))
        await ear.receives(event(3))


async def test_leaving_what_was_never_joined_changes_nothing() -> None:
    async with subscribed(FaultyLayer()) as subscription:
        await subscription.leave(group(1), Ear())


async def test_fault_of_one_listener_does_not_make_the_others_deaf(caplog: pytest.LogCaptureFixture) -> None:
    layer = FaultyLayer()
    async with subscribed(layer) as subscription:
        ear = Ear()

        def broken(news: Event | Missed) -> None:
            raise ZeroDivisionError

        await subscription.join(group(1), broken)
        await subscription.join(group(1), ear)
        for seq in (1, 2):
            await broadcast(layer, event(seq))
            await ear.receives(event(seq))
    assert "A listener failed group=artifact.1" in caplog.text


async def test_message_that_is_no_event_is_passed_over() -> None:
    layer = FaultyLayer()
    async with subscribed(layer) as subscription:
        ear = Ear()
        await subscription.join(group(1), ear)
        for message in ({"type": "x"}, {"type": "x", "event": "{"}, {"type": "x", "event": '{"unknown":1}'}):
            await layer.group_send(group(1), message)
        await broadcast(layer, event(1))
        await ear.receives(event(1))


@pytest.mark.parametrize("fault", [refuse, hang])
async def test_join_returns_soon_while_the_layer_is_away_and_listeners_are_told_when_it_is_back(
    fault: Callable[[], Any],
) -> None:
    layer = FaultyLayer()
    layer.fault = fault
    async with subscribed(layer) as subscription:
        ear = Ear()
        async with asyncio.timeout(WAIT_S):
            await subscription.join(group(1), ear)
        assert ear.news.empty()
        layer.fault = None
        await ear.receives(Missed())
        await broadcast(layer, event(1))
        await ear.receives(event(1))


async def test_join_does_not_wait_for_a_slow_layer_and_the_listener_is_told_once_it_has_joined() -> None:
    layer, may_join = FaultyLayer(), asyncio.Event()
    layer.fault = may_join.wait
    subscription = Subscription(lambda: layer, timeout_s=WAIT_S)
    ear = Ear()
    async with asyncio.timeout(WAIT_S / 2):
        await subscription.join(group(1), ear)
    assert ear.news.empty()
    may_join.set()
    await ear.receives(Missed())
    await broadcast(layer, event(1))
    await ear.receives(event(1))
    await subscription.close()


@pytest.mark.parametrize("fault", [refuse, hang])
async def test_layer_that_fails_later_makes_everybody_look_at_the_database(fault: Callable[[], Any]) -> None:
    layer = FaultyLayer()
    async with subscribed(layer) as subscription:
        ears = [Ear(), Ear()]
        for number, ear in enumerate(ears):
            await subscription.join(group(number), ear)
        layer.fault = fault
        async with asyncio.timeout(WAIT_S):  # it takes a probe to find out; a join of that moment is told later
            await subscription.join(group(7), ears[0])
            await subscription.leave(group(7), ears[0])
        layer.fault = None
        for number, ear in enumerate(ears):
            await ear.receives(Missed())
            await receives_again(layer, ear, event(5, artifact=number))


async def test_layer_that_silently_forgets_its_groups_is_found_out() -> None:
    layer = FaultyLayer()
    async with subscribed(layer) as subscription:
        ear = Ear()
        await subscription.join(group(1), ear)
        layer.groups.clear()
        await ear.receives(Missed())
        await receives_again(layer, ear, event(1))


async def test_layer_that_forgets_everything_is_found_out() -> None:
    layer = FaultyLayer()
    async with subscribed(layer) as subscription:
        ear = Ear()
        await subscription.join(group(1), ear)
        await layer.flush()
        await ear.receives(Missed())
        await receives_again(layer, ear, event(1))


async def test_layer_that_cannot_even_be_made_is_tried_again() -> None:
    layers: list[Any] = []

    def find() -> Any:
        if not layers:
            raise ImportError("no such backend")
        return layers[0]

    subscription = Subscription(find, probe_s=QUICK_S, timeout_s=0.2)
    ear = Ear()
    await subscription.join(group(1), ear)
    layers.append(FaultyLayer())
    await ear.receives(Missed())
    await subscription.close()


async def test_membership_is_renewed_before_the_layer_lets_it_expire() -> None:
    class Noting(FaultyLayer):
        joined = asyncio.Queue[str]()

        async def group_add(self, group: str, channel: str) -> None:
            await super().group_add(group, channel)
            self.joined.put_nowait(group)

    layer = Noting()
    subscription = Subscription(lambda: layer, probe_s=QUICK_S, rejoin_s=2 * QUICK_S)
    ear, times = Ear(), 0
    await subscription.join(group(1), ear)
    async with asyncio.timeout(WAIT_S):
        while times < 3:
            times += await layer.joined.get() == group(1)
    assert ear.news.empty(), "nothing was missed"
    await subscription.close()


async def test_each_event_loop_has_one_subscription() -> None:
    assert subscription.current() is subscription.current()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_redis_that_is_killed_and_comes_back_empty_is_heard_again(redis_server: RedisServer) -> None:
    layer = RedisPubSubChannelLayer(hosts=[redis_server.url])
    async with subscribed(layer) as subscription:
        ear = Ear()
        await subscription.join(group(1), ear)
        await broadcast(layer, event(1))
        await ear.receives(event(1))
        redis_server.kill()
        late = Ear()
        async with asyncio.timeout(WAIT_S):
            await subscription.join(group(2), late)
        redis_server.start()
        await ear.receives(Missed())
        await late.receives(Missed())
        await receives_again(layer, ear, event(2))
        await receives_again(layer, late, event(2, artifact=2))
    await layer.flush()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_redis_that_hangs_is_noticed_and_heard_again(redis_server: RedisServer) -> None:
    layer = RedisPubSubChannelLayer(hosts=[redis_server.url])
    async with subscribed(layer) as subscription:
        ear = Ear()
        await subscription.join(group(1), ear)
        redis_server.hold()
        async with asyncio.timeout(WAIT_S):
            await subscription.join(group(2), Ear())
        redis_server.go_on()
        await ear.receives(Missed())
        await receives_again(layer, ear, event(2))
    await layer.flush()


async def test_who_asks_for_the_layer_is_told_how_it_is_now_and_not_how_it_was_at_the_last_probe():
    layer = FaultyLayer()
    ours = Subscription(lambda: layer, probe_s=3_600, timeout_s=WAIT_S)
    assert await ours.answers(WAIT_S)

    layer.fault = hang
    assert not await ours.answers(QUICK_S)
    layer.fault = refuse
    assert await ours.answers(WAIT_S, fresh_s=3_600)  # as it was found
    await ours.close()

    ours = Subscription(lambda: layer, probe_s=3_600)
    assert not await ours.answers(WAIT_S)
    layer.fault = None
    async with asyncio.timeout(WAIT_S):
        while not await ours.answers(WAIT_S):
            await asyncio.sleep(QUICK_S)
    await ours.close()
