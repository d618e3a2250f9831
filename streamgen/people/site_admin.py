"""The admin as this site has it: its name, and people, with whom their projects go.

Imported by `urls`, not found by Django: a project that installs the apps has an admin of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from artifacts import access
from artifacts.accounts.own_sessions import session_kept
from artifacts.admin import of_projects
from artifacts.models import Project
from artifacts.models.user_model import User
from artifacts.sharing.projects import delete_user
from artifacts.sharing.records import record

if TYPE_CHECKING:
    PeopleBase = UserAdmin[User]
else:
    PeopleBase = UserAdmin

site = admin.site
site.site_header = site.site_title = "streamgen"
site.index_title = "What is stored"
site.site_url = f"{settings.PUBLIC_URL.prefix if settings.PUBLIC_URL else ''}/"  # Django's own lacks the last slash
site.enable_nav_sidebar = False  # the lists are wide
_password_change = site.password_change


def password_change(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    """Django's page for one's own password; one's other pages stay open."""
    with session_kept(request):
        return _password_change(request, extra_context)


site.password_change = password_change  # type: ignore[method-assign, assignment]
site.unregister(User)


@admin.register(User)
class PeopleAdmin(PeopleBase):
    """Django's; with somebody go their projects, by the project's own verb, so that writers and viewers are told."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        names = [f"User: {user}" for user in objs]
        listed, counts, missing, protected = of_projects(Project.objects.filter(owner__in=list(objs)))
        if counts["projects"] and not access.is_permitted(request.user, "delete_project"):
            missing.add("project")
        return [*names, *listed], {"users": len(names), **counts}, missing, protected

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        was_active = change and User.objects.filter(pk=obj.pk, is_active=True).exists()
        super().save_model(request, obj, form, change)
        if was_active and not obj.is_active:
            record(request.user, "deactivate_user", note=obj.get_username())

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        with session_kept(request):  # it may be one's own
            return super().user_change_password(request, id, form_url)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        delete_user(obj, request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            delete_user(user, request.user)
