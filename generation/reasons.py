"""Why a document stopped before its end, as a worker knows it: codes that join those of `artifacts.reasons`. Pure."""

from __future__ import annotations

from enum import StrEnum


class StopReason(StrEnum):
    """Stored with the document, whose `last_error` has what happened this time."""

    TURNS_EXHAUSTED = "turns_exhausted"
    NO_PROGRESS = "no_progress"
    TOKENS_EXHAUSTED = "tokens_exhausted"
    BAD_SEAM = "bad_seam"
    DEADLINE = "deadline"
    RATE_LIMITED = "rate_limited"
    PROVIDER_ERROR = "provider_error"
    AUTH = "auth"
    MODEL_NOT_FOUND = "model_not_found"
    FILTERED = "filtered"
    POISON = "poison"
    DISK_FULL = "disk_full"
    BUDGET = "budget"


STOP_SENTENCES: dict[str, str] = {
    StopReason.TURNS_EXHAUSTED: "A section took more turns than allowed.",
    StopReason.NO_PROGRESS: "The model brought no text.",
    StopReason.TOKENS_EXHAUSTED: "A section used up its tokens before its end.",
    StopReason.BAD_SEAM: "The model did not continue the text, so its answer was not used.",
    StopReason.DEADLINE: "Writing took longer than allowed.",
    StopReason.RATE_LIMITED: "The provider limits how often it may be asked.",
    StopReason.PROVIDER_ERROR: "The provider did not answer as it should.",
    StopReason.AUTH: "The provider refused the key.",
    StopReason.MODEL_NOT_FOUND: "The provider does not know this model.",
    StopReason.FILTERED: "The provider's filter stopped the text.",
    StopReason.POISON: "Worker after worker died on this document.",
    StopReason.DISK_FULL: "The server's disk is full.",
    StopReason.BUDGET: "The project's budget is used up.",
}

AT_A_LIMIT = frozenset(
    {
        StopReason.TURNS_EXHAUSTED,
        StopReason.NO_PROGRESS,
        StopReason.TOKENS_EXHAUSTED,
        StopReason.BAD_SEAM,
        StopReason.DEADLINE,
        StopReason.BUDGET,
    }
)
"""Nothing has failed: as much was written as may be."""

HELPED_BY_OTHER_TERMS = frozenset(
    {
        StopReason.TURNS_EXHAUSTED,
        StopReason.AUTH,
        StopReason.MODEL_NOT_FOUND,
        StopReason.RATE_LIMITED,
        StopReason.PROVIDER_ERROR,
        StopReason.BAD_SEAM,
        StopReason.TOKENS_EXHAUSTED,
        StopReason.NO_PROGRESS,
        StopReason.FILTERED,
    }
)
"""The way out may be another model or budget: the page asks for them beside its button to resume."""

HELPED_BY_WRITING_ANEW = frozenset(
    {
        StopReason.BAD_SEAM,
        StopReason.TOKENS_EXHAUSTED,
        StopReason.TURNS_EXHAUSTED,
        StopReason.NO_PROGRESS,
        StopReason.FILTERED,
    }
)
"""Where a section may not go on as it stands: its page offers to write it anew."""
