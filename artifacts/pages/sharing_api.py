"""What the API does about projects, their members and links, and one's own tokens: each call makes one verb's call.

The calls join the router of `artifacts.pages.api`, because a path belongs to one router.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Query, Status
from pydantic import BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from artifacts import access
from artifacts.accounts import tokens
from artifacts.errors import InvalidInput, NotFound
from artifacts.models import AccessToken, Artifact, Invitation, Project, ShareLink, Webhook, WebhookDelivery
from artifacts.models.user_model import User
from artifacts.pages.api import (
    REFUSALS,
    ProjectOut,
    RequestBody,
    WholeNumber,
    caller,
    newest_rows,
    next_link,
    project_out,
    router,
)
from artifacts.sharing import links, members, projects
from artifacts.webhooks import endpoints
from artifacts.webhooks.deliveries import OVERLAP_WORDS

__all__ = ["router"]

DELIVERIES_TOLD = 20
ROWS_PER_ANSWER = 50
Limit = Annotated[WholeNumber, Query(ROWS_PER_ANSWER, ge=1, le=200)]


def _amount(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        raise PydanticCustomError("amount_type", "not an amount")
    return value


class ProjectChange(RequestBody):
    """What is left out stays as it is."""

    title: str | None = None
    description: str | None = None
    archived: bool | None = None
    budget: Annotated[str | int | float | None, BeforeValidator(_amount)] = None
    """An amount such as "12.50"; null for none."""


class NewRole(RequestBody):
    """owner, editor or viewer; `owner` hands the project over, and its owner becomes an editor."""

    role: str


class NewLink(RequestBody):
    """To one document, or to the project; for so many seconds, or until it is revoked."""

    artifact: int | None = None
    expires_in: int | None = None


class NewInvitation(RequestBody):
    role: str
    expires_in: int | None = None


class NewToken(RequestBody):
    name: str
    expires_in: int | None = None


class NewWebhook(RequestBody):
    """Where the news goes."""

    url: str
    rotate: bool = Field(False, description=f"Makes another secret; the one before holds for {OVERLAP_WORDS} more.")


class DeliveryOut(BaseModel):
    """`answer` is the status of HTTP, `detail` what went wrong; `next_at` is told of what waits."""

    id: str
    type: str
    status: str
    attempts: int
    answer: int | None
    detail: str
    created_at: datetime
    next_at: datetime | None


class WebhookOut(BaseModel):
    """`deliveries`: the last ones, the newest first. `trouble`: why it is switched off."""

    url: str
    enabled: bool
    trouble: str
    created_at: datetime
    deliveries: list[DeliveryOut]


class WebhookSaved(WebhookOut):
    """`secret` is told once, where it is new."""

    secret: str | None


class MemberOut(BaseModel):
    username: str
    role: str


class LinkOut(BaseModel):
    id: int
    artifact: int | None
    created_at: datetime
    created_by: str | None
    expires_at: datetime | None


class LinkMade(LinkOut):
    """`url` is told once."""

    url: str


class InvitationOut(BaseModel):
    id: int
    role: str
    created_at: datetime
    expires_at: datetime | None


class InvitationMade(InvitationOut):
    """`url` is told once."""

    url: str


class TokenOut(BaseModel):
    """`used_at` is known to the minute."""

    id: int
    name: str
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None


class TokenMade(TokenOut):
    """`token` is told once."""

    token: str


@router.patch("/projects/{int:project_id}", response={200: ProjectOut} | REFUSALS)
def rename_project(request: HttpRequest, project_id: int, body: ProjectChange) -> ProjectOut:
    """Another title, another description, another budget; archived, or brought back."""
    user = caller(request)
    project = access.project_for(user, project_id, "rename")
    with transaction.atomic():
        if "budget" in body.model_fields_set:
            access.demand(user, "budget", project)
            projects.set_budget(project, user, None if body.budget is None else str(body.budget))
        if body.title is not None or body.description is not None:
            projects.rename_project(project, user, body.title, body.description)
        if body.archived is not None:
            projects.archive_project(project, user, body.archived)
    return project_out(project)


@router.delete("/projects/{int:project_id}", response={204: None} | REFUSALS)
def delete_project(request: HttpRequest, project_id: int) -> Status[None]:
    """Stop its writers, close the viewers, keep no text of any of its documents."""
    user = caller(request)
    projects.delete_project(access.project_for(user, project_id, "delete_project"), user)
    return Status(HTTPStatus.NO_CONTENT, None)


# Members


@router.get("/projects/{int:project_id}/members", response={200: list[MemberOut]} | REFUSALS)
def list_members(
    request: HttpRequest,
    response: HttpResponse,
    project_id: int,
    limit: Limit = ROWS_PER_ANSWER,
    after: str | None = None,
) -> list[MemberOut]:
    """The owner, then the members by name, from behind `after` on; where there are more, `Link` leads to them."""
    project = access.project_for(caller(request), project_id, "see_members")
    found = members.roles_of(project, after=after, most=limit + 1)
    shown = [MemberOut(username=user.get_username(), role=role) for user, role in found[:limit]]
    if len(found) > limit:
        response["Link"] = next_link(request, limit=limit, after=shown[-1].username)
    return shown


@router.get("/projects/{int:project_id}/members/{str:username}", response={200: MemberOut} | REFUSALS)
def member(request: HttpRequest, project_id: int, username: str) -> MemberOut:
    project = access.project_for(caller(request), project_id, "see_members")
    for user, role in members.roles_of(project):
        if user.get_username() == username:
            return MemberOut(username=username, role=role)
    raise NotFound("This user is no member of the project.")


@router.put("/projects/{int:project_id}/members/{str:username}", response={200: MemberOut} | REFUSALS)
def set_role(request: HttpRequest, project_id: int, username: str, body: NewRole) -> MemberOut:
    """Let somebody in, give a member another role, or hand the project over."""
    user = caller(request)
    project = access.project_for(user, project_id, "members")
    members.set_role(project, members.user_named(username), body.role, user)
    return MemberOut(username=username, role=body.role)


@router.delete("/projects/{int:project_id}/members/{str:username}", response={204: None} | REFUSALS)
def remove_member(request: HttpRequest, project_id: int, username: str) -> Status[None]:
    """Take a member out; under one's own name: leave."""
    user = caller(request)
    project = access.project_for(user, project_id)
    leaves = username == user.get_username() and access.may(user, "leave", project)
    access.demand(user, "leave" if leaves else "members", project)
    members.remove_member(project, members.member_named(project, username), user)
    return Status(HTTPStatus.NO_CONTENT, None)


# Links


@router.get("/projects/{int:project_id}/links", response={200: list[LinkOut]} | REFUSALS)
def list_links(
    request: HttpRequest,
    response: HttpResponse,
    project_id: int,
    limit: Limit = ROWS_PER_ANSWER,
    before: WholeNumber | None = None,
) -> list[LinkOut]:
    """The read-only links to the project and to its documents, the newest first. Where they lead was told once."""
    project = access.project_for(caller(request), project_id, "links")
    rows = ShareLink.objects.filter(project=project).select_related("created_by")
    return [LinkOut(**_link(row)) for row in newest_rows(request, response, rows, limit, before)]


@router.post("/projects/{int:project_id}/links", response={201: LinkMade} | REFUSALS)
def share(request: HttpRequest, project_id: int, body: NewLink | None = None) -> Status[LinkMade]:
    """A read-only link, for whoever has it. The body may be empty."""
    user, wish = caller(request), body or NewLink()
    project = access.project_for(user, project_id, "links")
    link, secret = links.share(project, user, document_of(project, wish.artifact), wish.expires_in)
    return Status(HTTPStatus.CREATED, LinkMade(**_link(link), url=address(request, "artifacts:shared", secret)))


@router.delete("/links/{int:link_id}", response={204: None} | REFUSALS)
def revoke_link(request: HttpRequest, link_id: int) -> Status[None]:
    """The link opens nothing any more, and what is open by it is closed."""
    user = caller(request)
    links.revoke_link(link_for(user, link_id), user)
    return Status(HTTPStatus.NO_CONTENT, None)


# Invitations


@router.get("/projects/{int:project_id}/invitations", response={200: list[InvitationOut]} | REFUSALS)
def list_invitations(
    request: HttpRequest,
    response: HttpResponse,
    project_id: int,
    limit: Limit = ROWS_PER_ANSWER,
    before: WholeNumber | None = None,
) -> list[InvitationOut]:
    """Those that nobody used yet, the newest first."""
    project = access.project_for(caller(request), project_id, "members")
    rows = Invitation.objects.filter(project=project)
    return [InvitationOut(**_invitation(row)) for row in newest_rows(request, response, rows, limit, before)]


@router.post("/projects/{int:project_id}/invitations", response={201: InvitationMade} | REFUSALS)
def invite(request: HttpRequest, project_id: int, body: NewInvitation) -> Status[InvitationMade]:
    """A link that makes one person a member, once; for a week, unless told otherwise."""
    user = caller(request)
    project = access.project_for(user, project_id, "members")
    made, secret = links.invite(project, user, body.role, body.expires_in)
    return Status(
        HTTPStatus.CREATED, InvitationMade(**_invitation(made), url=address(request, "artifacts:join", secret))
    )


@router.delete("/projects/{int:project_id}/invitations/{int:invitation_id}", response={204: None} | REFUSALS)
def take_back_invitation(request: HttpRequest, project_id: int, invitation_id: int) -> Status[None]:
    user = caller(request)
    links.take_back_invitation(access.project_for(user, project_id, "members"), invitation_id, user)
    return Status(HTTPStatus.NO_CONTENT, None)


# The webhook


@router.get("/projects/{int:project_id}/webhook", response={200: WebhookOut} | REFUSALS)
def webhook(request: HttpRequest, project_id: int) -> WebhookOut:
    """Where the project's news goes, and what became of the last."""
    project = access.project_for(caller(request), project_id, "webhook")
    return WebhookOut(**_webhook(endpoints.webhook_of(project)))


@router.put("/projects/{int:project_id}/webhook", response={200: WebhookSaved} | REFUSALS)
def set_webhook(request: HttpRequest, project_id: int, body: NewWebhook) -> WebhookSaved:
    """Send the project's news there from now on; one that was switched off is on again."""
    user = caller(request)
    project = access.project_for(user, project_id, "webhook")
    row, secret = endpoints.set_webhook(project, body.url, user, rotate=body.rotate)
    return WebhookSaved(**_webhook(row), secret=secret or None)


@router.delete("/projects/{int:project_id}/webhook", response={204: None} | REFUSALS)
def remove_webhook(request: HttpRequest, project_id: int) -> Status[None]:
    """What still waits is not sent."""
    user = caller(request)
    endpoints.remove_webhook(access.project_for(user, project_id, "webhook"), user)
    return Status(HTTPStatus.NO_CONTENT, None)


@router.post("/projects/{int:project_id}/webhook/test", response={202: DeliveryOut} | REFUSALS)
def send_test(request: HttpRequest, project_id: int) -> Status[DeliveryOut]:
    """Queue an event that tells of nothing."""
    user = caller(request)
    sent = endpoints.send_test(access.project_for(user, project_id, "webhook"), user)
    return Status(HTTPStatus.ACCEPTED, DeliveryOut(**_delivery(sent)))


# One's own tokens


@router.get("/tokens", response={200: list[TokenOut]} | REFUSALS)
def list_tokens(
    request: HttpRequest, response: HttpResponse, limit: Limit = ROWS_PER_ANSWER, before: WholeNumber | None = None
) -> list[TokenOut]:
    """The caller's own, the newest first."""
    rows = AccessToken.objects.filter(user=caller(request))
    return [TokenOut(**_token(row)) for row in newest_rows(request, response, rows, limit, before)]


@router.post("/tokens", response={201: TokenMade} | REFUSALS)
def make_token(request: HttpRequest, body: NewToken) -> Status[TokenMade]:
    """A bearer token of the caller, for so many seconds or until it is revoked."""
    row, token = tokens.new_token(caller(request), body.name, body.expires_in)
    return Status(HTTPStatus.CREATED, TokenMade(**_token(row), token=token))


@router.delete("/tokens/{int:token_id}", response={204: None} | REFUSALS)
def revoke_token(request: HttpRequest, token_id: int) -> Status[None]:
    tokens.revoke_token(caller(request), token_id)
    return Status(HTTPStatus.NO_CONTENT, None)


# Steps that calls and pages share


def address(request: HttpRequest, name: str, secret: str) -> str:
    return request.build_absolute_uri(reverse(name, args=[secret]))


def document_of(project: Project, artifact_id: int | None) -> Artifact | None:
    """Raises `InvalidInput` where the project has no such document."""
    if artifact_id is None:
        return None
    artifact = Artifact.objects.filter(project=project, pk=artifact_id).first()
    if artifact is None:
        raise InvalidInput("artifact", "The project has no such document.")
    return artifact


def link_for(user: User, link_id: int) -> ShareLink:
    """A link to revoke. Raises `NotFound` also where its project is not to be seen: no difference is told."""
    link = links.link_numbered(link_id)
    if not access.may(user, "see_project", link.project):
        raise NotFound("There is no such link, or it is not yours.")
    access.demand(user, "links", link.project)
    return link


def _link(link: ShareLink) -> dict[str, Any]:
    by = link.created_by.get_username() if link.created_by else None
    return {
        "id": link.pk,
        "artifact": link.artifact_id,
        "created_at": link.created_at,
        "created_by": by,
        "expires_at": link.expires_at,
    }


def _invitation(row: Invitation) -> dict[str, Any]:
    return {"id": row.pk, "role": row.role, "created_at": row.created_at, "expires_at": row.expires_at}


def _token(row: AccessToken) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "created_at": row.created_at,
        "used_at": row.used_at,
        "expires_at": row.expires_at,
    }


def _webhook(row: Webhook) -> dict[str, Any]:
    return {
        "url": row.url,
        "enabled": row.disabled_at is None,
        "trouble": row.trouble,
        "created_at": row.created_at,
        "deliveries": [_delivery(one) for one in row.deliveries.all()[:DELIVERIES_TOLD]],
    }


def _delivery(row: WebhookDelivery) -> dict[str, Any]:
    return {
        "id": row.event,
        "type": row.kind,
        "status": row.status,
        "attempts": row.attempts,
        "answer": row.answer,
        "detail": row.detail,
        "created_at": row.created_at,
        "next_at": row.due_at if row.status == "waiting" else None,
    }
