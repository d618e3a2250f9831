"""What the preview promises: any chunking the same, the live page equal to the whole, nothing hostile, no word lost."""

from __future__ import annotations

import html
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.preview import LivePreview, render
from tests.preview.floods import FLOODS
from tests.preview.hostile import HOSTILE
from tests.preview.structure import github_entries, preview_entries

CORPUS = Path(os.environ.get("STREAMGEN_CORPUS") or Path(__file__).resolve().parents[3] / "shared" / "corpus")
DOCUMENTS = sorted(CORPUS.glob("*.md"), key=lambda path: path.stat().st_size)[:12] if CORPUS.is_dir() else []
BLOCKS = [
    "# A heading\n\n",
    "A paragraph with **bold**, *emphasis*, `code`, ~~gone~~ and https://example.org in it.\n",
    "right after it\n- a list\n- of two\n\n",
    "1) one\n2) two\n   - nested\n\n",
    "- [x] done\n- [ ] to do\n\n",
    "```python title\nprint('hello')\n```\n\n",
    "- item\n\n  ```\n  code in a list\n  ```\n\n",
    "| a | b |\n|---|---|\n| 1<br>2 | 3 |\n\n",
    "> quoted\n> twice\n\n",
    "A [late] reference and a note[^1].\n\n",
    "[late]: https://example.org/late\n\n",
    "[^1]: The note.\n\n",
    "<!-- a comment --><b>raw</b>\n\n",
    "<details><summary>More</summary>\n\nhidden\n\n</details>\n\n",
    "---\n\n",
    "line\r\nends\rof all kinds\n\n",
]
TAGS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "a", "ul", "ol", "li", "pre", "code", "blockquote", "hr", "br", "del"),
    *("strong", "em", "table", "thead", "tbody", "tr", "th", "td", "div", "span", "input", "sup", "section"),
    *("details", "summary", "s"),
}
ATTRIBUTES = {
    *("href", "title", "rel", "id", "class", "start", "align", "type", "checked", "disabled", "aria-label", "open"),
}
SCHEMES = ("http:", "https:", "mailto:")


class Judge(HTMLParser):
    """Collects what a browser would see that it must not."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.bad.append(tag)
        for name, value in attrs:
            if name not in ATTRIBUTES:
                self.bad.append(f"{tag} {name}")
            address = re.sub(r"[\x00-\x20]", "", value or "").lower()
            if name == "href" and re.match(r"[a-z][a-z0-9+.-]*:", address) and not address.startswith(SCHEMES):
                self.bad.append(address)


def shown(fragments: list[str], tail: str = "") -> str:
    return re.sub(r">\s+<", "><", "".join(fragments) + tail).strip()


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted({place % (len(text) + 1) for place in places} | {len(text)})
    return [text[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(BLOCKS), max_size=8), st.lists(st.integers(0, 10_000), max_size=12))
def test_any_chunking_gives_the_same_fragments_as_the_whole(blocks, places):
    text = "".join(blocks)
    whole, live, viewer = LivePreview(), LivePreview(), []
    whole.append(text)
    whole.update()
    for chunk in cut(text, places):
        live.append(chunk)
        update = live.update()
        viewer[update.first :] = update.fragments
        assert viewer == live.fragments
    assert (live.fragments, live.tail) == (whole.fragments, whole.tail)
    final = live.finish()
    assert final == render(text)
    update = live.update()
    viewer[update.first :] = update.fragments
    assert shown(viewer, update.tail) == shown([final])
    assert update.tail == ""


@pytest.mark.skipif(not DOCUMENTS, reason="the documents of shared/corpus are not here")
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem[:40])
def test_real_document_live_is_the_document_whole_and_as_github_shows_it(path):
    text = path.read_text("utf-8")
    live = LivePreview()
    for begin in range(0, len(text), 377):
        live.append(text[begin : begin + 377])
        live.update()
    final = live.finish()
    assert final == render(text)
    live.update()
    assert shown(live.fragments, live.tail) == shown([final])
    theirs, ours = github_entries(text), preview_entries(final)
    assert len(set(theirs) & set(ours)) >= 0.97 * len(set(theirs))


def test_hostile_text_never_becomes_a_program_or_a_request():
    assert len(HOSTILE) >= 300
    bad = {}
    for text in HOSTILE:
        judge = Judge()
        judge.feed(render(text))
        if judge.bad:
            bad[text] = judge.bad
    assert not bad


@pytest.mark.parametrize("kind", FLOODS)
def test_flood_is_shown_without_failing(kind):
    text = FLOODS[kind](4_000)
    judge = Judge()
    judge.feed(render(text))
    assert not judge.bad


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=200))
def test_any_text_at_all_is_safe_and_the_same_live(text):
    live = LivePreview()
    for character in text:
        live.append(character)
    judge = Judge()
    judge.feed(live.finish())
    assert not judge.bad
    assert live.finish() == render(text)


def test_words_of_the_source_are_in_the_text_of_the_page():
    text = "".join(block for block in BLOCKS if "comment" not in block)
    seen = html.unescape(re.sub(r"<[^>]*>", " ", render(text)))
    for word in re.findall(r"[a-z]{4,}", re.sub(r"\[late\]: \S+|<[^>]*>|```\w+ \w+", " ", text)):
        assert word in seen


def test_late_reference_changes_the_fragment_that_used_it():
    live = LivePreview()
    live.append("See [the map][m].\n\nAnother paragraph.\n\n")
    live.update()
    assert "href" not in live.fragments[0]
    live.append("[m]: https://example.org/map\n\nThe end.\n\n")
    update = live.update()
    assert update.first == 0
    assert 'href="https://example.org/map"' in live.fragments[0]


def test_image_is_a_link_with_its_words():
    page = render("![a chart](https://example.org/c.png)")
    assert "<img" not in page
    assert 'href="https://example.org/c.png"' in page
    assert "a chart" in page
