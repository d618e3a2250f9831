"""Keeps `preview_html` of an artifact that is being written: so rarely that all saving together is linear in the text.

It renders in a thread, never on the event loop or in a transaction, and not at all while this process renders the
document for viewers anyway. A failure costs a preview, never the text.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from artifacts.errors import NotFound
from artifacts.lifecycle import writing
from artifacts.live import feed
from artifacts.live.rendered import Page
from artifacts.operating import outages
from artifacts.preview import LivePreview, append_sections
from generation.queue.claims import Claim

logger = logging.getLogger(__name__)

SECONDS_BETWEEN = 2.0
GROWTH = 1.25
"""While a section streams, a new preview is saved when the text has grown by this factor since the last one."""
VIEWERS_S = 1.0
"""At the end the viewers' rendering of the whole text is waited for so long."""

PageOfViewers = Callable[[], Awaitable[Page | None]]


class PreviewSaver:
    """The previews of one claim; `text` is what the document held when it was claimed, in these sections."""

    def __init__(self, claim: Claim, text: str, sections: Iterable[int] = ()) -> None:
        self._claim = claim
        self.rendered_length = 0
        """How much of the text was rendered here, because no viewer of this process needed it."""
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
            self._running = asyncio.create_task(self._save(self._present_of_viewers))

    async def finish(self, *, is_over: bool) -> None:
        """The writer has ended: the preview of everything. `is_over` says that nothing will follow."""
        if self._running is not None:
            await asyncio.wait([self._running])
        await self._save(self._final_of_viewers if is_over else None, is_last=True)

    async def _save(self, of_viewers: PageOfViewers | None, *, is_last: bool = False) -> None:
        length = self._length
        try:
            page = None if of_viewers is None else await of_viewers()
            if page is not None and page.length >= (length if is_last else self._saved_length):
                html, length = page.html, page.length
            else:
                html = await self._rendered(is_last=is_last)
            await database_sync_to_async(writing.save_preview)(
                self._claim.artifact, epoch=self._claim.epoch, length=length, html=html
            )
        except (NotFound, DatabaseError, RecursionError) as error:
            if outages.of_database.failed_by(error) is None:
                logger.warning("no preview saved artifact=%s: %s", self._claim.artifact, type(error).__name__)
        self._saved_at, self._saved_length = asyncio.get_running_loop().time(), length

    async def _present_of_viewers(self) -> Page | None:
        """What viewers of this process see; None where nobody looks."""
        found = feed.current().find(self._claim.artifact)
        return None if found is None else found.page_of(self._claim.epoch)

    async def _final_of_viewers(self) -> Page | None:
        if await self._present_of_viewers() is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(VIEWERS_S):
                    return await feed.current().final_page(self._claim.artifact, self._claim.epoch)
        return None

    async def _rendered(self, *, is_last: bool) -> str:
        text, sections = "".join(self._new), sorted(self._sections)
        begin, self.rendered_length = self._length - len(text), self._length
        self._new.clear()
        return await asyncio.to_thread(self._render, text, begin, sections, is_last=is_last)

    def _render(self, text: str, begin: int, sections: Collection[int], *, is_last: bool) -> str:
        append_sections(self._live, text, sections, begin=begin)
        if is_last:
            return self._live.finish()
        self._live.update()
        return "".join(self._live.fragments) + self._live.tail
