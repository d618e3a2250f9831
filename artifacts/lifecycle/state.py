"""The STATE of a document as every frame and API answer carries it, read from the database in few queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypedDict

from artifacts.costs import shown_cost
from artifacts.models import Artifact, ArtifactVersion, Section
from artifacts.models.kept_query import KeptQuery
from artifacts.reasons import Reason, waiting_details

SHOWN_ERROR_CHARS = 4_000
"""Of the sentence of a failure, whatever an endpoint made it: the state is part of many frames."""


class SectionState(TypedDict):
    name: str
    status: str
    tokens: int
    model: str


class State(TypedDict):
    status: str
    current_section: str
    sections_completed: int
    sections_total: int
    tokens_generated: int
    cost: str
    cost_estimated: str
    last_error: str
    reason: str
    sections: list[SectionState]


class SectionRow(NamedTuple):
    """A section as viewers see it, and the epoch of its document when it was read."""

    name: str
    status: str
    tokens: int
    drafted_tokens: int
    model: str
    start: int | None
    epoch: int


_SECTIONS = KeptQuery(
    lambda: (
        Section.objects.filter(artifact=1)
        .order_by("position")
        .values_list("name", "status", "tokens", "drafted_tokens", "model", "start", "artifact__epoch")
    )
)


def sections_of(artifact: Artifact) -> list[SectionRow]:
    """The sections of a loaded artifact, in one query; they may be those of a newer epoch."""
    return [SectionRow._make(row) for row in _SECTIONS.values(artifact.pk)]


def state_of(artifact: Artifact, sections: Sequence[SectionRow] | None = None) -> State:
    """The state of a loaded artifact with its sections, read where they are not given; where it waits for a worker
    those queries too that tell its place in the queue.
    """
    return State(
        status=artifact.stream_status,
        current_section=artifact.current_section,
        sections_completed=artifact.sections_completed,
        sections_total=artifact.sections_total,
        tokens_generated=artifact.tokens_generated,
        cost=shown_cost(artifact.cost),
        cost_estimated=shown_cost(artifact.cost_estimated),
        last_error=_detail(artifact)[:SHOWN_ERROR_CHARS],
        reason=artifact.reason,
        sections=[
            SectionState(name=row.name, status=row.status, tokens=max(row.tokens, row.drafted_tokens), model=row.model)
            for row in (sections_of(artifact) if sections is None else sections)
        ],
    )


def _detail(artifact: Artifact) -> str:
    if artifact.last_error or artifact.reason != Reason.QUEUED:
        return artifact.last_error
    return waiting_details([artifact.pk]).get(artifact.pk, "")


def section_starts(artifact: Artifact, sections: Sequence[SectionRow] | None = None) -> tuple[int, ...]:
    """Where the sections of a loaded artifact's text begin, rising: of its epoch, though a newer one began meanwhile.

    They are read after the artifact: all that begin in its text are there, and those behind its end are left out.
    """
    rows = sections_of(artifact) if sections is None else sections
    starts = [row.start for row in rows if row.epoch == artifact.epoch]
    if not starts:
        version = artifact.versions.filter(epoch=artifact.epoch).only("sections").first()
        return version_starts(version) if version else ()
    return tuple(sorted(start for start in starts if start is not None and start <= artifact.length))


def version_starts(version: ArtifactVersion) -> tuple[int, ...]:
    """Where the sections of an earlier text begin."""
    return tuple(sorted(row["start"] for row in version.sections if row.get("start") is not None))
