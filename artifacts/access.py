"""The one permission gate: who a caller is by token, and which documents they may see.

Owners see their own, staff see all.
"""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet

from artifacts.errors import NotFound
from artifacts.models import Artifact, Project

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
