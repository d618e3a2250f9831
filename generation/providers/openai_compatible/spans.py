"""Times as endpoints write them: spans such as 1m30s, "one minute" or 20秒, clocks, and moments; pure.

All in seconds. Words are lower-cased. `now` is Unix time, from which a moment counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MOST_CHARS = 4_000

_UNITS: Mapping[str, float] = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_WORDS: Mapping[str, str] = {
    "ms": r"milliseconds?|millis|msecs?|ms|毫秒",
    "s": r"seconds?\b|second\(s\)|secs?|sekunden?|segundos?|secondes?|second[oi]|секунд\w{0,3}|s|秒钟?|초",
    "m": r"minutes?\b|minute\(s\)|mins?|minuten?|minutos?|minut[oi]|минут\w{0,3}|m|分钟?|分|분",
    "h": r"hours?\b|hour\(s\)|hrs?|hr|stunden?|heures?|horas?|час\w{0,3}|h|小时|時間|시간",
    "d": r"days?\b|day\(s\)|tagen?|jours?|d[ií]as?|d|天|일",
}
_UNIT = "(?:" + "|".join(f"(?P<{unit}>{words})" for unit, words in _WORDS.items()) + r")(?![a-zа-яß-ÿ])"
_PART = re.compile(r"(?P<number>\d{1,12}(?:\.\d{1,9})?)[\s-]?\s*" + _UNIT, re.IGNORECASE)
_NO_NAMES = re.sub(r"\?P<\w+>", "?:", _UNIT)
_SPAN = rf"(?:\d{{1,12}}(?:\.\d{{1,9}})?[\s-]?\s*{_NO_NAMES}[\s,]*(?:and\s+)?){{1,4}}"
_CLOCK = re.compile(r"(?:(\d{1,2})[.:])?(\d{1,4}):(\d\d):(\d\d)(?:\.\d+)?")
_ISO_SPAN = re.compile(r"p(?:(\d{1,4})d)?(?:t(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9}(?:\.\d+)?)s)?)?", re.IGNORECASE)

_ONES = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "forty-five": 45, "fifty": 50, "sixty": 60, "ninety": 90}
_NUMBERS = {"a": 1, "an": 1} | {word: number for number, word in enumerate(_ONES.split(), 1)} | _TENS
_NUMBER = re.compile(
    r"(?<!per )(?<!every )\b("
    + "|".join(sorted(_NUMBERS, key=len, reverse=True))
    + r")(?=\s(?:second|minute|hour|day))"
)

_ASKED = re.compile(
    r"(?:(?:try|retry|again|wait|waiting|resets?|reset_?time|available|back ?off|reattempt|cool ?down|limit"
    r"|replenish\w*)\b[^.\d]{0,40}?"
    r"|(?:请|在|等待|待)\s*"
    r"|(?:\bin|\bdans|\ben|\bem|\btra|\bfra|\bnach|\bap[óo]s|\bdopo|через)\s)"
    rf"(?P<span>{_SPAN})"
)
_FOREIGN = re.compile(r"[à-ÿа-я]|\b(?:erneut|nochmals?|nuevo|novamente|nouveau|riprova\w*|intent\w+|warten)\b")
_LATER = re.compile(rf"(?P<span>{_SPAN})\s*(?:后|後|以后|之后|以後|후|뒤)")
_KEYED = re.compile(
    r"\bretry[\s_-]?(?:delay|after|in)(?:[\s_-]?(?P<ms>ms|milliseconds)|[\s_-]?(?:s|secs?|seconds))?"
    r"[\\\"']{0,4}\s?[:=]\s?[\\\"']{0,4}(?P<value>[0-9pt][0-9a-z.]{0,30})"
)
_BARE = re.compile(r"\b(?:retry|try again|wait)[\s_-]*(?:after|in|for)?[\s:=]*(\d{1,6}(?:\.\d+)?)\s*(?:$|[.,;)}\]\"'])")
_CLOCKED = re.compile(
    r"\b(?:again|retry|resets?|wait|available|replenished)\b[^.\d]{0,20}?\b(?:in|after|for)[\s:]{1,2}"
)
_AT = r"(?:again|retry|resets?|until|after|available)\b\D{0,30}?"
_MOMENT = re.compile(
    _AT + r"(\d{4}-\d\d-\d\d[t ]\d\d:\d\d(?::\d\d)?(?:\.\d{1,9})?\s?(?:z\b|utc\b|gmt\b|[+-]\d\d:?\d\d)?"
    r"|\d{10}\b|\d{13}\b)"
)
_DATE = re.compile(
    _AT + r"((?:mon|tue|wed|thu|fri|sat|sun)\w*, \d\d?[ -]\w{3}[ -]\d{2,4} \d\d:\d\d:\d\d(?: gmt| utc)?)"
)
_TIME_OF_DAY = re.compile(_AT + r"\b(\d{1,2}):(\d\d)(?::(\d\d))?\s*([ap]m)?\s*\(?(?:utc|gmt)\b")
_EPOCH_S, _EPOCH_MS = 1e9, 1e12


def in_words(words: str, now: float) -> float | None:
    """Such as "try again in 1m30s", "wait a minute", "resets at 2026-11-26 12:00 UTC", "20秒后再试"."""
    words = _NUMBER.sub(lambda found: str(_NUMBERS[found[1]]), words[:MOST_CHARS])
    for keyed in _KEYED.finditer(words):
        value = number_of(keyed["value"].rstrip("."))
        if value is not None and value < _EPOCH_S:
            return value / 1_000 if keyed["ms"] else value
        if value is None and (seconds := span_s(keyed["value"])) is not None:
            return seconds
    is_foreign = _FOREIGN.search(words) is not None
    for asked in _ASKED.finditer(words):
        if words.startswith(("in ", "dans ", "en ", "em ", "tra ", "fra ", "nach ", "ap", "dopo "), asked.start()) and (
            not is_foreign
        ):
            continue  # "in 20 seconds" alone may be said of anything
        if (seconds := span_s(asked["span"], is_loose=True)) is not None:
            return seconds
    if later := _LATER.search(words):
        return span_s(later["span"], is_loose=True)
    if bare := _BARE.search(words):
        return float(bare[1])
    for asked in _CLOCKED.finditer(words):
        if clock := _CLOCK.match(words, asked.end()):
            return _of_clock(clock)
    for pattern in (_MOMENT, _DATE):
        if moment := pattern.search(words):
            return until(moment[1], now)
    return _at_time_of_day(words, now)


def until(value: str | None, now: float) -> float | None:
    """Seconds until what is named: a span, a number of seconds, a Unix time, or a moment."""
    if (number := number_of(value)) is not None:
        if number >= _EPOCH_MS:
            return max(0.0, number / 1_000 - now)
        return max(0.0, number - now) if number >= _EPOCH_S else number
    if (span := span_s(value)) is not None:
        return span
    if (moment := unix_time(value)) is None:
        text = re.sub(r"\s?(utc|gmt)$", "z", (value or "").strip().lower())
        try:
            read = datetime.fromisoformat(text.upper())
        except ValueError:
            return None
        moment = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    return max(0.0, moment - now)


def span_s(value: object, *, is_loose: bool = False) -> float | None:
    """A span such as 40s, 1m30s, 2 minutes, 00:00:20, PT30S; None where it is none, or something stands beside it."""
    if not isinstance(value, str) or len(value) > 200:
        return None
    value = value.strip()
    if clock := _CLOCK.fullmatch(value):
        return _of_clock(clock)
    if (written := _ISO_SPAN.fullmatch(value)) and any(written.groups()):
        days, hours, minutes, seconds = (float(part or 0) for part in written.groups())
        return days * 86_400 + hours * 3_600 + minutes * 60 + seconds
    total, at, found = 0.0, 0, False
    for part in _PART.finditer(value):
        if re.sub(r"and|[\s,]", "", value[at : part.start()]):
            break
        unit = next(name for name in _UNITS if part[name])
        total, at, found = total + float(part["number"]) * _UNITS[unit], part.end(), True
    return total if found and (is_loose or not value[at:].strip()) else None


def number_of(value: str | None) -> float | None:
    if value is None or not re.fullmatch(r"\s*\d{1,15}(\.\d*)?\s*", value, re.ASCII):
        return None
    return float(value)


def unix_time(value: str | None) -> float | None:
    """Of a date as HTTP writes it."""
    try:
        moment = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    # "-0000" gives a time without a zone, which `timestamp` would read as local time.
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _of_clock(clock: re.Match[str]) -> float:
    days, hours, minutes, seconds = (int(part or 0) for part in clock.groups())
    return float(days * 86_400 + hours * 3_600 + minutes * 60 + seconds)


def _at_time_of_day(words: str, now: float) -> float | None:
    """Such as "resets 3:10am (UTC)": the next time that it is so late."""
    if (named := _TIME_OF_DAY.search(words)) is None:
        return None
    hour, minute, second = int(named[1]), int(named[2]), int(named[3] or 0)
    if named[4]:
        hour = hour % 12 + (12 if named[4] == "pm" else 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    today = datetime.fromtimestamp(now, UTC)
    moment = today.replace(hour=hour, minute=minute, second=second, microsecond=0)
    return ((moment if moment >= today else moment + timedelta(days=1)) - today).total_seconds()
