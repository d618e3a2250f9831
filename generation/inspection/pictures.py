"""Numbers into the places of shapes: what the admin's pictures show where. Templates draw them; pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

BARS_WIDTH, BARS_HEIGHT, BARS_FOOT, BARS_HEAD = 340, 120, 16, 16
LABEL_HALF = 22
"""Of the label of a day."""
WIDTH, GUTTER, EDGE = 960, 72, 14
LANE, TEXT_LANE = 30, 64
MOST_ROWS = 4
"""Calls that are under way at once are drawn in so many rows."""
CALM_S, CALM_SHOWN_S = 60.0, 20.0
"""A longer time without an event is drawn as wide as a shorter one, and marked."""
LABEL_CHAR, LABEL_GAP = 6.4, 8
_TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
TICKS = 8


@dataclass(frozen=True, kw_only=True)
class BarShape:
    """One value of a chart; `label` stands below it, where there is room."""

    x: float
    y: float
    width: float
    height: float
    middle: float
    label: str
    told: str


@dataclass(frozen=True, kw_only=True)
class BarChart:
    bars: list[BarShape]
    most: str
    width: int = BARS_WIDTH
    height: int = BARS_HEIGHT
    floor: int = BARS_HEIGHT - BARS_FOOT
    foot: int = BARS_HEIGHT - 4


def bar_chart(values: Sequence[tuple[str, int, str]]) -> BarChart:
    """`values`: (label, value, the value in words). The highest bar is as high as there is room."""
    most = max((value for _, value, _ in values), default=0)
    step = BARS_WIDTH / max(1, len(values))
    room = BARS_HEIGHT - BARS_FOOT - BARS_HEAD
    shown = []
    for number, (label, value, told) in enumerate(values):
        height = round(room * value / most, 1) if most else 0.0
        height = max(height, 1.0) if value else 0.0
        is_labelled = (len(values) - 1 - number) % 3 == 0
        shown.append(
            BarShape(
                x=round(number * step + step * 0.15, 1),
                y=round(BARS_HEIGHT - BARS_FOOT - height, 1),
                width=round(step * 0.7, 1),
                height=height,
                middle=round(min((number + 0.5) * step, BARS_WIDTH - LABEL_HALF), 1),
                label=label if is_labelled else "",
                told=f"{label}: {told}",
            )
        )
    return BarChart(bars=shown, most=next((told for _, value, told in values if value == most and most), ""))


class TimeScale:
    """Seconds to places; what is long and empty is cut short."""

    def __init__(self, moments: Sequence[float], *, left: float, right: float) -> None:
        self._moments = sorted({*moments, 0.0})
        self._shown = [0.0]
        self.cuts: list[tuple[float, float]] = []
        """(place, seconds) of each."""
        cut_at = []
        for before, after in zip(self._moments, self._moments[1:], strict=False):
            gap = after - before
            is_cut = gap > CALM_S
            self._shown.append(self._shown[-1] + (CALM_SHOWN_S if is_cut else gap))
            if is_cut:
                cut_at.append((before, after))
        self._left, self._scale = left, (right - left) / max(self._shown[-1], 0.001)
        self.cuts = [(self.place((before + after) / 2), after - before) for before, after in cut_at]

    def place(self, at_s: float) -> float:
        index = min(max(bisect_right(self._moments, at_s) - 1, 0), max(0, len(self._moments) - 2))
        shown = self._shown[index]
        if index + 1 < len(self._moments):
            begin, end = self._moments[index], self._moments[index + 1]
            part = min(1.0, max(0.0, (at_s - begin) / (end - begin)))
            shown += part * (self._shown[index + 1] - shown)
        return round(self._left + shown * self._scale, 1)

    def ticks(self) -> list[tuple[float, float]]:
        """(place, seconds) at round numbers, outside of what is cut; few enough to be read."""
        whole = self._shown[-1]
        step = next((tick for tick in _TICKS_S if whole / tick <= TICKS), _TICKS_S[-1])
        found: list[tuple[float, float]] = []
        for before, after in zip(self._moments, self._moments[1:], strict=False):
            if after - before > CALM_S:
                continue
            first = -(-before // step)
            while first * step <= after:
                place = self.place(first * step)
                if not found or place - found[-1][0] > 40:
                    found.append((place, first * step))
                first += 1
        return found


@dataclass(frozen=True, kw_only=True)
class Lasting:
    """What goes on for a while: a claim, a call. Seconds from the beginning."""

    begin_s: float
    end_s: float
    kind: str
    label: str
    told: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What happens at once."""

    at_s: float
    kind: str
    label: str
    told: str


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Something drawn, in the colours of its `kind`; a moment has no `width`. `label` is empty where it has no room."""

    x: float
    y: float
    kind: str
    told: str
    width: float = 0.0
    label: str = ""
    anchor: str = "start"
    label_x: float = 0.0


@dataclass(kw_only=True)
class TimelinePicture:
    width: int = WIDTH
    height: float = 0
    left: int = GUTTER
    right: int = WIDTH - EDGE
    lanes: list[tuple[float, str]] = field(default_factory=list)
    claims: list[Shape] = field(default_factory=list)
    calls: list[Shape] = field(default_factory=list)
    first_texts: list[Shape] = field(default_factory=list)
    people: list[Shape] = field(default_factory=list)
    troubles: list[Shape] = field(default_factory=list)
    growth: str = ""
    flushes: list[float] = field(default_factory=list)
    text_top: float = 0
    text_floor: float = 0
    most_chars: int = 0
    ticks: list[tuple[float, float]] = field(default_factory=list)
    cuts: list[tuple[float, float]] = field(default_factory=list)


def timeline_picture(
    *,
    claims: Sequence[Lasting],
    calls: Sequence[Lasting],
    first_texts: Sequence[Mark],
    people: Sequence[Mark],
    troubles: Sequence[Mark],
    growth: Sequence[tuple[float, int]],
) -> TimelinePicture:
    """`growth`: (seconds, characters of the text by then), rising."""
    moments = [one.at_s for one in (*people, *troubles)] + [at_s for at_s, _ in growth]
    moments += [at_s for one in (*claims, *calls) for at_s in (one.begin_s, one.end_s)]
    scale = TimeScale(moments, left=GUTTER, right=WIDTH - EDGE)
    picture = TimelinePicture(cuts=scale.cuts, ticks=scale.ticks())
    y = 18.0
    picture.lanes.append((y + 12, "people"))
    picture.people = _moments(people, scale, y)
    y += LANE
    picture.lanes.append((y + 12, "claims"))
    picture.claims = [_lasting(one, scale, y) for one in claims]
    y += LANE
    picture.lanes.append((y + 12, "calls"))
    rows = _rows(calls)
    picture.calls = [_lasting(one, scale, y + 18 * row) for one, row in zip(calls, rows, strict=True)]
    for mark in first_texts:
        index = next((n for n, one in enumerate(calls) if one.begin_s <= mark.at_s <= one.end_s), None)
        x = scale.place(mark.at_s)
        if index is not None:
            picture.calls[index] = _beside(picture.calls[index], x)
        row = 0 if index is None else rows[index]
        picture.first_texts.append(Shape(x=x, y=y + 18 * row, kind=mark.kind, told=mark.told))
    y += 18 * (max(rows, default=0) + 1) + 12
    picture.lanes.append((y + 12, "trouble"))
    picture.troubles = _moments(troubles, scale, y)
    y += LANE
    picture.lanes.append((y + TEXT_LANE / 2, "text"))
    picture.text_top, picture.text_floor = y, y + TEXT_LANE
    picture.most_chars = max((chars for _, chars in growth), default=0)
    picture.growth = _growth(growth, scale, picture)
    picture.flushes = sorted({round(scale.place(at_s)) for at_s, _ in growth})
    picture.height = y + TEXT_LANE + 22
    return picture


def _lasting(one: Lasting, scale: TimeScale, y: float) -> Shape:
    x = scale.place(one.begin_s)
    width = max(2.0, round(scale.place(one.end_s) - x, 1))
    fits = len(one.label) * LABEL_CHAR + LABEL_GAP < width
    return Shape(x=x, y=y, width=width, kind=one.kind, told=one.told, label=one.label if fits else "", label_x=x + 4)


def _beside(shape: Shape, x: float) -> Shape:
    """With its label behind the line at that place, where that would go through it, and where there is room."""
    if not x - LABEL_CHAR < shape.label_x + len(shape.label) * LABEL_CHAR or x < shape.x:
        return shape
    label_x = max(shape.label_x, x + 4)
    fits = label_x + len(shape.label) * LABEL_CHAR <= shape.x + shape.width
    return replace(shape, label_x=label_x, label=shape.label if fits else "")


def _moments(found: Sequence[Mark], scale: TimeScale, y: float) -> list[Shape]:
    """With labels where none stands already."""
    shapes, free_from = [], 0.0
    for one in sorted(found, key=lambda one: one.at_s):
        x, wide = scale.place(one.at_s), len(one.label) * LABEL_CHAR
        label, anchor, label_x = one.label, "start", x + LABEL_GAP
        if label_x + wide > WIDTH:
            anchor, label_x = "end", x - LABEL_GAP
        begins = label_x - wide if anchor == "end" else label_x
        if not label or begins < free_from:
            label = ""
        else:
            free_from = begins + wide + LABEL_GAP
        free_from = max(free_from, x + LABEL_GAP)
        shapes.append(Shape(x=x, y=y, kind=one.kind, told=one.told, label=label, anchor=anchor, label_x=label_x))
    return shapes


def _rows(calls: Sequence[Lasting]) -> list[int]:
    """The row of each, so that those at once stand below each other."""
    ends = [float("-inf")] * MOST_ROWS
    rows = []
    for call in calls:
        row = next((row for row, end in enumerate(ends) if end <= call.begin_s), MOST_ROWS - 1)
        ends[row] = max(ends[row], call.end_s)
        rows.append(row)
    return rows


def _growth(growth: Sequence[tuple[float, int]], scale: TimeScale, picture: TimelinePicture) -> str:
    """The outline of the text's length, as points of a polygon."""
    if not growth or not picture.most_chars:
        return ""
    floor, room = picture.text_floor, picture.text_floor - picture.text_top
    points: list[tuple[float, float]] = []
    height = 0.0
    for at_s, chars in growth:
        x = scale.place(at_s)
        points.append((x, round(floor - height, 1)))
        height = room * chars / picture.most_chars
        points.append((x, round(floor - height, 1)))
    outline = [(points[0][0], floor), *points, (points[-1][0], floor)]
    return " ".join(f"{x:g},{y:g}" for x, y in outline)
