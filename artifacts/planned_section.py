"""What is asked of one section, in one type from the request through its row to the prompt; pure."""

from __future__ import annotations

from dataclasses import dataclass

SECTION_TOKENS = 1_000
"""What a section may take where nobody says it, wherever its plan comes from."""


@dataclass(frozen=True, kw_only=True)
class PlannedSection:
    """One section to write. `max_tokens` bounds what may be written for it.

    It is a net, not an aim: about twice what the section needs. A section that reaches it gets as much again, once.
    """

    name: str
    instructions: str = ""
    max_tokens: int = SECTION_TOKENS
