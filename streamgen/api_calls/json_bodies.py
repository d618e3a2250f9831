"""A body of JSON is read in one call into C, and nothing else runs meanwhile: its values are counted before. Pure.

A text of any length costs little, however many commas it has; what costs is the number of values.
"""

from __future__ import annotations

import json
import re
from typing import Any

MOST_VALUES = 50_000
"""Far more than any call has; so many are read in 30 ms."""
_MARKS = (",", ":", "[", "{")
"""With each of them a value begins, or a name does."""
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


class TooManyValues(ValueError):
    def __init__(self) -> None:
        super().__init__(f"The body holds more than {MOST_VALUES:,} values.".replace(",", " "))


def read_json(body: bytes, **options: Any) -> Any:
    """As `json.loads`, and its `options`. Raises as that does, or `TooManyValues`."""
    text = _decoded(body)
    demand_few_values(text)
    return json.loads(text.removeprefix("\ufeff"), **options)


def demand_few_values(body: str | bytes) -> None:
    """Raises `TooManyValues`; of what is no JSON nothing is said."""
    text = body if isinstance(body, str) else _decoded(body, "replace")
    if sum(map(text.count, _MARKS)) <= MOST_VALUES:
        return
    values = at = 0
    while values <= MOST_VALUES and at < len(text):
        string = _STRING.search(text, at)
        end = string.start() if string else len(text)
        values += sum(text.count(mark, at, end) for mark in _MARKS)
        at = string.end() if string else end
    if values > MOST_VALUES:
        raise TooManyValues


def _decoded(body: bytes, errors: str = "surrogatepass") -> str:
    return body.decode(json.detect_encoding(body), errors)
