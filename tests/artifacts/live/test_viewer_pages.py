"""Pages of any size: cut between fragments, within bounds, with credit, and right for clients of every manner."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts.live.protocol import FRAME_BYTES, Ack, Frame
from artifacts.live.rendered import Page
from artifacts.live.replica import Replica
from artifacts.live.viewer import CREDIT_BYTES, Viewer
from artifacts.preview import Update
from tests.artifacts.live.test_replica import Truth, copied
from tests.artifacts.live.test_viewer import a_large_state
from tests.support.reader import Reader

GIANT = 700_000


@dataclass
class Shown:
    """A document whose page is set by hand, and one viewer of it."""

    truth: Truth = field(default_factory=lambda: Truth(text="x" * 1_000))
    viewer: Viewer = field(default_factory=lambda: Viewer("html"))
    reader: Reader = field(default_factory=lambda: Reader("html"))

    def __post_init__(self) -> None:
        self.replica: Replica = copied(self.truth)
        self.replica.page = self.page = Page(epoch=1)
        self.sizes: list[int] = []

    def render(
        self, first: int, fragments: list[str], tail: str = "", *, grown: int = 0, is_final: bool = False
    ) -> None:
        if grown:
            self.truth.append("y" * grown)
            self.replica.apply_event(self.truth.events[-1])
        if is_final:
            self.truth.end()
            self.replica.apply_snapshot(self.truth.look(self.replica))
        update = Update(first=first, fragments=fragments, tail=tail)
        self.page.apply(update, length=self.replica.length, is_final=is_final)

    def step(self, *, acks: bool = True) -> Frame | None:
        frame = self.viewer.next_frame(self.replica)
        if frame is not None:
            self.sizes.append(frame.size)
            before = self.reader.offset
            self.reader.apply(frame.text)
            if acks or self.reader.offset > before:
                self.viewer.acknowledge(Ack(epoch=self.reader.epoch, offset=self.reader.offset))
        return frame

    def settle(self, *, acks: bool = True) -> None:
        while self.step(acks=acks):
            pass

    @property
    def is_equal(self) -> bool:
        return self.reader.fragments == self.page.fragments and self.reader.tail == self.page.tail


def of_size(size: int, letter: str = "a") -> str:
    return letter * (size // len(letter.encode()))


PAGES = {
    "many": ([of_size(9_000)] * 120, "tail"),
    "escapes": (['"<p>\n' * 5_000] * 12, "tail"),
    "cjk": ([of_size(60_000, "\u91cd")] * 20, "tail"),
    "giant in the middle": (["a", of_size(GIANT), "b"], "tail"),
    "giant first": ([of_size(GIANT), "b"], ""),
    "giant alone": ([of_size(GIANT)], ""),
    "giant tail": (["a", "b"], of_size(GIANT)),
    "nothing but a giant tail": ([], of_size(GIANT)),
    "exactly a frame": ([of_size(FRAME_BYTES - 200)] * 3, of_size(FRAME_BYTES - 200)),
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("acks_all", [True, False], ids=["acks every frame", "acks what is new"])
def test_page_of_any_size_comes_in_bounded_parts_that_make_it_whole(name: str, acks_all: bool) -> None:
    shown = Shown()
    fragments, tail = PAGES[name]
    shown.render(0, fragments, tail)
    shown.settle(acks=acks_all)
    assert shown.is_equal
    for frame in shown.reader.frames:
        is_alone = len(frame["fragments"]) + bool(frame["tail"]) == 1 and "state" not in frame
        size = len(json.dumps(frame, ensure_ascii=False, separators=(",", ":")).encode())
        assert size <= FRAME_BYTES or is_alone
    offsets = [frame["offset"] for frame in shown.reader.frames]
    assert offsets == sorted(offsets)
    assert offsets[-1] == shown.replica.length
    assert [frame.get("more", False) for frame in shown.reader.frames] == [True] * (len(offsets) - 1) + [False]


def test_small_page_is_one_frame_without_a_word_of_more() -> None:
    shown = Shown()
    shown.render(0, ["<p>one</p>"], "two")
    shown.settle()
    (frame,) = shown.reader.frames
    assert "more" not in frame


def test_tail_comes_with_the_last_part_only() -> None:
    shown = Shown()
    shown.render(0, [of_size(100_000)] * 7, "the tail")
    shown.settle()
    assert [frame["tail"] for frame in shown.reader.frames] == ["", "", "", "the tail"]


def test_large_state_and_a_large_page_share_the_first_part_within_bounds() -> None:
    shown = Shown()
    shown.replica.state = a_large_state(shown.replica.state)
    shown.render(0, [of_size(100_000)] * 9, "tail")
    shown.settle()
    assert shown.is_equal
    assert max(shown.sizes) <= FRAME_BYTES


def test_viewer_that_never_acknowledges_gets_credit_and_one_part() -> None:
    shown = Shown()
    shown.render(0, [of_size(100_000)] * 100)
    while frame := shown.viewer.next_frame(shown.replica):
        shown.sizes.append(frame.size)
    assert CREDIT_BYTES < sum(shown.sizes) <= CREDIT_BYTES + FRAME_BYTES


def test_page_that_changes_under_way_goes_on_from_the_first_change() -> None:
    shown = Shown()
    old = [of_size(100_000)] * 12
    shown.render(0, old, "tail")
    for _ in range(3):
        shown.step()
    shown.render(1, [of_size(90_000, "b"), *old[2:6]], "shorter", grown=5)
    assert shown.step() is not None
    assert shown.reader.frames[-1]["from"] == 1
    shown.settle()
    assert shown.is_equal


def test_first_parts_are_not_sent_again_when_the_page_grows_under_way() -> None:
    shown = Shown()
    shown.render(0, [of_size(100_000)] * 9, "tail")
    shown.step()
    for number in range(5):
        shown.render(len(shown.page.fragments), [of_size(1_000)], f"tail {number}", grown=5)
        shown.step()
    shown.settle()
    begins = [frame["from"] for frame in shown.reader.frames[1:]]
    assert begins == sorted(set(begins))
    assert shown.is_equal


@pytest.mark.parametrize("acks_all", [True, False], ids=["acks every frame", "acks what is new"])
def test_page_rendered_again_as_a_whole_at_the_end_reaches_every_viewer(acks_all: bool) -> None:
    """The last definition changes the first fragment, and no text is new."""
    shown = Shown()
    shown.render(0, [of_size(50_000)] * 60, "tail")
    shown.settle(acks=acks_all)
    shown.render(0, [of_size(50_000, "b")] * 61, is_final=True)
    shown.settle(acks=acks_all)
    assert shown.is_equal
    assert shown.reader.is_ended
    assert max(shown.sizes) <= FRAME_BYTES


SIZES = st.sampled_from([0, 1, 50, 30_000, 70_000, 130_000, 262_000, 262_144, 400_000])
CHANGES = st.lists(
    st.tuples(st.integers(0, 9), st.lists(SIZES, max_size=5), SIZES, st.integers(0, 3), st.integers(0, 4)), max_size=6
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow])
@given(changes=CHANGES, acks_all=st.booleans())
def test_whatever_changes_between_the_parts_the_viewer_ends_with_the_page(
    changes: list[tuple[int, list[int], int, int, int]], acks_all: bool
) -> None:
    shown = Shown()
    for number, (first, fragments, tail, grown, steps) in enumerate(changes):
        letter = chr(ord("a") + number)
        first = min(first, len(shown.page.fragments))
        shown.render(first, [of_size(size, letter) for size in fragments], of_size(tail, letter), grown=grown)
        for _ in range(steps):
            shown.step(acks=acks_all)
    shown.render(len(shown.page.fragments), ["the end"], is_final=True)
    shown.settle(acks=acks_all)
    assert shown.is_equal
    assert shown.reader.is_ended


def test_viewers_at_one_place_share_the_parts() -> None:
    shown, others = Shown(), [Viewer("html") for _ in range(3)]
    shown.render(0, [of_size(50_000)] * 12, "tail")
    while frames := [frame for viewer in others if (frame := viewer.next_frame(shown.replica))]:
        assert all(frame is frames[0] for frame in frames)
        last: dict[str, Any] = json.loads(frames[0].text)
        for viewer in others:
            viewer.acknowledge(Ack(epoch=1, offset=last["offset"]))
