"""One viewer: which frame comes next, from any cursor, with and without credit."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.lifecycle.state import SHOWN_ERROR_CHARS, State
from artifacts.live.protocol import FRAME_BYTES, Ack, Frame
from artifacts.live.rendered import Page
from artifacts.live.replica import Replica
from artifacts.live.viewer import CREDIT_BYTES, FRAME_CHARS, Cursor, Viewer
from artifacts.preview import Update
from artifacts.validation import PLAN_SECTIONS, SECTION_NAME_CHARS
from tests.artifacts.live.test_replica import Truth, copied
from tests.support.reader import Reader

CHARACTERS = st.characters(exclude_categories=["Cs"])


def frames_for(viewer: Viewer, replica: Replica) -> list[dict[str, Any]]:
    """All frames that the viewer gets until there are none for now."""
    return [json.loads(frame.text) for frame in sent_to(viewer, replica)]


def sent_to(viewer: Viewer, replica: Replica) -> list[Frame]:
    frames = []
    while frame := viewer.next_frame(replica):
        frames.append(frame)
        assert len(frames) < 10_000, "frames without end"
    return frames


def types(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["type"] for frame in frames]


def rendered(truth: Truth, replica: Replica, *, is_final: bool = False) -> None:
    """Show the whole text of the replica as one fragment for each line."""
    if replica.page is None:
        replica.page = Page(epoch=replica.epoch)
    lines = truth.text.split("\n")
    fragments, tail = (lines, "") if is_final else (lines[:-1], lines[-1])
    first = min(len(replica.page.fragments), max(0, len(fragments) - 1))
    replica.page.apply(
        Update(first=first, fragments=fragments[first:], tail=tail), length=replica.length, is_final=is_final
    )


def followed(viewer: Viewer, replica: Replica, reader: Reader, is_done: Callable[[], bool]) -> list[int]:
    """Apply and acknowledge frame by frame until then; the sizes of the frames."""
    sizes = []
    while not is_done():
        frame = viewer.next_frame(replica)
        assert frame is not None, "a viewer that acknowledges starves"
        sizes.append(frame.size)
        reader.apply(frame.text)
        viewer.acknowledge(Ack(epoch=reader.epoch, offset=reader.offset))
    return sizes


def a_large_state(state: State) -> State:
    section = {"name": "\U0001f600" * SECTION_NAME_CHARS, "status": "pending", "tokens": 0, "model": "\U0001f600" * 200}
    return {**state, "last_error": "\x01" * SHOWN_ERROR_CHARS, "sections": [section] * PLAN_SECTIONS}  # type: ignore[typeddict-item]


def test_nothing_comes_before_the_document_is_loaded() -> None:
    assert Viewer("text").next_frame(Replica(1)) is None
    assert Viewer("html").next_frame(Replica(1)) is None


def test_new_viewer_gets_a_whole_snapshot_and_then_deltas() -> None:
    truth = Truth(text="Hello")
    replica, viewer = copied(truth), Viewer("text")
    (snapshot,) = frames_for(viewer, replica)
    assert (snapshot["type"], snapshot["offset"], snapshot["text"]) == ("snapshot", 0, "Hello")
    assert snapshot["artifact"] == 1
    assert snapshot["state"] == replica.state
    truth.append(" world")
    replica.apply_event(truth.events[-1])
    assert frames_for(viewer, replica) == [
        {"type": "delta", "epoch": 1, "seq": truth.seq, "offset": 5, "text": " world"}
    ]
    assert frames_for(viewer, replica) == []


@pytest.mark.parametrize("offset", [0, 3, 5])
def test_cursor_within_the_text_gets_only_what_it_lacks(offset: int) -> None:
    (snapshot,) = frames_for(Viewer("text", Cursor(epoch=1, offset=offset)), copied(Truth(text="Hello")))
    assert (snapshot["offset"], snapshot["text"]) == (offset, "Hello"[offset:])


@pytest.mark.parametrize("cursor", [Cursor(epoch=2, offset=3), Cursor(epoch=0, offset=3), Cursor(epoch=1, offset=6)])
def test_cursor_of_another_epoch_or_beyond_the_end_gets_everything(cursor: Cursor) -> None:
    (snapshot,) = frames_for(Viewer("text", cursor), copied(Truth(text="Hello")))
    assert (snapshot["offset"], snapshot["text"]) == (0, "Hello")


def test_cursor_counts_for_the_first_snapshot_only() -> None:
    truth = Truth(text="Hello")
    replica, viewer = copied(truth), Viewer("text", Cursor(epoch=2, offset=1))
    frames_for(viewer, replica)
    truth.begin_anew()
    truth.append("Anew")
    replica.apply_snapshot(truth.look(replica))
    (snapshot,) = frames_for(viewer, replica)
    assert (snapshot["epoch"], snapshot["offset"], snapshot["text"]) == (2, 0, "Anew")


@given(text=st.text(CHARACTERS, max_size=40), data=st.data())
def test_snapshot_from_every_cursor_and_later_deltas_make_the_whole_text(text: str, data: st.DataObject) -> None:
    truth = Truth(text=text)
    replica = copied(truth)
    begin = data.draw(st.integers(0, len(text)))
    viewer, reader = Viewer("text", Cursor(epoch=1, offset=begin)), Reader(text=text[:begin])
    for piece in data.draw(st.lists(st.text(CHARACTERS, min_size=1, max_size=9), max_size=9)):
        truth.append(piece)
        if data.draw(st.booleans()):
            replica.apply_snapshot(truth.look(replica))
        if data.draw(st.booleans()) and (frame := viewer.next_frame(replica)):
            reader.apply(frame.text)
    truth.end()
    replica.apply_snapshot(truth.look(replica))
    for frame in sent_to(viewer, replica):
        reader.apply(frame.text)
    assert reader.text == truth.text
    assert reader.ended_epochs == [1]


@pytest.mark.parametrize("piece", ["x", "\U0001f600", "\x01", '"', "\n", "\u91cd", "\x01\U0001f600", "\u2028\\"])
def test_long_text_of_any_characters_comes_in_frames_that_are_bounded(piece: str) -> None:
    truth = Truth(text=piece * (2 * FRAME_CHARS // len(piece) + 1))
    replica, viewer, reader = copied(truth), Viewer("text"), Reader()
    sizes = followed(viewer, replica, reader, lambda: reader.text == truth.text)
    assert max(sizes) <= FRAME_BYTES
    assert set(types(reader.frames)) == {"snapshot", "delta"}
    assert max(len(frame["text"]) for frame in reader.frames) <= FRAME_CHARS


def test_state_of_a_hundred_long_names_and_a_long_text_share_a_snapshot_within_bounds() -> None:
    truth = Truth(text="\U0001f600" * 200_000)
    replica, viewer, reader = copied(truth), Viewer("text"), Reader()
    replica.state = a_large_state(replica.state)
    sizes = followed(viewer, replica, reader, lambda: reader.text == truth.text)
    assert max(sizes) <= FRAME_BYTES
    assert reader.state["sections"] == replica.state["sections"]


def test_viewer_that_never_acknowledges_gets_credit_and_one_frame() -> None:
    truth = Truth(text="x" * 10_000_000)
    replica, viewer = copied(truth), Viewer("text")
    frames = sent_to(viewer, replica)
    size = sum(frame.size for frame in frames)
    assert CREDIT_BYTES < size <= CREDIT_BYTES + max(frame.size for frame in frames)
    truth.change("waiting_retry")
    replica.apply_snapshot(truth.look(replica))
    assert viewer.next_frame(replica) is None, "not even a state"


def test_ack_gives_back_the_bytes_of_what_was_applied_and_no_more() -> None:
    viewer, replica = Viewer("text"), copied(Truth(text="x" * 400_000))
    frames = sent_to(viewer, replica)
    first = frames[0].size
    before = viewer.unacknowledged_bytes
    viewer.acknowledge(Ack(epoch=1, offset=FRAME_CHARS - 1))
    assert viewer.unacknowledged_bytes == before, "half a frame is none"
    viewer.acknowledge(Ack(epoch=1, offset=FRAME_CHARS))
    assert viewer.unacknowledged_bytes == before - first
    assert viewer.next_frame(replica) is not None
    viewer.acknowledge(Ack(epoch=1, offset=10))
    viewer.acknowledge(Ack(epoch=0, offset=1_000_000))
    viewer.acknowledge(Ack(epoch=2, offset=0))
    viewer.acknowledge(Ack(epoch=1, offset=-5))
    assert viewer.unacknowledged_bytes > before - first, "an old, a future or a senseless ack is none"
    viewer.acknowledge(Ack(epoch=1, offset=10**30))
    assert viewer.unacknowledged_bytes == 0, "an ack that claims too much is one for all that was sent"


def test_states_without_text_need_no_ack_of_their_own() -> None:
    truth = Truth(text="Hello")
    replica, viewer = copied(truth), Viewer("text")
    frames_for(viewer, replica)
    viewer.acknowledge(Ack(epoch=1, offset=5))
    for number in range(2_000):
        truth.change("user" if number % 2 else "waiting_retry")
        replica.apply_snapshot(truth.look(replica))
        assert types(frames_for(viewer, replica)) == ["state"]
    truth.end()
    replica.apply_snapshot(truth.look(replica))
    assert types(frames_for(viewer, replica)) == ["state", "end"]


def test_viewer_that_brought_everything_along_has_nothing_to_acknowledge() -> None:
    truth = Truth(text="Hello")
    replica, viewer = copied(truth), Viewer("text", Cursor(epoch=1, offset=5))
    frames_for(viewer, replica)
    assert viewer.unacknowledged_bytes == 0


def test_shared_frames_never_let_seq_fall() -> None:
    truth = Truth(text="Hello")
    replica, viewers, readers = copied(truth), [Viewer("text"), Viewer("text")], [Reader(), Reader()]
    for viewer, reader in zip(viewers, readers, strict=True):
        reader.apply(sent_to(viewer, replica)[0].text)
    truth.append(" world")
    replica.apply_event(truth.events[-1])
    readers[0].apply(sent_to(viewers[0], replica)[0].text)
    truth.change("waiting_retry")
    replica.apply_snapshot(truth.look(replica))
    for viewer, reader in zip(viewers, readers, strict=True):
        for frame in sent_to(viewer, replica):
            reader.apply(frame.text)
        assert (reader.text, reader.seq) == ("Hello world", truth.seq)


def test_states_coalesce_for_a_viewer_without_credit() -> None:
    truth = Truth(text="x" * 400_000)
    replica, viewer = copied(truth), Viewer("text")
    frames_for(viewer, replica)
    for reason in ("user", "waiting_retry", "deadline"):
        truth.change(reason)
        replica.apply_snapshot(truth.look(replica))
    viewer.acknowledge(Ack(epoch=1, offset=400_000))
    states = [frame for frame in frames_for(viewer, replica) if frame["type"] == "state"]
    assert [frame["state"]["reason"] for frame in states] == ["deadline"]


def test_end_comes_once_after_the_final_state_and_the_last_delta() -> None:
    truth = Truth(text="Hello")
    replica, viewer, reader = copied(truth), Viewer("text"), Reader()
    reader.apply(sent_to(viewer, replica)[0].text)
    truth.append(" world")
    truth.end()
    replica.apply_snapshot(truth.look(replica))
    for frame in sent_to(viewer, replica):
        reader.apply(frame.text)
    assert types(reader.frames)[-1] == "end"
    assert sorted(types(reader.frames)) == ["delta", "end", "snapshot", "state"]
    replica.apply_snapshot(truth.look(replica))
    assert frames_for(viewer, replica) == []


def test_end_comes_again_for_a_new_epoch() -> None:
    truth = Truth(text="One")
    replica, viewer, reader = copied(truth), Viewer("text"), Reader()
    for _ in range(2):
        truth.end()
        replica.apply_snapshot(truth.look(replica))
        for frame in sent_to(viewer, replica):
            reader.apply(frame.text)
        truth.begin_anew()
        truth.append("Two")
        replica.apply_snapshot(truth.look(replica))
    assert reader.ended_epochs == [1, 2]


def test_a_pause_is_a_state_and_no_end() -> None:
    truth = Truth(text="Half", status="paused")
    assert types(frames_for(Viewer("text"), copied(truth))) == ["snapshot"]


def test_viewers_at_one_place_share_the_encoded_frame() -> None:
    truth = Truth(text="Hello")
    replica, viewers = copied(truth), [Viewer("text") for _ in range(3)]
    for _ in range(2):
        frames = [viewer.next_frame(replica) for viewer in viewers]
        assert frames[0] is not None
        assert frames[0] is frames[1] is frames[2]
        truth.append(" world")
        replica.apply_event(truth.events[-1])


def test_html_snapshot_is_whole_and_waits_for_the_first_rendering() -> None:
    truth = Truth(text="one\ntwo\nthree")
    replica, viewer = copied(truth), Viewer("html", Cursor(epoch=1, offset=5))
    assert viewer.next_frame(replica) is None
    rendered(truth, replica)
    (snapshot,) = frames_for(viewer, replica)
    assert (snapshot["fragments"], snapshot["tail"], snapshot["offset"]) == (["one", "two"], "three", 13)
    assert "text" not in snapshot


def test_html_viewer_gets_only_changed_fragments_and_the_newest_version() -> None:
    truth = Truth(text="one\ntwo\nthree")
    replica, viewer = copied(truth), Viewer("html")
    rendered(truth, replica)
    frames_for(viewer, replica)
    for line in ("\nfour", "\nfive"):
        truth.append(line)
        replica.apply_event(truth.events[-1])
        rendered(truth, replica)
    assert frames_for(viewer, replica) == [
        {
            "type": "preview",
            "epoch": 1,
            "seq": truth.seq,
            "offset": len(truth.text),
            "from": 2,
            "fragments": ["three", "four"],
            "tail": "five",
        }
    ]


def test_html_end_waits_for_the_final_preview() -> None:
    truth = Truth(text="one\ntwo")
    replica, viewer, reader = copied(truth), Viewer("html"), Reader("html")
    rendered(truth, replica)
    truth.end()
    replica.apply_snapshot(truth.look(replica))
    for frame in sent_to(viewer, replica):
        reader.apply(frame.text)
    assert not reader.is_ended
    rendered(truth, replica, is_final=True)
    for frame in sent_to(viewer, replica):
        reader.apply(frame.text)
    assert reader.is_ended
    assert reader.fragments == ["one", "two"]


def test_html_viewer_that_never_acknowledges_is_bounded_too() -> None:
    truth = Truth(text="")
    replica, viewer = copied(truth), Viewer("html")
    frames = []
    for _ in range(200):
        truth.append("x" * 4_000 + "\n")
        replica.apply_event(truth.events[-1])
        rendered(truth, replica)
        frames += sent_to(viewer, replica)
    assert CREDIT_BYTES < sum(frame.size for frame in frames) <= CREDIT_BYTES + max(frame.size for frame in frames)
    viewer.acknowledge(Ack(epoch=1, offset=len(truth.text)))
    late = []
    while more := sent_to(viewer, replica):
        late += more
        viewer.acknowledge(Ack(epoch=1, offset=more[-1].offset))
    assert len(late) == 3, "what it lacks, not what it missed"
    assert json.loads(late[-1].text)["offset"] == len(truth.text)


def test_html_viewer_never_sees_the_page_of_another_epoch() -> None:
    truth = Truth(text="old")
    replica, viewer, reader = copied(truth), Viewer("html"), Reader("html")
    rendered(truth, replica)
    reader.apply(sent_to(viewer, replica)[0].text)
    truth.begin_anew()
    truth.append("new")
    replica.apply_snapshot(truth.look(replica))
    assert viewer.next_frame(replica) is None
    rendered(truth, replica)
    for frame in sent_to(viewer, replica):
        reader.apply(frame.text)
    assert (reader.epoch, reader.tail) == (2, "new")


@pytest.mark.parametrize(
    ("reason", "sentence", "told"),
    [
        ("bad_api_key", "llm:8000 answered 401. Check the key.", ""),
        (
            "waiting_retry",
            "waiting 8 s: it is away, attempt 3. Nothing answers at llm:8000.",
            "waiting 8 s: it is away, attempt 3",
        ),
        ("thinking", "thinking for 40 s, at most 600 s", "thinking for 40 s, at most 600 s"),
        (
            "queued",
            "Two others are before it. One of them is yours.",
            "Two others are before it. One of them is yours.",
        ),
    ],
)
def test_who_reads_by_a_link_is_told_no_sentence_that_may_name_a_machine(reason: str, sentence: str, told: str) -> None:
    replica = copied(Truth(text="Hello", reason=reason))
    replica.state = {**replica.state, "last_error": sentence}
    viewers = [Viewer("text"), Viewer("text", by_link=True), Viewer("text")]

    def sentence_in(frames: list[dict[str, Any]]) -> str:
        return str(frames[0]["state"]["last_error"])

    assert [sentence_in(frames_for(viewer, replica)) for viewer in viewers] == [sentence, told, sentence]

    replica.state_number += 1
    assert [sentence_in(frames_for(viewer, replica)) for viewer in reversed(viewers)] == [sentence, told, sentence]
