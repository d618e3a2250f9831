"""The sizes and shapes of what people type, and the checks that name the field; pure."""

from __future__ import annotations

import re
import unicodedata

from artifacts.errors import InvalidInput

TITLE_CHARS = 200
SECTION_NAME_CHARS = 120
LONG_TEXT_CHARS = 1_000_000
PLAN_SECTIONS = 100
PARALLEL_SECTIONS = 8
SECTION_MAX_TOKENS = 32_000
MODEL_NAME_CHARS = 200
LABEL_CHARS = 100
NOTE_CHARS = 300
URL_CHARS = 1_000
PHASE_PATTERN = r"^[a-z][a-z0-9-]{0,39}$"
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_TURNS = {"R", "AL", "AN", "RLE", "LRE", "RLO", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI"}
"""What turns the letters around it, too, by its class in the bidirectional algorithm."""
_UNSEEN = {"Cf", "Zs"}
"""What cannot be seen, by its category: a name of such characters alone is none that anybody could press."""
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Others that show nothing: fillers of Hangul, the empty pattern of Braille, what selects the form of a letter."""
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")


def line(field: str, value: str, *, limit: int, required: bool = True) -> str:
    """One line of text without outer white space.

    Raises `InvalidInput` when it is empty, too long, or holds control characters.
    """
    value = value.strip()
    if required and all(_BLANK.match(one) or unicodedata.category(one) in _UNSEEN for one in value):
        raise InvalidInput(field, f"{field} must not be empty.")
    if len(value) > limit:
        raise InvalidInput(field, f"{field} may have {limit} characters at most, not {len(value)}.")
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in value):
        raise InvalidInput(field, f"{field} must not contain control characters or line breaks.")
    return value


def title(value: str) -> str:
    return line("title", value, limit=TITLE_CHARS)


def section_name(value: str, field: str = "name") -> str:
    return line(field, value, limit=SECTION_NAME_CHARS)


def phase(value: str) -> str:
    if not re.fullmatch(PHASE_PATTERN, value):
        raise InvalidInput("phase", "phase must be 1 to 40 lower-case letters, digits or hyphens, a letter first.")
    return value


def long_text(field: str, value: str) -> str:
    """Text of many lines, cleaned as `clean` does, none where it is only white space; raises `InvalidInput` when too
    long.
    """
    if len(value) > LONG_TEXT_CHARS:
        raise InvalidInput(field, f"{field} may have {LONG_TEXT_CHARS} characters at most, not {len(value)}.")
    cleaned = clean(value)
    return "" if cleaned.isspace() else cleaned


def isolated(name: str) -> str:
    """A name as it may stand within a sentence of plain text: what direction its letters have ends with it."""
    if name.isascii() or not any(unicodedata.bidirectional(character) in _TURNS for character in name):
        return name
    return f"\u2068{without_directions(name)}\u2069"


def without_directions(text: str) -> str:
    """Without what sets, overrides or isolates a direction; marks that only stand for a letter stay."""
    return _DIRECTIONS.sub("", text)


def plain_number(typed: str) -> str:
    """A number as people type it. Raises `ValueError` for "1_000" and for digits of other scripts, which Python's own
    `int`, `float` and `Decimal` take.
    """
    typed = typed.strip()
    if not _NUMBER.fullmatch(typed):
        raise ValueError("It is no number in plain digits.")
    return typed


def whole_number(typed: str) -> int:
    return int(plain_number(typed))


def clean(text: str) -> str:
    """The text as databases and UTF-8 can hold it: NUL removed, lone surrogates as U+FFFD, all else as it came."""
    if "\0" in text:
        text = text.replace("\0", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = re.sub("[\ud800-\udfff]", "\ufffd", text)
    return text
