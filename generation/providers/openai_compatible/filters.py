"""What tells that a filter stopped a prompt or an answer, in the words, codes and fields of many endpoints; pure.

Asking again is in vain then. What only sounds like it (a key that was flagged, a schema that is violated) is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_WORDS = re.compile(
    r"content[_ -]?filter|content[_ -]?polic(?:y|ies)(?!_fallback)|content management policy|responsible_?ai"
    r"|data_?inspection|content (?:audit|moderation|inspection|safety)|audit failed|moderation_blocked|guard-?rail"
    r"|(?:input|prompt|content|request|messages?|text|output|response)\b.{0,30}\bflagged\b|flagged (?:by|for)\b.{0,40}"
    r"(?:moderation|policy|safety|violence|hate|sexual|harm)"
    r"|content exists risk|considered high.risk|(?:inappropriate|prohibited|harmful|disallowed)[_ ]content|jailbreak"
    r"|(?:blocked|rejected|refused|stopped|filtered) (?:by|due to|for|as a result of)\b.{0,30}"
    r"(?:moderation|safety|filter|content)"
    r"|(?:prompt|input|content|output|response) (?:you provided.{0,30} )?(?:was |is |has been )?blocked|censor"
    r"|(?:requires|failed|rejected by|input) moderation|content.{0,20}unsafe|unsafe content"
    r"|sensitive ?(?:content|information|words?)|(?:input|output)[_ ](?:new_)?sensitive|model.?armor"
    r"|(?:prompt|input|content|request|output)\b.{0,40}violat\w*.{0,30}(?:polic|guideline|terms|safety)"
    r"|content.{0,20}violat\w*.{0,30}rule|敏感|违规|不合规|内容.{0,10}审核|审核.{0,6}(?:不通过|失败)|不安全|风控"
)
"""On the lower-cased words of an error."""
_CODES = frozenset({"1301", "1026", "1027", "10013", "10014", "10019"})
"""Numbers that stand alone in a code: of Zhipu, MiniMax and Spark."""
_CODE_KEYS = ("code", "status_code", "error_code", "type", "innererror")
_CODE_WORD = re.compile(
    r"content_?filter|content_?policy|data_?inspection|sensitive|moderation|safety|prohibited|guardrail|censor|invalid_prompt"
    r"|responsibleai|policy_?violation|(?:bio|cyber|chem|usage)\w*_policy"
)
_HOLDERS = ("error", "base_resp", "innererror", "inner_error", "response", "status_details", "incomplete_details")
_NO_REASON = frozenset({"", "none", "block_reason_unspecified", "blocked_reason_unspecified"})
_ABOUT_THE_CALLER = frozenset({401, 402, 404, 407, 408, 429})
"""Statuses of refusals that are about a key, an account, a model or a time; only a code makes a filter of them."""


def is_told(words: str) -> bool:
    """Whether these words of an error say it; they are lower-case."""
    return bool(_WORDS.search(words))


def is_refusal(status: int, body: object, words: str) -> bool:
    """Whether a request was refused by a filter. `words` are the lower-cased words of the body."""
    if not (400 <= status < 500 or status in (500, 501)):
        return False
    return is_marked(body) or (status not in _ABOUT_THE_CALLER and is_told(words))


def is_marked(payload: object) -> bool:
    """Whether a field or a code says it. Not for what has choices: those say for themselves how they end."""
    payload = payload[0] if isinstance(payload, list) and len(payload) == 1 else payload
    if not isinstance(payload, Mapping):
        return False
    if any(payload.get(field) is True for field in ("input_sensitive", "output_sensitive")):
        return True
    for field in ("promptFeedback", "prompt_feedback"):
        feedback = payload.get(field)
        if isinstance(feedback, Mapping):
            reason = feedback.get("blockReason") or feedback.get("block_reason") or ""
            if str(reason).lower() not in _NO_REASON:
                return True
    if payload.get("contentFilter") or (isinstance(payload.get("content_filter"), list) and payload["content_filter"]):
        return True
    results = (
        payload.get(field) for field in ("prompt_filter_results", "prompt_annotations", "content_filter_results")
    )
    return any(_is_caught(one, 0) for one in results) or any(_is_code(one) for one in _codes(payload, 0))


def _is_caught(results: object, depth: int) -> bool:
    """Whether a result of a filter, at any depth, says `filtered`."""
    if depth > 5:
        return False
    if isinstance(results, list):
        return any(_is_caught(one, depth + 1) for one in results[:20])
    if not isinstance(results, Mapping):
        return False
    return results.get("filtered") is True or any(_is_caught(one, depth + 1) for one in results.values())


def _codes(holder: Mapping[str, object], depth: int) -> Iterator[object]:
    for key in (*_CODE_KEYS, *(("reason",) if depth else ())):
        yield holder.get(key)
    for key in _HOLDERS if depth < 4 else ():
        inner = holder.get(key)
        inner = inner[0] if isinstance(inner, list) and inner else inner
        if isinstance(inner, Mapping):
            yield from _codes(inner, depth + 1)


def _is_code(code: object) -> bool:
    if isinstance(code, bool) or not isinstance(code, (int, str)):
        return False
    return str(code) in _CODES or bool(_CODE_WORD.search(str(code).lower().replace(" ", "_")[:100]))
