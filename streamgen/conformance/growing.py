"""Checks of documents while they are written, stopped, changed and deleted. They write documents of their own."""

from __future__ import annotations

import asyncio
from typing import Any

from streamgen.conformance.spec import ENDINGS, Broken, ShownDocument, require
from streamgen.conformance.subject import NotAsked, Subject
from streamgen.conformance.target import FULL_PAUSE_S, FULL_TRIES, ProbeViewer, ViewerClosed

FRAMES_A_VISIT = 4


class _Gathering:
    """Viewers that come before the first word, until all of them are there."""

    def __init__(self, subject: Subject, artifact: int, number: int) -> None:
        self.subject, self.artifact, self.number = subject, artifact, number
        self.there = asyncio.Semaphore(0)
        self.met: list[ShownDocument] = []
        """What each visit showed, also those that broke off."""

    async def all_there(self, following: list[asyncio.Task[ShownDocument]]) -> None:
        for _ in range(self.number):
            waiting = asyncio.create_task(self.there.acquire())
            await asyncio.wait({waiting, *following}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                waiting.cancel()
                ended = next(task for task in following if task.done())
                raise Broken(f"a viewer of an idle document left: {ended.exception() or 'it was shown an end'}")

    async def follow(self, shows: str, *, leaves: bool) -> ShownDocument:
        """To the end; who leaves comes back with a cursor after every few frames."""
        shown = ShownDocument(shows)
        is_there = False
        for _ in range(FULL_TRIES * 50):
            cursor: dict[str, Any] = {"epoch": shown.epoch, "offset": len(shown.text)} if leaves and shown.epoch else {}
            shown = ShownDocument(shows, text=shown.text, epoch=shown.epoch) if cursor else ShownDocument(shows)
            try:
                async with self.subject.target.viewer(self.artifact, shown=shown, format=shows, **cursor) as viewer:
                    await viewer.frame()
                    if not is_there:
                        is_there = True
                        self.there.release()
                    if cursor:
                        require(shown.begin in {0, cursor["offset"]}, f"came back at {cursor}, began at {shown.begin}")
                    await self._visit(viewer, leaves=leaves)
            except ViewerClosed as closed:
                if "too_many_sockets" not in closed.errors:
                    raise Broken(str(closed)) from None
                shown = ShownDocument(shows, text=shown.known, epoch=shown.known_epoch)
                shown.text, shown.epoch = shown.known, shown.known_epoch
                await asyncio.sleep(FULL_PAUSE_S)
                continue
            self.met.append(shown)
            if shown.is_ended:
                return shown
        raise Broken("the end did not come")

    async def _visit(self, viewer: ProbeViewer, *, leaves: bool) -> None:
        if not leaves:
            await viewer.until_end()
            return
        for _ in range(FRAMES_A_VISIT):
            if not viewer.shown.is_ended:
                await viewer.frame()


async def twenty_viewers(subject: Subject) -> None:
    """Viewers of text and page, some leaving and coming back, see it grow in order and end alike"""
    artifact = subject.made(0)
    kinds = [
        ("html" if number % 5 == 4 else "text", number % 5 == 3) for number in range(subject.viewers)
    ]  # of five: three stay, one leaves, one has the page
    gathering = _Gathering(subject, artifact, len(kinds))
    async with asyncio.timeout(subject.wait_s):
        following = [asyncio.create_task(gathering.follow(shows, leaves=leaves)) for shows, leaves in kinds]
        try:
            await gathering.all_there(following)
            await subject.start(artifact)
            ends = await asyncio.gather(*following)
        finally:
            for task in following:
                task.cancel()
    document = await subject.rested(artifact)
    for shown in gathering.met:
        if shown.shows == "text":
            require(document.text.startswith(shown.text), "what a viewer was told is not how the text begins")
    texts = {shown.text for shown in ends if shown.shows == "text"}
    require(texts == {document.text}, f"viewers ended with {len(texts)} texts, or another than the API has")
    fresh = await subject.target.watched(artifact, format="html")
    pages = {"".join(shown.fragments) for shown in (*ends, fresh) if shown.shows == "html"}
    require(len(pages) == 1, f"viewers ended with {len(pages)} pages")
    require(any("delta" in shown.kinds for shown in ends), "nobody was sent a delta: it did not grow")
    require(
        all("state" in shown.kinds for shown, (_, leaves) in zip(ends, kinds, strict=True) if not leaves),
        "a viewer of a document that was started got no state",
    )


async def pause_is_no_end(subject: Subject) -> None:
    """A pause is a state: no end comes, a newcomer gets what is there, and a resume goes on in the same text"""
    artifact = subject.made(2)
    async with subject.target.viewer(artifact) as viewer:
        await subject.start(artifact, sections=3, tokens=2_000)
        await viewer.until(lambda shown: shown.text, "the first word")
        answer = await subject.target.ask("POST", f"/api/artifacts/{artifact}/pause")
        if answer.status_code == 409:
            raise NotAsked("the document was complete before it could be paused")
        await viewer.until(lambda shown: shown.state["status"] in ("paused", *ENDINGS), "the state of the pause")
        if viewer.shown.state["status"] != "paused":
            raise NotAsked("the document was complete before it was paused")
        kept = viewer.shown.text
        require((await subject.document(artifact))["text"].startswith(kept), "a pause took text back")
        await _no_end(viewer, subject.target.quiet_s)
        async with subject.target.viewer(artifact) as newcomer:
            await newcomer.until(lambda shown: shown.text.startswith(kept), "the text so far")
            await _no_end(newcomer, subject.target.quiet_s)
        await subject.command(artifact, "resume")
        async with asyncio.timeout(subject.wait_s):
            shown = await viewer.until_end()
        require(shown.kinds.count("snapshot") == 1, "a resume began a new text")
        require(shown.text.startswith(kept), "a resume changed what was told before")
        require(shown.text == (await subject.rested(artifact)).text, "the text that came is not the API's")


async def _no_end(viewer: ProbeViewer, quiet_s: float) -> None:
    try:
        while True:
            await viewer.frame(quiet_s)
            require(not viewer.shown.is_ended, "a pause was told as an end")
    except TimeoutError:
        return


async def new_epoch(subject: Subject) -> None:
    """A change begins a new epoch: who is there gets a new snapshot and a new end, an old cursor everything"""
    artifact = subject.made(3)
    await subject.start(artifact, sections=1)
    before = await subject.rested(artifact)
    async with subject.target.viewer(artifact) as viewer:
        await viewer.until_end()
        await subject.edit(artifact, f"Another text, of {artifact}. 🎈")
        shown = await viewer.until(
            lambda shown: shown.epoch > before.epoch and shown.is_ended, "a snapshot and an end of the new epoch"
        )
        after = await subject.rested(artifact)
        require((shown.epoch, shown.text) == (after.epoch, after.text), "the new epoch is not the API's")
    late = await subject.target.watched(artifact, epoch=before.epoch, offset=3)
    require((late.begin, late.text) == (0, after.text), "a cursor of the epoch before brought a part")


async def deleted(subject: Subject) -> None:
    """Who watches a document that is deleted is told so: deleted, 4404"""
    artifact = subject.made(4)
    async with subject.target.viewer(artifact) as viewer:
        await viewer.frame()
        answer = await subject.target.ask("DELETE", f"/api/artifacts/{artifact}")
        require(answer.status_code == 204, f"DELETE answered {answer.status_code}")
        closed = await viewer.close_code()
        require((closed.code, closed.errors[-1:]) == (4404, ["deleted"]), f"told {closed.errors}, closed {closed.code}")
    closed = await subject.target.refusal(artifact)
    require((closed.code, closed.errors[-1:]) == (4404, ["not_found"]), f"afterwards {closed.errors}, {closed.code}")
