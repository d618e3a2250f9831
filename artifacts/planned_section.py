"""One section of a plan, before it is stored. It knows no database; `validation` says what it may hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PlannedSection:
    """`max_tokens` is the most that the section may take, over all calls."""

    name: str
    instructions: str
    max_tokens: int
