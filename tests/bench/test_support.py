"""The parts of the benchmark: viewers in a process of their own tell the truth about what they got."""

from __future__ import annotations

import pytest

from bench import capacity
from bench.support.child import Child
from bench.support.report import Report, parse
from bench.support.viewers import parse as parse_frame
from bench.support.words import MARK, marked, plain


def test_a_viewer_sees_every_mark_and_that_all_have_one_text():
    with Child("broadcast", "1000") as server, Child("viewers") as viewers:
        opened = viewers.ask("connect", port=server.hello["port"], places=[["/", "-"]] * 3)
        viewers.ask("begin")
        server.ask("emit", count=4, rate=200, chars=50)
        reached = viewers.ask("until", end=1_200)
        seen = viewers.ask("stats")

    assert (opened["open"], opened["failed"]) == (3, 0)
    assert reached["reached"] == 3
    assert (seen["marks"], seen["frames"], seen["texts"], seen["gaps"]) == (12, 12, 1, 0)


@pytest.mark.parametrize("chars", [30, 200])
def test_a_marked_text_has_its_length_and_one_mark(chars):
    text = marked(chars, 3)

    assert len(text) == chars
    assert len(MARK.findall(text)) == 1
    assert len(plain(10_000, 5)) == 10_000


@pytest.mark.parametrize("cut", ["@", "@@1", "@@1234567890123456789"])
def test_a_mark_that_a_frame_cuts_is_kept_for_the_next(cut):
    frame = parse_frame(f'{{"type":"delta","epoch":1,"seq":1,"offset":4,"text":"words {cut}"}}'.encode())

    assert (frame.cut, frame.marks, frame.end) == (cut, [], 4 + 6 + len(cut))


def test_a_report_is_the_same_after_its_line_of_json():
    report = Report(name="one", title="one", columns=["what"], rows=[["a"]], figures={"x": 1.0})

    assert parse(report.line()) == report


def test_what_serves_more_viewers_is_computed_only_from_whole_figures():
    figures = {
        "net_us_uvicorn_text_1000": 30.0,
        "kb_a_viewer_of_one_document": 30.0,
        "streams_held": 100.0,
        "flushes_s_PostgreSQL_100": 500.0,
    }
    one = Report(name="all", title="all", columns=[], figures=figures)

    computed = capacity.on_paper([one])

    assert computed
    assert [row[0] for row in computed.rows] == ["1,000", "100,000", "10,000,000"]
    assert computed.rows[0][2] == 1
    assert capacity.on_paper([Report(name="all", title="all", columns=[], figures={})]) is None
