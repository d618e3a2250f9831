"""Shapes stand within their picture, in the order of what happened, and labels not upon each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from generation.inspection.pictures import (
    BARS_HEIGHT,
    BARS_WIDTH,
    EDGE,
    GUTTER,
    LABEL_CHAR,
    WIDTH,
    Lasting,
    Mark,
    TimeScale,
    bar_chart,
    timeline_picture,
)

TIMES = st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=40)


@given(TIMES)
def test_places_rise_with_time_and_stay_within(times):
    scale = TimeScale(times, left=GUTTER, right=WIDTH - EDGE)
    places = [scale.place(at_s) for at_s in sorted(times)]
    assert places == sorted(places)
    assert places[0] >= GUTTER
    assert places[-1] <= WIDTH - EDGE + 0.1


def test_long_calm_is_cut_short_and_marked():
    scale = TimeScale([0, 10, 20, 100_000, 100_010], left=0, right=600)
    assert scale.place(20) > 150
    assert [seconds for _, seconds in scale.cuts] == [99_980]


@given(st.lists(st.integers(min_value=0, max_value=10**12), max_size=30))
def test_bars_stand_within_their_chart(values):
    chart = bar_chart([(str(number), value, str(value)) for number, value in enumerate(values)])
    for bar, value in zip(chart.bars, values, strict=True):
        assert bar.x >= 0
        assert bar.x + bar.width <= BARS_WIDTH + 0.1
        assert bar.y >= 0
        assert bar.y + bar.height <= BARS_HEIGHT
        assert bool(bar.height) == bool(value)


def first_text(at_s):
    return Mark(at_s=at_s, kind="text", label="", told="")


@given(st.floats(min_value=0, max_value=30), st.sampled_from(["1 Goals", "12 " + "x" * 40]))
def test_label_of_a_call_is_beside_its_first_text(at_s, label):
    call = Lasting(begin_s=0, end_s=30, kind="well", label=label, told="")
    picture = timeline_picture(
        claims=[], calls=[call], first_texts=[first_text(at_s)], people=[], troubles=[], growth=[]
    )
    shape, line = picture.calls[0], picture.first_texts[0].x
    ends = shape.label_x + len(shape.label) * LABEL_CHAR
    assert not shape.label or line + 4 <= shape.label_x or line >= ends
    assert ends <= shape.x + shape.width


def test_calls_at_once_stand_below_each_other_and_labels_apart():
    calls = [
        Lasting(begin_s=begin, end_s=begin + 10, kind="well", label=f"{begin}", told="") for begin in (0, 1, 2, 20)
    ]
    people = [Mark(at_s=at_s, kind="person", label="start, somebody", told="") for at_s in (0, 0.1, 0.2, 29)]
    picture = timeline_picture(
        claims=[], calls=calls, first_texts=[first_text(1.5)], people=people, troubles=[], growth=[(1, 10), (30, 900)]
    )
    rows = [shape.y for shape in picture.calls]
    assert len(set(rows[:3])) == 3
    assert rows[3] == rows[0]
    labelled = [shape for shape in picture.people if shape.label]
    assert len(labelled) == 2
    assert labelled[-1].anchor == "end"
    assert picture.most_chars == 900
    assert picture.growth.startswith(f"{picture.flushes[0]:g}"[:2])
