"""Links that open something to whoever has them: read-only ones, and invitations that work once. I/O: rows.

Their secrets are told once, by who makes them; what is stored is a digest.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from artifacts.accounts.tokens import end_of, token_digest
from artifacts.errors import InvalidInput, NotFound
from artifacts.models import Artifact, Invitation, Member, Project, Role, ShareLink
from artifacts.models.user_model import User
from artifacts.sharing.members import set_role
from artifacts.sharing.records import record

INVITATION_LIFE = timedelta(days=7)


@transaction.atomic
def share(
    project: Project, by: User, artifact: Artifact | None = None, expires_in: int | None = None
) -> tuple[ShareLink, str]:
    """A read-only link to one document, or to the project; `expires_in` seconds, or until it is revoked."""
    secret = secrets.token_urlsafe(24)
    link = ShareLink.objects.create(
        project=project, artifact=artifact, created_by=by, digest=token_digest(secret), expires_at=end_of(expires_in)
    )
    record(by, "share", artifact=artifact, project=project, note=f"link {link.pk}")
    return link, secret


def link_with(secret: str) -> ShareLink | None:
    """The link that has this secret, unless it is over."""
    link = ShareLink.objects.select_related("project", "artifact").filter(digest=token_digest(secret)).first()
    return None if link is None or link.is_over else link


def link_numbered(link_id: int) -> ShareLink:
    link = ShareLink.objects.select_related("project").filter(pk=link_id).first()
    if link is None:
        raise NotFound("There is no such link, or it is not yours.")
    return link


@transaction.atomic
def revoke_link(link: ShareLink, by: object) -> None:
    """From now on it opens nothing; what is open by it is closed."""
    record(by, "revoke_link", project=link.project, note=f"link {link.pk}")
    link.delete()


@transaction.atomic
def invite(project: Project, by: User, role: str, expires_in: int | None = None) -> tuple[Invitation, str]:
    """A link that makes one person a member; without `expires_in` seconds it lives a week."""
    if role not in {Role.EDITOR, Role.VIEWER}:
        raise InvalidInput("role", "role must be editor or viewer.")
    secret = secrets.token_urlsafe(24)
    end = end_of(expires_in) or timezone.now() + INVITATION_LIFE
    invitation = Invitation.objects.create(
        project=project, role=role, created_by=by, digest=token_digest(secret), expires_at=end
    )
    record(by, "invite", project=project, note=role)
    return invitation, secret


def invitation_with(secret: str) -> Invitation | None:
    found = Invitation.objects.select_related("project", "created_by").filter(digest=token_digest(secret)).first()
    return None if found is None or found.is_over else found


@transaction.atomic
def accept_invitation(secret: str, user: User) -> Project:
    """Join; the invitation is used up. Who has a role already keeps it, and so does the invitation.

    Raises `NotFound` where it was used, taken back, or is over.
    """
    rows = Invitation.objects.select_for_update(of=("self",)).select_related("project")
    invitation = rows.filter(digest=token_digest(secret)).first()
    if invitation is None or invitation.is_over:
        raise NotFound("This invitation was used already, taken back, or is too old. Ask for another one.")
    project = invitation.project
    if project.owner_id == user.pk or Member.objects.filter(project=project, user=user).exists():
        return project
    set_role(project, user, invitation.role, user)
    invitation.delete()
    return project


@transaction.atomic
def take_back_invitation(project: Project, invitation_id: int, by: object) -> None:
    invitation = Invitation.objects.filter(project=project, pk=invitation_id).first()
    if invitation is None:
        raise NotFound("There is no such invitation, or it was used.")
    invitation.delete()
    record(by, "take_back_invitation", project=project)
