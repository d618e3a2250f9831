"""Large fragments in pieces: every word stays, each stands by itself, a beginning is cut the same way always."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.preview import LivePreview, in_pieces, render
from artifacts.preview.pieces import PIECE_CHARS, REOPENED_CHARS

LINE = "lamps & oil <br> and *what* else "
ROWS = "".join(f"| {n} | `oil` & [a lamp](https://example.org) |\n" for n in range(1_500))
TEXTS = {
    "one line": "x" * 120_000,
    "one line of words": LINE * 4_000,
    "one line of Chinese": "重" * 150_000,
    "one line of emoji": "\U0001f600" * 150_000,
    "one line of entities": "&<" * 25_000,
    "emphasis": f"_{'word ' * 25_000}_",
    "link": f"[{'word ' * 25_000}](https://example.org)",
    "code": "```python\nif a < b:\n    c = d & e\n" + "x = 1 & 2\n\n\n" * 9_000 + "```\n",
    "table": f"| No | What |\n|---|:-:|\n{ROWS}",
    "list": "".join(f"{n}. {LINE}\n" for n in range(7, 3_000)),
    "list in a quote": "".join(f"> - {LINE}\n>   - {n}\n" for n in range(2_000)),
    "long item": f"1. one\n2. {LINE * 5_000}\n3. three\n",
}


class Nesting(HTMLParser):
    """Raises where tags are not well nested; `names` are the elements that are open."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("br", "hr", "input"):
            self.names.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.names.pop() == tag


def is_whole(html: str) -> bool:
    nesting = Nesting()
    nesting.feed(html)
    nesting.close()
    return not nesting.names


def words(html: str) -> str:
    """The text, but for a line break right behind a tag that a browser drops."""
    return re.sub(r"<[^>]*>", "", re.sub(r"(<pre[^>]*>)\n", r"\1", html))


@pytest.mark.parametrize("name", TEXTS)
def test_every_piece_is_bounded_and_whole_and_every_word_stays(name: str) -> None:
    live = LivePreview()
    live.append(f"First.\n\n{TEXTS[name]}\n\nLast.\n")
    html = live.finish()
    shown = live.update().fragments
    assert len(shown) > 4
    assert all(is_whole(piece) and len(piece) <= PIECE_CHARS + 2 * REOPENED_CHARS for piece in shown)
    assert html == "\n".join(shown) == render(f"First.\n\n{TEXTS[name]}\n\nLast.\n")
    live = LivePreview()
    live.append(TEXTS[name])
    tail = live.update().tail  # is as it was rendered
    assert words("".join(in_pieces(tail))) == words(tail)


@pytest.mark.parametrize("name", TEXTS)
def test_document_that_grows_becomes_the_one_that_is_rendered_whole(name: str) -> None:
    text, live, shown = TEXTS[name] + "\n\nLast.\n", LivePreview(), list[str]()
    for begin in range(0, len(text), 30_000):
        live.append(text[begin : begin + 30_000])
        update = live.update()
        shown[update.first :] = update.fragments
    live.finish()
    update = live.update()
    shown[update.first :] = update.fragments
    assert "\n".join(shown) == render(text)


def test_late_definition_changes_how_many_pieces_there_are_and_the_viewer_follows() -> None:
    live, shown = LivePreview(), list[str]()
    for text in ("[a][h] and\n" * 10_000 + "\n\n", "More.\n\n", "[h]: https://example.org/harbour\n\nLast.\n\n"):
        live.append(text)
        update = live.update()
        shown[update.first :] = update.fragments
        assert shown == live.fragments
    assert "\n".join(shown) == live.finish()


def test_end_that_grows_keeps_the_pieces_of_its_beginning() -> None:
    rows = "".join(f"<tr><td>{n}</td></tr>\n" for n in range(12_000))
    before = list[str]()
    for length in range(30_000, len(rows), 17_011):
        rest = rows[: rows.rfind("<tr>", 0, length)]
        now = in_pieces(f"<table><tbody>\n{rest}</tbody></table>")
        assert now[: len(before) - 1] == before[:-1]
        before = now
    assert len(before) > 4


def test_lists_go_on_counting_and_an_id_is_there_once() -> None:
    items = "".join(f'<li id="doc-{n}">{"x" * 50}</li>\n' for n in range(3_000))
    shown = in_pieces(f'<ol start="5">\n{items}</ol>')
    for piece in shown[1:]:
        start = re.match(r'<ol start="(\d+)" class="continued">\s*<li id="doc-(\d+)">', piece)
        assert start
        assert int(start[1]) == int(start[2]) + 5
    assert len(set(re.findall(r'id="doc-\d+"', "".join(shown)))) == "".join(shown).count("id=") == 3_000


def test_item_that_goes_on_has_the_same_number_and_shows_it_once() -> None:
    first, second = in_pieces(f"<ol><li>one</li><li>{'word ' * 15_000}</li><li>three</li></ol>")
    assert first.startswith("<ol><li>one</li><li>word")
    assert second.startswith('<ol start="2" class="continued"><li class="continued">word')


def test_blank_line_behind_a_cut_in_code_stays() -> None:
    shown = in_pieces(f'<pre class="plain">{"x" * 99}{chr(10) * 70_000}</pre>')
    assert len(shown) > 1
    assert words("".join(shown)).count("\n") == 70_000


def test_tags_that_would_weigh_too_much_are_not_repeated() -> None:
    html = f'<p><a href="https://example.org/{"y" * 50_000}">{"word " * 100_000}</a></p>'
    assert sum(map(len, in_pieces(html))) < len(html) * 1.1


@given(st.text("ab <&", max_size=60), st.integers(1, 4))
def test_small_html_stays_as_it_is(text: str, depth: int) -> None:
    html = "<blockquote>" * depth + text.replace("&", "&amp;").replace("<", "&lt;") + "</blockquote>" * depth
    assert in_pieces(html) == [html]
    assert in_pieces("") == []
