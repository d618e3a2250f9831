"""Plays one document to one viewer: a copy of its own that grows as the text did, faster, and then is the present one.

What is still being written is followed by asking the database, so a replay of a running document ends with it.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from dataclasses import dataclass

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import Error as DatabaseError

from artifacts.document_text import read_range
from artifacts.errors import NotFound
from artifacts.lifecycle.state import SectionState, State, section_starts, state_of
from artifacts.live import feed
from artifacts.live.feed import Feed, Watcher
from artifacts.live.query import Viewing
from artifacts.live.renderer import Renderer
from artifacts.live.replica import OVER, Replica, Snapshot
from artifacts.live.text_log import Transcript
from artifacts.messaging import subscription
from artifacts.messaging.events import Event, group
from artifacts.messaging.subscription import Missed
from artifacts.models import Artifact, SectionStatus, StreamStatus
from artifacts.replay.timeline import Timeline
from artifacts.written_pieces import read_pieces

logger = logging.getLogger(__name__)

STEP_S = 0.05
"""What comes within this time is shown at once."""
FOLLOW_S = 1.0
"""So often a document that is still being written is looked at, once the replay has come to its end."""
READ_CHARS = 262_144


def enter(artifact_id: int, watcher: Watcher, viewing: Viewing) -> Feed | Playback:
    """Where a viewer gets its frames from: the document as it is, or its replay."""
    if viewing.speed is None:
        return feed.current().enter(artifact_id, watcher)
    return Playback(artifact_id, watcher, viewing, speed=viewing.speed)


async def leave(entered: Feed | Playback, watcher: Watcher) -> None:
    if isinstance(entered, Playback):
        await entered.close()
    else:
        await feed.current().leave(entered, watcher)


class Playback:
    """So many times as fast. It plays until `close`, or to the end, or until the document is deleted."""

    def __init__(self, artifact_id: int, watcher: Watcher, viewing: Viewing, *, speed: float) -> None:
        self.replica = Replica(artifact_id)
        self._watcher = watcher
        self._speed = speed
        self._from, self._cursor = viewing.begin, viewing.cursor
        self._ahead = ""
        self._renderer: Renderer | None = None
        if watcher.shows_html:
            interval_s = settings.STREAMGEN_PREVIEW_MS / 1_000
            self._renderer = Renderer(self.replica, interval_s=interval_s, on_page=watcher.on_news)
        self._playing = asyncio.create_task(self._play())

    async def close(self) -> None:
        await subscription.current().leave(group(self.replica.artifact_id), self.on_news)
        self._playing.cancel()
        if self._renderer is not None:
            self._renderer.stop()

    def on_news(self, news: Event | Missed) -> None:
        """What the subscription tells: only that the document is gone matters here."""
        if isinstance(news, Event) and news.deleted:
            self._playing.cancel()
            self._show(None)

    async def _play(self) -> None:
        await subscription.current().join(group(self.replica.artifact_id), self.on_news)
        is_over = False
        while not is_over:
            try:
                is_over = await self._play_what_is_there()
            except NotFound:
                self._show(None)
                return
            except DatabaseError as error:
                logger.warning("A replay waits for the database: %s", type(error).__name__)
            if not is_over:
                await asyncio.sleep(FOLLOW_S)

    async def _play_what_is_there(self) -> bool:
        """Whether nothing more will come."""
        replica = self.replica
        found = await database_sync_to_async(load_recording)(replica.artifact_id, replica.epoch, replica.length)
        if found is None:
            self._show(None)
            return True
        if found.artifact.epoch != replica.epoch:
            self._ahead, begin = "", self._begin_in(found.artifact)
            self._show(found.at(await self._read(found, begin), 0, found.timeline.seq_of(begin)))
        await self._play_timeline(found)
        rest = await self._read(found, found.artifact.length)  # what no delta tells of any more
        self._show(found.at(rest, replica.length, found.artifact.seq, is_now=True))
        return found.artifact.stream_status in OVER

    def _begin_in(self, artifact: Artifact) -> int:
        """Where it begins; a cursor counts for its epoch only, and a later epoch is shown from its beginning."""
        begin, self._from = self._from, 0
        if self._cursor is not None and self._cursor.epoch == artifact.epoch:
            begin = max(begin, self._cursor.offset)
        return min(begin, artifact.length)

    async def _play_timeline(self, found: Recording) -> None:
        timeline, replica, now = found.timeline, self.replica, asyncio.get_running_loop().time
        index = timeline.after(replica.length)
        began, began_s = now(), timeline.time_of(replica.length)
        while index < len(timeline.moments):
            await asyncio.sleep(max(STEP_S, began + (timeline.moments[index].at_s - began_s) / self._speed - now()))
            index = timeline.reached(index + 1, began_s + (now() - began) * self._speed)
            end, seq = timeline.moments[index - 1][1:]
            self._show(found.at(await self._read(found, end), replica.length, seq))

    async def _read(self, found: Recording, end: int) -> str:
        """The text from where the replica ends, up to there; some more is read ahead."""
        begin = self.replica.length if self.replica.epoch == found.artifact.epoch else 0
        if begin + len(self._ahead) < end:
            upto = min(found.artifact.length, max(end, begin + READ_CHARS))
            self._ahead = await database_sync_to_async(read_range)(found.artifact, begin, upto)
        text, self._ahead = self._ahead[: end - begin], self._ahead[end - begin :]
        return text

    def _show(self, snapshot: Snapshot | None) -> None:
        self.replica.apply_snapshot(snapshot)
        if self._renderer is not None:
            self._renderer.news.set()
        self._watcher.on_news()


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A document, and how its text came about from some place on."""

    artifact: Artifact
    state: State
    sections: tuple[int, ...]
    timeline: Timeline

    def at(self, text: str, begin: int, seq: int, *, is_now: bool = False) -> Snapshot:
        """As it was when it ended with that text; `is_now`: as it is."""
        return Snapshot(
            epoch=self.artifact.epoch,
            seq=seq,
            state=self.state if is_now else state_at(self.state, self.sections, begin + len(text)),
            begin=begin,
            text=Transcript(text),
            sections=self.sections,
        )


def load_recording(artifact_id: int, epoch: int, have: int) -> Recording | None:
    """What was written of it behind `have`, where that is of `epoch`, else all; None where it was deleted."""
    artifact = Artifact.objects.defer("content", "preview_html", "instructions").filter(pk=artifact_id).first()
    if artifact is None:
        return None
    pieces = read_pieces(artifact, behind=have if artifact.epoch == epoch else 0)
    return Recording(
        artifact=artifact,
        state=state_of(artifact),
        sections=section_starts(artifact),
        timeline=Timeline((piece.at.timestamp(), piece.end, piece.seq) for piece in pieces),
    )


def state_at(state: State, starts: tuple[int, ...], place: int) -> State:
    """The state when the text ended there, as far as it can be told: of the sections that had begun, all but the last
    had ended.
    """
    begun = bisect_right(starts, place) if place else 0
    sections: list[SectionState] = [
        {**section, "status": _status(number, begun), "tokens": section["tokens"] if number < begun - 1 else 0}
        for number, section in enumerate(state["sections"])
    ]
    return {
        **state,
        "status": StreamStatus.STREAMING.value,
        "reason": "",
        "last_error": "",
        "current_section": sections[begun - 1]["name"] if 0 < begun <= len(sections) else "",
        "sections_completed": max(0, begun - 1),
        "tokens_generated": sum(section["tokens"] for section in sections),
        "sections": sections,
    }


def _status(number: int, begun: int) -> str:
    if number >= begun:
        return SectionStatus.PENDING.value
    return (SectionStatus.STREAMING if number == begun - 1 else SectionStatus.COMPLETE).value
