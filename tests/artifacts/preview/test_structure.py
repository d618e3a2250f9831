"""Blocks and inline markup as GitHub shows them, and nothing of the source lost."""

import difflib
import html
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.preview import render
from tests.artifacts.preview.inputs.corpus import DOCUMENTS, needs_corpus, read_document
from tests.artifacts.preview.oracles.structure import github_entries, preview_entries

SAME_AS_GITHUB = {
    "list after a paragraph": "text\n- a\n- b\n",
    "number one after a paragraph": "text\n1. a\n2. b\n",
    "another number after a paragraph is text": "text\n2. a\n",
    "lists nested by two": "- a\n  - b\n    - c\n",
    "lists nested by three": "1. a\n   - b\n      - c\n",
    "lists nested by four": "- a\n    - b\n        - c\n",
    "parentheses": "1) a\n2) b\n\n3) c\n",
    "changing marks": "- a\n+ b\n* c\n1. d\n1) e\n",
    "first number": "7. a\n8. b\n",
    "loose and tight": "- a\n\n- b\n\n1. c\n2. d\n",
    "paragraphs in an item": "- a\n\n  b\n\n  c\n- d\n",
    "fence in an item": "1. a\n   ```py\n   b = 1\n\n     c\n   ```\n2. d\n",
    "fence in a nested item": "- a\n  - b\n\n    ~~~\n    c\n    ~~~\n",
    "fence with several words": '```rust,ignore title="a b"\nlet a;\n```\ntext\n',
    "fence without end": "```\na\n\n- b\n",
    "fence in a fence": "````\n```\na\n```\n````\n",
    "indented code": "text\n\n    a\n\n      b\n\ntext\n",
    "code in an item": "-     a\n-  b\n\n      c\n",
    "tabs": "-\ta\n\n\tb\n\n>\tc\n\n\td\n",
    "heading without a blank line": "text\n# a\ntext\n## b ##\n####### c\n#d\n",
    "underlined headings": "a\nb\n===\n\nc\n---\n",
    "rules": "***\n- - -\n\n_ _ _\n",
    "quotes": "> a\nb\n> > c\n>> d\n\n> - e\n> - f\n",
    "tables": "| a | b |\n|:--|--:|\n| c | d |\n| e |\n\nf | g\n-|-\nh | `i \\| j`\n\ntext\n| k |\n|---|\n| l<br>m |\n",
    "no table": "| a | b |\n|---|\n\n| a |\n",
    "table in an item": "- a\n\n  | b |\n  |---|\n  | c |\n",
    "tasks": "- [ ] a\n- [x] b\n  - [X] c\n- [ ]d\n- [y] e\n\n1. [ ] f\n",
    "strikethrough": "~~a~~ ~b~ ~~~c~~~ a~~b~~c\n",
    "emphasis": "*a* _b_ **c** __d__ ***e*** *f **g** h* a*b*c a_b_c __init__ 2 * 3 * 4 *h\n",
    "emphasis and punctuation": "**a.**b **(c)** *“d”* a**.b**\n",
    "code spans": "`a` ``b ` c`` ` d ` `` e` `f\ng`\n",
    "links": "[a](b) [c](<d e> 'f') [g](h \"i\") [j]() [k](l(m)n) [o](p q)\n",
    "links and brackets": "[a [b] c](d) [[e]](f) [g [h](i) j](k) \\[l](m)\n",
    "references": "[a][b] [b][] [b] [B] [c][d] [e]\n\n[b]: x 'y'\n[e]:\n  <z>\n'title\nof two lines'\n",
    "images": "![a *b*](c) [![d](e)](f) ![g][h]\n\n[h]: i\n",
    "bare links": "http://a.b/c. https://d.e/f(g) (www.h.i) www.j.k/l_m_n, ftp://o.p xhttp://q.r\n",
    "bare mail": "http://s_.t a@b.co c.d@e.f.\n",
    "autolinks": "<http://a.b?c=d&e> <f@g.h> <not one> <x:y>\n",
    "entities": "&amp; &lt;b&gt; &copy; &#35; &#x22; &nosuch; &amp;amp; AT&T\n",
    "escapes": "\\*a\\* \\# \\` \\\\ \\a \\\n",
    "breaks": "a  \nb\\\nc<br>d<br/>e\nf\n",
    "raw html": '<div align="center">\n*a*\n</div>\n\ntext <b class="x">c</b> <i>\n\n<p>d\n',
    "raw script": "<script>\n\ne\n</script>\n",
    "comments": "a <!-- b --> c\n\n<!-- d\n\ne -->\n\nf\n<!-- g -->\n",
    "footnotes": "a[^1] b[^x]\n\n[^1]: c\n\n    d\n[^x]: e\n\nf[^1] g[^none]\n",
    "line ends": "a\r\nb\rc\n\r\n- d\r- e\r",
    "wide text": "**日本語**です ~~한국어~~ *é*\n",
}


@pytest.mark.parametrize("text", SAME_AS_GITHUB.values(), ids=SAME_AS_GITHUB)
def test_document_has_the_structure_github_gives_it(text: str) -> None:
    assert preview_entries(render(text)) == github_entries(text)


@needs_corpus
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem[-40:])
def test_real_document_agrees_with_github(path: Path) -> None:
    text = read_document(path)
    ours, theirs = preview_entries(render(text)), github_entries(text)
    agreed = sum(
        block.size for block in difflib.SequenceMatcher(None, theirs, ours, autojunk=False).get_matching_blocks()
    )
    assert agreed >= 0.985 * max(len(ours), len(theirs))


DIFFERENT = {
    "cells too many stay": ("| a | b |\n|---|---|\n| c | d | e | f |\n", "<td>d | e | f</td>"),
    "a link in brackets is one": ("[http://a.b/c]\n", ">http://a.b/c</a>"),
    "a comment without end is none": ("<!-- a\n\nb\n", "&lt;!-- a"),
    "a footnote nobody names is shown": ("a\n\n[^b]: c\n", "<p>c</p>"),
    "a heading without text is left out": ("#\n\na\n", "<p>a</p>"),
    "definitions before a table": ("[a]: b\n| c |\n|---|\n", "<th>c</th>"),
}


@pytest.mark.parametrize(("text", "expected"), DIFFERENT.values(), ids=DIFFERENT)
def test_where_the_preview_is_kinder_than_github(text: str, expected: str) -> None:
    assert expected in render(text)


def test_details_are_open_and_hold_what_is_in_them() -> None:
    html_ = render(
        "<details>\n<summary>The <b>more</b></summary>\n\n- a\n\n```\n</details>\n```\n\n</details>\nb\n\n"
        "<details open><summary>c</summary>d</details>\n"
    )
    assert re.sub(r">\s+", ">", html_) == (
        '<details open><summary>The more</summary><ul><li>a</li></ul><pre class="highlight"><code>&lt;/details&gt;\n'
        "</code></pre></details><p>b</p><details open><summary>c</summary><p>d</p></details>"
    )


def test_task_is_a_disabled_box() -> None:
    assert render("- [x] done\n- [ ] *open*\n") == (
        '<ul class="task-list"><li class="task-list-item"><input checked disabled type="checkbox"> done</li>\n'
        '<li class="task-list-item"><input disabled type="checkbox"> <em>open</em></li>\n</ul>'
    )


def test_image_is_a_link_whose_text_is_its_alt_text_else_its_address() -> None:
    assert re.findall(r"<a[^>]*>[^<]*</a>", render("![the *alt*](http://a.b/c.png 't') ![](d.png)\n")) == [
        '<a class="image" href="http://a.b/c.png" title="t" rel="noopener noreferrer nofollow">the alt</a>',
        '<a class="image" href="d.png" rel="noopener noreferrer nofollow">d.png</a>',
    ]


_PIECES = [
    *("\n", "\n\n", "\n- ", "\n1. ", "\n> ", "\n# ", "\n    ", "\n```\n", "\n~~~\n", "\n| ", " | ", "\n|---|---|\n"),
    *(
        "\n---\n",
        "\n===\n",
        "- [ ] ",
        "  \n",
        "\t",
        "*",
        "**",
        "_",
        "`",
        "~~",
        "[",
        "]",
        "](",
        ")",
        "![",
        "[^",
        '"',
        "\\",
    ),
    *("<", ">", "<b>", "<br>", "&", "\n<div>\n", "\n<details>\n", "\n</details>\n", "<summary>", "</summary>"),
    "</details>\n",
]


@given(st.lists(st.sampled_from(_PIECES), max_size=25))
@settings(max_examples=400)
def test_every_word_of_the_source_is_in_the_document(pieces: list[str]) -> None:
    """Addresses and titles of links are words in the HTML, though not in its text."""
    words = [f"w{place}w" for place in range(len(pieces) + 1)]
    text = words[0] + "".join(f"{piece}{word}" for piece, word in zip(pieces, words[1:], strict=True))
    shown = html.unescape(render(text))
    assert [word for word in words if word not in shown] == [word for word in words if _in_info_string(text, word)]


def _in_info_string(text: str, word: str) -> bool:
    """What follows a fence's marks names its language; no page shows it."""
    return re.search(rf"^[ >]*(?:[-+*]|\d+\.)?[ >]*(?:```|~~~)[^\n`]*{word}", text, re.MULTILINE) is not None
