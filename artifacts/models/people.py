"""Who is let in: members and links of a project, and the tokens and sessions of a user."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from artifacts import validation
from artifacts.models.documents import Artifact, Project


class Role(models.TextChoices):
    """What somebody is in a project; `access` says what each may do. The owner stands in the project itself."""

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"


class Member(models.Model):
    """Somebody who is let into a project that another one owns."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=6, choices=[choice for choice in Role.choices if choice[0] != Role.OWNER])
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["project", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "user"], name="member_project_user"),
            models.CheckConstraint(condition=Q(role__in=[Role.EDITOR, Role.VIEWER]), name="member_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.project}"


class Expiring(models.Model):
    """What opens something to whoever has its secret, of which only the SHA-256 is stored; to an end, or for good."""

    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def is_over(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()


class Invitation(Expiring):
    """A link that makes one person a member, once."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=6, choices=Member.role.field.choices)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"invitation {self.pk} to {self.project}"


class ShareLink(Expiring):
    """A link that shows one document, or a project with all of its documents, to whoever has it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="links")
    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, null=True, blank=True, related_name="links")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"link {self.pk} to {self.artifact or self.project}"


class AccessToken(Expiring):
    """A bearer token of one user; the token itself is shown once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="access_tokens")
    name = models.CharField(max_length=validation.LABEL_CHARS, blank=True, default="")
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"token {self.pk} of {self.user}"


class UserSession(models.Model):
    """Whose session it is, and from which browser. `previous_key`: its key before the last change of password."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sessions")
    session_key = models.CharField(max_length=40, unique=True, editable=False)
    previous_key = models.CharField(max_length=40, blank=True, default="", editable=False, db_index=True)
    browser = models.CharField(max_length=validation.LABEL_CHARS, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"session {self.pk} of {self.user}"
