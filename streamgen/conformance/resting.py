"""Checks of documents at rest: whole, from every place, by cursors that are none, as pages and as events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import httpx2

from streamgen.conformance.spec import Broken, ShownDocument, require
from streamgen.conformance.subject import NotAsked, Resting, Subject

AT_ONCE = 8
MOST_UNACKNOWLEDGED = 262_144
HTML_CHARS = 100_000
"""Pages of longer texts are looked at once, not from several sides."""


async def whole_text(subject: Subject) -> None:
    """A viewer without a cursor gets the text that the API has, then its end"""
    for document in await subject.resting():
        told = await subject.document(document.artifact)
        require(told["offset"] == len(told["text"]), "offset of the API is not the length of its text in code points")
        shown = await subject.target.watched(document.artifact)
        require(shown.begin == 0, f"the text begins at {shown.begin} for a viewer that has nothing")
        _same(shown.text, document)
        require(shown.epoch == document.epoch, f"epoch {shown.epoch}, the API has {document.epoch}")


async def every_offset(subject: Subject) -> None:
    """A viewer that comes back at any offset gets exactly what is missing"""
    for document in await subject.resting():
        places = _places(document.text, subject.places)
        for begin in range(0, len(places), AT_ONCE):
            await asyncio.gather(*(_resumed(subject, document, at) for at in places[begin : begin + AT_ONCE]))


async def _resumed(subject: Subject, document: Resting, at: int) -> None:
    known = ShownDocument(text=document.text[:at], epoch=document.epoch)
    shown = await subject.target.watched(document.artifact, shown=known, epoch=document.epoch, offset=at)
    require(shown.begin == at, f"asked to go on at {at}, the server began at {shown.begin}")
    _same(shown.text, document)


async def cursor_beyond(subject: Subject) -> None:
    """A cursor behind the end of the text brings everything"""
    for document in await subject.resting():
        for beyond in (1, 1_000_000):
            await _all_comes(subject, document, epoch=document.epoch, offset=len(document.text) + beyond)


async def cursor_of_another_epoch(subject: Subject) -> None:
    """A cursor of a future, an earlier or no epoch brings everything"""
    for document in await subject.resting():
        place = len(document.text) // 2
        for epoch in {document.epoch + 1, document.epoch + 1_000, document.epoch - 1, 0} - {document.epoch}:
            await _all_comes(subject, document, epoch=epoch, offset=place)


async def cursor_malformed(subject: Subject) -> None:
    """A malformed cursor, or half of one, brings everything"""
    document = (await subject.resting())[0]
    now = document.epoch
    for query in (
        {"epoch": now},
        {"offset": 1},
        {"epoch": now, "offset": ""},
        {"epoch": now, "offset": "-1"},
        {"epoch": now, "offset": "1.0"},
        {"epoch": now, "offset": "one"},
        {"epoch": "x", "offset": 1},
        {"epoch": now, "offset": "9" * 40},
    ):
        await _all_comes(subject, document, **query)


async def cursor_foreign(subject: Subject) -> None:
    """A cursor of another document, behind the end of this one, brings everything"""
    documents = sorted(await subject.resting(), key=lambda document: len(document.text))
    pairs = [(short, long) for short, long in pairwise(documents) if short.text != long.text]
    if not pairs:
        raise NotAsked("it needs two documents of different length")
    for short, long in pairs:
        await _all_comes(subject, short, epoch=long.epoch, offset=len(long.text))


async def _all_comes(subject: Subject, document: Resting, **query: Any) -> None:
    shown = await subject.target.watched(document.artifact, **query)
    require(shown.begin == 0, f"with the cursor {query} the text begins at {shown.begin}")
    _same(shown.text, document)


async def immutable(subject: Subject) -> None:
    """What was told of an epoch never changes, and neither does a finished document"""
    for document in await subject.resting():
        first, second = [await subject.target.watched(document.artifact) for _ in range(2)]
        require(first.text == second.text, "two viewers of one epoch were told two texts")
        require((first.epoch, first.seq) == (second.epoch, second.seq), "epoch or seq of a finished document changed")
        _same(second.text, document)


async def whole_page(subject: Subject) -> None:
    """As HTML two viewers get the same page, with an empty tail at its end, and no cursor changes that"""
    for document in await subject.resting():
        first = await subject.target.watched(document.artifact, format="html")
        require(first.offset == len(document.text), f"the page ends at {first.offset} of {len(document.text)}")
        if len(document.text) < HTML_CHARS:
            query = {"format": "html", "epoch": document.epoch, "offset": len(document.text) // 2}
            second = await subject.target.watched(document.artifact, **query)
            require("".join(first.fragments) == "".join(second.fragments), "two viewers were shown two pages")


async def slow_reader(subject: Subject) -> None:
    """A viewer that acknowledges nothing gets 256 KiB and one frame, others are not held up, an ack brings the rest"""
    document = await subject.large()
    async with subject.target.viewer(document.artifact, acks=False) as slow:
        last = 0
        try:
            while not slow.shown.is_ended:
                before = slow.bytes
                await slow.frame(subject.target.quiet_s)
                last = slow.bytes - before
        except TimeoutError:
            pass
        require(
            not slow.shown.is_ended and slow.bytes - last <= MOST_UNACKNOWLEDGED,
            f"{slow.bytes} bytes came to a viewer that acknowledged nothing; after {MOST_UNACKNOWLEDGED} none may come",
        )
        _same((await subject.target.watched(document.artifact)).text, document)
        slow.acks = True
        await slow.acknowledge()
        _same((await slow.until_end()).text, document)


async def events_alike(subject: Subject) -> None:
    """Server-sent events bring the same text, go on by Last-Event-ID, and answer 204 to whoever has the end"""
    for document in await subject.resting():
        shown, ids = await _events(subject, document, ShownDocument())
        _same(shown.text, document)
        require(ids and ids[-1].endswith(":end"), f"the id of the end is {ids[-1] if ids else 'missing'!r}")
        for at in (0, 1, len(document.text) // 2, len(document.text)):
            cursor = f"{document.epoch}:{at}"
            known = ShownDocument(text=document.text[:at], epoch=document.epoch)
            again, _ = await _events(subject, document, known, last_id=cursor)
            require(again.begin == at, f"with Last-Event-ID {cursor} the text begins at {again.begin}")
            _same(again.text, document)
        async with subject.target.events(document.artifact, last_id=ids[-1]) as answer:
            require(answer.status_code == httpx2.codes.NO_CONTENT, f"after the end: {answer.status_code}, not 204")


async def _events(
    subject: Subject, document: Resting, shown: ShownDocument, **asked: Any
) -> tuple[ShownDocument, list[str]]:
    ids: list[str] = []
    async with subject.target.events(document.artifact, **asked) as answer:
        kind = answer.headers.get("Content-Type", "")
        require(kind.startswith("text/event-stream"), f"events are of the type {kind!r}")
        try:
            async with asyncio.timeout(subject.target.wait_s):
                async for name, value in _fields(answer):
                    if name == "id":
                        ids.append(value)
                    elif name == "data":
                        shown.apply(value)
        except TimeoutError:
            raise Broken("the stream of events did not end after the document's end") from None
    require(shown.is_ended, "the stream of events ended without the end of the document")
    require(len(ids) == len(shown.kinds), "an event has no id")
    return shown, ids


async def _fields(answer: httpx2.Response) -> AsyncIterator[tuple[str, str]]:
    rest = ""
    async for part in answer.aiter_text():
        *lines, rest = (rest + part).split("\n")
        for line in lines:
            name, _, value = line.partition(": ")
            yield name, value


def _places(text: str, most: int) -> list[int]:
    """All offsets of a short text; of a longer one the ends, those around wide characters, and evenly spread ones."""
    if len(text) <= most:
        return list(range(len(text) + 1))
    wide = [at for at, character in enumerate(text[:20_000]) if ord(character) > 0xFFFF or ord(character) == 0x301]
    chosen = {0, 1, len(text) - 1, len(text), 65_535, 65_536, 65_537}
    chosen |= {at + step for at in wide[:8] for step in (0, 1)}
    chosen |= {len(text) * number // most for number in range(most)}
    return sorted(place for place in chosen if place <= len(text))


def _same(text: str, document: Resting) -> None:
    if text != document.text:
        at = next((at for at, (a, b) in enumerate(zip(text, document.text, strict=False)) if a != b), None)
        where = f"differ at {at}" if at is not None else f"have {len(text)} and {len(document.text)} characters"
        raise Broken(f"document {document.artifact}: the text that came and that of the API {where}")
