"""Whether a stream has lost the white space between its words: some servers trim each piece; pure."""

from __future__ import annotations

from collections.abc import Sequence

SEEN_PIECES = 200
LEAST_SMALL_WORDS = 4
LEAST_TIMES = 6
_WORDS = frozenset(
    (
        *("the", "of", "and", "to", "in", "is", "that", "for", "it", "with", "as", "are", "der", "die", "das", "und"),
        *("ist", "nicht", "von", "mit", "den", "le", "la", "les", "des", "et", "que", "un", "une", "est", "el", "los"),
        *("y", "en", "por", "del", "di", "il", "che", "per", "com", "os", "и", "в", "на", "не", "что", "с", "по"),
    )
)
"""The small words of every text: as pieces of their own, with no white space anywhere, they ran together."""


def are_lost(pieces: Sequence[str]) -> bool:
    """Whether these pieces are words that stand side by side, and nothing parts them."""
    seen = pieces[:SEEN_PIECES]
    if any(char.isspace() for piece in seen for char in piece):
        return False
    small = [word for piece in seen if (word := piece.casefold()) in _WORDS]
    return len(small) >= LEAST_TIMES and len(set(small)) >= LEAST_SMALL_WORDS
