"""A rendering leaves nothing for the garbage collector, which looks at no more than what is young until it is over."""

import gc
import threading
from typing import Any

import pytest

from artifacts.preview import collector, render
from artifacts.preview.inline.inline import LET_GO_STEP, let_go
from tests.artifacts.preview.inputs.floods import FLOODS
from tests.artifacts.preview.test_flicker import GROWING


def unreachable_after(text: str) -> int:
    """How many objects only the collector can remove."""
    render(text)  # what is made once
    gc.collect()
    gc.disable()
    try:
        render(text)
        return gc.collect()
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "name", ["stars in words", "emphasis deep", "emphasis", "brackets with targets", "lists", "tasks"]
)
def test_rendering_leaves_no_more_behind_the_more_it_renders(name: str) -> None:
    make = FLOODS[name]
    assert unreachable_after(make(8_000)) <= unreachable_after(make(800)) + 50


def test_ordinary_text_leaves_next_to_nothing_behind() -> None:
    assert unreachable_after(GROWING * 20) <= unreachable_after(GROWING) + 50


def test_collector_waits_for_the_last_of_several_renderings() -> None:
    entered, may_go = threading.Event(), threading.Event()
    usual = gc.get_threshold()
    put_off = (*usual[:2], collector.NEVER)

    def other() -> None:
        with collector.paused():
            entered.set()
            may_go.wait(20)

    thread = threading.Thread(target=other)
    with collector.paused():
        thread.start()
        assert entered.wait(20)
        assert gc.get_threshold() == put_off
    assert collector.is_paused()
    assert gc.get_threshold() == put_off
    may_go.set()
    thread.join()
    assert not collector.is_paused()
    assert gc.get_threshold() == usual


def test_no_collection_in_or_behind_a_rendering_looks_at_all_of_it() -> None:
    """Those of what is young find little that is new since the one before."""
    seen: list[int] = []

    def note(phase: str, about: dict[str, int]) -> None:
        if phase == "start":
            seen.append(len(gc.get_objects(generation=0)))
            assert about["generation"] < 2

    with collector.paused():
        gc.callbacks.append(note)
        try:
            kept = [[number] for number in range(200_000)]
        finally:
            gc.callbacks.remove(note)
    assert len(kept) == 200_000
    assert len(seen) > 50
    assert max(seen) < 20_000


class WatchedList(list[int]):
    def __init__(self, length: int) -> None:
        super().__init__(range(length))
        self.gone: list[int] = []

    def __delitem__(self, place: Any) -> None:
        before = len(self)
        super().__delitem__(place)
        self.gone.append(before - len(self))


def test_long_list_goes_in_steps() -> None:
    items = WatchedList(5 * LET_GO_STEP + 1)
    let_go(items)
    assert items == []
    assert max(items.gone) == LET_GO_STEP
