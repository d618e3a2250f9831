"""What a section leaves open is closed in the text: the next section is one for every reader, ours and GitHub's."""

import random

import pytest
from bleach._vendor import html5lib
from cmarkgfm import github_flavored_markdown_to_html
from cmarkgfm.cmark import Options
from hypothesis import example, given, settings

from artifacts.preview import closing, render
from artifacts.preview.ending.open_elements import KNOWN
from tests.artifacts.preview.inputs.corpus import DOCUMENTS, needs_corpus, read_document
from tests.artifacts.preview.inputs.damage import ELEMENTS
from tests.artifacts.preview.inputs.endings import OPENINGS, WHOLE, cut_texts, inside, open_ends
from tests.artifacts.preview.inputs.strategies import documents
from tests.artifacts.preview.oracles.structure import github_entries
from tests.artifacts.preview.test_flicker import GROWING

NEXT = "\n\n## The next\n\nPlain text.\n\n- an item\n"
SHOWN = [("", "h2", "The next"), ("", "p", "Plain text."), ("", "ul", ""), (" ul", "li", "")]


def closed(section: str) -> str:
    """A section as it is committed: line breaks at its end are dropped first."""
    section = section.rstrip(" \t\r\n")
    return section + closing(section)


def is_at_the_top(text: str) -> bool:
    """Is the next section's heading in nothing else, in the page that a browser makes of GitHub's HTML?"""
    html = "<!DOCTYPE html>" + github_flavored_markdown_to_html(text, options=Options.CMARK_OPT_UNSAFE)
    body = html5lib.parse(html, namespaceHTMLElements=False).find("body")
    parents = {child: parent for parent in body.iter() for child in parent}
    heading = next((element for element in body.iter("h2") if element.text == "The next"), None)
    if heading is None:
        return False
    parent = parents[heading]
    place = list(parent).index(heading)
    if [element.tag for element in parent[place : place + 3]] != ["h2", "p", "ul"]:
        return False
    while parent is not body:
        if parent.tag in KNOWN:  # what is no element, such as <your name>, shows nothing
            return False
        parent = parents[parent]
    return True


def judge(section: str) -> None:
    end = len(closed(section))
    text = closed(section) + NEXT
    entries = github_entries(text)
    assert SHOWN in [entries[place : place + 4] for place in range(len(entries))], text
    assert is_at_the_top(text), text
    shown = f"\n{render(text, [end])}"
    assert '\n<h2 id="doc-the-next">The next</h2>\n<p>Plain text.</p>\n<ul><li>an item' in shown, text
    assert closing(closed(section)) == "", text


@pytest.mark.parametrize("section", list(open_ends()))
def test_next_section_is_a_heading_and_its_paragraphs(section: str) -> None:
    judge(section)


@pytest.mark.parametrize("element", ELEMENTS)
def test_element_that_takes_a_heading_in_is_closed(element: str) -> None:
    judge(f"Words.\n\n<{element}>\n\nMore of them.")
    judge(f"Words <{element}>and more of them.")
    judge(f"- Words\n\n  <{element}>\n\nAnd more of them.")
    judge(f"| a <{element}> |\n|---|\n| b |\n\nAnd more of them.")


@pytest.mark.parametrize("section", WHOLE)
def test_text_that_closes_everything_itself_is_not_touched(section: str) -> None:
    assert closing(section) == ""
    assert closing(f"{section}\n\nAnd more.") == ""
    assert closing(inside(section, "- ")) == closing(inside(section, "> ")) == ""


@needs_corpus
def test_whole_real_documents_are_not_touched() -> None:
    assert [path.name for path in DOCUMENTS if closing(read_document(path))] == []


@given(documents)
@example("<b> <b> <b>\n- [ ] <b>")
@example("<b> <b> <b>\n\nThe last <b> <b>")
@settings(max_examples=300)
def test_any_text_is_closed_once(section: str) -> None:
    text = closed(section)
    assert closing(text) == ""
    assert text.startswith(section.rstrip(" \t\r\n"))


def test_500_random_ends_of_sections() -> None:
    chance = random.Random(7)
    for _ in range(500):
        opening = chance.choice([*OPENINGS, GROWING])
        judge("\n\n".join([*chance.sample(WHOLE, 3), opening[: chance.randrange(1, len(opening) + 1)]]))


@needs_corpus
def test_500_ends_of_real_documents() -> None:
    for ending, _ in cut_texts([read_document(path) for path in DOCUMENTS], 500, seed=8):
        judge(ending)


@pytest.mark.parametrize(
    ("section", "lines"),
    [
        ("```py\na", ["```"]),
        ("~~~~\na", ["~~~~"]),
        ("```py\na\n", ["```"]),
        ("- a\n\n  ```\n  b", ["  ```"]),
        ("> 1. ```\n>    b", [">    ```"]),
        ("Words <!-- note", ["-->"]),
        ("<details>\n<summary>a</summary>\n\n```\nb", ["```", "</details>"]),
        ("<details>\n<summary>a", ["</summary>", "</details>"]),
        ("$$\nx", ["$$"]),
        ("\\[\nx", ["\\]"]),
        ("<?php\na", ["?>"]),
        ("<!X\na", [">"]),
        ("<![CDATA[\na", ["]]>"]),
        ("<PRE>\na", ["</pre>"]),
    ],
)
def test_each_is_closed_by_a_line_of_its_own_from_the_inside_out(section: str, lines: list[str]) -> None:
    assert (section + closing(section)).removeprefix(section.rstrip("\n") + "\n").lower() == "\n".join(lines)


@pytest.mark.parametrize(
    ("section", "lines"),
    [
        ("> ```\n> x", "\n> ```"),
        ("> ```\n> x\n\nAnd so on.", ""),
        ("- ```\n  x", "\n  ```"),
        ("- ```\n  x\n\nAnd so on.", ""),
        ("<li>x", "\n</li>"),
        ("<ul><li>x</ul>", ""),
        ("<p>x", ""),
        ("<table><tr><td>x</table>", ""),
    ],
)
def test_what_stands_in_the_last_quote_or_item_counts_as_open(section: str, lines: str) -> None:
    assert closing(section) == lines
