"""The one permission gate: who a caller is by token, and which documents they may see.

Owners see their own, staff see all.
"""

from __future__ import annotations

import hashlib
import secrets

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db.models import QuerySet

from artifacts.errors import NotFound
from artifacts.models import AccessToken, Artifact, Project

Visitor = User | AnonymousUser | AbstractBaseUser


def projects_for(user: Visitor) -> QuerySet[Project]:
    """The projects a user may see."""
    if not user.is_authenticated or not user.is_active:
        return Project.objects.none()
    return Project.objects.all() if getattr(user, "is_staff", False) else Project.objects.filter(owner_id=user.pk)


def project_for(user: Visitor, project_id: int) -> Project:
    """Raises `NotFound` where there is none or it is not theirs: no difference is told."""
    project = projects_for(user).filter(pk=project_id).first()
    if project is None:
        raise NotFound("There is no such project, or it is not yours.")
    return project


def artifacts_for(user: Visitor) -> QuerySet[Artifact]:
    """The artifacts a user may see, without their long fields."""
    rows = Artifact.objects.defer("content", "preview_html", "instructions").select_related("project")
    return rows.filter(project__in=projects_for(user))


def artifact_for(user: Visitor, artifact_id: int) -> Artifact:
    """Raises `NotFound` where there is none or it is not theirs: no difference is told."""
    artifact = artifacts_for(user).filter(pk=artifact_id).first()
    if artifact is None:
        raise NotFound
    return artifact


def issue_token(user: User) -> str:
    """A new bearer token of the user; it cannot be read again."""
    token = f"sg_{secrets.token_urlsafe(32)}"
    AccessToken.objects.create(user=user, digest=_digest(token))
    return token


def user_for_token(token: str) -> User | None:
    """The active user of a bearer token."""
    row = AccessToken.objects.select_related("user").filter(digest=_digest(token), user__is_active=True).first()
    return row.user if row else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


class SignInTokens(PasswordResetTokenGenerator):
    """One-time sign-in links: signing in changes `last_login`, and with it the token."""

    key_salt = "artifacts.access.SignInTokens"


sign_in_tokens = SignInTokens()
