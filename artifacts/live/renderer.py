"""Keeps the page of one replica up to date: renders off the event loop, never twice at once, at most every so often.

It decides when to render, not what: that is `preview`.
"""

from __future__ import annotations

import asyncio
import html
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from artifacts.live.rendered import Page
from artifacts.live.replica import Replica
from artifacts.preview import LivePreview, Update, append_sections, in_pieces

logger = logging.getLogger(__name__)

# Few threads for all feeds: rendering holds the interpreter, more threads would only fight the event loop for it.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="preview")


class PlainPreview(LivePreview):
    """Where rendering failed: the text itself, escaped."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._whole = text

    def append(self, text: str) -> None:
        self._whole += text

    def finish(self) -> str:
        return f"<pre>{html.escape(self._whole)}</pre>"

    def update(self) -> Update:
        return Update(first=0, fragments=in_pieces(self.finish()), tail="")


class Renderer:
    """Works until `stop`. `news` is set when the replica changed; `on_page` is called on the event loop after each new
    version.
    """

    def __init__(
        self,
        replica: Replica,
        *,
        interval_s: float,
        on_page: Callable[[], None],
        make_preview: Callable[[], LivePreview] = LivePreview,
    ) -> None:
        self._replica = replica
        self._interval_s = interval_s
        self._on_page = on_page
        self._make_preview = make_preview
        self._preview: LivePreview
        self._page = Page(epoch=0)
        self._sections: tuple[int, ...] = ()  # those that the page knows, within its text
        self._is_stopped = False
        self.news = asyncio.Event()
        self._task = asyncio.create_task(self._work())

    def stop(self) -> None:
        self._is_stopped = True
        self._replica.page = None
        self.news.set()

    async def _work(self) -> None:
        while not self._is_stopped:
            self.news.clear()
            if self._is_behind():
                await self._render()
                await self._pause()
            else:
                await self.news.wait()

    def _is_behind(self) -> bool:
        replica, page = self._replica, self._page
        return replica.epoch > 0 and (self._is_urgent() or page.length < replica.length)

    def _is_urgent(self) -> bool:
        """A new epoch, or the end: what need not wait for the interval."""
        replica, page = self._replica, self._page
        return page.epoch != replica.epoch or (replica.is_over and not page.is_final)

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._interval_s):
                while not (self._is_stopped or self._is_urgent()):
                    self.news.clear()
                    await self.news.wait()

    async def _render(self) -> None:
        replica = self._replica
        if self._page.epoch != replica.epoch:
            self._preview, self._page = self._make_preview(), Page(epoch=replica.epoch)
            self._sections = ()
        page, length, is_final, transcript = self._page, replica.length, replica.is_over, replica.transcript
        sections = _within(replica.sections, length)
        begin = page.length
        if self._sections != _within(sections, begin):
            # A process of another version wrote without saying where a section begins: all is rendered anew.
            self._preview, begin = self._make_preview(), 0
        new = transcript.cut(begin, length)
        loop = asyncio.get_running_loop()
        try:
            update = await loop.run_in_executor(_threads, _rendered, self._preview, begin, new, sections, is_final)
        except Exception:  # a fault in rendering: the reader gets the text as it is, and the end still comes
            logger.exception("The preview failed artifact=%s", replica.artifact_id)
            self._preview = PlainPreview(transcript.cut(0, length))
            update = self._preview.update()
        if self._is_stopped:
            return
        page.apply(update, length=length, is_final=is_final)
        self._sections = sections
        if page.epoch == replica.epoch:
            replica.page = page
            self._on_page()


def _within(sections: tuple[int, ...], length: int) -> tuple[int, ...]:
    """Those that begin before the end. One that begins at the end may still be on its way, and changes nothing yet."""
    return tuple(start for start in sections if start < length)


def _rendered(preview: LivePreview, begin: int, new: str, sections: tuple[int, ...], is_final: bool) -> Update:
    append_sections(preview, new, sections, begin=begin)
    if is_final:
        preview.finish()
    return _in_bounds(preview.update())


def _in_bounds(update: Update) -> Update:
    """With the beginning of a large tail among the fragments: a viewer is sent only what of it is new."""
    *begun, tail = in_pieces(update.tail) or [""]
    return Update(first=update.first, fragments=[*update.fragments, *begun], tail=tail) if begun else update
