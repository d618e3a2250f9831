"""What the API does with the text of a document: each call reads its body and calls one verb of `reworking`.

The calls join the router of `artifacts.pages.api`, because a path belongs to one router.
"""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest
from ninja import Status
from pydantic import BaseModel

from artifacts import access
from artifacts.errors import NotFound
from artifacts.lifecycle.placed_sections import placed_section
from artifacts.models import Artifact, ArtifactVersion
from artifacts.pages.api import REFUSALS, ArtifactRow, RequestBody, artifact_row, caller
from artifacts.pages.versions_api import router
from generation import control, reworking
from generation.pages.api import PlanEntry

__all__ = ["router"]


class EditedSection(RequestBody):
    """The section's text without its heading, and the SHA-256 of the one that it was made from."""

    text: str
    base_sha256: str


class Rewriting(RequestBody):
    instructions: str | None = None
    model: str | None = None
    max_tokens: int | None = None


class NewSection(PlanEntry):
    """`after` is the number of the section before it; 0 for the first place, absent for the last."""

    after: int | None = None
    model: str | None = None


class NewTitle(RequestBody):
    title: str


class PlacedSectionOut(BaseModel):
    """`text` is the section without its heading; `sha256` is what a change of it names as its base."""

    number: int
    name: str
    status: str
    epoch: int
    text: str
    sha256: str


class EpochOut(BaseModel):
    epoch: int


class DraftOut(BaseModel):
    draft: int
    task: int


class AddedOut(BaseModel):
    section: int
    epoch: int
    draft: int
    task: int


class ChangedOut(BaseModel):
    artifact: int
    epoch: int


@router.get("/artifacts/{int:artifact_id}/sections/{int:number}", response={200: PlacedSectionOut} | REFUSALS)
def section(request: HttpRequest, artifact_id: int, number: int) -> PlacedSectionOut:
    """One section as it stands, from 1."""
    found = access.artifact_for(caller(request), artifact_id)
    body = placed_section(found, number)
    return PlacedSectionOut(
        number=body.number,
        name=body.name,
        status=body.status,
        epoch=found.epoch,
        text=body.body,
        sha256=body.sha256,
    )


@router.put("/artifacts/{int:artifact_id}/sections/{int:number}", response={200: EpochOut} | REFUSALS)
def edit_section(request: HttpRequest, artifact_id: int, number: int, body: EditedSection) -> EpochOut:
    """Put a text in the place of a section's; 409 with the code `base_changed` or `busy`."""
    result = reworking.edit_section(
        _artifact(request, artifact_id, "edit"), caller(request), number, text=body.text, base_sha256=body.base_sha256
    )
    return EpochOut(epoch=result.epoch)


@router.post("/artifacts/{int:artifact_id}/sections/{int:number}/rewrite", response={202: DraftOut} | REFUSALS)
def rewrite_section(
    request: HttpRequest, artifact_id: int, number: int, body: Rewriting | None = None
) -> Status[DraftOut]:
    """Write a section anew, as a draft beside it. The body may be empty."""
    asked = body or Rewriting()
    draft = reworking.rewrite_section(
        _artifact(request, artifact_id, "rewrite"),
        caller(request),
        number,
        instructions=asked.instructions or "",
        model=asked.model or "",
        max_tokens=asked.max_tokens,
    )
    return Status(HTTPStatus.ACCEPTED, DraftOut(draft=draft.artifact.pk, task=draft.task.pk))


@router.post("/artifacts/{int:artifact_id}/sections", response={201: AddedOut} | REFUSALS)
def add_section(request: HttpRequest, artifact_id: int, body: NewSection) -> Status[AddedOut]:
    """A section more for a finished document; only that is written, as a draft."""
    document = _artifact(request, artifact_id, "rewrite")
    added = reworking.add_section(document, caller(request), body.planned(), after=body.after, model=body.model or "")
    answer = AddedOut(section=added.number, epoch=added.epoch, draft=added.artifact.pk, task=added.task.pk)
    return Status(HTTPStatus.CREATED, answer)


@router.post("/artifacts/{int:artifact_id}/accept", response={200: ChangedOut} | REFUSALS)
def accept(request: HttpRequest, artifact_id: int) -> ChangedOut:
    """Put a finished draft in its place; 409 with the code `base_changed` or `busy`."""
    result = reworking.accept(_artifact(request, artifact_id, "edit"), caller(request))
    return ChangedOut(artifact=result.artifact, epoch=result.epoch)


@router.post("/artifacts/{int:artifact_id}/reject", response={200: ChangedOut} | REFUSALS)
def reject(request: HttpRequest, artifact_id: int) -> ChangedOut:
    """Drop a draft, in any status."""
    base = reworking.reject(_artifact(request, artifact_id, "edit"), caller(request))
    return ChangedOut(artifact=base.pk, epoch=base.epoch)


@router.post("/artifacts/{int:artifact_id}/versions/{int:number}/restore", response={200: ChangedOut} | REFUSALS)
def restore(request: HttpRequest, artifact_id: int, number: int) -> ChangedOut:
    """Bring an earlier text back as a new epoch; the present one becomes a version."""
    artifact = _artifact(request, artifact_id, "restore")
    version = ArtifactVersion.objects.filter(artifact=artifact, epoch=number).values_list("pk", flat=True).first()
    if version is None:
        raise NotFound("There is no such version of this document.")
    result = control.restore(artifact, version, caller(request))
    return ChangedOut(artifact=result.artifact, epoch=result.epoch)


@router.patch("/artifacts/{int:artifact_id}", response={200: ArtifactRow} | REFUSALS)
def rename(request: HttpRequest, artifact_id: int, body: NewTitle) -> ArtifactRow:
    """Another title."""
    artifact = _artifact(request, artifact_id, "edit")
    reworking.rename(artifact, body.title, caller(request))
    return artifact_row(access.artifact_for(caller(request), artifact_id))


def _artifact(request: HttpRequest, artifact_id: int, action: str) -> Artifact:
    return access.artifact_for(caller(request), artifact_id, action)
