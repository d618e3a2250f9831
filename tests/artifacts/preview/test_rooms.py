"""Sections stay in their rooms: how one is shown never depends on another, live, whole and in any chunks."""

import os
import random
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.preview import LivePreview, append_sections, closing, render, unique_labels
from tests.artifacts.preview.inputs.corpus import DOCUMENTS, needs_corpus, read_document
from tests.artifacts.preview.inputs.damage import damaged
from tests.artifacts.preview.inputs.endings import WHOLE
from tests.artifacts.preview.inputs.strategies import documents
from tests.artifacts.preview.oracles.borders import HEADING, READERS, shown_after_heading
from tests.artifacts.preview.oracles.rooms import shown, starts
from tests.artifacts.preview.oracles.safety import faults
from tests.artifacts.preview.test_flicker import GROWING
from tests.artifacts.preview.test_live import Viewer, squashed

_HEADING = re.compile(r"^## ", re.MULTILINE)

sections_of_a_document = st.lists(documents, min_size=2, max_size=4).map(
    lambda bodies: [f"\n\n## S{number}\n\n{body}" for number, body in enumerate(bodies)]
)


@st.composite
def cut_sections(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Sections, and the pieces they arrive in; no piece reaches over a border."""
    sections = draw(sections_of_a_document)
    pieces = []
    for section in sections:
        cuts = draw(st.lists(st.integers(0, len(section)), max_size=4).map(sorted))
        pieces.append([section[start:end] for start, end in pairwise([0, *cuts, len(section)])])
    return sections, pieces  # type: ignore[return-value]


@given(sections_of_a_document)
@settings(max_examples=150)
def test_each_section_shows_as_it_does_alone(sections: list[str]) -> None:
    html = render("".join(sections), starts(sections))
    alone = [shown(render(section)) for section in sections]
    body, notes = shown(html)
    assert body == "".join(body for body, _ in alone)
    assert sorted(notes) == sorted(note for _, notes in alone for note in notes)
    assert not faults(html)


@given(cut_sections())
@settings(max_examples=80)
def test_fragments_and_tail_depend_on_the_text_and_its_borders_only(cut: tuple[list[str], list[list[str]]]) -> None:
    sections, pieces = cut
    preview, viewer, text, borders = LivePreview(), Viewer(), "", []
    for chunks in pieces:
        preview.begin_section()
        borders.append(len(text))
        for chunk in chunks:
            preview.append(chunk)
            text += chunk
            viewer.apply(preview.update())
            fresh = LivePreview()
            append_sections(fresh, text, borders)
            fresh.update()
            assert preview.fragments == viewer.shown == fresh.fragments
            assert preview.tail == viewer.tail == fresh.tail
    html = preview.finish()
    viewer.apply(preview.update())
    assert html == render("".join(sections), starts(sections))
    assert squashed("".join(viewer.shown)) == squashed(html)


@given(cut_sections())
@settings(max_examples=100)
def test_updates_left_out_change_nothing(cut: tuple[list[str], list[list[str]]]) -> None:
    sections, pieces = cut
    preview = LivePreview()
    for chunks in pieces:
        preview.begin_section()
        for chunk in chunks:
            preview.append(chunk)
    assert preview.finish() == render("".join(sections), starts(sections))


@needs_corpus
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem[-40:])
def test_real_document_in_sections_is_that_of_the_whole_where_nothing_crosses(path: Path) -> None:
    text = read_document(path)
    borders = [match.start() for match in _HEADING.finditer(text) if _nothing_is_open(text[: match.start()])]
    labels = re.compile(r"^ {0,3}\[[^\]]+\]:", re.MULTILINE)
    if labels.search(text):
        return  # definitions at the document's end are for all of it
    assert render(text, borders) == render(text)


def _nothing_is_open(text: str) -> bool:
    """Would a heading after this text be one, at the top?"""
    return render(f"{text}## A heading of its own").endswith(
        '<h2 id="doc-a-heading-of-its-own">A heading of its own</h2>'
    )


@needs_corpus
def test_real_documents_cut_anywhere_stay_in_their_rooms() -> None:
    chance = random.Random(500)
    texts = [read_document(path) for path in DOCUMENTS]
    for _ in range(500):
        first, second = chance.choice(texts), chance.choice(texts)
        place = chance.randrange(len(first))
        begin = chance.randrange(len(second))
        ending = first[max(0, place - 1_500) : place]
        beginning = f"\n\n## The next\n\n{second[begin : begin + 700]}"
        body, _ = shown(render(ending + beginning, [len(ending)]))
        assert body == shown(render(ending))[0] + shown(render(beginning))[0]


OPEN_ENDS = {
    "fence": "```py\nprint(1)",
    "fence in a list": "- a\n\n  ~~~~\n  b",
    "fence in a quote": "> ```\n> a",
    "comment": "<!-- a",
    "comment in a paragraph": "Words <!-- a",
    "details": "<details>\n\na",
    "summary": "<details>\n<summary>a",
    "html": "<pre>\na",
    "list": "- a\n  - b",
    "quote": "> a",
    "table": "|a|\n|-|\n|b|",
    "paragraph": "a *b `c",
    "code": "a\n\n    b",
    "footnote": "a[^1]\n\n[^1]: b",
}


@pytest.mark.parametrize("ending", OPEN_ENDS.values(), ids=list(OPEN_ENDS))
@pytest.mark.parametrize(
    "beginning",
    ["\n\n## S2\n\nPlain.", "lazy", "===", "---", "    code", "  more", "- a", "> b", "|c|", "-->\n\n## S2"],
)
def test_block_of_one_section_does_not_go_on_in_the_next(ending: str, beginning: str) -> None:
    html = render(ending + beginning, [len(ending)])
    body, notes = shown(html)
    assert body == shown(render(ending))[0] + shown(render(beginning))[0]
    assert notes == shown(render(ending))[1]


def test_labels_belong_to_their_section() -> None:
    sections = [
        "## S1\n\n[A][1] and [B][2], said one[^1].\n\n[1]: https://a.example/\n\n[^1]: Source A",
        "\n\n## S2\n\n[B][1] and [A][3], said two[^1] and three[^n].\n\n[1]: https://b.example/\n\n[^1]: Source B",
        "\n\n## S3\n\n[C][1], said[^1].\n\n[2]: https://late.example/\n[3]: https://late.example/",
    ]
    html = render("".join(sections), starts(sections))
    assert re.findall(r'<a href="(http[^"]*)"[^>]*>(\w)</a>', html) == [
        ("https://a.example/", "A"),
        ("https://b.example/", "B"),
    ]
    assert "[B][2]" in html
    assert "[A][3]" in html
    assert "three[^n]" in html
    assert "[C][1], said[^1]" in html
    assert re.findall(r'said (\w+)<sup class="footnote-ref"><a href="#(fn-\d)" id="(fnref-\d)">', html) == [
        ("one", "fn-1", "fnref-1"),
        ("two", "fn-2", "fnref-2"),
    ]
    assert re.findall(r'<li id="(fn-\d)"><p>(Source .) <a class="footnote-back" href="#(fnref-\d)"', html) == [
        ("fn-1", "Source A", "fnref-1"),
        ("fn-2", "Source B", "fnref-2"),
    ]
    assert html.index("S3") < html.index("Source A")


def test_definition_that_comes_late_renders_again_what_its_own_section_shows() -> None:
    preview = LivePreview()
    preview.append("## S1\n\n[a][x]\n\n")
    preview.begin_section()
    preview.append("\n\n## S2\n\n[b][x]\n\n")
    preview.update()
    preview.append("[x]: http://x.example\n\n")
    update = preview.update()
    assert update.first == 3
    assert "href" not in "".join(preview.fragments[:3])


def test_ids_of_headings_stay_unique_over_the_document() -> None:
    sections = ["## A\n\n### B", "\n\n## A\n\n### B"]
    html = render("".join(sections), starts(sections))
    assert re.findall(r'id="([^"]+)"', html) == ["doc-a", "doc-b", "doc-a-1", "doc-b-1"]


def test_borders_without_text_between_them_are_one() -> None:
    text = "a[^1]\n\n[^1]: b"
    assert render(text, [0, 0, len(text), len(text), len(text) + 5, -1]) == render(text)
    preview = LivePreview()
    preview.begin_section()
    preview.append(text)
    for _ in range(3):
        preview.begin_section()
    assert preview.finish() == render(text)
    with pytest.raises(ValueError, match="finished"):
        preview.begin_section()


def test_line_end_that_is_cut_by_a_border_begins_the_next_section() -> None:
    assert render("a\r\nb", [2]) == render("a\n\nb")


# -- sections broken in every way, to our preview and to other readers

PAIRS = int(os.environ.get("STREAMGEN_PAIRS", "60"))
TEXTS = [GROWING, "\n\n".join(WHOLE), *map(read_document, DOCUMENTS)]


def section(name: str, body: str) -> str:
    """A section as it is committed."""
    text = f"## {name}\n\n{body}".rstrip(" \t\r\n")
    return text + closing(text)


def differences(first: str, second: str) -> list[str]:
    """Who sees the second section otherwise than alone."""
    border = len(first) + 2
    whole = f"{first}\n\n{second}"
    exported = unique_labels(whole, [0, border])
    found = [
        reader for reader in READERS if shown_after_heading(exported, reader) != shown_after_heading(second, reader)
    ]
    body, notes = shown(render(whole, [0, border]))
    alone = [shown(render(one)) for one in (first, second)]
    if body != "".join(one for one, _ in alone) or sorted(notes) != sorted(note for _, own in alone for note in own):
        found.append("preview")
    return found


@pytest.mark.parametrize("seed", range(4))
def test_random_pairs_of_sections_show_as_they_do_alone(seed: int) -> None:
    chance, seen = random.Random(seed), Counter[str]()
    for _ in range(PAIRS // 4):
        first, second = section("The first", damaged(chance, TEXTS)), section(HEADING, damaged(chance, TEXTS))
        found = differences(first, second)
        seen.update(found)
        assert closing(first) == closing(second) == ""
        if found and not os.environ.get("STREAMGEN_COUNT"):
            pytest.fail(f"{found}\n{first}\n\n{second}")
    assert not seen


def test_section_that_nothing_closes_is_noticed() -> None:
    for left_open in (
        "<video>",
        "<template>",
        "<div class='a",
        "```",
        "<!--",
        "- <object>\n\nb",
        "<title>",
        "<noscript>",
    ):
        first = f"## The first\n\n{left_open}\n\ntext"
        assert differences(first, section(HEADING, "Text *with* marks."))
