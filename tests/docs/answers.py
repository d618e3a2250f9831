"""Whether a command said what the page says it does; pure."""

from __future__ import annotations

import json
import re
from typing import Any

WHATEVER = re.compile(r"\.\.\.|…")
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def plain(said: str) -> str:
    """What a terminal showed, without its colours."""
    return _ESCAPE.sub("", said).replace("\r\n", "\n")


def has_lines(said: str, told: str) -> bool:
    """Each line of the page is a line of the output, in this order; `...` stands for anything, white space for any."""
    at, lines = 0, [" ".join(line.split()) for line in plain(said).splitlines()]
    for line in filter(None, (" ".join(line.split()) for line in told.splitlines())):
        wanted = re.compile(".*".join(re.escape(part) for part in WHATEVER.split(line)))
        place = next((number for number in range(at, len(lines)) if wanted.fullmatch(lines[number])), None)
        if place is None:
            return False
        at = place + 1
    return True


def last_json(said: str) -> Any:
    """The last JSON object or list of what several calls answered, one behind the other."""
    decoder, at, found = json.JSONDecoder(), 0, None
    while at < len(said):
        if said[at] in "{[":
            try:
                found, at = decoder.raw_decode(said, at)
                continue
            except ValueError:
                pass
        at += 1
    if found is None:
        raise ValueError("there is no JSON in it")
    return found


def difference(answer: Any, told: Any, place: str = "answer") -> str:
    """What of the page is not so in the answer; "" where all is.

    Keys are the same. Values are of the same kind; words are the same, unless they have a digit or an ellipsis: ids,
    times and hashes are others each time.
    """
    if isinstance(told, dict) and isinstance(answer, dict):
        if set(told) != set(answer):
            return f"{place} has the keys {', '.join(sorted(answer))}; the page says {', '.join(sorted(told))}"
        parts = [difference(answer[key], value, f"{place}.{key}") for key, value in told.items()]
        return next(filter(None, parts), "")
    if isinstance(told, list) and isinstance(answer, list):
        if told and not answer:
            return f"{place} is empty"
        return next(filter(None, (difference(answer[0], told[0], f"{place}[0]") for _ in told[:1])), "")
    if isinstance(told, bool) or told is None or isinstance(answer, bool) or answer is None:
        return "" if told is answer else f"{place} is {answer!r}, not {told!r}"
    if isinstance(told, str) and isinstance(answer, str):
        loose = WHATEVER.search(told) or re.search(r"\d", told)
        return "" if loose or told == answer else f"{place} is {answer!r}, not {told!r}"
    if isinstance(told, int | float) and isinstance(answer, int | float):
        return ""
    return f"{place} is {answer!r}, not of the kind of {told!r}"
