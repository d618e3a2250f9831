"""The words with which endpoints say why an answer ended, as one of our reasons; pure.

Told by their parts, because everybody spells them differently (`eosFound`, `FINISH_REASON_STOP`,
`content_filter: PROHIBITED_CONTENT`). A word that nobody knows is no end: calling a cut text complete is worse.
"""

from __future__ import annotations

import re
from functools import lru_cache

from generation.providers.base import FinishReason

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_a-zA-Z]+")
_NOT_SAID = frozenset({"", "null", "none", "nil", "undefined", "unspecified", "finish reason unspecified"})
_STOP_TOKENS = frozenset({"</s>", "<eos>", "<|im_end|>", "<|eot_id|>", "<|endoftext|>", "<|end|>", "<|return|>"})

_FILTERED = re.compile(
    r"filter|safety|sensitive|refus|recitation|block|prohibited|spii|moderat|flagged|guardrail|toxic|policy|copyright"
    r"|harm|violation|censor|risk|armor|jailbreak"
)
_ERROR = re.compile(r"error|fail|insufficient|abort|cancel|timeout|timed out|time out|disconnect|overload|exception")
_TRUNCATED = re.compile(
    r"length|max|truncat|(?<!rate )(?<!time )limit|cut ?off|exceeded|budget|context window|too long"
)
_TOOL = re.compile(r"\btools?\b|\bfunctions?\b")
_ENDS = frozenset(
    re.findall(
        r"\w+",
        "stop stops stopped stopping end ends ended eos eot eom eod done complete completed finish finished "
        "normal normally natural success succeeded successful ok",
    )
)
_BESIDE = frozenset(
    re.findall(
        r"\w+",
        "turn of text sequence seq token tokens found reason message generation stream str string word words criteria "
        "hit reached by model id answer response output type the was is assistant encountered emitted completion true "
        "sentence document",
    )
)


@lru_cache(maxsize=256)
def reason_of(word: str) -> FinishReason | None:
    """The reason that a word stands for; None where it says nothing, INTERRUPTED where nobody knows it."""
    if word.strip().lower() in _STOP_TOKENS:
        return FinishReason.COMPLETE
    parts = [part.lower() for part in _PARTS.findall(word[:200])]
    said = " ".join(parts)
    if said in _NOT_SAID and not re.search(r"\d", word):
        return None
    for pattern, reason in (
        (_FILTERED, FinishReason.FILTERED),
        (_ERROR, FinishReason.ERROR),
        (_TRUNCATED, FinishReason.TRUNCATED),
        (_TOOL, FinishReason.TOOL),
    ):
        if pattern.search(said):
            return reason
    ends = bool(parts) and any(part in _ENDS for part in parts)
    return (
        FinishReason.COMPLETE if ends and all(part in _ENDS | _BESIDE for part in parts) else FinishReason.INTERRUPTED
    )
