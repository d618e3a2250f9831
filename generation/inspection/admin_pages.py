"""The inspector in the admin: the dashboard, a document's timeline, its incident as a file, journals and prompts."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from artifacts import access
from artifacts.admin import ArtifactAdmin, InspectAdmin, admin_link, badge
from artifacts.models import Artifact
from generation.inspection.dashboard import charge_charts, dashboard_figures
from generation.inspection.incidents import incident_of
from generation.inspection.keeping import messages_of
from generation.inspection.timeline import timeline_of
from generation.models import CallPrompt, ClaimJournal
from generation.waiting import waiting_of

MOST_EXPORTED = 100


def _demand(request: HttpRequest, action: str) -> None:
    if not access.is_permitted(request.user, action):
        raise PermissionDenied


class InspectedArtifactAdmin(ArtifactAdmin):
    """The admin of documents with what an operator looks into."""

    change_list_template = "admin/generation/live_list.html"

    def get_urls(self) -> list[URLPattern]:
        def page(address: str, view: Any, name: str) -> URLPattern:
            found: URLPattern = path(address, self.admin_site.admin_view(view), name=f"artifacts_artifact_{name}")
            return found

        return [
            page("dashboard/", self.dashboard, "dashboard"),
            page("<path:object_id>/timeline/", self.timeline, "timeline"),
            page("<path:object_id>/incident/", self.incident, "incident"),
            *super().get_urls(),
        ]

    def dashboard(self, request: HttpRequest) -> HttpResponse:
        _demand(request, "inspect")
        figures = dashboard_figures()
        if request.user.has_perm("artifacts.view_callcharge"):
            charge_charts(figures)
        context = {**self.admin_site.each_context(request), "title": "Dashboard", "figures": figures}
        return TemplateResponse(request, "admin/generation/dashboard.html", {**context, "opts": self.opts})

    def timeline(self, request: HttpRequest, object_id: str) -> HttpResponse:
        _demand(request, "inspect")
        artifact = self._artifact(request, object_id)
        asked = request.GET.get("epoch", "")
        epoch = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else None
        return TemplateResponse(
            request,
            "admin/generation/timeline.html",
            {
                **self.admin_site.each_context(request),
                "title": f"Timeline of {artifact.title}",
                "opts": self.opts,
                "artifact": artifact,
                "timeline": timeline_of(artifact, epoch),
                "waiting": waiting_of(artifact),
                "may_read_prompts": access.is_permitted(request.user, "read_prompts"),
            },
        )

    def incident(self, request: HttpRequest, object_id: str) -> HttpResponse:
        _demand(request, "inspect")
        artifact = self._artifact(request, object_id)
        return incident_file([artifact], f"incident-{artifact.pk}.json")

    def _artifact(self, request: HttpRequest, object_id: str) -> Artifact:
        artifact: Artifact | None = self.get_object(request, object_id)
        if artifact is None:
            raise Http404("There is no such document.")
        return artifact


def incident_file(artifacts: list[Artifact], name: str) -> HttpResponse:
    """One incident as an object, several as a list."""
    found = [incident_of(artifact) for artifact in artifacts]
    text = json.dumps(found[0] if len(found) == 1 else found, cls=DjangoJSONEncoder, indent=1, ensure_ascii=False)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(text, content_type="application/json", headers=headers)


@admin.register(ClaimJournal)
class ClaimJournalAdmin(InspectAdmin):
    """What happened while each claim lasted; the picture of all of a document's is its timeline."""

    list_display = ("began_at", "document", "worker", "how", "calls", "retries", "flushes", "first_text", "endpoint")
    list_filter = ("is_takeover", "began_at")
    search_fields = ("=artifact__id", "artifact__title", "worker", "ending", "endpoint", "model")
    readonly_fields = ("document", "how", "first_text", "linked", "as_stored")
    fields = (
        ("document", "linked"),
        ("epoch", "fence", "task"),
        ("worker", "endpoint", "model"),
        ("is_takeover", "length_at_begin"),
        ("began_at", "ended_at", "how"),
        ("calls", "retries", "first_text", "longest_ms"),
        ("flushes", "chars", "left_out"),
        "as_stored",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ClaimJournal]:
        rows: QuerySet[ClaimJournal] = super().get_queryset(request).select_related("artifact")
        return rows.defer("events", *(f"artifact__{name}" for name in ("content", "preview_html", "instructions")))

    @admin.display(description="ended", ordering="ending")
    def how(self, journal: ClaimJournal) -> SafeString:
        status, _, reason = journal.ending.partition(": ")
        words = f"{status}, {reason}" if reason else status
        artifact = journal.artifact
        is_written = not status and journal.fence == artifact.fence and artifact.lease_until is not None
        return badge(status or "running", words or ("goes on" if is_written else "no end is known"))

    @admin.display(description="text after, on average")
    def first_text(self, journal: ClaimJournal) -> str:
        return f"{journal.first_texts_ms / journal.first_texts / 1000:.1f} s" if journal.first_texts else "–"

    @admin.display(description="look at")
    def linked(self, journal: ClaimJournal) -> SafeString:
        timeline = reverse("admin:artifacts_artifact_timeline", args=[journal.artifact_id])
        prompts = reverse("admin:generation_callprompt_changelist")
        return format_html(
            '<a href="{}?epoch={}">timeline</a>, <a href="{}?journal__id__exact={}">prompts</a>',
            *(timeline, journal.epoch, prompts, journal.pk),
        )

    @admin.display(description="events")
    def as_stored(self, journal: ClaimJournal) -> SafeString:
        lines = "\n".join(json.dumps(event, ensure_ascii=False) for event in journal.events)
        return format_html('<pre class="source" tabindex="0">{}</pre>', lines)


@admin.register(CallPrompt)
class CallPromptAdmin(InspectAdmin):
    """What each call asked, for whoever may read prompts."""

    list_display = ("at", "call", "document", "section", "model", "chars")
    list_filter = ("at",)
    search_fields = ("=journal__artifact__id", "section", "model")
    readonly_fields = ("call", "document", "messages")
    fields = (("document", "call"), ("at", "section", "model"), "chars", "messages")

    def get_queryset(self, request: HttpRequest) -> QuerySet[CallPrompt]:
        rows: QuerySet[CallPrompt] = super().get_queryset(request).select_related("journal__artifact").defer("packed")
        hidden = ("content", "preview_html", "instructions")
        return rows.defer("packed", "journal__events", *(f"journal__artifact__{name}" for name in hidden))

    @admin.display(description="call", ordering="number")
    def call(self, prompt: CallPrompt) -> str:
        return f"{prompt.number} of claim {prompt.journal.fence}"

    @admin.display(description="document", ordering="journal__artifact")
    def document(self, prompt: CallPrompt) -> SafeString:
        return admin_link(prompt.journal.artifact, "artifacts_artifact", prompt.journal.artifact_id)

    @admin.display(description="what was asked")
    def messages(self, prompt: CallPrompt) -> SafeString:
        told = [(message["role"], message["content"]) for message in messages_of(prompt)]
        return format_html_join("", '<h3 class="role">{}</h3><pre class="source" tabindex="0">{}</pre>', told)
