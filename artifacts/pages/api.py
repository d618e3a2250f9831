"""What the API tells of projects and documents: reads only, of what the caller may see. Lists never load a text.

The commands of generation join the same router.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticCustomError

from artifacts import access
from artifacts.costs import amount
from artifacts.lifecycle.freshness import outdated, written_from
from artifacts.lifecycle.state import state_of
from artifacts.models import Artifact, Project
from artifacts.models.user_model import User
from artifacts.pages import export as exported
from artifacts.validation import whole_number

PROJECTS_PER_ANSWER = 50
PROJECTS_PER_ANSWER_MAX = 200

router = Router()
Row = TypeVar("Row", bound=Model)


class RequestBody(BaseModel):
    """Types as JSON has them, and no unknown field; optional fields may be null. The verbs check the values."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _plain(value: object) -> object:
    try:
        return whole_number(value) if isinstance(value, str) else value
    except ValueError:
        raise PydanticCustomError("int_parsing", "not a whole number") from None


WholeNumber = Annotated[int, BeforeValidator(_plain)]
"""A number of a query: plain digits, and nothing else that Python or pydantic takes for one. A default that comes with
bounds stands in the `Query` as well, else it is lost.
"""


class CurrentSection(BaseModel):
    """What stands where somebody else was quicker."""

    text: str
    sha256: str
    epoch: int


class DraftText(BaseModel):
    text: str


class ProblemOut(BaseModel):
    """Every error, as application/problem+json; `field` where one is to blame."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    code: str | None = None
    current: CurrentSection | None = None
    draft: DraftText | None = None


REFUSALS: dict[Any, Any] = {frozenset({401, 403, 404, 409, 413, 415, 422, 429}): None}
"""Each has a `ProblemOut`, which no call returns. Ninja would make a model for every one of them of every call, and a
server that begins would wait for four hundred.
"""
FILE_TYPES = [exported.MEDIA_TYPES[kind].partition(";")[0] for kind in exported.KINDS]


class ArtifactBrief(BaseModel):
    id: int
    phase: str
    status: str


class ArtifactRow(BaseModel):
    id: int
    phase: str
    title: str
    status: str
    sections_completed: int
    sections_total: int
    tokens_generated: int
    reason: str
    out_of_date: bool


class ProjectBrief(BaseModel):
    id: int
    title: str
    artifacts: list[ArtifactBrief]


class ProjectOut(BaseModel):
    """`budget` is an amount in the currency of the price list."""

    id: int
    title: str
    description: str
    archived: bool
    budget: str | None
    artifacts: list[ArtifactRow]


class SectionOut(BaseModel):
    name: str
    status: str
    tokens: int
    model: str


class StateOut(BaseModel):
    status: str
    current_section: str
    sections_completed: int
    sections_total: int
    tokens_generated: int
    cost: str
    cost_estimated: str
    last_error: str
    reason: str
    sections: list[SectionOut]


class SourceOut(BaseModel):
    """A document that the text was written from: its `epoch` and `sha256` of that time. `artifact` is null where it was
    deleted, `changed` says that its text is another by now.
    """

    artifact: int | None
    title: str
    epoch: int
    sha256: str
    changed: bool


class ArtifactOut(BaseModel):
    """`text` is the document as of the committed write `seq` of `epoch`; `offset` is its length in code points.

    It is `out_of_date` where what it was `written_from` has changed since.
    """

    id: int
    project: int
    phase: str
    title: str
    epoch: int
    seq: int
    offset: int
    text: str
    state: StateOut
    written_from: list[SourceOut]
    out_of_date: bool


def caller(request: HttpRequest) -> User:
    """Who calls, as the API's login found out."""
    user: User = request.auth  # type: ignore[attr-defined]  # ninja puts it there
    return user


def project_briefs(rows: Iterable[tuple[int, str]]) -> list[ProjectBrief]:
    """Projects given as (id, title), each with its documents; one query for all of them."""
    projects = list(rows)
    found = Artifact.objects.filter(project__in=[pk for pk, _ in projects], draft_of=None).order_by("pk")
    artifacts: dict[int, list[ArtifactBrief]] = defaultdict(list)
    for project, pk, phase, status in found.values_list("project", "pk", "phase", "stream_status"):
        artifacts[project].append(ArtifactBrief(id=pk, phase=phase, status=status))
    return [ProjectBrief(id=pk, title=title, artifacts=artifacts[pk]) for pk, title in projects]


def artifact_row(artifact: Artifact) -> ArtifactRow:
    return artifact_rows([artifact])[0]


def artifact_rows(artifacts: Sequence[Artifact]) -> list[ArtifactRow]:
    """Documents as lists tell of them."""
    old = outdated([artifact.pk for artifact in artifacts])
    return [_row(artifact, is_outdated=artifact.pk in old) for artifact in artifacts]


def _row(artifact: Artifact, *, is_outdated: bool) -> ArtifactRow:
    return ArtifactRow(
        id=artifact.pk,
        phase=artifact.phase,
        title=artifact.title,
        status=artifact.stream_status,
        sections_completed=artifact.sections_completed,
        sections_total=artifact.sections_total,
        tokens_generated=artifact.tokens_generated,
        reason=artifact.reason,
        out_of_date=is_outdated,
    )


def next_link(request: HttpRequest, **query: object) -> str:
    """The value of `Link` that leads to the next answer of this path, as the site is called from outside."""
    return f'<{request.build_absolute_uri(request.path)}?{urlencode(query)}>; rel="next"'


def newest_rows(
    request: HttpRequest, response: HttpResponse, rows: QuerySet[Row], limit: int, before: int | None
) -> list[Row]:
    """So many of them, the newest first, those before that number; where there are more, `Link` leads to them."""
    rows = rows.order_by("-pk")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows[: limit + 1])
    if len(found) > limit:
        found.pop()
        response["Link"] = next_link(request, limit=limit, before=found[-1].pk)
    return found


@router.get("/projects", response={200: list[ProjectBrief]} | REFUSALS)
def projects(
    request: HttpRequest,
    response: HttpResponse,
    limit: Annotated[WholeNumber, Query(PROJECTS_PER_ANSWER, ge=1, le=PROJECTS_PER_ANSWER_MAX)] = PROJECTS_PER_ANSWER,
    before: WholeNumber | None = None,
    archived: bool = False,
) -> list[ProjectBrief]:
    """The newest projects first; with `archived` those that are archived, else the others. Where there are older ones,
    the header `Link` has the address of the next answer.
    """
    rows = access.projects_for(caller(request)).filter(archived_at__isnull=not archived).order_by("-pk")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows.values_list("pk", "title")[: limit + 1])
    if len(found) > limit:
        found.pop()
        more = {"archived": "true"} if archived else {}
        response["Link"] = next_link(request, limit=limit, before=found[-1][0], **more)
    return project_briefs(found)


@router.get("/projects/{int:project_id}", response={200: ProjectOut} | REFUSALS)
def project(request: HttpRequest, project_id: int) -> ProjectOut:
    return project_out(access.project_for(caller(request), project_id))


def project_out(found: Project) -> ProjectOut:
    """The project with its documents, without their texts."""
    rows = Artifact.objects.filter(project=found, draft_of=None).defer(
        "content", "preview_html", "instructions", "last_error"
    )
    return ProjectOut(
        id=found.pk,
        title=found.title,
        description=found.description,
        archived=found.archived_at is not None,
        budget=None if found.budget is None else amount(found.budget),
        artifacts=artifact_rows(list(rows.order_by("pk"))),
    )


@router.get("/artifacts/{int:artifact_id}", response={200: ArtifactOut} | REFUSALS)
def artifact(request: HttpRequest, artifact_id: int) -> ArtifactOut:
    """The whole document. `epoch` and `offset` are the cursor to go on from with a websocket."""
    found = access.artifact_for(caller(request), artifact_id)
    sources = written_from([found.pk]).get(found.pk, [])
    return ArtifactOut(
        id=found.pk,
        project=found.project_id,
        phase=found.phase,
        title=found.title,
        epoch=found.epoch,
        seq=found.seq,
        offset=found.length,
        text=found.text,
        state=StateOut.model_validate(state_of(found)),
        written_from=[
            SourceOut(
                artifact=source.artifact,
                title=source.title,
                epoch=source.epoch,
                sha256=source.sha256,
                changed=source.is_changed,
            )
            for source in sources
        ],
        out_of_date=any(source.is_changed for source in sources),
    )


@router.get(
    "/artifacts/{int:artifact_id}/export",
    response={200: Any} | REFUSALS,
    openapi_extra={"responses": {200: {"content": {kind: {"schema": {}} for kind in FILE_TYPES}}}},
)
def export(
    request: HttpRequest, artifact_id: int, format: Annotated[Literal["md", "html", "docx", "pdf"], Query()] = "md"
) -> HttpResponse:
    """The document as a file: Markdown byte for byte, HTML that needs nothing else, Word, or PDF."""
    return exported.as_attachment(access.artifact_for(caller(request), artifact_id), format)


@router.get(
    "/projects/{int:project_id}/export",
    response={200: Any} | REFUSALS,
    openapi_extra={"responses": {200: {"content": {exported.MEDIA_TYPES["zip"]: {"schema": {}}}}}},
)
def export_project(request: HttpRequest, project_id: int) -> HttpResponse:
    """A ZIP of all documents of the project that have text, each as Markdown and HTML."""
    found = access.project_for(caller(request), project_id)
    return exported.project_zip(found, access.artifacts_for(caller(request)).filter(project=found, draft_of=None))
