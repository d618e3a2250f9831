"""The Markdown of several sections for one other reader: labels that meet are told apart, all else is as it was."""

import re

import pytest
from cmarkgfm import github_flavored_markdown_to_html
from cmarkgfm.cmark import Options
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.preview import closing, render, unique_labels
from tests.artifacts.preview.oracles.rooms import shown, starts

SECTIONS = [
    "## S1\n\nClaim one[^1], [A][1], [1], ![i][1], [a *b*][ 1 ] and `[^1] [1]`.\n\n```\n[^1]: x\n```\n\n"
    "[1]: https://a.example/\n\n[^1]: Source A",
    "\n\n## S2\n\nClaim two[^1] [B][1] and [1][], [C](1) [x](<1> 't').\n\n[1]: https://b.io/\n\n> [^1]: Source *B*",
    "\n\n## S3\n\n[^2] and [x] [y]. Not [1] here[^1]\\[1]\n\n[x]: /x\n\n- [^2]: two",
    "\n\n## S4\n\n[x] only used [^2] [A][1]",
]


def as_one(sections: list[str]) -> str:
    return unique_labels("".join(sections), starts(sections))


def judge(sections: list[str]) -> None:
    """One document, by our renderer and by GitHub's, shows what each section shows alone."""
    text = as_one(sections)
    alone = [shown(render(section)) for section in sections]
    body, notes = shown(render(text))
    assert body == "".join(body for body, _ in alone), text
    assert sorted(notes) == sorted(note for _, notes in alone for note in notes), text
    assert links(github(text)) == [link for section in sections for link in links(github(section))], text


def github(text: str) -> str:
    return github_flavored_markdown_to_html(text, options=Options.CMARK_OPT_FOOTNOTES | Options.CMARK_OPT_UNSAFE)


def links(html: str) -> list[str]:
    html = html.partition('<section class="footnotes"')[0]
    return re.findall(r'(?:href|src)="(?!#)([^"]*)"|<sup (class)', html)


def test_labels_that_meet_are_told_apart() -> None:
    judge(SECTIONS)
    assert as_one(SECTIONS) == as_one(SECTIONS)
    assert "`[^1] [1]`" in as_one(SECTIONS)
    assert "```\n[^1]: x\n```" in as_one(SECTIONS)
    assert "[C](1)" in as_one(SECTIONS)


@pytest.mark.parametrize(
    "sections",
    [
        ["## S1\n\na[^1]\n\n[^1]: A", "\n\n## S2\n\nb[^2]\n\n[^2]: B"],
        ["## S1\n\n[a]\n\n[a]: /a", "\n\n## S2\n\n`[a]` \\[a] [b](a)\n\n```\n[a]\n```\n\n$$\n[a]\n$$"],
        ["## S1\n\n[a] [^1]", "\n\n## S2\n\n[a] [^1]"],
        ["## S1\n\nno labels", "\n\n## S2\n\n| [ ] | x |"],
        ["## S1\r\n\r\n- [ ] task\r\n- [x] done", "\r\n\r\n## S2\r\n\r\n- [ ] task"],
    ],
)
def test_text_without_a_clash_is_byte_for_byte_the_same(sections: list[str]) -> None:
    assert as_one(sections) == "".join(sections)


@pytest.mark.parametrize(
    "badge",
    [
        *(
            "[![i][1]][1]",
            "[![i][a]][1]",
            "[![a][]][1]",
            "[![1]][a]",
            "[![i](/x)][1]",
            "[see ![i][1] and ![a] there][a]",
        ),
        *("[![i][1]](/x)", "[![i][1]![j][a]][1] [1]", "[x [1] y][a]", "[[1]][a]", "[a\\]][1]", "![x ![i][1]][a]"),
    ],
)
def test_label_of_a_text_that_holds_images_is_told_apart_once(badge: str) -> None:
    meeting = [f"## S{number}\n\n{badge}\n\n[1]: /one{number}\n[a]: /a{number}" for number in range(2)]
    text = as_one([meeting[0], f"\n\n{meeting[1]}"])
    assert links(github(text)) == [link for section in meeting for link in links(github(section))], text


@pytest.mark.parametrize("begun", ["[1]:", "[1]: Smith, J. (2020)", "> [1]: <", "[1]: /a b\n# T"])
@pytest.mark.parametrize("defined", ["", "\n\n[1]: /b"])
def test_what_looks_like_a_definition_and_is_none_is_a_use(begun: str, defined: str) -> None:
    judge(["## S1\n\n[a][1]\n\n[1]: /a", f"\n\n## S2\n\nwords\n\n{begun}{defined}"])


def test_one_section_is_never_touched() -> None:
    text = "".join(SECTIONS)
    assert unique_labels(text, []) == unique_labels(text, [0]) == unique_labels(text, [len(text)]) == text


def test_new_label_is_one_that_nobody_has() -> None:
    sections = ["## S1\n\na[^1]\n\n[^1]: A", "\n\n## S2\n\nb[^1] c[^1-2]\n\n[^1]: B\n\n[^1-2]: C"]
    judge(sections)
    assert as_one(sections).count("[^1-2]") == 2


_PIECES = st.sampled_from(
    [
        *(
            "[^1]",
            "[^a]",
            "[1]",
            "[a]",
            "[text][1]",
            "[text][A]",
            "[1][]",
            "![i][a]",
            "[![i][a]][1]",
            "`[1]`",
            "\\[1]",
            "[1](b)",
            "word",
        ),
        *("[^B]", "[*em*]", "**[a]**", "$x$ [1]", "<http://a.b>"),
    ]
)
_DEFINITIONS = st.sampled_from(
    ["[1]: /one", "[a]: /a 'title'", "[*em*]: /em", "[^1]: Note.", "[^a]: Said [1] and [a].", "[^b]: `[1]`"]
)
_BLOCKS = st.lists(_PIECES, min_size=1, max_size=5).map(" ".join) | st.lists(_PIECES, min_size=1, max_size=3).map(
    lambda words: "- " + " ".join(words)
)


@st.composite
def labelled_sections(draw: st.DrawFn) -> list[str]:
    sections = []
    for number in range(draw(st.integers(2, 4))):
        blocks = draw(st.lists(_BLOCKS, min_size=1, max_size=3))
        definitions = draw(st.lists(_DEFINITIONS, max_size=4, unique=True))
        address = f"{number}"
        text = "\n\n".join(
            [f"## S{number}", *blocks, *(d + (address if d.startswith("[1]") else "") for d in definitions)]
        )
        text = ("\n\n" if number else "") + text
        sections.append(text + closing(text))
    return sections


@given(labelled_sections())
@settings(max_examples=120)
def test_any_labels_of_any_sections_show_what_each_section_shows_alone(sections: list[str]) -> None:
    judge(sections)
