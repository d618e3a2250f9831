"""One epoch of a document as clients of the OpenAI API are told of it: how far it is, what became of it, what it took.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from generation.reasons import AT_A_LIMIT, StopReason
from streamgen.agents.event_numbers import ResponseId

NOBODY_FAILED = AT_A_LIMIT | {"user", "shutdown"}
"""Reasons of a pause."""


@dataclass(frozen=True, kw_only=True)
class TokensUsed:
    prompt: int = 0
    cached: int = 0
    completion: int = 0


@dataclass(frozen=True, kw_only=True)
class WrittenText:
    """`status`, `reason`, `detail` are the document's; `began_at` is in seconds since 1970; `text` may be left out."""

    id: ResponseId
    model: str
    title: str
    status: str
    reason: str
    detail: str
    length: int
    began_at: int
    used: TokensUsed
    text: str

    @property
    def is_paused(self) -> bool:
        return self.status == "paused"

    @property
    def is_filtered(self) -> bool:
        return self.is_paused and self.reason == StopReason.FILTERED

    @property
    def has_failed(self) -> bool:
        """Paused because something did not work."""
        return self.is_paused and not self.is_filtered and self.reason not in NOBODY_FAILED
