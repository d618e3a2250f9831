"""What a document is told of those that stand before it in its project and are finished: never of another project's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from django.conf import settings

from artifacts.lifecycle.sources import EarlierText
from artifacts.models import Artifact, StreamStatus
from artifacts.planned_section import PlannedSection
from generation.markdown.digest import DIGESTED_CHARS, EarlierDocument, digest
from generation.writing.phases import phase_of

MOST_DOCUMENTS = 50
"""The nearest ones: each is read as a whole."""


def sources_of(artifact: Artifact, plan: Sequence[PlannedSection], instructions: str) -> list[EarlierText]:
    """The digest for a document that is about to be written, by the texts as they are now; empty where it is off."""
    limit = settings.STREAMGEN_CONTEXT_CHARS
    if not limit:
        return []
    place = artifact.draft_of_id or artifact.pk
    rows = Artifact.objects.filter(project=artifact.project_id, draft_of=None, stream_status=StreamStatus.COMPLETE)
    rows = rows.filter(pk__lt=place).order_by("-pk").defer("preview_html", "instructions")
    found: dict[int, EarlierText] = {}
    documents: list[EarlierDocument] = []
    for row in rows[:MOST_DOCUMENTS].iterator(chunk_size=1):
        text = row.text
        found[row.pk] = EarlierText(
            artifact=row.pk,
            title=row.title,
            epoch=row.epoch,
            length=row.length,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            part="",
        )
        documents.append(EarlierDocument(key=row.pk, title=row.title, text=text[:DIGESTED_CHARS]))
    if not documents:
        return []
    parts = digest(documents[::-1], about=_about(artifact, plan, instructions), limit=limit)
    return [found[part.key].with_part(part.text) for part in parts]


def _about(artifact: Artifact, plan: Sequence[PlannedSection], instructions: str) -> str:
    phase = phase_of(artifact.phase, title=artifact.title)
    sections = [f"{section.name} {section.instructions}" for section in plan]
    return "\n".join([artifact.title, instructions, *sections, phase.purpose])
