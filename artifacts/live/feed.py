"""One feed per process and artifact, from which all local viewers are served.

It takes events, reads the database where they do not suffice, and tells whoever watches. It knows no sockets, and it
writes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import Error as DatabaseError

from artifacts.errors import NotFound
from artifacts.lifecycle.state import section_starts, sections_of, state_of
from artifacts.live.rendered import Page
from artifacts.live.renderer import Renderer
from artifacts.live.replica import Replica, Snapshot
from artifacts.live.text_log import Transcript
from artifacts.messaging import subscription
from artifacts.messaging.events import Event, group
from artifacts.messaging.per_loop import PerLoop
from artifacts.messaging.subscription import Missed, Subscription
from artifacts.models import Artifact, Delta
from artifacts.models.kept_query import KeptQuery
from artifacts.operating import heap, outages
from artifacts.operating.counts import process_counts
from artifacts.reasons import waiting_details

HEADS_POLL_S = 1.0
"""So often one query looks whether any of this process's documents went on without news of it."""
NEWS_PART = 0.3
"""Of that time, what was committed just now has its news on the way; only what is unheard of then is read."""

Head = tuple[int, int]
"""Epoch and seq."""


class Watcher(Protocol):
    """Whoever shows a feed. `shows_html` keeps a preview alive."""

    shows_html: bool

    def on_news(self) -> None:
        """There may be something to show. Called on the event loop; must return at once and not raise."""


class Feed:
    """Subscribes, then looks at the database, then applies events; a hole or a change of state is another reading."""

    def __init__(self, artifact_id: int, *, subscription: Subscription, preview_s: float) -> None:
        self.replica = Replica(artifact_id)
        self.watchers: set[Watcher] = set()
        self._subscription = subscription
        self._preview_s = preview_s
        self._renderer: Renderer | None = None
        self._is_stale = True
        self._is_closed = False
        self._loading: asyncio.Task[None] = asyncio.create_task(self._open())

    def attach(self, watcher: Watcher) -> None:
        self.watchers.add(watcher)
        if watcher.shows_html and self._renderer is None:
            self._renderer = Renderer(self.replica, interval_s=self._preview_s, on_page=self._tell_watchers)

    def detach(self, watcher: Watcher) -> None:
        self.watchers.discard(watcher)
        if self._renderer is not None and not any(other.shows_html for other in self.watchers):
            self._renderer.stop()
            self._renderer = None

    def page_of(self, epoch: int) -> Page | None:
        """What html viewers see of that epoch; None where there are none, or nothing is rendered yet."""
        page = self.replica.page
        return page if page is not None and page.epoch == epoch else None

    async def close(self) -> None:
        """Take no more news, and read no more."""
        self._is_closed = True
        await self._subscription.leave(group(self.replica.artifact_id), self.on_news)

    def on_news(self, news: Event | Missed) -> None:
        """What the subscription tells."""
        before = self.replica.length
        if isinstance(news, Missed) or self.replica.apply_event(news):
            process_counts.news_missed += isinstance(news, Missed) or not news.state_changed
            self.reload()
        if self.replica.length != before:
            self._tell_watchers()

    @property
    def head(self) -> Head:
        return self.replica.epoch, self.replica.seq

    def apply_head(self, seen: Head | None, *, before: Head, waiting: str | None = None) -> None:
        """Once a second: what the database had a moment ago, None where the document is gone; `before` we had that.
        And what it waits for, where it waits for a worker.
        """
        is_behind = self._is_stale or seen is None or self.head < seen or seen < before
        process_counts.news_missed += is_behind
        if is_behind or self.replica.has_drafts:
            self.reload()
        if self.replica.show_tokens() or (waiting is not None and self.replica.show_waiting(waiting)):
            self._tell_watchers()

    def reload(self) -> None:
        """Read the database from now on; a reading that is under way already may be too old."""
        self._is_stale = True
        if self._loading.done():
            self._loading = asyncio.create_task(self._load())

    async def _open(self) -> None:
        if not self._is_closed:
            await self._subscription.join(group(self.replica.artifact_id), self.on_news)
        await self._load()

    async def _load(self) -> None:
        while self._is_stale and not self._is_closed:
            self._is_stale = False
            replica = self.replica
            try:
                found = await database_sync_to_async(load_snapshot)(replica.artifact_id, replica.epoch, replica.length)
            except DatabaseError as error:
                self._is_stale = True  # the next poll tries again
                outages.of_database.failed_by(error)
                return
            replica.apply_snapshot(found)
            self._tell_watchers()

    def _tell_watchers(self) -> None:
        """The text, the state or the page is another one; the renderer looks for itself whether that is its work."""
        if self._renderer is not None:
            self._renderer.news.set()
        for watcher in self.watchers:
            watcher.on_news()


class _PageReader:
    """Whoever wants the page itself."""

    shows_html = False

    def __init__(self) -> None:
        self.news = asyncio.Event()

    def on_news(self) -> None:
        self.news.set()


class Feeds:
    """All feeds of one event loop, and one poll for all of them together."""

    def __init__(self, *, subscription: Subscription, poll_s: float = HEADS_POLL_S, preview_s: float) -> None:
        self._subscription = subscription
        self._poll_s = poll_s
        self._preview_s = preview_s
        self._feeds: dict[int, Feed] = {}
        self._polling: asyncio.Task[None] | None = None

    @property
    def count(self) -> int:
        return len(self._feeds)

    def find(self, artifact_id: int) -> Feed | None:
        """The artifact's feed, where somebody watches here."""
        return self._feeds.get(artifact_id)

    async def final_page(self, artifact_id: int, epoch: int) -> Page:
        """The page of that epoch once it is final. It comes only while somebody watches the HTML: wait with a limit."""
        reader = _PageReader()
        feed = self.enter(artifact_id, reader)
        try:
            while True:
                page = feed.page_of(epoch)
                if page is not None and page.is_final:
                    return page
                reader.news.clear()
                await reader.news.wait()
        finally:
            await self.leave(feed, reader)

    def enter(self, artifact_id: int, watcher: Watcher) -> Feed:
        """The artifact's feed, with the watcher attached."""
        feed = self._feeds.get(artifact_id)
        if feed is None:
            feed = self._feeds[artifact_id] = Feed(
                artifact_id, subscription=self._subscription, preview_s=self._preview_s
            )
        feed.attach(watcher)
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())
        return feed

    async def leave(self, feed: Feed, watcher: Watcher) -> None:
        """A feed without watchers goes."""
        feed.detach(watcher)
        if not feed.watchers and self._feeds.get(feed.replica.artifact_id) is feed:
            del self._feeds[feed.replica.artifact_id]
            heap.letting_go().note(feed.replica.length)
            await feed.close()

    async def _poll(self) -> None:
        while self._feeds:
            await asyncio.sleep(self._poll_s * (1 - NEWS_PART))
            before = {artifact_id: feed.head for artifact_id, feed in self._feeds.items()}
            try:
                waiting = [artifact_id for artifact_id, feed in self._feeds.items() if feed.replica.is_waiting]
                seen, details = await database_sync_to_async(heads_and_details)(list(before), waiting)
            except DatabaseError as error:
                outages.of_database.failed_by(error)
                continue
            outages.of_database.answered()
            await asyncio.sleep(self._poll_s * NEWS_PART)
            for artifact_id, feed in list(self._feeds.items()):
                if artifact_id in seen:
                    feed.apply_head(seen[artifact_id], before=before[artifact_id], waiting=details.get(artifact_id))


def _make() -> Feeds:
    return Feeds(subscription=subscription.current(), preview_s=settings.STREAMGEN_PREVIEW_MS / 1_000)


current = PerLoop(_make)
"""The running loop's feeds."""


# What is read, each in one short crossing

_ROW = KeptQuery(lambda: Artifact.objects.defer("content", "preview_html", "instructions").filter(pk=1))


def load_snapshot(artifact_id: int, epoch: int, have: int) -> Snapshot | None:
    """Read the document: its text from `have` on where that is of `epoch`, else whole; None where it was deleted."""
    found = _ROW.instances(artifact_id)
    if not found:
        return None
    artifact, sections = found[0], sections_of(found[0])
    begin = have if artifact.epoch == epoch and have <= artifact.length else 0
    text = _behind(artifact, begin) if begin else ""
    if begin + len(text) != artifact.length:  # all of it is wanted, or it was written anew while we read
        try:
            begin, text = 0, artifact.text
        except NotFound:
            return None
    return Snapshot(
        epoch=artifact.epoch,
        seq=artifact.seq,
        state=state_of(artifact, sections),
        begin=begin,
        text=Transcript(text),
        sections=section_starts(artifact, sections),
    )


def heads_and_details(artifact_ids: list[int], waiting: list[int]) -> tuple[dict[int, Head | None], Mapping[int, str]]:
    """Those of the documents, and what the waiting ones of them wait for."""
    return poll_heads(artifact_ids), waiting_details(waiting)


def poll_heads(artifact_ids: list[int]) -> dict[int, Head | None]:
    """(epoch, seq) of each document, in one query; None for those that are gone."""
    rows = Artifact.objects.filter(pk__in=artifact_ids).values_list("pk", "epoch", "seq")
    found = {pk: (epoch, seq) for pk, epoch, seq in rows}
    return {artifact_id: found.get(artifact_id) for artifact_id in artifact_ids}


def _behind(artifact: Artifact, begin: int) -> str:
    rows = Delta.objects.filter(artifact=artifact, epoch=artifact.epoch, offset__gte=begin, offset__lt=artifact.length)
    return "".join(rows.order_by("offset").values_list("text", flat=True))
