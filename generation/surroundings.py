"""What a section that is written by itself, as a draft, is told of the document it is written for, as that is now."""

from __future__ import annotations

from artifacts.lifecycle.placed_sections import PlacedSection, nth, place_of_draft, placed_sections
from artifacts.models import Artifact, Section
from generation.writing.prompts import Surroundings


def surroundings_of_draft(draft: Artifact, name: str) -> Surroundings | None:
    """None where it is no draft, or its section is not there any more."""
    if draft.draft_of_id is None:
        return None
    whole = Artifact.objects.defer("preview_html").get(pk=draft.draft_of_id)
    text, rows = whole.text, _rows(whole)
    section = place_of_draft(placed_sections(text, rows), draft, name)
    return None if section is None else _around(text, rows, section)


def surroundings_of_section(artifact: Artifact, number: int) -> Surroundings:
    """Of section `number`, from 1, of a loaded artifact. Raises `NotFound` where it has no text yet."""
    text, rows = artifact.text, _rows(artifact)
    return _around(text, rows, nth(placed_sections(text, rows), number))


def _rows(artifact: Artifact) -> list[Section]:
    return list(Section.objects.filter(artifact=artifact).order_by("position"))


def _around(text: str, rows: list[Section], section: PlacedSection) -> Surroundings:
    return Surroundings.of(
        [row.name for row in rows],
        section.number,
        before=text[: rows[section.number - 1].start or 0],
        after=text[section.end :],
        is_anew=bool(section.body),
    )
