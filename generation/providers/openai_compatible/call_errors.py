"""What went wrong with a call, as a `ProviderError` whose sentence names the fix; pure.

What the server wrote chooses the sentence; where it is quoted, it went through `excerpts` before: error texts echo keys
and prompts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from generation.errors import (
    AuthFailed,
    ModelNotFound,
    PrefillRefused,
    ProviderAway,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    RateLimited,
    StreamRefused,
)
from generation.providers.openai_compatible import phrases

_TELLING_KEYS = frozenset(
    {"error", "errors", "code", "type", "param", "message", "msg", "loc", "detail", "details", "object", "status"}
    | {"status_msg", "base_resp", "error_description", "title", "reason", "reasons", "metadata", "raw"}
    | {"error_msg", "error_code", "error_message", "errormessage", "errmsg", "err_msg", "innererror"}
)
_MAX_WORDS = 4_000  # characters; an error's own words are few, and what is longer is an echo

_STREAM = re.compile(r"\bstream(ing|ed)?\b")
_PREFILL = re.compile(
    r"pre-?fill|continue_final_message|add_generation_prompt|\bprefix\b|last (role|message)|final (message|position)"
    r"|enable_thinking|alternat|(end|ends|ending) with .{0,20}(user|tool)|user role|or more assistant messages"
    r"|assistant.{0,60}(last|final|at the end)|(last|final).{0,60}(user|assistant)|最后"
)
_STATUS_AWAY = frozenset({502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 529, 530})
_WAITING = ("processing", "queued", "pending", "in_progress", "waiting", "running")
_ENDS = (".", "!", "?", "…", "。", "！", "？")
_ONLY_TIME = "There is nothing to change here: only time helps."
_BUSY = frozenset({408, 409, 425, 449, 498, 499})


class SaidAnew(ValueError):
    """Text that was given comes once more, and other than it was."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a sentence may say about a call."""

    place: str
    """Host and port, never the path, the user or the query of the address."""
    model: str
    has_key: bool
    has_own_model: bool = False
    """The model was chosen for the document, and is not the one that STREAMGEN_MODEL names."""
    streamed: bool = True
    prefilled: bool = False
    is_prefill_proven: bool = False
    """The model has continued a begun answer before."""

    @property
    def model_shown(self) -> str:
        return f'"{self.model[:80]}"' if self.model.isprintable() else "asked for"

    @property
    def other_model(self) -> str:
        """How to get another model."""
        if self.has_own_model:
            return "It is this document's own, not the one of STREAMGEN_MODEL: resume it with another model."
        return "Set STREAMGEN_MODEL to another, or resume the document with another model."


@dataclass(frozen=True, kw_only=True)
class Said:
    """What an endpoint said when it refused."""

    words: str = ""
    """Lower-case, to choose by; never to be shown."""
    quote: str = ""
    """Its own sentence, short and scrubbed; may be shown."""
    wait_s: float | None = None
    """The wait that it names."""

    @property
    def quoted(self) -> str:
        """Its sentence as one of ours: it ends once, within the quotation marks, whatever follows."""
        if not self.quote:
            return ""
        end = "" if self.quote.endswith(_ENDS) else "."
        return f' It says: "{self.quote.rstrip(",;: ")}{end}"'


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
            if str(key)[:40].lower() in _TELLING_KEYS:
                yield from _words(value, depth=depth + 1)


def from_status(asked: Asked, status: int, said: Said, at: str = "") -> ProviderError:
    """The error for an HTTP status; `at` says where it came from."""
    error = _of_status(asked, status, said, at)
    error.status = status
    return error


def _of_status(asked: Asked, status: int, said: Said, at: str) -> ProviderError:
    at, words = at or f"{asked.place} answered {status}", said.words
    if status in (401, 403, 404) and phrases.NO_MODEL.search(words):
        return no_model(asked, at, said)
    if status in (400, 403, 420, 429, 430) and _is_limit(status, said):
        return RateLimited(
            f"{at}: too many calls at once. A lower STREAMGEN_CONCURRENCY or a higher limit there helps.{said.quoted}",
            retry_after_s=said.wait_s,
        )
    if status in (402, 429) or (status in (400, 403) and phrases.NO_CREDIT.search(words)):
        return ProviderRefused(
            f"{at}: the account has no credit left. Add credit, or set OPENAI_API_KEY to another.{said.quoted}"
        )
    if status in (401, 403) or (status == 400 and phrases.BAD_KEY.search(words)):
        if asked.has_key:
            return AuthFailed(
                f"{at}: it does not accept the key. Set OPENAI_API_KEY to one that may do this there.{said.quoted}"
            )
        return AuthFailed(f"{at}: it wants a key. Set OPENAI_API_KEY.{said.quoted}")
    if asked.prefilled and status in (400, 422, 500) and _PREFILL.search(words):
        return no_prefill(asked)
    if status in (400, 405, 422, 501) and _STREAM.search(words):
        return no_streaming(asked) if asked.streamed else only_streaming(asked, at, said)
    if status >= 500 and phrases.NO_MEMORY.search(words):
        return ProviderRefused(
            f"{at}: there is not enough memory for the model {asked.model_shown}. Free some there, or take a smaller "
            f"model. {asked.other_model}{said.quoted}"
        )
    is_down = status in _BUSY or (status == 400 and phrases.FELL.search(words))
    if is_down or (status >= 500 and not (status == 500 and phrases.TOO_LONG.search(words))):
        is_away = status in _STATUS_AWAY or phrases.AWAY.search(words)
        kind = ProviderAway if is_away else ProviderUnavailable
        is_gone = is_away and not phrases.BUSY.search(words)
        state = "nobody there answers for now" if is_gone else "it is in trouble or too busy"
        return kind(
            f"{at}: {state}. {_ONLY_TIME}{said.quoted}",
            retry_after_s=said.wait_s,
            cause="the model is loading" if phrases.LOADS.search(words) else "",
        )
    return _refused(asked, status, at, said)


def _is_limit(status: int, said: Said) -> bool:
    """Whether it is a limit that passes. A wait that it names wins over words that look like no credit."""
    if status in (400, 403) and not (said.wait_s is not None and "quota" in said.words):
        return bool(phrases.LIMIT.search(said.words)) and not phrases.NO_CREDIT.search(said.words)
    return said.wait_s is not None or not phrases.NO_CREDIT.search(said.words)


def no_model(asked: Asked, at: str, said: Said) -> ProviderError:
    return ModelNotFound(f"{at}: the model {asked.model_shown} is not there. {asked.other_model}{said.quoted}")


def _refused(asked: Asked, status: int, at: str, said: Said) -> ProviderError:
    words = said.words
    if status == 413 or phrases.TOO_LONG.search(words):
        return ProviderRefused(
            f"{at}: the prompt is too long for the model {asked.model_shown}. "
            f"Shorten the description, or take a model with a larger context. {asked.other_model}{said.quoted}"
        )
    if (status in (400, 422) and phrases.NO_MODEL.search(words)) or (status == 404 and "model" in words):
        return no_model(asked, at, said)
    if status == 404 or 300 <= status < 400:
        return ProviderRefused(
            f"{at}: no API is at this address. Check OPENAI_BASE_URL; it usually ends in /v1.{said.quoted}"
        )
    if asked.prefilled and status in (400, 422) and not asked.is_prefill_proven:
        return no_prefill(asked)  # in words that nobody knows; asked without it, the real reason shows
    model = "the model of this document" if asked.has_own_model else "STREAMGEN_MODEL"
    return ProviderRefused(
        f"{at}: it does not accept the request for the model {asked.model_shown}.{said.quoted} "
        f"Check the address (OPENAI_BASE_URL), the key (OPENAI_API_KEY) and the model ({model})."
    )


def is_error(payload: Mapping[str, object]) -> bool:
    """Whether an event or a document is an error, in any of the forms they have."""
    if payload.get("error") or payload.get("object") == "error" or payload.get("type") == "error":
        return True
    if payload.get("choices") or payload.get("success") is True:
        return False
    base = payload.get("base_resp")
    if isinstance(base, Mapping) and base.get("status_code") not in (None, 0):
        return True
    if payload.get("success") is False or any(payload.get(key) for key in ("errors", "fault", "exception", "err")):
        return True
    # Words that come with nothing else; beside what an event of an answer has they are news, such as of a queue.
    told = any(
        payload.get(key) and isinstance(payload[key], (str, list)) for key in ("detail", "msg", "message", "error_msg")
    )
    return told and not ({"choices", "object", "usage"} & payload.keys() or payload.get("status") in _WAITING)


def from_event(asked: Asked, payload: object, said: Said, *, has_text: bool = False) -> ProviderError:
    """The error for one that came inside an answer, where the HTTP status was 200 already: as if it had come with its
    own. `has_text`: behind text, so that the request was right and what is refused is no more than the rest.
    """
    at = f"{asked.place} broke off with an error"
    status = phrases.status_in(payload, said.words)
    is_about_it = status in phrases.ABOUT_THE_REQUEST or phrases.TOO_LONG.search(said.words)
    if status is None or (has_text and is_about_it and not phrases.NO_CREDIT.search(said.words)):
        return ProviderUnavailable(f"{at}. {_ONLY_TIME}{said.quoted}", retry_after_s=said.wait_s)
    return from_status(asked, status, said, at)


def no_streaming(asked: Asked) -> ProviderError:
    return StreamRefused(f"{asked.place} does not stream. STREAMGEN_DELIVERY=turns spares this attempt.")


def only_streaming(asked: Asked, at: str, said: Said) -> ProviderError:
    return ProviderRefused(
        f"{at}: the model {asked.model_shown} answers in streams only. Set STREAMGEN_DELIVERY=stream.{said.quoted}"
    )


def no_prefill(asked: Asked) -> ProviderError:
    return PrefillRefused(
        f"{asked.place} does not continue a begun answer. STREAMGEN_CONTINUATION=reprompt spares this attempt."
    )


def web_page(asked: Asked) -> ProviderError:
    return ProviderRefused(
        f"{asked.place} answered with a web page instead of the API. Check OPENAI_BASE_URL; it usually ends in /v1."
    )


def no_choices(asked: Asked) -> ProviderError:
    return ProviderUnavailable(
        f"{asked.place} answered with no text and no word why. Some endpoints do so where a filter stopped the prompt: "
        "if this stays so, change the instructions or the model."
    )


def malformed(asked: Asked, err: object = None) -> ProviderError:
    if isinstance(err, SaidAnew):
        return ProviderUnavailable(
            f"{asked.place} began its answer once more in the middle of it: a gateway that asks two models, or asks "
            "twice, hands on both answers. The text before is kept. If this stays so, set STREAMGEN_DELIVERY=turns, "
            "which streams nothing."
        )
    return ProviderUnavailable(
        f"{asked.place} sent an answer that is not in the chat-completions format. "
        "If this stays so, check OPENAI_BASE_URL and what runs there."
    )


def hung_up(asked: Asked) -> ProviderError:
    return ProviderAway(
        f"{asked.place} closed the connection before it answered. "
        "If this stays so, check OPENAI_BASE_URL and what runs there."
    )


def empty(asked: Asked) -> ProviderError:
    return ProviderUnavailable(
        f"{asked.place} closed the connection without an answer. "
        "If this stays so, check OPENAI_BASE_URL and what runs there."
    )


def thought_as_text(asked: Asked) -> ProviderError:
    return ProviderRefused(
        f"The model {asked.model_shown} wrote its thoughts into the text without saying where they begin. "
        "Regenerate the document: from now on they are left out."
    )


def damaged(asked: Asked, damage: str) -> ProviderError:
    """`damage` says what is wrong and what helps."""
    return ProviderRefused(f"{asked.place} {damage}, and write this section anew.")


def elsewhere(asked: Asked, other: str, base_url: str) -> ProviderError:
    """`other` is where it redirects to, `base_url` what to set for that, where it can be anything."""
    remedy = f"If that address is right, set OPENAI_BASE_URL to {base_url}." if base_url else ""
    return ProviderRefused(
        f"{asked.place} redirects to {other}; the prompt was not sent there. "
        f"{remedy or 'Check OPENAI_BASE_URL; it usually ends in /v1.'}"
    )


def dropped(asked: Asked) -> ProviderError:
    return ProviderUnavailable(f"The connection to {asked.place} broke in the middle of an answer.")


def too_slow(asked: Asked, limit_s: float) -> ProviderError:
    return ProviderUnavailable(
        f"{asked.place} sent nothing for {limit_s:g} s. "
        "Slow models, and proxies that hold an answer back until it is whole, need a higher "
        "STREAMGEN_FIRST_PIECE_SECONDS or STREAMGEN_STALL_SECONDS."
    )


def unreachable(asked: Asked, cause: str) -> ProviderError:
    """`cause` is one of "name", "certificate", "slow", "proxy", "refused"."""
    sentence = {
        "name": f"The host name of {asked.place} is not known. Check OPENAI_BASE_URL and the network.",
        "certificate": f"The certificate of {asked.place} is not trusted. Check OPENAI_BASE_URL (http or https?).",
        "slow": f"{asked.place} did not accept the connection in time. Check OPENAI_BASE_URL and the network.",
        "proxy": f"The proxy of this machine does not lead to {asked.place}. Check HTTPS_PROXY and NO_PROXY.",
        "refused": f"Nothing answers at {asked.place}. Check OPENAI_BASE_URL, and that the server there runs.",
    }[cause]
    return ProviderUnavailable(sentence) if cause == "certificate" else ProviderAway(sentence)
