"""The texts of a document that can be compared: its versions by number, and the current one. It only reads."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from artifacts.errors import NotFound
from artifacts.lifecycle.placed_sections import heading_of, place_of_draft, placed_sections
from artifacts.models import Artifact, ArtifactVersion

CURRENT = "current"
BASE = "base"
"""Of a draft: the text of the section that it was written for, as it stands now."""


@dataclass(frozen=True, kw_only=True)
class ComparedText:
    """A text in its sections, as (name, text with heading)."""

    epoch: int
    is_current: bool
    is_base: bool = False
    sections: list[tuple[str, str]]


def versions_of(artifact: Artifact) -> QuerySet[ArtifactVersion]:
    """The newest first, without their texts."""
    rows = ArtifactVersion.objects.filter(artifact=artifact).select_related("author")
    return rows.defer("content", "sections").order_by("-epoch")


def compared_text(artifact: Artifact, which: str) -> ComparedText:
    """The text of version `which`, or of now where it says `current`; of a draft, `base` is what it was written for.

    Raises `NotFound`.
    """
    if which == CURRENT:
        named = list(artifact.sections.order_by("position").values_list("name", "start"))
        return ComparedText(epoch=artifact.epoch, is_current=True, sections=_cut(artifact.text, named))
    if which == BASE:
        return _base_of(artifact)
    version = None
    if which.isascii() and which.isdecimal() and len(which) < 10:
        version = ArtifactVersion.objects.filter(artifact=artifact, epoch=int(which)).first()
    if version is None:
        raise NotFound("There is no such version of this document.")
    named = [(one["name"], one.get("start")) for one in version.sections]
    return ComparedText(epoch=version.epoch, is_current=False, sections=_cut(version.content, named))


def _base_of(draft: Artifact) -> ComparedText:
    document, name = draft.draft_of, draft.sections.values_list("name", flat=True).first() or ""
    found = None
    if document is not None:
        placed = placed_sections(document.text, list(document.sections.order_by("position")))
        found = place_of_draft(placed, draft, name)
    if document is None or found is None:
        raise NotFound("The section that it was written for is not there any more.")
    text = (heading_of(name) + found.body).strip("\n")
    return ComparedText(epoch=document.epoch, is_current=False, is_base=True, sections=[(name, text)])


def _cut(text: str, named: list[tuple[str, int | None]]) -> list[tuple[str, str]]:
    begun = [(name, start) for name, start in named if start is not None and start <= len(text)]
    if not begun:
        return [("", text)] if text else []
    ends = [start for _, start in begun[1:]] + [len(text)]
    return [(name, text[start:end].strip("\n")) for (name, start), end in zip(begun, ends, strict=True)]
