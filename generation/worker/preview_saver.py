"""Keeps `preview_html` of an artifact that is being written: so rarely that all saving together is linear in the text.

It renders in a thread, never on the event loop or in a transaction, and a failure costs a preview, never the text.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from artifacts.errors import NotFound
from artifacts.lifecycle import verbs
from artifacts.preview import LivePreview, append_sections
from generation.queue.claims import Claim

logger = logging.getLogger(__name__)

SECONDS_BETWEEN = 2.0
GROWTH = 1.25
"""While a section streams, a new preview is saved when the text has grown by this factor since the last one."""


class PreviewSnapshots:
    """The previews of one claim; `text` is what the document held when it was claimed, in these sections."""

    def __init__(self, claim: Claim, text: str, sections: Iterable[int] = ()) -> None:
        self._claim = claim
        self._live = LivePreview()
        self._new = [text]
        self._sections = set(sections)
        self._length = self._saved_length = len(text)
        self._saved_at = asyncio.get_running_loop().time()
        self._running: asyncio.Task[None] | None = None

    def begin_section(self) -> None:
        """What is committed from now on belongs to a new section."""
        self._sections.add(self._length)

    def note(self, text: str, *, section_ended: bool = False) -> None:
        """This text was committed; saves a preview in the background where one is due."""
        self._new.append(text)
        self._length += len(text)
        if self._running is not None and not self._running.done():
            return
        is_late = asyncio.get_running_loop().time() - self._saved_at >= SECONDS_BETWEEN
        if section_ended or (is_late and self._length >= self._saved_length * GROWTH):
            self._running = asyncio.create_task(self._save(self._rendered))

    async def finish(self) -> None:
        """The writer has ended: the preview of everything."""
        if self._running is not None:
            await asyncio.wait([self._running])
        await self._save(self._finished)

    async def _save(self, render: Callable[[str, int, Collection[int]], str]) -> None:
        text, length, sections = "".join(self._new), self._length, sorted(self._sections)
        self._new.clear()
        try:
            html = await asyncio.to_thread(render, text, length - len(text), sections)
            await database_sync_to_async(verbs.save_preview)(
                self._claim.artifact, epoch=self._claim.epoch, length=length, html=html
            )
        except (NotFound, DatabaseError, RecursionError) as error:
            logger.warning("no preview saved artifact=%s: %s", self._claim.artifact, type(error).__name__)
        self._saved_at, self._saved_length = asyncio.get_running_loop().time(), length

    def _rendered(self, text: str, begin: int, sections: Collection[int]) -> str:
        append_sections(self._live, text, sections, begin=begin)
        self._live.update()
        return "".join(self._live.fragments) + self._live.tail

    def _finished(self, text: str, begin: int, sections: Collection[int]) -> str:
        append_sections(self._live, text, sections, begin=begin)
        return self._live.finish()
