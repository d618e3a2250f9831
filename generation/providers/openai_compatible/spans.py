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
    "s": r"seconds?\b|second\(s\)|secs?|sekund\w{0,3}|segundos?|secondes?|second[oi]|seconden|saniye|giây|detik"
    r"|секунд\w{0,3}|сек|с|ثوان\w{0,2}|ثانية|सेकंड|सेकेंड|วินาที|s|秒钟?|초",
    "m": r"minutes?\b|minute\(s\)|mins?|minut\w{0,3}|dakika|phút|menit|минут\w{0,3}|хвилин\w{0,2}|мин|хв|دقائق|دقيقة"
    r"|मिनट|นาที|m|分钟?|分|분",
    "h": r"hours?\b|hour\(s\)|hrs?|hr|stunden?|heures?|horas?|or[ae]|uur|timm\w{0,3}|godzin\w{0,2}|saat|giờ|jam"
    r"|час\w{0,3}|годин\w{0,2}|ساعات|ساعة|घंटे|घंटा|ชั่วโมง|h|小时|時間|시간",
    "d": r"days?\b|day\(s\)|tagen?|jours?|d[ií]as?|giorn[oi]|dagen|dagar?|dni|gün|ngày|hari|дн\w{0,2}|день|أيام|يوم|दिन"
    r"|วัน|d|天|일",
}
_UNIT = "(?:" + "|".join(f"(?P<{unit}>{words})" for unit, words in _WORDS.items()) + r")(?![a-zа-яß-ÿ])"
_NUMBER_OF_ONE = r"(?:\d{1,3}(?:,\d{3})+|\d{1,12}(?:[.,]\d{1,9})?)"
_PART = re.compile(rf"(?P<number>{_NUMBER_OF_ONE})[\s-]?\s*{_UNIT}", re.IGNORECASE)
_NO_NAMES = re.sub(r"\?P<\w+>", "?:", _UNIT)
_SPAN = rf"(?:{_NUMBER_OF_ONE}[\s-]?\s*{_NO_NAMES}[\s,]*(?:and\s+)?){{1,4}}"
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
    r"(?:(?:try|retry|again|wait|waiting|resets?|reset_?time|available|back ?off|reattempt|cool ?down|cooling down"
    r"|replenish\w*|resumes?|unlocks?|refresh\w*|renew\w*|refill\w*|lifted|blocked|banned|locked out"
    r"|next (?:request|call|attempt|try))\b[^.\d]{0,40}?"
    r"|(?:请|在|等待|待|等待时间|重试时间|冷却时间|あと)[\s:：]*"
    r"|(?:\bin|\bdans|\ben|\bem|\btra|\bfra|\bnach|\bap[óo]s|\bdopo|через)\s)"
    rf"(?P<span>{_SPAN})"
)
_FOREIGN = re.compile(r"[à-ÿа-я]|\b(?:erneut|nochmals?|nuevo|novamente|nouveau|riprova\w*|intent\w+|warten)\b")
_LATER = re.compile(rf"(?P<span>{_SPAN})\s*(?:后|後|以后|之后|以後|후|뒤|(?:until|before|remaining|left|to go)\b)")
_ANY = re.compile(_SPAN)
_IS_WINDOW = re.compile(
    r"(?:\b(?:per|every|each|within|last|past|window|timeout|timed out after|took|pro|par|por|al|limit of|in any)"
    r"|/|每|毎|за|(?:requests?|calls?|tokens?|messages?|times)\s(?:in|for|over))"
    r"[\s(:]*(?:(?:a|the|any|of|window)\s+)*\Z"
)
_WINDOW_FOLLOWS = re.compile(r"[\s-]*(?:的|内|間に|(?:rolling|usage|rate|limit|cap|quota|window|period|timeout)\b)")
_KEYED = re.compile(
    r"\bretry[\s_-]?(?:delay|after|in)(?:[\s_-]?(?P<ms>ms|milliseconds)|[\s_-]?(?:s|secs?|seconds))?"
    r"[\\\"']{0,4}\s?[:=]\s?[\\\"']{0,4}(?P<value>[0-9pt][0-9a-z.]{0,30})"
)
_BARE = re.compile(r"\b(?:retry|try again|wait)[\s_-]*(?:after|in|for)?[\s:=]*(\d{1,6}(?:\.\d+)?)\s*(?:$|[.,;)}\]\"'])")
_CLOCKED = re.compile(
    r"\b(?:again|retry|resets?|wait|available|replenished)\b[^.\d]{0,20}?\b(?:in|after|for)[\s:]{1,2}"
)
_AT = r"(?:(?:again|retry|resets?|until|after|available)\b\D{0,30}?|reached\|)"
_MOMENT = re.compile(
    _AT + r"(\d{4}[-/]\d\d[-/]\d\d[t ]\d\d:\d\d(?::\d\d)?(?:\.\d{1,9})?\s?(?:z\b|utc\b|gmt\b|[+-]\d\d:?\d\d)?"
    r"|\d{10}\b|\d{13}\b)"
)
_CHINESE_MOMENT = re.compile(r"(?:在|于|於|至|到)\s*(\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?)\s*(?:重置|恢复|解除|后|之后)")
"""Nobody there names the zone, and all of it has one."""
_DATE = re.compile(
    _AT + r"((?:(?:mon|tue|wed|thu|fri|sat|sun)\w*, )?\d\d?[ -][a-z]{3}[ -]\d{2,4} \d\d:\d\d:\d\d(?: gmt| utc)?"
    r"|[a-z]{3} \d\d?(?:st|nd|rd|th)?, \d{4},? \d\d?:\d\d(?::\d\d)?(?: ?[ap]m)?)"
)
_TIME_OF_DAY = re.compile(_AT + r"\b(\d{1,2}):(\d\d)(?::(\d\d))?\s*([ap]m)?\s*\(?(?:utc|gmt)\b")
_EPOCH_S, _EPOCH_MS = 1e9, 1e12


def in_words(words: str, now: float, *, is_limit: bool = False) -> float | None:
    """Such as "try again in 1m30s", "wait a minute", "resets at 2026-11-26 12:00 UTC", "20秒后再试".

    Where they say no more than that there were too many calls (`is_limit`), a span alone is one too, in any language.
    """
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
            return until(moment[1].replace("/", "-"), now)
    if moment := _CHINESE_MOMENT.search(words):
        return until(f"{moment[1]}+08:00", now)
    if (wait_s := _at_time_of_day(words, now)) is not None or not is_limit:
        return wait_s
    spans = [span for span in _ANY.finditer(words) if not _is_window(words, span)]
    return span_s(spans[0][0], is_loose=True) if len(spans) == 1 else None


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
            return _until_written(text, now)
        moment = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    return max(0.0, moment - now)


def _until_written(text: str, now: float) -> float | None:
    """Such as nov 26th, 2026 12:01 pm."""
    text = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b|,", "", text)
    text = re.sub(r"(?<=\d) ?(?=[ap]m$)", " ", text)
    for form in ("%b %d %Y %I:%M %p", "%b %d %Y %I:%M:%S %p", "%b %d %Y %H:%M", "%b %d %Y %H:%M:%S"):
        try:
            return max(0.0, datetime.strptime(text, form).replace(tzinfo=UTC).timestamp() - now)
        except ValueError:
            continue
    return None


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
        total, at, found = total + _number_in(part["number"]) * _UNITS[unit], part.end(), True
    return total if found and (is_loose or not value[at:].strip()) else None


def _number_in(written: str) -> float:
    """1.5 and 1,5 are the same; 1,000 is a thousand."""
    is_grouped = re.fullmatch(r"\d{1,3}(,\d{3})+", written) is not None
    return float(written.replace(",", "" if is_grouped else "."))


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


def _is_window(words: str, span: re.Match[str]) -> bool:
    """Whether it says for how long something is counted, or how long it took."""
    before = words[max(0, span.start() - 40) : span.start()]
    return _IS_WINDOW.search(before) is not None or _WINDOW_FOLLOWS.match(words, span.end()) is not None


def _of_clock(clock: re.Match[str]) -> float:
    days, hours, minutes, seconds = (int(part or 0) for part in clock.groups())
    return float(days * 86_400 + hours * 3_600 + minutes * 60 + seconds)


def _at_time_of_day(words: str, now: float) -> float | None:
    """Such as "resets 3:10am (UTC)": the next time that it is so late."""
    if (named := _TIME_OF_DAY.search(words.replace("midnight", "00:00"))) is None:
        return None
    hour, minute, second = int(named[1]), int(named[2]), int(named[3] or 0)
    if named[4]:
        hour = hour % 12 + (12 if named[4] == "pm" else 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    today = datetime.fromtimestamp(now, UTC)
    moment = today.replace(hour=hour, minute=minute, second=second, microsecond=0)
    return ((moment if moment >= today else moment + timedelta(days=1)) - today).total_seconds()
