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


def may_see(user: Visitor, owner_id: int) -> bool:
    """The rule itself, for one user and the owner of a project."""
    return user.is_active and (getattr(user, "is_staff", False) or user.pk == owner_id)


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
    AccessToken.objects.create(user=user, digest=token_digest(token))
    return token


def user_for_token(token: str) -> User | None:
    """The active user of a bearer token."""
    row = AccessToken.objects.select_related("user").filter(digest=token_digest(token), user__is_active=True).first()
    return row.user if row else None


def token_digest(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def administrator() -> tuple[User, str]:
    """The first administrator, made where there is none; the second value is the password where it is new, else ""."""
    admin = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if admin is not None:
        return admin, ""
    password = secrets.token_urlsafe(12)
    return User.objects.create_superuser("admin", password=password), password


class SignInTokens(PasswordResetTokenGenerator):
    """One-time sign-in links: signing in changes `last_login`, and with it the token."""

    key_salt = "artifacts.access.SignInTokens"


sign_in_tokens = SignInTokens()
