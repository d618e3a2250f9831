"""The verbs of a project itself, and of those who own some: rename, archive, set a budget, delete. I/O: rows."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from artifacts import validation
from artifacts.costs import amount, billionths
from artifacts.errors import NotFound
from artifacts.models import Project
from artifacts.models.user_model import User
from artifacts.sharing.records import record


@transaction.atomic
def rename_project(project: Project, by: object, title: str | None = None, description: str | None = None) -> Project:
    """Another title, another description; None leaves it as it is. Raises `InvalidInput`."""
    if title is not None:
        project.title = validation.title(title)
    if description is not None:
        project.description = validation.long_text("description", description)
    project.save(update_fields=["title", "description"])
    record(by, "rename", project=project)
    return project


@transaction.atomic
def set_budget(project: Project, by: object, budget: str | None) -> Project:
    """The most that the project may cost, as "12.50"; None for no such limit. Raises `InvalidInput`."""
    project.budget = None if budget is None else billionths("budget", budget)
    project.save(update_fields=["budget"])
    record(by, "budget", project=project, note="none" if project.budget is None else amount(project.budget))
    return project


@transaction.atomic
def archive_project(project: Project, by: object, archived: bool) -> Project:
    """Lists leave it out, or show it again; nothing in it changes."""
    if archived != (project.archived_at is not None):
        project.archived_at = timezone.now() if archived else None
        project.save(update_fields=["archived_at"])
        record(by, "archive" if archived else "bring_back", project=project)
    return project


@transaction.atomic
def delete_project(project: Project, by: object) -> None:
    """Remove the project and its documents. Writers wait for the lock and are refused; viewers are told."""
    found = Project.objects.select_for_update().filter(pk=project.pk).first()
    if found is None:
        raise NotFound("There is no such project, or it is not yours.")
    record(by, "delete_project", project=found)
    found.delete()


@transaction.atomic
def delete_user(user: User, by: object) -> None:
    """Remove somebody with all they own; what they did stays on record."""
    for project in Project.objects.filter(owner=user).order_by("pk"):
        delete_project(project, by)
    record(by, "delete_user", note=user.get_username())
    user.delete()
