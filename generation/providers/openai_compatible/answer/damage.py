"""Whether what came is damaged text: words that ran together, pieces of a tokenizer, wrongly read bytes; pure.

None of it can be mended, because what is committed was read: it is told.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

SEEN_PIECES = 200
LEAST_SMALL_WORDS = 4
LEAST_TIMES = 6
LEAST_UNSPACED_CHARS = 40
LEAST_WRONG_CHARS = 6
"""Fewer may be an example."""
_WORDS = frozenset(
    (
        *("the", "of", "and", "to", "in", "is", "that", "for", "it", "with", "as", "are", "der", "die", "das", "und"),
        *("ist", "nicht", "von", "mit", "den", "le", "la", "les", "des", "et", "que", "un", "une", "est", "el", "los"),
        *("y", "en", "por", "del", "di", "il", "che", "per", "com", "os", "и", "в", "на", "не", "что", "с", "по"),
    )
)
"""The small words of every text: as pieces of their own, with no white space anywhere, they ran together."""
_SPACE = re.compile(r"\s")
_BYTE_TOKEN = re.compile(r"(?<=[^\s`])<0x0A>(?=[^\s`])", re.IGNORECASE)
_ESCAPED_BREAK = re.compile(r"(?<=[\w.!?:;)*])\\n(?:\\n(?=[\w*#|>-])|(?=(?:[-*#|>]|\d+\.) ))")
_BLANK_TOKEN = re.compile("[Ġ▁]")
_UNREADABLE = "\ufffd\ufffd"


class Damage(StrEnum):
    """What is wrong, and what helps, in words that go on after the endpoint's name."""

    RAN_TOGETHER = (
        "sends its stream without the white space between the words. "
        "Set STREAMGEN_DELIVERY=turns, which streams nothing"
    )
    UNREADABLE = (
        "sends its stream with characters that cannot be read (U+FFFD): it cuts them in two. "
        "Set STREAMGEN_DELIVERY=turns, which streams nothing"
    )
    RAW_TOKENS = (
        "sends the tokens of its model (<0x0A>, \\n, Ġ or ▁) instead of line breaks and blanks. "
        "Choose another model, or have this one converted anew"
    )
    WRONG_BYTES = (
        "sends text whose UTF-8 was read as another encoding on the way (â€“ for a dash). "
        "Set the gateway in between to UTF-8"
    )


def damage_in(pieces: Sequence[str], *, is_whole: bool) -> Damage | None:
    """`is_whole` says that nothing was streamed."""
    text = "".join(pieces)
    if not is_whole and _ran_together(pieces[:SEEN_PIECES]):
        return Damage.RAN_TOGETHER
    if _UNREADABLE in text and not is_whole:
        return Damage.UNREADABLE
    if "\n" not in text and (_BYTE_TOKEN.search(text) or _ESCAPED_BREAK.search(text)):
        return Damage.RAW_TOKENS
    if " " not in text and len(text) >= LEAST_UNSPACED_CHARS and len(_BLANK_TOKEN.findall(text)) >= LEAST_TIMES:
        return Damage.RAW_TOKENS
    return Damage.WRONG_BYTES if not text.isascii() and _was_read_wrongly(text) else None


def _ran_together(pieces: Sequence[str]) -> bool:
    """Whether these pieces are words that stand side by side, and nothing parts them."""
    if any(map(_SPACE.search, pieces)):
        return False
    small = [word for piece in pieces if (word := piece.casefold()) in _WORDS]
    return len(small) >= LEAST_TIMES and len(set(small)) >= LEAST_SMALL_WORDS


def _was_read_wrongly(text: str) -> bool:
    """Whether all of it is UTF-8 whose bytes were taken for characters; no text in any language is that by chance."""
    if sum(not char.isascii() for char in text) < LEAST_WRONG_CHARS:
        return False
    for encoding in ("latin-1", "cp1252"):
        try:
            return text.encode(encoding).decode() != text
        except UnicodeError:
            continue
    return False
