"""Texts for property tests: Markdown in pieces, so that every construct meets every other, cut anywhere."""

from itertools import pairwise

from hypothesis import strategies as st

_BEGINNINGS = ["", "- ", "* ", "+ ", "1. ", "2) ", "> ", "# ", "### ", "    ", "  ", "\t", "- [ ] ", "- [x] ", "[^a]: "]
_LINES = [
    "```",
    "```python",
    "~~~",
    "---",
    "===",
    "***",
    "| a | b |",
    "|---|:-:|",
    "|-",
    "<details>",
    "<summary>a</summary>",
    "</details>",
    "<!-- a",
    "-->",
    "<div>",
    "[a]: /b 'c'",
    "$$",
    "\\[",
    "\\]",
    "[r]: <d>",
]
_WORDS = [
    "a",
    "word",
    "two words",
    "**b**",
    "**",
    "*",
    "_",
    "__",
    "~~",
    "`c`",
    "`",
    "``",
    "[a]",
    "[a][r]",
    "[a](b)",
    "[",
    "]",
    "](",
    "![i](j)",
    "![",
    "<br>",
    "<b>",
    "<http://a.b>",
    "http://a.b/c",
    "www.a.b",
    "a@b.c",
    "&amp;",
    "&",
    "<",
    ">",
    "\\",
    "|",
    "[^a]",
    "[^b]",
    "$",
    "$x_1$",
    "$$",
    "$5",
    "\\(a*b\\)",
    "\\[",
    "\\]",
    "é",
    "「重」",
    "で",
    "\U0001f600",
    "“",
    "\x00",
    "\x0b",
    "\u2028",
    "\x85",
]
_ENDS = ["\n", "\n", "\n\n", "\r\n", "\r", "  \n", "\\\n", ""]

_text = st.lists(st.sampled_from(_WORDS), max_size=5).map(" ".join) | st.lists(st.sampled_from(_WORDS), max_size=5).map(
    "".join
)
_line = st.builds(
    lambda beginnings, rest, end: "".join(beginnings) + rest + end,
    st.lists(st.sampled_from(_BEGINNINGS), max_size=3),
    st.sampled_from(_LINES) | _text,
    st.sampled_from(_ENDS),
)

documents = st.lists(_line, max_size=14).map("".join)


@st.composite
def cut_documents(draw: st.DrawFn) -> list[str]:
    """A document in chunks."""
    text = draw(documents)
    cuts = draw(st.lists(st.integers(0, len(text)), max_size=12).map(sorted)) if text else []
    places = [0, *cuts, len(text)]
    return [text[start:end] for start, end in pairwise(places)]
