"""Bare addresses in a text, found as GitHub finds them: `http://`, `https://`, `ftp://`, `www.` and mail addresses.

But an address ends before punctuation of full width, and a host in Latin letters before a letter of a script without
spaces: such a text has no space behind its addresses.
"""

import re

from artifacts.preview.inline.scripts import is_spaceless

# Quotes of Chinese texts, punctuation of full width and its half-width kin. A middle dot stands inside words.
_WIDE_MARKS = (
    "\u201c\u201d\u3001-\u3003\u3008-\u301f\u3030\u303d\u30a0\ufe10-\ufe19\ufe30-\ufe6b"
    "\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff64\uffe0-\uffee"
)
_REST = re.compile(rf"[^\s<{_WIDE_MARKS}]*")
_REST_IN_BRACKET = re.compile(rf"[^\s<\]{_WIDE_MARKS}]*")
_LATIN_HOST = re.compile(r"(?:[A-Za-z0-9_-]+\.)++[A-Za-z]{2,63}+(?::\d{1,5})?|[A-Za-z0-9.-]++:\d{1,5}")
_HOST = re.compile(r"[\w.-]+")
_TRAILING = frozenset("?!.,:*_~'\"")
_ENTITY_END = re.compile(r"&[A-Za-z]+;\Z")
_MAIL_NAME = re.compile(r"[A-Za-z0-9.+_-]")
_MAIL_HOST = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)++")


def link_at(text: str, start: int, *, stop_at_bracket: bool) -> int | None:
    """Where the address ends that begins here, if it is one."""
    rest = (_REST_IN_BRACKET if stop_at_bracket else _REST).match(text, start)
    if rest is None:
        return None
    end = rest.end()
    scheme = text.find("://", start, min(start + 8, end))
    place = scheme + 3 if scheme >= 0 else start
    latin = _LATIN_HOST.match(text, place, end)
    if latin and latin.end() < end and is_spaceless(text[latin.end()]):
        end = latin.end()
    end = _without_trailing(text, start, end)
    host = _HOST.match(text, place, end)
    if host is None:
        return None
    parts = host[0].split(".")
    if any("_" in part for part in parts[-2:]) or not parts[0] or (scheme < 0 and len(parts) < 2):
        return None
    return end


def _without_trailing(text: str, start: int, end: int) -> int:
    opened, closed = text.count("(", start, end), text.count(")", start, end)
    while end > start:
        character = text[end - 1]
        if character in _TRAILING:
            end -= 1
        elif character == ")" and closed > opened:
            end, closed = end - 1, closed - 1
        elif character == ";":
            entity = _ENTITY_END.search(text, max(start, end - 40), end)
            end = entity.start() if entity else end - 1
        else:
            break
    return end


def email_at(text: str, earliest: int, at: int) -> tuple[int, int] | None:
    """The beginning and the end of the mail address around this `@`."""
    start = at
    while start > earliest and _MAIL_NAME.match(text, start - 1):
        start -= 1
    host = _MAIL_HOST.match(text, at + 1)
    if start == at or host is None:
        return None
    end = host.end()
    while text[end - 1] in ".-_":
        end -= 1
    return (start, end) if text[end - 1].isalpha() and "." in text[at:end] else None
