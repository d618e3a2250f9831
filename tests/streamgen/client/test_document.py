"""A document as a client has it: whatever comes again, or in other pieces, the events tell each character once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgen.client import (
    DocumentEnded,
    EpochBegan,
    ProtocolViolated,
    StateChanged,
    TextAdded,
    TextDiffers,
    TextPlace,
    WatchEvent,
)
from streamgen.client.document import FrameJson, WatchedDocument

TEXT = "灯台 🏳️‍🌈 น้ำ\n\nThe lamp 🔥 burns.\n" * 40
STREAMING, COMPLETE = {"status": "streaming"}, {"status": "complete"}


def visit(text: str, offset: int, size: int, *, epoch: int = 1) -> Iterator[FrameJson]:
    """What a server sends to a viewer who comes with a cursor: a snapshot, then the rest in portions."""
    yield {"type": "snapshot", "epoch": epoch, "state": STREAMING, "offset": offset, "text": text[offset:][:size]}
    for at in range(offset + size, len(text), size):
        yield {"type": "delta", "epoch": epoch, "offset": at, "text": text[at : at + size]}


def end(text: str, *, epoch: int = 1) -> FrameJson:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"type": "end", "epoch": epoch, "offset": len(text), "sha256": digest, "state": COMPLETE}


def events(document: WatchedDocument, frames: Iterable[FrameJson]) -> list[WatchEvent]:
    return [event for frame in frames for event in document.apply(frame)]


def told(events: Iterable[WatchEvent], base: str = "") -> str:
    text = base
    for event in events:
        if isinstance(event, TextAdded):
            assert event.text
            assert event.offset == len(text)
            text += event.text
    return text


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 90), st.integers(1, 12), st.booleans()), max_size=8))
def test_text_is_told_once_however_often_the_line_breaks_and_whatever_the_server_makes_of_the_cursor(visits):
    document, seen = WatchedDocument(), []
    for upto, size, frames, knows_cursor in visits:
        offset = document.place.offset if document.place and knows_cursor else 0
        portions = list(visit(TEXT[: max(upto, offset)], offset, size))
        seen += events(document, portions[:frames])
    seen += events(document, [*visit(TEXT, document.place.offset if document.place else 0, 70), end(TEXT)])

    assert told(seen) == TEXT == document.text
    assert seen.count(EpochBegan(1)) == 1
    assert isinstance(seen[-1], DocumentEnded)
    assert [event.state for event in seen if isinstance(event, StateChanged)] == [STREAMING, COMPLETE]


def test_who_has_a_part_is_told_the_rest():
    document = WatchedDocument(TextPlace(1, 100))
    seen = events(document, [*visit(TEXT, 0, 64), end(TEXT)])  # the server took no notice of the cursor
    assert told(seen, TEXT[:100]) == TEXT
    assert document.text == TEXT[100:]
    assert EpochBegan(1) not in seen


def test_another_epoch_begins_a_text_anew():
    document = WatchedDocument()
    seen = events(document, visit("First.", 0, 3))
    seen += events(document, [*visit("Second.", 0, 3, epoch=2), end("Second.", epoch=2)])
    at = seen.index(EpochBegan(2))
    assert (told(seen[:at]), told(seen[at:])) == ("First.", "Second.")


def test_text_that_is_another_after_a_break_is_told_from_the_beginning():
    document = WatchedDocument()
    events(document, visit("The lamp burns.", 0, 99))
    seen = events(document, [*visit("The lamp is out.", 0, 5), end("The lamp is out.")])
    at = len(seen) - 1 - seen[::-1].index(EpochBegan(1))
    assert told(seen[at:]) == "The lamp is out."


def test_end_of_another_text_is_an_error():
    document = WatchedDocument()
    events(document, visit("The lamp burns.", 0, 99))
    with pytest.raises(TextDiffers):
        events(document, [end("The lamp burnt.")])


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "delta", "epoch": 1, "offset": 9, "text": "a hole"},
        {"type": "delta", "epoch": 2, "offset": 0, "text": "no snapshot"},
        {"type": "delta", "epoch": 1},
        {"type": "snapshot", "epoch": 1, "state": STREAMING, "offset": 4, "text": "a hole"},
    ],
)
def test_what_the_protocol_lacks_is_refused(frame):
    document = WatchedDocument()
    events(document, visit("The", 0, 99))
    with pytest.raises(ProtocolViolated):
        events(document, [frame])


def test_frames_and_fields_of_later_versions_are_ignored():
    document = WatchedDocument()
    seen = events(document, [{"type": "cheer"}, *({**frame, "later": 1} for frame in visit("Text.", 0, 2))])
    assert told(seen) == "Text."
