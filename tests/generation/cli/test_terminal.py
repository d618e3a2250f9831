"""What a model wrote reaches a terminal as text only, whole, and the same however it was cut."""

from __future__ import annotations

import io
import os
import pty
import select
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from generation.cli.terminal import Cleaner, Screen, printable, without_key_marks


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def cleaned(*pieces: str) -> str:
    cleaner = Cleaner()
    return "".join([*map(cleaner.feed, pieces), cleaner.end()])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mred\x1b[0m b", "ared b"),
        ("a\x1b[2J\x1b[Hb", "ab"),
        ("a\x1b[?25lb\x1b[1;1;3~c", "abc"),
        ("a\x9b31mb", "ab"),
        ("a\x1b]0;owned\x07b", "ab"),
        ("a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\b", "alinkb"),
        ("a\x1bP1$r\x1b\\b\x90q\x9cc", "abc"),
        ("a\x1b(Bb", "ab"),
        ("a\x1bHello", "aHello"),
        ("a\x00b\x07c\x08d\x7fe\x84f", "abcdef"),
        ("a\x0bb\x0cc\x85d", "a b c d"),
        ("one\r\ntwo\rthree\n", "one\r\ntwo\nthree\n"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("Zwölf 🎈 e\u0301 \u200dx", "Zwölf 🎈 e\u0301 \u200dx"),
        ("a\ud800b", "a\ufffdb"),
        ("a\x1b", "a"),
        ("a\x1b[", "a["),
        ("a\x1b]0;never closed\nnext line", "a]0;never closed\nnext line"),
        ("a\x1b]0;" + "x" * 300 + "\x07", "a]0;" + "x" * 300),
        ("a\x1b[" + "1" * 80 + "m", "a[" + "1" * 80 + "m"),
        ("\x1b[31\x1b[31mx", "[31x"),
        ("\r\x1b[1A\rtext", "\n\ntext"),
    ],
    ids=range(22),
)
def test_escapes_and_control_characters_are_taken_out_and_words_stay(text, shown):
    assert cleaned(text) == shown
    assert cleaned(*text) == shown


NASTY = st.text(st.sampled_from(list("\x1b\x1b[]()P\\\x07\x9b\x9c\x9d\r\n0;?m AZ é\ud800\x85")), max_size=40)


@example("\r\x9d\x9c\n", [])
@given(NASTY, st.lists(st.integers(0, 40), max_size=6))
def test_any_cut_gives_the_same_and_nothing_that_a_terminal_obeys(text, cuts):
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[start:end] for start, end in pairwise(places)]
    whole = cleaned(text)
    assert cleaned(*pieces) == whole
    assert cleaned(*text) == whole
    assert not set(whole) - set("[]()P\\\r\n0;?m AZ é\ufffd")
    assert "\r" not in whole.replace("\r\n", "")


@given(st.text(st.characters(blacklist_categories=["Cc", "Cs"]) | st.sampled_from("\n\t")))
def test_text_without_control_characters_is_not_changed(text):
    assert cleaned(*text) == text


def test_half_an_escape_is_held_back_and_a_word_is_not():
    cleaner = Cleaner()
    assert cleaner.feed("word\x1b[3") == "word"
    assert cleaner.feed("1mred") == "red"
    assert cleaner.feed("\x1b]0;" + "x" * 1_000) == "]0;" + "x" * 1_000


def test_one_line_stays_one_line():
    assert printable("“\u202eTwo\u200f” \u2068lines\u2069") == "“Two” lines"
    assert printable("Two\nlines \x1b[1mand\x1b[0m\ta tab") == "Two lines and a tab"


def test_notes_go_to_their_own_stream_as_plain_lines():
    out, err = io.StringIO(), io.StringIO()
    with Screen(out, err) as screen:
        screen.text("Some te")
        screen.note("[1/2] Goals\x1b[2J [bold]: 5 tokens")
        screen.progress(section="Goals", completed=1, total=2, tokens=5)
        screen.text("xt")
        screen.end_text()
    assert out.getvalue() == "Some text"
    assert err.getvalue() == "[1/2] Goals [bold]: 5 tokens\n"


def test_note_on_a_shared_terminal_begins_a_line_of_its_own_and_a_passing_one_is_taken_back(monkeypatch):
    for kind, below in (("dumb", ""), ("xterm", "\x1bD\x1b[A\x1b7\r\n\x1b[2mpassing\x1b[0m\x1b8\x1b[J")):
        monkeypatch.setenv("TERM", kind)
        terminal = Terminal()
        with Screen(terminal, terminal) as screen:
            screen.text("Some te")
            screen.passing_note("passing")
            screen.text("xt.")
            screen.note("a note")
        said = terminal.getvalue().replace("\x1b[2ma note\x1b[0m", "a note")
        assert said == f"Some te{below}xt.\na note\n"


def test_bar_is_drawn_where_the_text_goes_elsewhere(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    out, err = io.StringIO(), Terminal()
    with Screen(out, err) as screen:
        screen.progress(section="Goals [red]\x1b[2J", completed=1, total=2, tokens=5)
        screen.text("Text")
        screen.note("a note")
    assert out.getvalue() == "Text"
    assert "1/2" in err.getvalue()
    assert "5 tokens" in err.getvalue()
    assert "Goals [red]" in err.getvalue()
    assert "a note" in err.getvalue()
    assert "\x1b[2J" not in err.getvalue()


def test_ctrl_c_shows_no_mark_and_loses_no_text_that_waits_to_be_shown():
    ours, theirs = pty.openpty()
    os.set_blocking(theirs, False)
    with os.fdopen(theirs, "r+b", buffering=0) as terminal, os.fdopen(ours, "r+b", buffering=0) as screen:
        with without_key_marks(terminal):
            sent = 0
            with suppress(BlockingIOError):
                while sent < 9_000:  # more than a screen that is slow has taken
                    sent += os.write(theirs, b"word ")
            screen.write(b"\x03")
            shown = b""
            while len(shown) < sent and select.select([screen], [], [], 5)[0]:  # what was dropped never comes
                shown += screen.read(4_096)
        assert shown.rstrip(b"\x03") == (b"word " * sent)[:sent]
