"""How long an endpoint asks to wait, wherever it says so: in headers, in the JSON of an error, or in its words; pure.

All in seconds. `now` is Unix time; a moment counts from the server's own `date` where it sent one, so that two clocks
that differ do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from generation.providers.openai_compatible.phrases import NO_CREDIT
from generation.providers.openai_compatible.spans import in_words, number_of, unix_time, until

_KEY = re.compile(
    r"(?P<before>(?:quota|rate|limit|usage|window|queue|next|retry|time|until|to|seconds|secs|ms)*)"
    r"(?:retry|resets?|resumes?|wait|cooldown|backoff|tryagain|estimated|available|unlocks?|unblocks?|eta)"
    r"(?P<of>(?:after|in|delay|time|timestamp|at|until|remaining|reset|wait|left)*)"
    r"(?P<unit>seconds?|secs?|s|ms|msecs?|milliseconds?|millis)?"
)
"""Of names without anything but letters, such as retryafterms."""
_ALONE = ("eta", "estimatedwait")
_TELLING = re.compile(r"next|until|to|seconds|secs|ms")
_AFTER = re.compile(r"(?:.*-)?(?:retry-after|retry-in|wait)(?P<ms>-ms|-msecs?|-milliseconds)?(?:-s|-secs|-seconds)?")
_RESET = re.compile(r"rate-?limit.*reset|(?:^|-)resets?(?:-(?:after|at|in|time|ms|s|secs|seconds))*$")
_FIELDS = re.compile(r"\b(reset|t|remaining|r)\s*=\s*\"?(\d+(?:\.\d+)?)")
_LONGEST_S = 10 * 86_400.0


def named_wait_s(headers: Mapping[str, str], body: object, words: str, *, now: float, is_limit: bool) -> float | None:
    """The wait that a refusal names; None where it names none. `is_limit`: it is one for too many calls (429).

    `headers` have lower-case names; `words` are the words of the error.
    """
    clock = unix_time(headers.get("date")) or now
    for wait_s in (
        retry_after_s(headers, now),
        _in_json(body, clock),
        in_words(words, clock, is_limit=is_limit and not NO_CREDIT.search(words)),
        _in_resets(headers, clock, is_limit),
    ):
        if wait_s is not None and wait_s <= _LONGEST_S:
            return wait_s
    return None


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """`retry-after` as seconds, a span such as 1m30s, or a moment; in milliseconds first, which is more exact. Names
    may have something before, such as `x-ms-retry-after-ms`.
    """
    named = sorted(
        (not found["ms"], found[0] != "retry-after", name)
        for name in headers
        if len(name) <= 60 and (found := _AFTER.fullmatch(name))
    )
    clock = unix_time(headers.get("date")) or now
    for is_seconds, _, name in named:
        value = headers[name]
        if (number := number_of(value)) is not None and not is_seconds:
            return number / 1_000
        for part in (value, value.split(",")[0], value.strip('" ')):  # a gateway may have repeated it
            if (wait_s := until(part, clock)) is not None:
                return wait_s
    return None


def _in_json(body: object, now: float, depth: int = 0) -> float | None:
    """A field of the error that holds the wait, such as Google's RetryInfo, also among the headers it quotes."""
    if isinstance(body, list) and depth < 6:
        found = (_in_json(part, now, depth + 1) for part in body[:20])
        return next((wait for wait in found if wait is not None), None)
    if not isinstance(body, Mapping) or depth >= 6:
        return None
    for key, value in body.items():
        name = re.sub(r"[^a-z]", "", str(key)[:60].lower())
        named = _KEY.fullmatch(name)
        if named and (named["of"] or named["unit"] or name in _ALONE or _TELLING.search(named["before"])):
            is_ms = (named["unit"] or "").startswith("m") or named["before"].startswith("ms")
            if (seconds := _seconds(value, 0.001 if is_ms else 1.0, now)) is not None:
                return seconds
        if name == "reset" and "remaining" in body and (seconds := _seconds(value, 1.0, now)) is not None:
            return seconds
    if isinstance(quoted := body.get("headers"), Mapping):
        lower = {str(key).lower(): str(value) for key, value in quoted.items()}
        wait_s = retry_after_s(lower, now)
        if (wait_s := wait_s if wait_s is not None else _in_resets(lower, now, True)) is not None:
            return wait_s
    found = (_in_json(value, now, depth + 1) for value in body.values() if isinstance(value, (Mapping, list)))
    return next((wait for wait in found if wait is not None), None)


def _seconds(value: object, unit: float, now: float) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, Mapping):  # a protobuf Duration
        seconds = value.get("seconds")
        return float(seconds) if isinstance(seconds, (int, str)) and str(seconds).isdecimal() else None
    if isinstance(value, (int, float)):
        value = f"{value:.9f}" if 0 <= value < 1e15 else ""
    if not isinstance(value, str):
        return None
    wait_s = until(value, now)
    if wait_s is not None and number_of(value) == wait_s:
        wait_s *= unit
    return wait_s if wait_s is not None and wait_s <= _LONGEST_S else None


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
        for policy in value[:1_000].split(",") if ";" in value else [value[:1_000]]:
            fields = {field[0]: float(field[1]) for field in _FIELDS.findall(policy)}
            reset = fields.get("reset", fields.get("t"))
            yield fields.get("remaining", fields.get("r")), reset
    elif _RESET.search(name):
        wait_s, number = until(value, now), number_of(value)
        if wait_s is not None and wait_s == number and name.endswith("-ms"):
            wait_s /= 1_000
        yield _left(name, headers), wait_s


def _left(reset: str, headers: Mapping[str, str]) -> float | None:
    """What is left of the kind whose reset this header names, as far as others beside it say so."""
    if (left := number_of(headers.get(reset.replace("reset", "remaining")))) is not None:
        return left
    kind = reset[: reset.rfind("reset")]
    if (status := headers.get(f"{kind}status")) is not None:
        return 0 if status == "rejected" else 1
    used = number_of(headers.get(f"{kind}used-percent"))
    return None if used is None else max(0.0, 100 - used)
