"""How long an endpoint asks to wait, wherever it says so: in headers, in the JSON of an error, or in its words; pure.

All in seconds. `now` is Unix time; a moment counts from the server's own `date` where it sent one, so that two clocks
that differ do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_UNITS: Mapping[str, float] = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_UNIT = (
    r"(?:(?P<{0}ms>milliseconds?|millis|msecs?|ms|毫秒)|(?P<{0}s>seconds?|secs?|sekunden?|segundos?|secondes?|s|秒钟?|초)"
    r"|(?P<{0}m>minutes?|mins?|minuten?|minutos?|m|分钟?|분)|(?P<{0}h>hours?|hrs?|hr|h|小时|시간)|(?P<{0}d>days?|d|天))(?![a-z])"
)
_PART = re.compile(r"(?P<number>\d{1,12}(?:\.\d{1,9})?)\s*" + _UNIT.format(""), re.IGNORECASE)
_SPAN = r"(?:\d{1,12}(?:\.\d{1,9})?\s*[a-z毫秒分钟小时天초시간]+[\s,]*(?:and\s+)?){1,4}"
_ASKED = re.compile(
    r"(?:(?:try|retry|again|wait|waiting|resets?|available|back ?off|reattempt|cool ?down|limit)\b[^.\d]{0,40}?"
    r"|(?:请|在|等待|待)\s*)"
    rf"(?P<span>{_SPAN})",
    re.IGNORECASE,
)
_BARE = re.compile(
    r"\b(?:retry|try again|wait)[\s_-]*(?:after|in|for)?[\s:=]*(\d{1,6}(?:\.\d+)?)\s*(?:$|[.,;)}\]\"'])", re.IGNORECASE
)
_KEYS: Mapping[str, float] = {
    "retrydelay": 1.0,
    "retryafter": 1.0,
    "retryafterseconds": 1.0,
    "retryafters": 1.0,
    "retryafterms": 0.001,
    "estimatedtime": 1.0,
    "waitseconds": 1.0,
}
_RESET = re.compile(r"rate-?limit.*reset|rate-?limit-reset|^retry-in$")
_FIELDS = re.compile(r"\b(reset|t|remaining|r)\s*=\s*\"?(\d+(?:\.\d+)?)")
_LONGEST_S = 10 * 86_400.0
_EPOCH_S, _EPOCH_MS = 1e9, 1e12
MOST_CHARS = 4_000


def named_wait_s(headers: Mapping[str, str], body: object, words: str, *, now: float, is_limit: bool) -> float | None:
    """The wait that a refusal names; None where it names none. `is_limit`: it is one for too many calls (429).

    `headers` have lower-case names; `words` are the words of the error.
    """
    clock = _unix_time(headers.get("date")) or now
    for wait_s in (
        retry_after_s(headers, now),
        _in_json(body, clock),
        in_words(words, clock),
        _in_resets(headers, clock, is_limit),
    ):
        if wait_s is not None and wait_s <= _LONGEST_S:
            return wait_s
    return None


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """`retry-after-ms`, or `retry-after` as seconds, a span such as 1m30s, or an HTTP date."""
    if (ms := _number(headers.get("retry-after-ms"))) is not None:
        return ms / 1_000
    after = headers.get("retry-after")
    if (seconds := _number(after)) is not None:
        return seconds
    if (seconds := _span_s(after)) is not None:
        return seconds
    if (until := _unix_time(after)) is None:
        return None
    return max(0.0, until - (_unix_time(headers.get("date")) or now))


def in_words(words: str, now: float) -> float | None:
    """Such as "try again in 1m30s", "retry in 5.4s", "retry after 26 seconds", "in 2 minutes"."""
    words = words[:MOST_CHARS]
    for asked in _ASKED.finditer(words):
        if (seconds := _span_s(asked["span"], is_loose=True)) is not None:
            return seconds
    if bare := _BARE.search(words):
        return float(bare[1])
    if moment := re.search(
        r"(?:again|retry|reset|until|after)\D{0,30}(\d{4}-\d\d-\d\dt\d\d:\d\d:\d\d\S*)", words, re.IGNORECASE
    ):
        return _until(moment[1].rstrip(".,;)\"'"), now)
    return None


def _in_json(body: object, now: float, depth: int = 0) -> float | None:
    """A field of the error that holds the wait, such as Google's RetryInfo, also among the headers it quotes."""
    if isinstance(body, list) and depth < 6:
        found = (_in_json(part, now, depth + 1) for part in body[:20])
        return next((wait for wait in found if wait is not None), None)
    if not isinstance(body, Mapping) or depth >= 6:
        return None
    for key, value in body.items():
        unit = _KEYS.get(re.sub(r"[^a-z]", "", str(key).lower()))
        if unit is not None and (seconds := _seconds(value, unit)) is not None:
            return seconds
    if isinstance(quoted := body.get("headers"), Mapping):
        lower = {str(key).lower(): str(value) for key, value in quoted.items()}
        wait_s = retry_after_s(lower, now)
        if (wait_s := wait_s if wait_s is not None else _in_resets(lower, now, True)) is not None:
            return wait_s
    found = (_in_json(value, now, depth + 1) for value in body.values() if isinstance(value, (Mapping, list)))
    return next((wait for wait in found if wait is not None), None)


def _seconds(value: object, unit: float) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value * unit if 0 <= value * unit <= _LONGEST_S else None
    if isinstance(value, Mapping):  # a protobuf Duration
        seconds = value.get("seconds")
        return float(seconds) if isinstance(seconds, (int, str)) and str(seconds).isdecimal() else None
    number = _number(value) if isinstance(value, str) else None
    return number * unit if number is not None else _span_s(value)


def _in_resets(headers: Mapping[str, str], now: float, is_limit: bool) -> float | None:
    """The `ratelimit-reset` kind: of what is used up; where nothing says so, of a 429 only, the longest that may be."""
    used_up: list[float] = []
    unknown: list[float] = []
    others: list[float] = []
    for name, value in headers.items():
        for left, wait_s in _resets(name, value, headers, now):
            if wait_s is not None:
                (used_up if left == 0 else unknown if left is None else others).append(wait_s)
    if used_up:
        return max(used_up)
    if not is_limit:
        return None
    return max(unknown) if unknown else min(others, default=None)


def _resets(
    name: str, value: str, headers: Mapping[str, str], now: float
) -> Iterator[tuple[float | None, float | None]]:
    """What is left and when it is filled again, by one header."""
    if name in ("ratelimit", "x-ratelimit"):
        fields = {field[0]: float(field[1]) for field in _FIELDS.findall(value)}
        reset = fields.get("reset", fields.get("t"))
        yield fields.get("remaining", fields.get("r")), reset
    elif _RESET.search(name):
        yield _number(headers.get(name.replace("reset", "remaining"))), _until(value, now)


def _until(value: str | None, now: float) -> float | None:
    """Seconds until what a header names: a span, a number of seconds, a Unix time, or a moment."""
    if (number := _number(value)) is not None:
        if number >= _EPOCH_MS:
            return max(0.0, number / 1_000 - now)
        return max(0.0, number - now) if number >= _EPOCH_S else number
    if (span := _span_s(value)) is not None:
        return span
    if (moment := _unix_time(value)) is None:
        try:
            read = datetime.fromisoformat((value or "").strip().upper())
        except ValueError:
            return None
        moment = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    return max(0.0, moment - now)


def _span_s(value: object, *, is_loose: bool = False) -> float | None:
    """A span such as 40s, 1m30s, 120ms, 2 minutes; None where it is none, or something stands beside it."""
    if not isinstance(value, str) or len(value) > 200:
        return None
    total, at, found = 0.0, 0, False
    for part in _PART.finditer(value):
        if re.sub(r"and|[\s,]", "", value[at : part.start()]):
            break
        unit = next(name for name in _UNITS if part[name])
        total, at, found = total + float(part["number"]) * _UNITS[unit], part.end(), True
    return total if found and (is_loose or not value[at:].strip()) else None


def _number(value: str | None) -> float | None:
    if value is None or not re.fullmatch(r"\s*\d{1,15}(\.\d*)?\s*", value, re.ASCII):
        return None
    return float(value)


def _unix_time(value: str | None) -> float | None:
    try:
        moment = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    # "-0000" gives a time without a zone, which `timestamp` would read as local time.
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
