"""The feed of one document: what it hears, what it reads, and that it goes when nobody watches."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.layers import InMemoryChannelLayer
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from artifacts.lifecycle import commands
from artifacts.live import feed
from artifacts.live.feed import Feed, Feeds, load_snapshot, poll_heads
from artifacts.live.replica import Replica
from artifacts.messaging.events import Event, group
from artifacts.messaging.subscription import Subscription
from artifacts.models import StopRequest
from artifacts.preview import render
from tests.support import documents
from tests.support.watching import Watching

OFTEN_S = 0.05
SELDOM_S = 3_600.0


class DeafLayer(InMemoryChannelLayer):
    """Drops every event, as layers may."""

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        pass


@asynccontextmanager
async def feeds(layer: Any = None, *, poll_s: float = SELDOM_S) -> AsyncIterator[Feeds]:
    heard = Subscription(lambda: layer) if layer is not None else Subscription()
    yield Feeds(subscription=heard, poll_s=poll_s, preview_s=0.01)
    await heard.close()


async def opened() -> documents.Draft:
    draft: documents.Draft = await database_sync_to_async(documents.opened)()
    await write(draft.begin, 0)
    return draft


async def write(verb: Callable[..., object], *arguments: object, **options: object) -> None:
    await database_sync_to_async(verb)(*arguments, **options)


def text_of(watched: Feed) -> str:
    return watched.replica.transcript.cut(0, watched.replica.length)


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
class TestFollowing:
    async def test_events_bring_text_and_a_change_of_state_is_looked_up(self) -> None:
        draft, watcher = await opened(), Watching()
        async with feeds() as all_feeds:
            watched = all_feeds.enter(draft.pk, watcher)
            await watcher.until(lambda: watched.replica.epoch)
            await write(draft.append, "Hello")
            await watcher.until(lambda: text_of(watched) == "Hello")
            await write(draft.end_section, 0, " world", tokens=7)
            state = await watcher.until(
                lambda: watched.replica.state if watched.replica.state["sections_completed"] else None
            )
            assert text_of(watched) == "Hello world"
            assert state["sections"][0]["tokens"] == 7
            await all_feeds.leave(watched, watcher)

    async def test_writer_whose_events_never_come_is_seen_within_a_glance(self) -> None:
        draft, watcher = await opened(), Watching()
        async with feeds(DeafLayer(), poll_s=OFTEN_S) as all_feeds:
            watched = all_feeds.enter(draft.pk, watcher)
            await watcher.until(lambda: watched.replica.epoch)
            await write(draft.append, "Hello")
            await watcher.until(lambda: text_of(watched) == "Hello")
            await write(draft.stop, " world")
            await watcher.until(lambda: watched.replica.state["status"] == "paused")
            assert text_of(watched) == "Hello world"
            await all_feeds.leave(watched, watcher)

    async def test_what_was_heard_of_meanwhile_is_not_read_again(self) -> None:
        draft, watcher = await opened(), Watching()
        async with feeds(DeafLayer()) as all_feeds:
            watched = all_feeds.enter(draft.pk, watcher)
            await watcher.until(lambda: watched.replica.epoch)
            (epoch, seq), status = watched.head, watched.replica.state["status"]
            await write(draft.append, "Hello")
            news = {"status": status, "text": "Hello", "length": 5, "state_changed": False}
            watched.on_news(Event(artifact=draft.pk, epoch=epoch, seq=seq + 1, **news))
            await write(draft.append, " world")
            watched.apply_head((epoch, seq), before=(epoch, seq))
            await write(lambda: None)  # behind a reading, if there is one
            assert text_of(watched) == "Hello"
            watched.apply_head((epoch, seq + 2), before=(epoch, seq + 1))
            await watcher.until(lambda: text_of(watched) == "Hello world")
            await all_feeds.leave(watched, watcher)

    async def test_new_epoch_replaces_the_text(self) -> None:
        draft, watcher = await opened(), Watching()
        await write(draft.stop, "Old")
        async with feeds() as all_feeds:
            watched = all_feeds.enter(draft.pk, watcher)
            await watcher.until(lambda: text_of(watched) == "Old")
            await write(commands.reset, draft.pk, documents.sections(), "")
            await watcher.until(lambda: watched.replica.epoch == 2)
            assert text_of(watched) == ""
            await all_feeds.leave(watched, watcher)

    @pytest.mark.parametrize("layer", [None, DeafLayer()], ids=["heard", "unheard"])
    async def test_deleted_document_is_gone(self, layer: Any) -> None:
        draft, watcher = await opened(), Watching()
        async with feeds(layer, poll_s=OFTEN_S) as all_feeds:
            watched = all_feeds.enter(draft.pk, watcher)
            await watcher.until(lambda: watched.replica.epoch)
            await write(commands.delete, draft.pk)
            await watcher.until(lambda: watched.replica.is_gone)
            await all_feeds.leave(watched, watcher)

    async def test_tokens_alone_are_shown_with_the_glance(self) -> None:
        draft, watcher = await opened(), Watching()
        async with feeds(poll_s=OFTEN_S) as all_feeds:
            watched = all_feeds.enter(draft.pk, watcher)
            await watcher.until(lambda: watched.replica.epoch)
            await write(draft.append, "Hello", tokens=3)
            await watcher.until(lambda: watched.replica.state["tokens_generated"] == 3)
            await all_feeds.leave(watched, watcher)

    async def test_viewers_of_one_document_share_a_feed_and_the_last_one_takes_it_along(self) -> None:
        draft, first, second = await opened(), Watching(), Watching()
        layer = InMemoryChannelLayer()
        async with feeds(layer) as all_feeds:
            watched = all_feeds.enter(draft.pk, first)
            assert all_feeds.enter(draft.pk, second) is watched
            await first.until(lambda: watched.replica.epoch)
            assert group(draft.pk) in layer.groups
            await all_feeds.leave(watched, first)
            assert all_feeds.enter(draft.pk, first) is watched
            await all_feeds.leave(watched, first)
            await all_feeds.leave(watched, second)
            other = all_feeds.enter(draft.pk, first)
            assert other is not watched
            await first.until(lambda: other.replica.epoch)
            await all_feeds.leave(other, first)

    async def test_feed_that_is_left_before_it_began_leaves_no_listener_behind(self) -> None:
        draft, watcher, layer = await opened(), Watching(), InMemoryChannelLayer()
        async with feeds(layer) as all_feeds:
            await all_feeds.leave(all_feeds.enter(draft.pk, watcher), watcher)
            other = await opened()
            watched = all_feeds.enter(other.pk, watcher)
            await watcher.until(lambda: watched.replica.epoch)
            assert set(layer.groups) & {group(draft.pk), group(other.pk)} == {group(other.pk)}
            await all_feeds.leave(watched, watcher)

    async def test_database_that_is_away_only_delays(self) -> None:
        draft, watcher = await opened(), Watching()
        failures = list[str]()

        def fail(execute: Any, sql: str, *rest: Any) -> Any:
            failures.append(sql)
            if len(failures) > 3:
                connection.execute_wrappers.remove(fail)
            raise OperationalError("away")

        async with feeds(DeafLayer(), poll_s=OFTEN_S) as all_feeds:
            await database_sync_to_async(lambda: connection.execute_wrappers.append(fail))()
            watched = all_feeds.enter(draft.pk, watcher)
            await watcher.until(lambda: watched.replica.epoch)
            assert len(failures) > 3
            await all_feeds.leave(watched, watcher)


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
class TestPreview:
    async def test_preview_exists_while_an_html_viewer_is_there_only(self) -> None:
        draft, reads_text, reads_html = await opened(), Watching(), Watching(shows_html=True)
        await write(draft.append, "Hello *world*\n\nSecond")
        async with feeds() as all_feeds:
            watched = all_feeds.enter(draft.pk, reads_text)
            await reads_text.until(lambda: watched.replica.epoch)
            assert watched.replica.page is None
            all_feeds.enter(draft.pk, reads_html)
            page = await reads_html.until(lambda: watched.replica.page)
            assert "<em>world</em>" in "".join(page.fragments)
            await all_feeds.leave(watched, reads_html)
            assert watched.replica.page is None
            await write(draft.append, " line")
            await reads_text.until(lambda: text_of(watched).endswith("line"))
            assert watched.replica.page is None
            await all_feeds.leave(watched, reads_text)

    async def test_final_preview_is_the_rendered_document(self) -> None:
        draft, watcher = await opened(), Watching(shows_html=True)
        async with feeds() as all_feeds:
            watched = all_feeds.enter(draft.pk, watcher)
            await write(draft.append, "# Title\n\n- one\n- two\n\n")
            await write(commands.request_stop, draft.pk, StopRequest.CANCEL)
            await write(draft.stop, "`code` and **bold")
            page = await watcher.until(
                lambda: watched.replica.page if watched.replica.page and watched.replica.page.is_final else None
            )
            assert page.tail == ""
            assert "".join("".join(page.fragments).split()) == "".join(render(text_of(watched)).split())
            await all_feeds.leave(watched, watcher)


@pytest.mark.django_db
class TestLooking:
    def test_look_reads_only_what_is_missing(self) -> None:
        draft = documents.opened()
        draft.append("Hello")
        draft.append(" world")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            found = load_snapshot(draft.pk, 1, 5)
        assert found is not None
        assert (found.begin, found.text.cut(0, found.text.length), found.length) == (5, " world", 11)
        assert not any('"content"' in query["sql"] for query in queries)

    @pytest.mark.parametrize(("epoch", "have"), [(0, 0), (2, 5), (1, 12), (1, 0)])
    def test_look_of_another_epoch_or_beyond_the_text_reads_it_whole(self, epoch: int, have: int) -> None:
        draft = documents.opened()
        draft.append("Hello")
        draft.append(" world")
        found = load_snapshot(draft.pk, epoch, have)
        assert found is not None
        assert (found.epoch, found.begin, found.text.cut(0, found.text.length)) == (1, 0, "Hello world")

    def test_look_at_a_restored_document_reads_it_whole(self) -> None:
        artifact = documents.complete("One", "Two")
        text = artifact.text
        commands.reset(artifact.pk, documents.sections(), "")
        documents.reopened(artifact.pk).stop("x")
        commands.restore(artifact.pk, documents.row(artifact.pk).versions.get(epoch=1).pk)
        found = load_snapshot(artifact.pk, 2, 1)
        assert found is not None
        assert (found.epoch, found.text.cut(0, found.text.length)) == (3, text)

    def test_look_at_what_is_not_there_is_none(self) -> None:
        assert load_snapshot(10**6, 0, 0) is None

    def test_glance_is_one_query_for_any_number_of_documents(self, django_assert_num_queries: Any) -> None:
        known = [documents.opened().pk, documents.idle().pk]
        with django_assert_num_queries(1):
            seen = poll_heads([*known, 10**6])
        assert seen == {known[0]: (1, 2), known[1]: (1, 0), 10**6: None}


@pytest.mark.asyncio
async def test_each_event_loop_has_its_own_feeds() -> None:
    assert feed.current() is feed.current()


def test_looks_at_a_document_that_is_written_and_written_anew_are_whole(every_database: str) -> None:
    """Each look belongs to one moment, although it takes several queries."""
    draft = documents.opened()
    pk, pieces = draft.pk, [f"{number:>1000}" for number in range(30)]
    is_done = threading.Event()

    def write_it() -> None:
        writer = draft
        try:
            for epoch in (1, 2):
                writer.begin(0)
                for piece in pieces:
                    writer.append(piece)
                writer.stop()
                if epoch == 1:
                    commands.reset(pk, documents.sections(), "")
                    writer = documents.reopened(pk)
        finally:
            is_done.set()

    def look_at_it() -> Replica:
        replica = Replica(pk)
        while True:
            is_last = is_done.is_set()
            replica.apply_snapshot(load_snapshot(pk, replica.epoch, replica.length))
            assert "".join(pieces).startswith(replica.transcript.cut(0, replica.length))
            assert load_snapshot(pk, 0, 0) is not None
            if is_last:
                return replica

    failure, replica = documents.together(write_it, look_at_it)
    assert failure is None
    assert isinstance(replica, Replica), replica
    assert (replica.epoch, replica.transcript.cut(0, replica.length)) == (2, "".join(pieces))
