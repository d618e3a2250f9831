"""The admin of documents, which it changes nothing of, since a form would overwrite what a writer saves meanwhile; what
else there is of projects, tokens and links it can remove.

Lists never load a text. An app that lets people act on documents registers a subclass of `ArtifactAdmin` in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Count, Model, Q, QuerySet
from django.db.models.functions import Left, Length
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.timesince import timesince

from artifacts import access
from artifacts.models import (
    AccessToken,
    ActionRecord,
    Artifact,
    ArtifactVersion,
    Delta,
    Member,
    Project,
    Section,
    ShareLink,
    StreamStatus,
)
from artifacts.models.user_model import User
from artifacts.pages import labels
from artifacts.pages.html import document_html, version_html
from artifacts.sharing.links import revoke_link
from artifacts.sharing.projects import delete_project
from artifacts.sharing.records import record
from artifacts.written_pieces import packed_pieces

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
else:
    ModelAdmin, TabularInline = admin.ModelAdmin, admin.TabularInline

LONG_FIELDS = ("content", "preview_html", "instructions")
ERROR_EXCERPT_CHARS = 90
EXCERPT_CHARS = 70


class ReadOnly:
    """Staff inspect what Django's permissions let them view, and change nothing here."""

    opts: Any

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.has_perm(f"{self.opts.app_label}.view_{self.opts.model_name}"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class InspectAdmin(ReadOnly, ModelAdmin):
    """What the admins of both apps have in common."""

    list_per_page = 50
    show_full_result_count = False  # counting everything, only to say how much a filter leaves out
    actions: Sequence[Any] = ()

    class Media:
        css: ClassVar = {"all": [f"artifacts/css/{name}.css" for name in ("document", "pygments", "admin")]}

    @admin.display(description="age", ordering="created_at")
    def age(self, row: Any) -> str:
        return timesince(row.created_at, depth=1)

    @admin.display(description="document", ordering="artifact")
    def document(self, row: Any) -> SafeString:
        return admin_link(row.artifact, "artifacts_artifact", row.artifact_id)


def admin_link(label: object, model: str, pk: int) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{model}_change", args=[pk]), label)


def badge(status: str, words: str) -> SafeString:
    return format_html('<span class="badge badge-{}">{}</span>', status, words)


def bar(done: int, total: int) -> str:
    if not total:
        return "–"
    return format_html('<progress max="{1}" value="{0}"></progress> {0}/{1}', done, total)


def of_projects(projects: Any) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
    """What the question before a deletion lists, in the form that Django's admin wants it."""
    found = list(Project.objects.filter(pk__in=[project.pk for project in projects]))
    listed: list[Any] = []
    total = 0
    for project in found:
        titles = list(Artifact.objects.filter(project=project).values_list("title", flat=True))
        listed += [f"Project: {project}", [f"Document: {title}" for title in titles]]
        total += len(titles)
    return listed, {"projects": len(found), "documents with all they hold": total}, set(), []


def part_of_document(queryset: QuerySet[Any]) -> QuerySet[Any]:
    """Rows that belong to an artifact, each with its artifact's names."""
    return queryset.select_related("artifact").defer(*(f"artifact__{name}" for name in LONG_FIELDS))


@admin.register(Project)
class ProjectAdmin(InspectAdmin):
    list_display = ("title", "owner", "documents", "age", "page")
    list_filter = ("created_at",)
    search_fields = ("title", f"owner__{User.USERNAME_FIELD}", "=id")
    fields = ("title", "owner", "created_at", "documents", "description")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        complete = Count("artifacts", filter=Q(artifacts__stream_status=StreamStatus.COMPLETE))
        rows = super().get_queryset(request).select_related("owner").defer("description")
        counted: QuerySet[Any] = rows.annotate(complete=complete, total=Count("artifacts"))
        return counted

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return access.is_permitted(request.user, "delete_project")

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What goes with a project is not asked for permissions of its own: the project's is enough."""
        return of_projects(objs)

    def delete_model(self, request: HttpRequest, obj: Project) -> None:
        delete_project(obj, request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Project]) -> None:
        for project in queryset:
            delete_project(project, request.user)

    def view_on_site(self, project: Project) -> str:
        return reverse("artifacts:project", args=[project.pk])

    @admin.display(description="complete documents")
    def documents(self, project: Any) -> SafeString:
        listed = f"{reverse('admin:artifacts_artifact_changelist')}?{urlencode({'project__id__exact': project.pk})}"
        return format_html('<a href="{}">{}</a>', listed, bar(project.complete, project.total))

    @admin.display(description="page")
    def page(self, project: Project) -> SafeString:
        return format_html('<a href="{}">open</a>', self.view_on_site(project))


class SectionInline(ReadOnly, TabularInline):
    model = Section
    fields = readonly_fields = ("number", "name", "status", "start", "tokens", "max_tokens", "model")
    extra = 0

    @admin.display(description="no.")
    def number(self, section: Section) -> int:
        return section.position + 1

    def get_queryset(self, request: HttpRequest) -> QuerySet[Section]:
        return super().get_queryset(request).defer("instructions").order_by("position")


@admin.register(Artifact)
class ArtifactAdmin(InspectAdmin):
    list_display = ("title", "project_link", "status", "progress", "tokens", "age", "trouble", "live")
    list_filter = ("stream_status", "reason", "phase", "created_at")
    search_fields = ("title", "phase", "project__title", f"project__owner__{User.USERNAME_FIELD}", "=id")
    ordering = ("-id",)
    inlines = (SectionInline,)
    parts: ClassVar[tuple[tuple[str, str], ...]] = (
        ("deltas", "artifacts_delta"),
        ("versions", "artifacts_artifactversion"),
    )
    """What a document links to, as (words, admin of the model)."""
    change_form_template = "admin/artifacts/document.html"

    readonly_fields: ClassVar[Any] = ("project_link", "status", "progress", "tokens", "age", "more", "preview", "text")
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("title", "phase", "project_link", "status", "progress", "tokens", "age", "more")}),
        (
            "Stream",
            {
                "fields": (
                    ("reason", "last_error"),
                    ("stop_requested", "current_section"),
                    ("epoch", "seq", "fence"),
                    ("length", "content_length", "preview_length"),
                    ("lease_until", "updated_at"),
                    ("started_at", "finished_at"),
                )
            },
        ),
        ("As readers see it", {"fields": ("preview",), "classes": ("collapse", "below")}),
        ("As it was written", {"fields": ("text",), "classes": ("collapse", "below")}),
        ("Instructions", {"fields": ("instructions",), "classes": ("collapse", "below")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Artifact]:
        rows: QuerySet[Artifact] = super().get_queryset(request).select_related("project")
        return rows.defer(*LONG_FIELDS, "project__description")

    def view_on_site(self, artifact: Artifact) -> str:
        return reverse("artifacts:artifact", args=[artifact.pk])

    @admin.display(description="project", ordering="project")
    def project_link(self, artifact: Artifact) -> SafeString:
        return admin_link(artifact.project, "artifacts_project", artifact.project_id)

    @admin.display(description="status", ordering="stream_status")
    def status(self, artifact: Artifact) -> SafeString:
        return badge(artifact.stream_status, labels.status_words(artifact.stream_status, artifact.reason))

    @admin.display(description="sections")
    def progress(self, artifact: Artifact) -> str:
        return bar(artifact.sections_completed, artifact.sections_total)

    @admin.display(description="tokens", ordering="tokens_generated")
    def tokens(self, artifact: Artifact) -> str:
        return f"{artifact.tokens_generated:,}"

    @admin.display(description="error", ordering="reason")
    def trouble(self, artifact: Artifact) -> SafeString:
        sentence = Truncator(artifact.last_error).chars(ERROR_EXCERPT_CHARS)
        return format_html('{} <span class="quiet">{}</span>', artifact.reason or "–", sentence)

    @admin.display(description="page")
    def live(self, artifact: Artifact) -> SafeString:
        return format_html('<a href="{}">live</a>', self.view_on_site(artifact))

    @admin.display(description="look at")
    def more(self, artifact: Artifact) -> SafeString:
        query = urlencode({"artifact__id__exact": artifact.pk})
        packed = packed_pieces(artifact.pk, artifact.epoch)
        parts = [(words, model) for words, model in self.parts if packed is None or model != "artifacts_delta"]
        links = [(f"{reverse(f'admin:{model}_changelist')}?{query}", words) for words, model in parts]
        listed = format_html_join(", ", '<a href="{}">{}</a>', links)
        return listed if packed is None else format_html("{}; {} deltas, packed", listed, len(packed))

    @admin.display(description="as readers see it")
    def preview(self, artifact: Artifact) -> SafeString:
        return format_html('<div class="prose">{}</div>', document_html(artifact))

    @admin.display(description="as it was written")
    def text(self, artifact: Artifact) -> SafeString:
        return format_html('<pre class="source">{}</pre>', artifact.text)


@admin.register(Section)
class SectionAdmin(InspectAdmin):
    list_display = ("name", "document", "position", "status", "tokens", "max_tokens", "model")
    list_filter = ("status",)
    search_fields = ("name", "artifact__title", "=artifact__id")
    ordering = ("-artifact", "position")
    readonly_fields = ("document",)
    fields = ("name", "document", "position", "status", "start", "tokens", "max_tokens", "model", "instructions")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Section]:
        return part_of_document(super().get_queryset(request)).defer("instructions")


@admin.register(Delta)
class DeltaAdmin(InspectAdmin):
    list_display = ("seq", "document", "epoch", "offset", "characters", "begins", "created_at")
    search_fields = ("=artifact__id",)
    ordering = ("-id",)
    readonly_fields = ("document", "characters", "as_written")
    fields = ("document", "epoch", "seq", "offset", "characters", "created_at", "as_written")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = part_of_document(super().get_queryset(request)).defer("text")
        measured: QuerySet[Any] = rows.annotate(chars=Length("text"), head=Left("text", EXCERPT_CHARS))
        return measured

    @admin.display(description="characters")
    def characters(self, delta: Any) -> int:
        return int(delta.chars)

    @admin.display(description="begins")
    def begins(self, delta: Any) -> SafeString:
        return format_html('<span class="source">{}</span>', " ".join(delta.head.split()))

    @admin.display(description="text")
    def as_written(self, delta: Delta) -> SafeString:
        return format_html('<pre class="source">{}</pre>', delta.text)


@admin.register(ArtifactVersion)
class ArtifactVersionAdmin(InspectAdmin):
    list_display = ("epoch", "document", "status", "tokens_generated", "characters", "age", "page")
    list_filter = ("stream_status", "created_at")
    search_fields = ("artifact__title", "=artifact__id")
    ordering = ("-id",)
    readonly_fields = ("document", "status", "characters", "preview", "text")
    fields = ("document", "epoch", "status", "tokens_generated", "characters", "created_at", "preview", "text")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = part_of_document(super().get_queryset(request)).defer("content", "sections")
        measured: QuerySet[Any] = rows.annotate(chars=Length("content"))
        return measured

    def view_on_site(self, version: ArtifactVersion) -> str:
        return reverse("artifacts:version", args=[version.artifact_id, version.pk])

    @admin.display(description="status", ordering="stream_status")
    def status(self, version: ArtifactVersion) -> SafeString:
        return badge(version.stream_status, labels.status_words(version.stream_status, ""))

    @admin.display(description="characters")
    def characters(self, version: Any) -> int:
        return int(version.chars)

    @admin.display(description="page")
    def page(self, version: ArtifactVersion) -> SafeString:
        return format_html('<a href="{}">open</a>', self.view_on_site(version))

    @admin.display(description="as readers saw it")
    def preview(self, version: ArtifactVersion) -> SafeString:
        return format_html('<div class="prose">{}</div>', version_html(version))

    @admin.display(description="as it was written")
    def text(self, version: ArtifactVersion) -> SafeString:
        return format_html('<pre class="source">{}</pre>', version.content)


@admin.register(AccessToken)
class AccessTokenAdmin(InspectAdmin):
    """Tokens can be taken back here. What is stored of one, its digest, is nobody's business."""

    list_display = ("id", "user", "name", "age", "used_at", "expires_at")
    search_fields = (f"user__{User.USERNAME_FIELD}", "name")
    list_select_related = ("user",)
    fields = ("user", "name", "created_at", "used_at", "expires_at")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.has_perm("artifacts.delete_accesstoken"))

    def delete_model(self, request: HttpRequest, obj: AccessToken) -> None:
        record(request.user, "revoke_token", note=str(obj))
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[AccessToken]) -> None:
        for token in queryset:
            self.delete_model(request, token)


@admin.register(Member)
class MemberAdmin(InspectAdmin):
    list_display = ("user", "role", "project", "age")
    list_filter = ("role",)
    search_fields = (f"user__{User.USERNAME_FIELD}", "project__title", "=project__id")
    list_select_related = ("user", "project")
    fields = ("user", "role", "project", "created_at")


@admin.register(ShareLink)
class ShareLinkAdmin(InspectAdmin):
    """Links can be revoked here; what opens one is nobody's business."""

    list_display = ("id", "project", "artifact", "created_by", "age", "expires_at")
    search_fields = ("project__title", "=project__id", f"created_by__{User.USERNAME_FIELD}")
    list_select_related = ("project", "artifact", "created_by")
    fields = ("project", "artifact", "created_by", "created_at", "expires_at")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.has_perm("artifacts.delete_sharelink"))

    def delete_model(self, request: HttpRequest, obj: ShareLink) -> None:
        revoke_link(obj, request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ShareLink]) -> None:
        for link in queryset:
            revoke_link(link, request.user)


@admin.register(ActionRecord)
class ActionRecordAdmin(InspectAdmin):
    """Who did what. Nothing here is ever changed or deleted."""

    list_display = ("at", "actor_name", "verb", "about", "project", "artifact")
    list_filter = ("verb", "at")
    search_fields = ("actor_name", "about", "=project", "=artifact")
    fields = ("at", "actor_name", "actor", "actor_key", "verb", "about", "project", "artifact")
