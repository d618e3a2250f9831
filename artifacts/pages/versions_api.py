"""What the API tells of a document's earlier texts: the list, one of them, and what differs between two. Reads only."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query
from pydantic import BaseModel

from artifacts import access
from artifacts.errors import NotFound
from artifacts.models import ArtifactVersion
from artifacts.pages.api import REFUSALS, WholeNumber, caller, next_link, router
from artifacts.pages.compared_texts import compared_text, versions_of
from artifacts.pages.comparison import compare_texts

__all__ = ["router"]

VERSIONS_PER_ANSWER = 50


class VersionRow(BaseModel):
    """`number` is that of its epoch; `author` and `note` say who brought the text about, and how."""

    number: int
    epoch: int
    created_at: datetime
    author: str
    model: str
    note: str
    length: int
    tokens: int


class VersionList(BaseModel):
    """The newest first; `next` is what `before` must be for the next answer, null where there are no more."""

    items: list[VersionRow]
    next: int | None


class VersionOut(VersionRow):
    status: str
    text: str


class Span(BaseModel):
    """`change` is `same`, `removed` or `added`."""

    change: str
    text: str


class SectionChange(BaseModel):
    """`change` is `same`, `changed`, `removed` or `added`; the spans of the section's whole text, in their order."""

    name: str
    change: str
    spans: list[Span]


class Comparison(BaseModel):
    old: int
    new: int
    sections: list[SectionChange]


def _row(version: ArtifactVersion) -> dict[str, object]:
    return {
        "number": version.epoch,
        "epoch": version.epoch,
        "created_at": version.created_at,
        "author": version.author.get_username() if version.author else "",
        "model": version.model,
        "note": version.note,
        "length": version.length,
        "tokens": version.tokens_generated,
    }


@router.get("/artifacts/{int:artifact_id}/versions", response={200: VersionList} | REFUSALS)
def versions(
    request: HttpRequest,
    response: HttpResponse,
    artifact_id: int,
    limit: Annotated[WholeNumber, Query(VERSIONS_PER_ANSWER, ge=1, le=200)] = VERSIONS_PER_ANSWER,
    before: WholeNumber | None = None,
) -> VersionList:
    """The earlier texts of a document, without the texts; where there are more, `Link` leads to the next answer."""
    rows = versions_of(access.artifact_for(caller(request), artifact_id))
    if before is not None:
        rows = rows.filter(epoch__lt=before)
    found = list(rows[: limit + 1])
    more = len(found) > limit
    shown = found[:limit]
    if more:
        response["Link"] = next_link(request, limit=limit, before=shown[-1].epoch)
    return VersionList(
        items=[VersionRow.model_validate(_row(one)) for one in shown], next=shown[-1].epoch if more else None
    )


@router.get("/artifacts/{int:artifact_id}/versions/{int:number}", response={200: VersionOut} | REFUSALS)
def version(request: HttpRequest, artifact_id: int, number: int) -> VersionOut:
    """One earlier text."""
    artifact = access.artifact_for(caller(request), artifact_id)
    found = ArtifactVersion.objects.filter(artifact=artifact, epoch=number).select_related("author").first()
    if found is None:
        raise NotFound("There is no such version of this document.")
    return VersionOut.model_validate(_row(found) | {"status": found.stream_status, "text": found.content})


@router.get("/artifacts/{int:artifact_id}/versions/{int:number}/compare/{other}", response={200: Comparison} | REFUSALS)
def compare(request: HttpRequest, artifact_id: int, number: int, other: str) -> Comparison:
    """What differs between a version and another, or the `current` text, by section and word."""
    artifact = access.artifact_for(caller(request), artifact_id)
    old, new = compared_text(artifact, str(number)), compared_text(artifact, other)
    sections = [
        SectionChange(
            name=one.name,
            change=one.change,
            spans=[Span(change=span.change, text=span.text) for span in one.spans],
        )
        for one in compare_texts(old.sections, new.sections)
    ]
    return Comparison(old=old.epoch, new=new.epoch, sections=sections)
