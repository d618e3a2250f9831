"""What went wrong with a call, as a `ProviderError` whose sentence names the fix; pure.

What the server wrote is only looked at to choose the sentence. It is never quoted: error texts echo keys and prompts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from generation.providers.base import (
    AuthFailed,
    ModelNotFound,
    PrefillRefused,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    RateLimited,
    StreamRefused,
)

_TELLING_KEYS = frozenset({"error", "code", "type", "param", "message", "msg", "loc", "detail", "object", "status"})
_MAX_WORDS = 4_000  # characters; an error's own words are few, and what is longer is an echo

# How endpoints say what a refusal is about; each is tried on the lower-cased words of the error.
_NO_CREDIT = re.compile(r"insufficient_quota|insufficient.{0,10}balance|billing|no credit|out of credits")
_TOO_LONG = re.compile(
    r"context.{0,10}(length|size|window)|exceed_context|prompt is too long|too many tokens|maximum context"
)
_FILTERED = re.compile(r"content_filter|content_policy|responsibleai|content management policy|flagged by")
_BAD_KEY = re.compile(
    r"api.?key.{0,40}(invalid|not valid|incorrect)|(invalid|incorrect).{0,5}api.?key|unauthorized|authenticat"
)
_NO_MODEL = re.compile(
    r"model_not_found|model.{0,120}(not found|not exist|not available|no access|decommissioned|deprecated|not served)"
    r"|(no such|unknown|invalid|not a valid|unsupported) model"
)
_STREAM = re.compile(r"\bstream(ing|ed)?\b")
_PREFILL = re.compile(
    r"prefill|continue_final_message|add_generation_prompt|\bprefix\b|last (role|message)|final message|enable_thinking"
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a sentence may say about a call."""

    place: str
    """Host and port, never the path, the user or the query of the address."""
    model: str
    has_key: bool
    streamed: bool = True
    prefilled: bool = False

    @property
    def model_shown(self) -> str:
        return f'"{self.model[:80]}"' if self.model.isprintable() else "asked for"


def words(body: object) -> str:
    """The lower-cased words an error says about itself, without what it echoes of the request."""
    return " ".join(_words(body, depth=0))[:_MAX_WORDS].lower()


def _words(body: object, *, depth: int) -> Iterator[str]:
    if isinstance(body, str):
        yield body[:_MAX_WORDS]
    elif isinstance(body, int) and not isinstance(body, bool):
        yield str(body)[:20]
    elif isinstance(body, list) and depth < 6:
        for part in body[:20]:
            yield from _words(part, depth=depth + 1)
    elif isinstance(body, Mapping) and depth < 6:
        for key, value in body.items():
            if key in _TELLING_KEYS:
                yield from _words(value, depth=depth + 1)


def from_status(asked: Asked, status: int, said: str, *, retry_after_s: float | None = None) -> ProviderError:
    """The error for an HTTP status; `said` is what `words` found in the body."""
    at = f"{asked.place} answered {status}"
    if status in (401, 403) or (status == 400 and _BAD_KEY.search(said)):
        if asked.has_key:
            return AuthFailed(f"{at}: it does not accept the key. Set OPENAI_API_KEY to one that may do this there.")
        return AuthFailed(f"{at}: it wants a key. Set OPENAI_API_KEY.")
    if status == 402 or (status == 429 and _NO_CREDIT.search(said)):
        return ProviderRefused(f"{at}: the account has no credit left. Add credit, or set OPENAI_API_KEY to another.")
    if status == 429:
        return RateLimited(
            f"{at}: too many calls at once. A lower STREAMGEN_CONCURRENCY or a higher limit there helps.",
            retry_after_s=retry_after_s,
        )
    if asked.prefilled and status in (400, 422, 500) and _PREFILL.search(said):
        return no_prefill(asked)
    if asked.streamed and status in (400, 405, 422, 501) and _STREAM.search(said):
        return no_streaming(asked)
    if status in (408, 409, 425) or status >= 500:
        return ProviderUnavailable(
            f"{at}: it is in trouble or too busy. Nothing to change here; try again later.", retry_after_s=retry_after_s
        )
    return _refused(asked, status, at, said)


def _refused(asked: Asked, status: int, at: str, said: str) -> ProviderRefused:
    if status == 413 or _TOO_LONG.search(said):
        return ProviderRefused(
            f"{at}: the prompt is too long for the model {asked.model_shown}. "
            "Shorten the description, or set STREAMGEN_MODEL to one with a larger context."
        )
    if (status in (400, 422) and _NO_MODEL.search(said)) or (status == 404 and "model" in said):
        return ModelNotFound(f"{at}: the model {asked.model_shown} is not there. Set STREAMGEN_MODEL to one that is.")
    if status == 404 or 300 <= status < 400:
        return ProviderRefused(f"{at}: no API is at this address. Check OPENAI_BASE_URL; it usually ends in /v1.")
    return ProviderRefused(f"{at}: it does not accept the request. Check OPENAI_BASE_URL and STREAMGEN_MODEL.")


def from_event(asked: Asked, payload: object) -> ProviderError:
    """The error for one that came inside an answer, where the HTTP status was 200 already."""
    said = words(payload)
    status = _status_in(payload)
    if status is None:
        if re.search(r"rate.?limit|too many requests|throttl", said):
            status = 429
        elif _BAD_KEY.search(said):
            status = 401
        else:
            return ProviderUnavailable(
                f"{asked.place} broke off with an error. Nothing to change here; try again later."
            )
    return from_status(asked, status, said)


def _status_in(payload: object) -> int | None:
    """The HTTP status an error object carries; OpenRouter and vLLM put it into `code`, as a number or as text."""
    if not isinstance(payload, Mapping):
        return None
    inner = payload.get("error")
    for holder in (inner, payload):
        if isinstance(holder, Mapping):
            for key in ("code", "status", "status_code"):
                value = holder.get(key)
                if isinstance(value, str) and len(value) == 3 and value.isdecimal():
                    value = int(value)
                if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
                    return value
    return None


def is_filtered(said: str) -> bool:
    """Whether a refused request was refused for its content (a filter in front of the model, as Azure has one)."""
    return bool(_FILTERED.search(said))


def no_streaming(asked: Asked) -> ProviderError:
    return StreamRefused(f"{asked.place} does not stream. STREAMGEN_DELIVERY=turns spares this attempt.")


def no_prefill(asked: Asked) -> ProviderError:
    return PrefillRefused(
        f"{asked.place} does not continue a begun answer. STREAMGEN_CONTINUATION=reprompt spares this attempt."
    )


def web_page(asked: Asked) -> ProviderError:
    return ProviderRefused(
        f"{asked.place} answered with a web page instead of the API. Check OPENAI_BASE_URL; it usually ends in /v1."
    )


def malformed(asked: Asked) -> ProviderError:
    return ProviderUnavailable(
        f"{asked.place} sent an answer that is not in the chat-completions format. "
        "If this stays so, check OPENAI_BASE_URL and what runs there."
    )


def empty(asked: Asked) -> ProviderError:
    return ProviderUnavailable(
        f"{asked.place} closed the connection without an answer. "
        "If this stays so, check OPENAI_BASE_URL and what runs there."
    )


def circle(asked: Asked) -> ProviderError:
    return ProviderRefused(f"{asked.place} redirects without end. Check OPENAI_BASE_URL; it usually ends in /v1.")


def dropped(asked: Asked) -> ProviderError:
    return ProviderUnavailable(f"The connection to {asked.place} broke in the middle of an answer.")


def too_slow(asked: Asked, limit_s: float) -> ProviderError:
    return ProviderUnavailable(
        f"{asked.place} sent nothing for {limit_s:g} s. "
        "Slow models need a higher STREAMGEN_FIRST_PIECE_SECONDS or STREAMGEN_STALL_SECONDS."
    )


def unreachable(asked: Asked, cause: str) -> ProviderError:
    """`cause` is one of "name", "certificate", "slow", "refused"."""
    sentence = {
        "name": f"The host name of {asked.place} is not known. Check OPENAI_BASE_URL and the network.",
        "certificate": f"The certificate of {asked.place} is not trusted. Check OPENAI_BASE_URL (http or https?).",
        "slow": f"{asked.place} did not accept the connection in time. Check OPENAI_BASE_URL and the network.",
        "refused": f"Nothing answers at {asked.place}. Check OPENAI_BASE_URL, and that the server there runs.",
    }[cause]
    return ProviderUnavailable(sentence)


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait as the server asks: `retry-after-ms`, or `retry-after` as seconds or as an HTTP date.

    `headers` have lower-case names. A date counts from the server's own `date` where it sent one, so that two clocks
    that differ do not matter; else from `now` (Unix time).
    """
    if (ms := _number(headers.get("retry-after-ms"))) is not None:
        return ms / 1_000
    after = headers.get("retry-after")
    if (seconds := _number(after)) is not None:
        return seconds
    if (until := _unix_time(after)) is None:
        return None
    return max(0.0, until - (_unix_time(headers.get("date")) or now))


def _number(value: str | None) -> float | None:
    if value is None or not re.fullmatch(r"\s*\d{1,12}(\.\d*)?\s*", value, re.ASCII):
        return None
    return float(value)


def _unix_time(value: str | None) -> float | None:
    try:
        moment = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    # "-0000" gives a time without a zone, which `timestamp` would read as local time.
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
