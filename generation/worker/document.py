"""What the database says about a claimed document: what to write, what is written, and where each section stands."""

from __future__ import annotations

from dataclasses import dataclass

from artifacts.answer_place import AnswerPlace
from artifacts.costs import Spent
from artifacts.document_text import read_draft
from artifacts.models import Artifact, Section, SectionStatus, SourceText
from artifacts.models.kept_query import KeptQuery
from generation.costs.budgets import ceilings
from generation.queue.claims import Claim
from generation.surroundings import surroundings_of_draft
from generation.writing.phases import phase_of
from generation.writing.prompts import Assignment


@dataclass(frozen=True, kw_only=True)
class SectionProgress:
    """One section: `start` is where its text begins, `tokens` what it had cost when it was stopped last, or ended.

    `draft` is what is written of it before its turn, at `draft_tokens`; `is_drafted` says that this is all of it.
    `is_under_way`: somebody wrote it when this claim began, or its endpoint keeps an answer for it.
    """

    is_complete: bool
    start: int | None
    tokens: int
    model: str
    answer: AnswerPlace
    draft: str = ""
    draft_tokens: int = 0
    is_drafted: bool = False
    is_under_way: bool = False

    @property
    def spent(self) -> int | None:
        """What it has cost so far; None where only the document's sum tells it."""
        if self.is_complete or self.is_drafted:
            return self.tokens
        return self.draft_tokens if self.start is None else None


@dataclass(frozen=True, kw_only=True)
class Document:
    """All of it, as it was when it was read; `ceiling` is the most that it may cost, where its project has a budget."""

    assignment: Assignment
    text: str
    tokens: int
    cost: Spent
    ceiling: int | None
    sections: tuple[SectionProgress, ...]

    def under_way(self) -> dict[str, int]:
        """The characters so far of each section whose call was under way, by its name."""
        chars = dict[str, int]()
        for planned, section in zip(self.assignment.plan, self.sections, strict=True):
            if section.is_under_way and not (section.is_complete or section.is_drafted):
                written = len(section.draft) if section.start is None else len(self.text) - section.start
                chars[planned.name] = chars.get(planned.name, 0) + written
        return chars

    def spent(self) -> list[int]:
        """What each section has cost so far. What none of them is known to have cost was spent on the one that is
        begun, or comes first.
        """
        known = [section.spent or 0 for section in self.sections]
        for position, section in enumerate(self.sections):
            if not section.is_complete:
                known[position] += max(0, self.tokens - sum(known))
                break
        return known


_SECTIONS = KeptQuery(lambda: Section.objects.filter(artifact=1).order_by("position"))
_PARTS = KeptQuery(lambda: SourceText.objects.filter(artifact=1, epoch=2).order_by("position").values_list("part"))


def read_document(claim: Claim) -> Document:
    """Raises `Artifact.DoesNotExist` or `NotFound` where it was deleted, or begun anew."""
    artifact = Artifact.objects.defer("preview_html").select_related("project").get(pk=claim.artifact)
    rows = _SECTIONS.instances(artifact.pk)
    return Document(
        assignment=Assignment(
            project_title=artifact.project.title,
            project_description=artifact.project.description,
            document_title=artifact.title,
            document_instructions=phase_of(artifact.phase, title=artifact.title).instructions,
            user_instructions=artifact.instructions,
            earlier_documents="\n\n".join(_parts(artifact)),
            around=surroundings_of_draft(artifact, rows[0].name) if rows else None,
            plan=tuple(row.planned for row in rows),
        ),
        text=artifact.text,
        tokens=artifact.tokens_generated,
        cost=Spent(cost=artifact.cost, estimated=artifact.cost_estimated, under_way=artifact.cost_under_way),
        ceiling=ceilings([artifact.pk]).get(artifact.pk) if artifact.project.budget is not None else None,
        sections=tuple(
            SectionProgress(
                is_complete=row.status == SectionStatus.COMPLETE,
                start=row.start,
                tokens=row.tokens,
                model=row.model,
                answer=row.answer_place,
                draft=read_draft(row) if row.drafted else "",
                draft_tokens=row.drafted_tokens,
                is_drafted=row.status == SectionStatus.DRAFTED,
                is_under_way=row.status in {SectionStatus.STREAMING, SectionStatus.DRAFTING} or bool(row.answer),
            )
            for row in rows
        ),
    )


def _parts(artifact: Artifact) -> list[str]:
    """The digest as it was made when the text was asked for: the same for every call, and for whoever takes over."""
    return [part for (part,) in _PARTS.values(artifact.pk, artifact.epoch)]
