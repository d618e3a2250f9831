"""The moments of a text: in their order, with silences cut short."""

from __future__ import annotations

from artifacts.replay.timeline import SILENCE_S, Timeline

WRITTEN = [(100.0, 5, 1), (101.0, 10, 2), (901.0, 12, 4), (900.0, 20, 5)]


def test_silence_lasts_no_longer_than_somebody_would_watch_and_time_never_falls():
    timeline = Timeline(WRITTEN)
    assert [moment.at_s for moment in timeline.moments] == [0.0, 1.0, 1.0 + SILENCE_S, 1.0 + SILENCE_S]


def test_place_has_the_moment_that_brought_the_text_so_far():
    timeline = Timeline(WRITTEN)
    assert [timeline.after(place) for place in (0, 4, 5, 19, 20, 99)] == [0, 0, 1, 3, 4, 4]
    assert [(timeline.time_of(place), timeline.seq_of(place)) for place in (0, 7, 10)] == [(0.0, 0), (0.0, 1), (1.0, 2)]
    assert [timeline.reached(2, at_s) for at_s in (0.0, 5.9, 6.0)] == [2, 2, 4]
    assert Timeline([]).after(3) == 0
