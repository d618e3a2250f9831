"""How much one text speaks of what another speaks of, told by the words they share; pure, made for English.

Texts in other alphabets are left undecided, and every threshold belongs to the caller.
"""

from __future__ import annotations

import re

SUBJECT_CHARS = 600
"""The beginning of a text that shows what it speaks of."""
_LEAST_TEXT_CHARS = 200
_LEAST_WORDS = 6
_STEM_CHARS = 6
_NEARNESS = ((4_000, 0.5), (1_500, 0.8), (SUBJECT_CHARS, 1.0))
"""So much counts a word that stands so near to the end of the text; the nearest comes last."""
_COMMON_WEIGHT = 0.25

_WORD = re.compile(r"[^\W\d_]{4,}")
_LETTER = re.compile(r"[^\W\d_]")
_SUFFIX = re.compile(r"(?:ings?|ed|es|e|s|ly|er|ers)$")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_STOP = _words(
    "this that with from have will they their there these those which when what where your been were would could "
    "should about into than then them some more most other such only also each over under very just because while "
    "after before must used using make makes made does like well need needs being both many much same here been even "
    "however"
)
_COMMON = _words(
    "people time year work system thing part place case point group number fact hand week company program question "
    "problem example important different large small high long good great first last next early young possible "
    "general several various specific common certain provide create help include allow ensure require become keep "
    "start follow change develop improve increase reduce support consider show information data service process user "
    "users product development result results level order form area business able available based including within "
    "without between through across during against among around another every always often never usually"
)


def kinship(text: str, answer: str) -> float | None:
    """The share of the answer's words that the end of the text has, 0 to 1; None where there is too little to tell."""
    answer = answer[:SUBJECT_CHARS]
    words = _content(answer)
    if len(words) < _LEAST_WORDS or len(text) < _LEAST_TEXT_CHARS or not _is_latin(answer):
        return None
    known: dict[str, float] = {}
    for chars, weight in _NEARNESS:
        known |= dict.fromkeys((_stem(word) for word in _content(text[-chars:])), weight)
    weights = [_COMMON_WEIGHT if word in _COMMON else 1.0 for word in words]
    shared = sum(weight * known.get(_stem(word), 0.0) for word, weight in zip(words, weights, strict=True))
    return shared / sum(weights)


def _content(text: str) -> list[str]:
    return [word for found in _WORD.findall(text) if (word := found.lower()) not in _STOP]


def _stem(word: str) -> str:
    return _SUFFIX.sub("", word)[:_STEM_CHARS]


def _is_latin(text: str) -> bool:
    """Whether words are set apart by blanks and change little, as far as the alphabet tells."""
    letters: list[str] = _LETTER.findall(text)
    return sum(letter < "\u0250" for letter in letters) * 2 > len(letters)
