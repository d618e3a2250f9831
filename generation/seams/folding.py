"""Texts as they are compared: without white space, with one kind of quotes and dashes, in one case and form; pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from generation.seams.characters import UNSPACED

MARKDOWN_MARKS = frozenset("*_`~#>+-•")  # what Markdown marks text with; models lose and add such marks where they copy
SAME = str.maketrans(
    dict.fromkeys("‘’‚‛´ʼ′‹›", "'")
    | dict.fromkeys("“”„‟«»″「」『』", '"')
    | {**dict.fromkeys("‐‑‒–—―−﹘﹣－", "-"), "…": "..."}
)


@dataclass(frozen=True)
class Folded:
    """`text` is what is compared; its character number i stands for `source[starts[i]:ends[i]]`."""

    text: str
    starts: list[int]
    ends: list[int]

    def is_border(self, at: int) -> bool:
        """Whether this place in the text lies between two characters of the source."""
        return 0 < at <= len(self.text) and (at == len(self.text) or self.starts[at] >= self.ends[at - 1])


def fold(source: str, *, keeps_marks: bool = True) -> Folded:
    text, starts, ends = list[str](), list[int](), list[int]()
    for place, char in enumerate(source):
        for folded in filter(None if keeps_marks else _is_no_mark, _folded(char)):
            at = len(text)
            while at > len(text) - 9 and at and 0 < unicodedata.combining(folded) < unicodedata.combining(text[at - 1]):
                at -= 1  # marks on one letter have one order
            text.insert(at, folded)
            starts.append(place)
            ends.append(place + 1)
            if at < len(text) - 1:
                starts[at:], ends[at:] = [starts[at]] * (len(text) - at), [place + 1] * (len(text) - at)
    return Folded("".join(text), starts, ends)


def weight(text: str) -> int:
    """How much a repetition of it says, in letters of an alphabet; marks and a row of equal characters say little."""
    says = {char: 3 if UNSPACED.match(char) or "가" <= char <= "힣" else 1 for char in text if char.isalnum()}
    return min(sum(says.get(char, 0) for char in text), 2 * sum(says.values()))


@lru_cache(maxsize=4_096)
def _folded(char: str) -> str:
    return "".join(unicodedata.normalize("NFKD", char.translate(SAME)).casefold().split())


@lru_cache(maxsize=4_096)
def _is_no_mark(char: str) -> bool:
    is_unseen = unicodedata.category(char) == "Cf" or "\ufe00" <= char <= "\ufe0f"
    return char not in MARKDOWN_MARKS and (char.isascii() or not is_unseen)
