"""Where the sections of a text stand, and what people change of one: its body, without joint and heading. It only
reads.

The heading stays as it is, because a section that is gone on with begins with it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from artifacts.errors import NotFound
from artifacts.models import Artifact, Section

BETWEEN_SECTIONS = "\n\n"


@dataclass(frozen=True, kw_only=True)
class PlacedSection:
    """One section of a text: its body stands between `begin` and `end`, in code points; the heading before it."""

    number: int
    name: str
    status: str
    body: str
    begin: int
    end: int

    @property
    def sha256(self) -> str:
        return sha256_of(self.body)


def sha256_of(body: str) -> str:
    """What a change says that it was made from: the hash of the body in UTF-8."""
    return hashlib.sha256(body.encode()).hexdigest()


def heading_of(name: str) -> str:
    return f"## {name}\n\n"


def placed_sections(text: str, rows: list[Section]) -> list[PlacedSection]:
    """The sections of a text that were begun, in their order; `rows` are all of them, by position."""
    begun = [(row, row.start) for row in rows if row.start is not None and row.start <= len(text)]
    ends = [start for _, start in begun[1:]] + [len(text)]
    found = []
    for (row, start), end in zip(begun, ends, strict=False):  # where nothing was begun there is nothing to end
        begin = start + _opening_chars(text[start:end], row.name)
        found.append(
            PlacedSection(
                number=row.position + 1, name=row.name, status=row.status, body=text[begin:end], begin=begin, end=end
            )
        )
    return found


def placed_section(artifact: Artifact, number: int) -> PlacedSection:
    """Section `number`, from 1, of a loaded artifact. Raises `NotFound` where it is not there or has no text yet."""
    rows = list(Section.objects.filter(artifact=artifact).order_by("position"))
    return nth(placed_sections(artifact.text, rows), number)


def nth(sections: list[PlacedSection], number: int) -> PlacedSection:
    for section in sections:
        if section.number == number:
            return section
    raise NotFound("This document has no such section, or nothing of it is written yet.")


def place_of_draft(sections: list[PlacedSection], draft: Artifact, name: str) -> PlacedSection | None:
    """The section that a draft of that name was written for, though others may have come before it since; where all
    that are called so have another text by now, the nearest. None where there is none.
    """
    same = [one for one in sections if one.name == name]
    same.sort(key=lambda one: (one.sha256 != draft.draft_base, abs(one.number - 1 - draft.draft_position)))
    return same[0] if same else None


def _opening_chars(text: str, name: str) -> int:
    for opening in (BETWEEN_SECTIONS + heading_of(name), heading_of(name)):
        if text.startswith(opening):
            return len(opening)
    return 0
