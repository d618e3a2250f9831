"""How endpoints say what an error is about, in words and in codes, and the HTTP status that stands for it; pure.

It only reads: what follows from an error is for `call_errors` to say. Each pattern is tried on lower-cased words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

NO_CREDIT = re.compile(
    r"insufficient.{0,6}quota|insufficient.{0,10}(balance|credit|fund)|billing|no credit|out of credits?|more credits"
    r"|credit.{0,20}(exhausted|too low)|payment.?required|arrear|exceeded your current quota|quota is not enough"
    r"|spend(ing)?.{0,3}limit|budget.{0,6}exceeded|balance.{0,12}(depleted|exhausted)|exceeded.?budget|can only afford"
    r"|token_quota_failed|out of funds|balance.{0,10}insufficient|overdue|depleted.{0,30}credits?"
    r"|credits?.{0,12}(used up|depleted)|(have|has)(n.t| not)? (any|no) credits"
    r"|余额不足|欠费|额度.{0,6}(不足|用尽|耗尽|用完)"
)
LIMIT = re.compile(
    r"rate.?limit|too.?many.?(concurrent.?)?requests|throttl|resource.?exhausted"
    r"|quota.{0,20}(exceeded|per (minute|day))|too many tokens.{0,12}wait"
    r"|并发|限流|频率.{0,6}(限制|过高|超)|(请求|调用|访问).{0,6}频繁"
)
TOO_LONG = re.compile(
    r"context.{0,12}(length|size|window|overflow|shift is disabled)|exceed_context|prompt is too long"
    r"|maximum context|too many tokens(?!.{0,12}wait)"
    r"|input.{0,20}too (long|large)|request too large|reduce the (length|input|prompt)|tokens? to keep from the initial"
    r"|must be at least 1, got -|range of input length|string.?(too.?long|above.?max)"
    r"|(input|prompt).{0,30}tokens?.{0,40}(exceed|must be (<|less))"
)
BAD_KEY = re.compile(
    r"api.?key.{0,40}(invalid|not valid|incorrect|missing|required)|(invalid|incorrect|missing|no).{0,5}api.?key"
    r"|unauthori[sz]ed|authenticat|invalid.{0,10}token passed|not authori[sz]ed|access.?denied|^forbidden\b"
    r"|permission.?(denied|error)|(not|n't) have (the )?permission|lacks? permission|no permission"
    r"|expired.?token|token.{0,40}\bexpired|auth credentials|security token.{0,40}invalid"
    r"|^invalid token\b(?! (in|at|id))|login fail"
    r"|(令牌|密钥).{0,8}(无效|过期|不正确|错误)|无效的(令牌|密钥)"
)
NO_MODEL = re.compile(
    r"model_?not_?(found|exist)|deploymentnotfound|model_access_denied"
    r"|(model|deployment).{0,120}(not found|n.t exist|not exist|not available|no access|decommissioned|deprecated"
    r"|not served|not supported by any provider|identifier is invalid|not a valid)"
    r"|access to (the )?model|(can.?not|not allowed to|unable to) access model|not a valid model"
    r"|no models? (is )?loaded"
    r"|(no such|unknown|invalid|unsupported) model|invalid model name|no endpoints found|no available channel"
    r"|not_?found(_?error)?\b.{0,20}\bmodel|模型不存在|模型.{0,20}不存在|模型.{0,80}无可用渠道"
)
AWAY = re.compile(
    r"loading|is starting|starting up|warming up|cold start|econnrefused|connection (refused|error)|cannot connect"
    r"|connect error|no healthy upstream|bad gateway|gateway time-?out|service.?unavailable|shutting down|restarting"
    r"|overloaded|(at|over) capacity|is busy|no slots? available|not.?ready\b|notready|^unavailable\b|\bunavailable$"
    r"|访问量过大|负载.{0,6}(饱和|过高)|(服务|系统).{0,6}繁忙"
)
BUSY = re.compile(r"overloaded|(at|over) capacity|is busy|no slots?|访问量过大|负载|繁忙")
LOADS = re.compile(r"\bloading\b|warming up|cold start")

FELL = re.compile(
    r"model (is |was |has |has been )?(crashed|unloaded|exited)|runner process (has terminated|no longer running)"
)
"""The model fell, as LM Studio says with 400: the next call brings it up again."""
NO_MEMORY = re.compile(
    r"(requires|needs) more .{0,16}memory|(not enough|insufficient) .{0,12}memory|unable to allocate|failed to allocate"
)
"""It cannot be brought up."""

ABOUT_THE_REQUEST = frozenset({400, 404, 405, 413, 415, 422})
"""Statuses that blame what was asked for."""
_BAD_REQUEST = re.compile(
    r"invalid.?(request|argument|param|input|value)|bad.?request|validation.?(exception|error)|unprocessable|unsupported"
)
_NOT_FOUND = re.compile(r"not.?found")
_CODE_KEYS = ("code", "type", "status", "__type")


def status_in(payload: object, words: str) -> int | None:
    """The HTTP status of an error that came without one, by the number it carries or by what it says; None where it
    says only that something went wrong. `words` are those of `call_errors.words`.
    """
    if (number := _number_in(payload)) is not None:
        return number
    if LIMIT.search(words) or NO_CREDIT.search(words):
        return 429
    if TOO_LONG.search(words):
        return 400
    if NO_MODEL.search(words):
        return 404
    if BAD_KEY.search(words):
        return 401
    if AWAY.search(words):
        return 503
    codes = " ".join(_codes_in(payload))
    if _NOT_FOUND.search(codes):
        return 404
    return 400 if _BAD_REQUEST.search(codes) else None


def _number_in(payload: object) -> int | None:
    """OpenRouter and vLLM put it into `code`, as a number or as text."""
    for holder in _holders(payload):
        for key in ("code", "status", "status_code"):
            value = holder.get(key)
            if isinstance(value, str) and len(value) == 3 and value.isdecimal():
                value = int(value)
            if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
                return value
    return None


def _codes_in(payload: object) -> Iterator[str]:
    for holder in _holders(payload):
        yield from (value[:100].lower() for key in _CODE_KEYS if isinstance(value := holder.get(key), str))


def _holders(payload: object) -> Iterator[Mapping[str, object]]:
    if isinstance(payload, Mapping):
        if isinstance(inner := payload.get("error"), Mapping):
            yield inner
        yield payload
