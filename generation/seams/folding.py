"""Texts as they are compared: without white space, with one kind of quotes and dashes, in one case and form; pure."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import NamedTuple

MARKDOWN_MARKS = frozenset("*_`~#>+-•")  # what Markdown marks text with; models lose and add such marks where they copy
LETTER_CHARS = 30  # no letter has more marks
SAME = str.maketrans(
    dict.fromkeys("‘’‚‛´ʼ′‹›", "'")
    | dict.fromkeys("“”„‟«»″「」『』", '"')
    | {**dict.fromkeys("‐‑‒–—―−﹘﹣－", "-"), "…": "..."}
)


class Folded(NamedTuple):
    """`text` is what is compared; its character number i stands for `source[starts[i]:ends[i]]`."""

    text: str
    starts: list[int]
    ends: list[int]


@lru_cache(maxsize=16)  # the same is looked at in more than one way
def fold(source: str, *, keeps_marks: bool = True) -> Folded:
    text, starts, ends = list[str](), list[int](), list[int]()
    end = 0
    while (begin := end) < len(source):
        end += 1
        while end < len(source) and end - begin < LETTER_CHARS and unicodedata.combining(source[end]):
            end += 1  # marks on one letter have one order
        folded = _folded(source[begin:end], keeps_marks)
        if end - begin > 1 and folded == "".join(_folded(char, keeps_marks) for char in source[begin:end]):
            end, folded = begin + 1, _folded(source[begin], keeps_marks)  # a text may end within a letter
        text.append(folded)
        starts += [begin] * len(folded)
        ends += [end] * len(folded)
    return Folded("".join(text), starts, ends)


def weight(text: str) -> int:
    """How much a repetition of it says, in letters of an alphabet; marks and a row of equal characters say little."""
    says = {char: 3 if char >= "\u2e80" else 1 for char in text if char.isalnum()}  # Chinese, Japanese, Korean
    return min(sum(says.get(char, 0) for char in text), 2 * sum(says.values()))


@lru_cache(maxsize=4_096)
def _folded(letter: str, keeps_marks: bool) -> str:
    chars = unicodedata.normalize("NFKD", letter.translate(SAME)).casefold()
    return "".join(char for char in chars if not char.isspace() and (keeps_marks or _is_no_mark(char)))


def _is_no_mark(char: str) -> bool:
    is_unseen = unicodedata.category(char) == "Cf" or "\ufe00" <= char <= "\ufe0f"
    return char not in MARKDOWN_MARKS and (char.isascii() or not is_unseen)
