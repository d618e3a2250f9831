"""What the database says about a claimed document: what to write, what is written, and where each section stands."""

from __future__ import annotations

from dataclasses import dataclass

from artifacts.answer_place import AnswerPlace
from artifacts.models import Artifact, Section, SectionStatus
from artifacts.planned_section import PlannedSection
from generation.queue.claims import Claim
from generation.writing.phases import phase_of
from generation.writing.prompts import Assignment


@dataclass(frozen=True, kw_only=True)
class SectionProgress:
    """One section: `start` is where its text begins, `tokens` what it had cost when it was stopped last, or ended."""

    is_complete: bool
    start: int | None
    tokens: int
    model: str
    answer: AnswerPlace


@dataclass(frozen=True, kw_only=True)
class Document:
    """All of it, as it was when it was read."""

    assignment: Assignment
    text: str
    tokens: int
    sections: tuple[SectionProgress, ...]

    @property
    def tokens_under_way(self) -> int:
        """What the section that is begun has cost so far."""
        return self.tokens - sum(section.tokens for section in self.sections if section.is_complete)


def read_document(claim: Claim) -> Document:
    """Raises `Artifact.DoesNotExist` or `NotFound` where it was deleted, or begun anew."""
    artifact = Artifact.objects.defer("preview_html").select_related("project").get(pk=claim.artifact)
    rows = list(Section.objects.filter(artifact=artifact).order_by("position"))
    return Document(
        assignment=Assignment(
            project_title=artifact.project.title,
            project_description=artifact.project.description,
            document_title=artifact.title,
            document_instructions=phase_of(artifact.phase, title=artifact.title).instructions,
            user_instructions=artifact.instructions,
            plan=tuple(
                PlannedSection(name=row.name, instructions=row.instructions, max_tokens=row.max_tokens) for row in rows
            ),
        ),
        text=artifact.text,
        tokens=artifact.tokens_generated,
        sections=tuple(
            SectionProgress(
                is_complete=row.status == SectionStatus.COMPLETE,
                start=row.start,
                tokens=row.tokens,
                model=row.model,
                answer=row.answer_place,
            )
            for row in rows
        ),
    )
