"""What differs between two texts: both can be read from it, words are told apart, and no text makes it costly."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.pages.comparison import ComparedSection, compare_texts, compared_words

PIECES = ["a", "b ", "c\n", "d", " ", "\n", "long ", "灯", "塔", "ที่", "\u0301", "\u200d", "👩", "🇩🇪"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
SECTIONS = st.lists(st.tuples(st.sampled_from(["One", "Two", "Three"]), TEXTS), max_size=5)


def read(compared: list[ComparedSection], without: str) -> list[tuple[str, str]]:
    """The sections of one of both texts."""
    return [
        (one.name, "".join(span.text for span in one.spans if span.change != without))
        for one in compared
        if one.change != without
    ]


@given(SECTIONS, SECTIONS)
def test_both_texts_can_be_read_from_what_differs(old, new):
    compared = compare_texts(old, new)

    assert read(compared, "added") == old
    assert read(compared, "removed") == new


def test_changed_word_is_told_apart_in_its_section():
    compared = compare_texts([("Why", "It is cold."), ("How", "So.")], [("Why", "It is warm."), ("How", "So.")])

    assert [one.change for one in compared] == ["changed", "same"]
    assert [(span.change, span.text) for span in compared[0].spans] == [
        ("same", "It is "),
        ("removed", "cold"),
        ("added", "warm"),
        ("same", "."),
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("Ships come at night.", "Boats go by day.", "-Ships come at night+Boats go by day|."),
        ("A big red cat sat.", "A small blue cat sat.", "|A -big red+small blue| cat sat."),
        ("The red fox jumps.", "The blue fox leaps.", "|The -red+blue| fox -jumps+leaps|."),
        ("one two\nthree four", "eins zwei\ndrei vier", "-one two+eins zwei|\n-three four+drei vier"),
        ("w1 w2 w3", "نص عربي", "-w1 w2 w3+نص عربي"),
        ("a b", "a b c", "|a b+ c"),
        ("这是一个很长的句子，关于灯塔。", "这是一个很短的句子，关于灯塔。", "|这是一个很-长+短|的句子，关于灯塔。"),
        ("ระบบที่เร็ว", "ระบบที่ช้า", "|ระบบที่-เร็ว+ช้า"),
        ("كتاب مُحَمَّد هنا", "كتاب مُحَمِّد هنا", "|كتاب -مُحَمَّد+مُحَمِّد| هنا"),
        ("यह में है", "यह मे है", "|यह -में+मे| है"),
        ("a 👨‍👩‍👧 b", "a 👨‍👩‍👦 b", "|a -👨‍👩‍👧+👨‍👩‍👦| b"),
        ("a 👍🏽 b", "a 👍🏿 b", "|a -👍🏽+👍🏿| b"),
        ("to 🇩🇪 now", "to 🇩🇰 now", "|to -🇩🇪+🇩🇰| now"),
    ],
)
def test_a_line_that_was_written_anew_is_no_confetti(old, new, told):
    (section,) = compare_texts([("One", old)], [("One", new)])

    signs = {"same": "|", "removed": "-", "added": "+"}
    assert "".join(signs[span.change] + span.text for span in section.spans) == told


def test_new_and_dropped_sections_are_told_as_such():
    compared = compare_texts([("A", "1"), ("B", "2")], [("B", "2"), ("C", "3")])

    assert [(one.name, one.change) for one in compared] == [("A", "removed"), ("B", "same"), ("C", "added")]


def test_megabyte_without_a_line_in_common_is_compared():
    old = "".join(f"{number % 90} x\n" for number in range(120_000))
    new = "".join(f"{number % 97} y\n" for number in range(120_000))

    compared = compare_texts([("All", old)], [("All", new)])

    assert read(compared, "added") == [("All", old)]
    assert read(compared, "removed") == [("All", new)]


@pytest.mark.parametrize("length", [8_190, 8_191, 8_192, 8_193, 8_194, 30_000])
@pytest.mark.parametrize("behind", ["", "\u0301", "🇩🇪", " end", "漢"])
def test_words_are_the_same_wherever_a_step_ends(length, behind):
    short, long = compared_words("a x" + behind), compared_words("a " + "x" * length + behind)
    assert long == [*short[:2], "x" * length + short[2][1:], *short[3:]]


def test_no_search_goes_through_a_long_text_at_once():
    searches = 0

    def count(_frame: object, event: str, called: object) -> None:
        nonlocal searches
        searches += event == "c_call" and getattr(called, "__name__", "") == "findall"

    text = "word " * 40_000
    sys.setprofile(count)
    try:
        compared_words(text)
    finally:
        sys.setprofile(None)
    assert searches > len(text) // 10_000
