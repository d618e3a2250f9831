"""Where a text may be cut: what of it is certain before more follows; pure.

A character is a grapheme cluster: no cut stands between a letter and its marks, joiners or indicators. Where a border
cannot be told it is taken for none, which costs no more than a few characters held back.
"""

from __future__ import annotations

import re
import unicodedata

WORD_CHARS, ADDRESS_CHARS = 64, 1_000
"""Characters without white space are not held back as a last word, or an address, when there are more of them."""
CLUSTER_CHARS = 1_000  # no letter has so many marks, and no row of flags is so long
UNSPACED_CHARS = 8  # so much is held back of a script that puts no blanks between its words
_WHOLE_WORD_END = re.compile(r"""(?:[!?;)\]}|"”]|(?<!\d)[.,])\Z""")
_ADDRESS = re.compile(r"\w:|www\.|\]\(|\w@\w|/")
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u2e80-\u312f\u31a0-\ua4cf\uf900-\ufaff"
    "\ufe30-\ufe4f\uff01-\uff9f\U0001b000-\U0001b2ff\U00020000-\U0003ffff]"
)  # Thai, Lao, Tibetan, Burmese, Khmer, Tai, Chinese, Japanese, Yi
_JAMO = re.compile("[\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]")
_JOINERS = frozenset("\u200c\u200d\u2060\ufeff")
_VOWELS_BEHIND = frozenset("\u0e33\u0eb3\uff9e\uff9f")  # letters by their category, marks by their use
_VOWELS_BEFORE = frozenset("\u0e40\u0e41\u0e42\u0e43\u0e44\u0ec0\u0ec1\u0ec2\u0ec3\u0ec4")


def certain(text: str) -> int:
    """How much of the text may be committed before more follows.

    All but a last word that may be only a part of one, and white space that holds a line break: a model that is asked
    anew writes both again, and nobody has to guess them.
    """
    token = "" if text[-1:].isspace() else text[-ADDRESS_CHARS - 1 :].rsplit(maxsplit=1)[-1] if text else ""
    end = len(text) - len(token) + _certain_of(token)
    before = text[:end].rstrip()
    return len(before) if "\n" in text[len(before) : end] or "\r" in text[len(before) : end] else end


def _certain_of(token: str) -> int:
    if _ADDRESS.search(token):
        at = 0 if len(token) <= ADDRESS_CHARS else len(token) - WORD_CHARS
        return border_before(token, at)
    last = next((at for at in range(len(token), 0, -1) if UNSPACED.match(token[at - 1])), 0)
    if last:
        return border_before(token, max(0, last - UNSPACED_CHARS) if last == len(token) else last)
    if _WHOLE_WORD_END.search(token):
        return len(token)
    if len(token) <= WORD_CHARS:
        return 0
    return len(token) if token.isascii() else border_before(token, len(token) - WORD_CHARS)


def border_before(text: str, at: int) -> int:
    """The last place at or before `at` where no character is cut in two; both ends of the text are such places.

    In a longer row of marks there is none: it is no character, and is cut.
    """
    at = min(at, len(text))
    least = max(0, at - CLUSTER_CHARS)
    places = range(at, least, -1)
    return next((place for place in places if place == len(text) or _is_border(text, place)), least)


def _is_border(text: str, at: int) -> bool:
    before, after = text[at - 1], text[at]
    if before.isascii() and after.isascii():
        return not (before == "\r" and after == "\n")
    is_tied = after in _VOWELS_BEHIND or before in _VOWELS_BEFORE or not _JOINERS.isdisjoint((before, after))
    is_tied |= unicodedata.category(after) in ("Mn", "Mc", "Me", "Sk", "Cf", "Cn")  # marks, skin tones, tags; unknown
    is_tied |= unicodedata.category(before) == "Cf" or unicodedata.combining(before) == 9  # a virama, which ties
    is_tied |= "\U0001f1e6" <= after <= "\U0001f1ff" and "\U0001f1e6" <= before <= "\U0001f1ff"  # a row of flags
    return not (is_tied or (_JAMO.match(after) and (_JAMO.match(before) or "가" <= before <= "힣")))
