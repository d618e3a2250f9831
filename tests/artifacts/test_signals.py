"""What is broadcast: one event for every committed write, after its commit and in order; and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from channels.layers import BaseChannelLayer, get_channel_layer
from django.db import transaction

from artifacts import signals
from artifacts.lifecycle import commands, writing
from artifacts.messaging import outbox
from artifacts.messaging.events import Event, decode_event, encode_event, group, writer_group
from artifacts.models import Artifact, StopRequest
from generation.reasons import StopReason
from tests.support import documents
from tests.support.documents import Draft, row
from tests.support.limits import WAIT_S

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


class Listener:
    """A member of one artifact's group."""

    def __init__(self, layer: BaseChannelLayer, channel: str) -> None:
        self._layer = layer
        self._channel = channel

    async def next(self) -> Event:
        async with asyncio.timeout(WAIT_S):
            return decode_event(await self._layer.receive(self._channel))

    async def take(self, count: int) -> list[Event]:
        return [await self.next() for _ in range(count)]


async def listen(pk: int, group_of: Callable[[int], str] = group) -> Listener:
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(group_of(pk), channel)
    return Listener(layer, channel)


@pytest_asyncio.fixture(params=["attached loop", "no attached loop"], autouse=True)
async def _every_way_out(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Writers in a server or a worker have a loop to hand events to; a command has none."""
    if request.param == "attached loop":
        outbox.attach()
    yield
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=3)


async def run(verb: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return await database_sync_to_async(verb)(*args, **kwargs)


async def test_event_says_what_was_committed():
    draft: Draft = await run(documents.opened)
    listener = await listen(draft.pk)

    await run(draft.append, "Once é", tokens=3)
    await run(commands.request_stop, draft.pk, StopRequest.PAUSE)

    first, second = await listener.take(2)
    always = {"artifact": draft.pk, "epoch": 1, "status": "streaming", "fence": 1, "length": 6, "tokens": 3}
    assert first == Event(**always, seq=3, offset=0, text="Once é", state_changed=False)
    assert second == Event(**always, seq=4, offset=6, stop_requested="pause", state_changed=True)


async def test_events_of_a_whole_life_join_to_the_text_and_seq_only_grows():
    artifact: Artifact = await run(documents.idle)
    listener = await listen(artifact.pk)

    def live() -> int:
        commands.plan(artifact.pk, documents.sections(1), "")
        draft = documents.reopened(artifact.pk)
        draft.begin(0)
        draft.append("Once ")
        writing.wait(draft.pk, fence=draft.fence, detail="waiting", lease_s=60)
        draft.release("upon ")
        draft = documents.reopened(artifact.pk)
        draft.stop("a ", StopReason.DEADLINE)
        commands.resume(draft.pk)
        draft = documents.reopened(artifact.pk)
        draft.end_section(0, "time")
        draft.complete()
        return row(artifact.pk).seq

    total = await run(live)
    events = await listener.take(total)

    assert [event.seq for event in events] == list(range(1, total + 1))
    assert "".join(event.text for event in events) == (await run(lambda: row(artifact.pk).text)) == "Once upon a time"
    assert all(event.offset + len(event.text) == event.length for event in events)
    assert [event.status for event in events][-1] == "complete"


async def test_writer_hears_what_may_stop_it_and_none_of_its_own_flushes():
    artifact: Artifact = await run(documents.idle)
    listener = await listen(artifact.pk, writer_group)

    def live() -> None:
        commands.plan(artifact.pk, documents.sections(1), "")
        draft = documents.reopened(artifact.pk)
        draft.begin(0)
        draft.append("Once ")
        writing.wait(draft.pk, fence=draft.fence, detail="waiting", lease_s=60)
        draft.append("upon ")
        draft.end_section(0, "time")
        commands.request_stop(draft.pk, StopRequest.CANCEL)
        draft.stop("", StopReason.DEADLINE)
        commands.delete(draft.pk)

    await run(live)

    news = [(event.status, event.fence, event.stop_requested, event.deleted) for event in await listener.take(5)]
    assert news == [
        ("streaming", 0, "", False),
        ("streaming", 1, "", False),
        ("streaming", 1, "cancel", False),
        ("cancelled", 2, "", False),
        ("", 0, "", True),
    ]


async def test_regenerate_and_restore_tell_the_new_epoch():
    artifact: Artifact = await run(documents.complete, "Old")
    listener = await listen(artifact.pk)

    await run(commands.reset, artifact.pk, documents.sections(1), "")
    reset = await listener.next()

    assert (reset.epoch, reset.length, reset.text, reset.status) == (2, 0, "", "streaming")
    assert reset.seq == artifact.seq + 1


async def test_nothing_is_sent_before_the_commit_and_nothing_after_a_rollback():
    draft: Draft = await run(documents.opened)
    listener = await listen(draft.pk)
    marker = Event(artifact=draft.pk, epoch=0, seq=0, status="", text="sent inside the transaction")

    def rolled_back() -> None:
        with transaction.atomic():
            draft.append("never")
            transaction.set_rollback(True)

    def committed() -> None:
        with transaction.atomic():
            draft.append("Once")
            async_to_sync(get_channel_layer().group_send)(group(draft.pk), encode_event(marker))
            draft.append(" upon")

    await run(rolled_back)
    await run(committed)

    assert [(event.seq, event.text) for event in await listener.take(3)] == [
        (0, "sent inside the transaction"),
        (3, "Once"),
        (4, " upon"),
    ]


async def test_saves_that_no_viewer_could_see_send_nothing():
    draft: Draft = await run(documents.opened)
    listener = await listen(draft.pk)

    def quiet() -> None:
        writing.renew(draft.pk, fence=draft.fence, lease_s=60)
        writing.save_preview(draft.pk, epoch=1, length=0, html="<p>")
        artifact = row(draft.pk)
        artifact.title = "Another title"
        artifact.save(update_fields=["title"])
        artifact.save()
        Artifact.objects.create(project=artifact.project, phase="prd", title="Fresh")

    await run(quiet)
    await run(draft.append, "Once")

    assert (await listener.next()).text == "Once"


@pytest.mark.parametrize("delete", [lambda pk: commands.delete(pk), lambda pk: row(pk).project.delete()])
async def test_deletion_is_the_last_event(delete):
    draft: Draft = await run(documents.opened)
    await run(draft.append, "Once")
    listener = await listen(draft.pk)

    await run(delete, draft.pk)

    event = await listener.next()
    assert (event.artifact, event.deleted, event.status, event.text) == (draft.pk, True, "", "")
    assert event.seq == 4


class RaisingLayer(BaseChannelLayer):  # type: ignore[misc]  # Channels has no types
    """A layer whose server is away."""

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        raise ConnectionRefusedError("nobody listens on that port")


LAYERS = {
    "raises": {"default": {"BACKEND": "tests.artifacts.test_signals.RaisingLayer"}},
    "cannot be made": {"default": {"BACKEND": "tests.artifacts.test_signals.NoSuchLayer"}},
    "is not set up": {},
}


@pytest.mark.parametrize("layer", LAYERS)
async def test_broken_layer_never_reaches_the_writer(layer, settings, caplog):
    settings.CHANNEL_LAYERS = LAYERS[layer]

    def write() -> str:
        draft = documents.opened()
        draft.append("Once")
        commands.request_stop(draft.pk, StopRequest.CANCEL)
        draft.stop(" upon")
        return row(draft.pk).text

    assert await run(write) == "Once upon"
    assert not [record for record in caplog.records if record.exc_info]


async def test_encoded_event_comes_back_as_it_was():
    event = Event(artifact=1, epoch=2, seq=3, status="streaming", offset=4, text='é𝄞"\n\u2028', length=9, tokens=5)

    message = encode_event(event)

    assert message["type"] == "artifact.event"
    assert decode_event(message) == event
    assert group(7) == "artifact.7"


async def test_receivers_are_connected_once_although_asked_twice():
    signals.connect()
    draft: Draft = await run(documents.opened)
    listener = await listen(draft.pk)

    await run(partial(draft.append, "Once"))
    await run(partial(draft.append, " upon"))

    assert [event.text for event in await listener.take(2)] == ["Once", " upon"]
