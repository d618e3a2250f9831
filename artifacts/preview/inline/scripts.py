"""Which characters are written without spaces between words: Chinese, Japanese, Korean with its particles, Thai and
others. Emphasis and bare addresses end beside them where a text in Latin letters would have a space.
"""

from functools import lru_cache
from unicodedata import category, east_asian_width

_SPACELESS = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x109F),  # Tibetan, Burmese
    (0x1100, 0x11FF),  # Hangul letters
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x1AAF),  # Tai
    (0xA980, 0xA9DF),  # Javanese
    (0xA960, 0xA97F),  # Hangul letters
    (0xD7B0, 0xD7FF),
)
_WIDE = frozenset("WFH")


@lru_cache(maxsize=8192)
def is_spaceless(character: str) -> bool:
    """A letter or a mark of such a script; punctuation of full width counts, a picture (emoji) does not."""
    if character < "\u0e00":
        return False
    if east_asian_width(character) in _WIDE:
        return category(character) != "So" or "\u3000" < character < "\u3400"
    return any(first <= ord(character) <= last for first, last in _SPACELESS)
