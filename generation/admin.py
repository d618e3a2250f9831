"""The admin of tasks, workers and costs, to inspect; and what people do there with documents, by everybody's verbs,
each after a question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from artifacts import access
from artifacts.admin import (
    ERROR_EXCERPT_CHARS,
    ArtifactAdmin,
    InspectAdmin,
    ProjectAdmin,
    badge,
    bar,
    part_of_document,
)
from artifacts.costs import amount
from artifacts.errors import ArtifactError
from artifacts.lifecycle.rows import WriteResult
from artifacts.models import Artifact, CallCharge, Project, StreamStatus
from artifacts.models.user_model import User
from generation import control
from generation.costs.budgets import spent
from generation.costs.price_file import price_list
from generation.errors import CommandRefused
from generation.inspection.admin_pages import MOST_EXPORTED, InspectedArtifactAdmin, incident_file
from generation.models import GenerationTask, ProjectRun, RunStatus, Worker
from generation.project_runs import state_of_run
from generation.queue import workers
from generation.waiting import waiting_of

REFUSALS_TOLD = 5

_OUTCOMES = {
    ("cancel", StreamStatus.CANCELLED): "cancelled. Every word is kept",
    ("cancel", StreamStatus.STREAMING): "being cancelled by the writer. Every word is kept",
    ("pause", StreamStatus.PAUSED): "paused",
    ("pause", StreamStatus.STREAMING): "being paused by the writer",
    ("resume", StreamStatus.STREAMING): "waiting for a worker",
}


@admin.register(GenerationTask)
class GenerationTaskAdmin(InspectAdmin):
    list_display = ("id", "document", "state", "model", "worker", "reclaims", "requested_by", "age", "trouble")
    change_list_template = "admin/generation/live_list.html"
    list_filter = ("status", "created_at")
    search_fields = ("artifact__title", "=artifact__id", "worker", "model", f"requested_by__{User.USERNAME_FIELD}")
    readonly_fields = ("document", "state")
    fields = (
        "document",
        "state",
        "error",
        ("model", "parallel"),
        ("requested_by", "rank", "served_rank"),
        ("worker", "reclaims", "length_at_claim"),
        ("created_at", "started_at", "finished_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[GenerationTask]:
        return part_of_document(super().get_queryset(request)).select_related("requested_by")

    @admin.display(description="status", ordering="status")
    def state(self, task: GenerationTask) -> SafeString:
        return badge(task.status, task.get_status_display())

    @admin.display(description="error")
    def trouble(self, task: GenerationTask) -> SafeString:
        return format_html('<span class="quiet">{}</span>', Truncator(task.error).chars(ERROR_EXCERPT_CHARS))


@admin.register(ProjectRun)
class ProjectRunAdmin(InspectAdmin):
    """Who wanted all documents of a project written, and how far that is."""

    list_display = ("id", "project", "stands", "current", "model", "requested_by", "age", "trouble")
    list_filter = ("status", "created_at")
    search_fields = ("project__title", "=project__id", "model", "requested_by__username")
    list_select_related = ("project", "current", "requested_by")
    readonly_fields = ("stands", "detail")
    fields = (
        "project",
        ("stands", "detail"),
        "current",
        "error",
        ("model", "parallel"),
        "requested_by",
        ("created_at", "finished_at"),
    )

    @admin.display(description="status", ordering="status")
    def stands(self, run: ProjectRun) -> SafeString:
        return badge(_LIKE_DOCUMENTS[RunStatus(run.status)], run.get_status_display())

    @admin.display(description="where it stands")
    def detail(self, run: ProjectRun) -> str:
        return state_of_run(run).detail

    @admin.display(description="error")
    def trouble(self, run: ProjectRun) -> SafeString:
        return format_html('<span class="quiet">{}</span>', Truncator(run.error).chars(ERROR_EXCERPT_CHARS))


_LIKE_DOCUMENTS = {
    RunStatus.RUNNING: "streaming",
    RunStatus.PAUSED: "paused",
    RunStatus.CANCELLED: "cancelled",
    RunStatus.COMPLETE: "complete",
}
"""Shown in the colours of documents."""


@admin.register(Worker)
class WorkerAdmin(InspectAdmin):
    list_display = ("name", "host", "state", "load", "version", "started_at", "last_heartbeat")
    change_list_template = "admin/generation/live_list.html"
    search_fields = ("name", "host", "version")
    readonly_fields = ("state", "load", "last_heartbeat")
    fields = ("name", "host", "version", "model", "state", "load", "started_at", "last_heartbeat")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Worker]:
        is_alive = Exists(workers.living().filter(pk=OuterRef("pk")))
        rows: QuerySet[Worker] = super().get_queryset(request).annotate(is_alive=is_alive, read_at=Now())
        return rows

    @admin.display(description="state")
    def state(self, worker: Any) -> SafeString:
        return badge("streaming", "works") if worker.is_alive else badge("cancelled", "silent")

    @admin.display(description="running, of slots", ordering="running")
    def load(self, worker: Worker) -> str:
        return bar(worker.running, worker.slots)

    @admin.display(description="heartbeat", ordering="heartbeat_at")
    def last_heartbeat(self, worker: Any) -> str:
        return f"{max(0, (worker.read_at - worker.heartbeat_at).total_seconds()):.0f} s ago"


@admin.action(description="Cancel: stop for good, keep every word", permissions=["steer"])
def cancel(model_admin: InspectAdmin, request: HttpRequest, chosen: QuerySet[Artifact]) -> HttpResponse | None:
    return _each("cancel", control.cancel, model_admin, request, chosen)


@admin.action(description="Pause: stop, to be resumed", permissions=["steer"])
def pause(model_admin: InspectAdmin, request: HttpRequest, chosen: QuerySet[Artifact]) -> HttpResponse | None:
    return _each("pause", control.pause, model_admin, request, chosen)


@admin.action(description="Resume: go on from the last word", permissions=["steer"])
def resume(model_admin: InspectAdmin, request: HttpRequest, chosen: QuerySet[Artifact]) -> HttpResponse | None:
    return _each("resume", partial(control.resume, for_its_user=True), model_admin, request, chosen)


@admin.action(description="Incident: all that is known, as one file", permissions=["inspect"])
def export_incident(model_admin: InspectAdmin, request: HttpRequest, chosen: QuerySet[Artifact]) -> HttpResponse | None:
    if chosen.count() > MOST_EXPORTED:
        model_admin.message_user(request, f"{MOST_EXPORTED} documents at most go into a file.", messages.WARNING)
        return None
    return incident_file(list(chosen), "incidents.json")


_QUESTIONS = {
    "cancel": ("Cancel for good?", "They stop at once, every word is kept, and they cannot be resumed.", "Yes, cancel"),
    "pause": ("Pause?", "They stop at once, every word is kept, and a resume goes on from the last one.", "Yes, pause"),
    "resume": ("Resume?", "They wait for a worker and go on from their last word; that costs.", "Yes, resume"),
}


def _each(
    verb: str,
    command: Callable[[Artifact, User], WriteResult],
    model_admin: InspectAdmin,
    request: HttpRequest,
    chosen: QuerySet[Artifact],
) -> HttpResponse | None:
    """One document after the other, once the question is answered: one that refuses keeps no other one from it."""
    if request.POST.get("answer") != verb:
        title, consequence, yes = _QUESTIONS[verb]
        asked = {"title": title, "consequence": consequence, "yes": yes, "verb": verb, "chosen": chosen}
        context = {**model_admin.admin_site.each_context(request), **asked, "opts": model_admin.opts}
        return TemplateResponse(request, "admin/generation/question.html", context)
    statuses: Counter[str] = Counter()
    refusals: list[str] = []
    user = request.user
    assert isinstance(user, User)  # the admin asks for a login first
    for artifact in chosen:
        try:
            statuses[command(artifact, user).status] += 1
        except (ArtifactError, CommandRefused) as error:
            refusals.append(f"{artifact.project}, {artifact}: {error.detail}")
    for status, number in statuses.items():
        outcome = _OUTCOMES[verb, StreamStatus(status)]
        told = "1 document is" if number == 1 else f"{number} documents are"
        model_admin.message_user(request, f"{told} {outcome}.", messages.SUCCESS)
    for refusal in refusals[:REFUSALS_TOLD]:
        model_admin.message_user(request, refusal, messages.WARNING)
    if len(refusals) > REFUSALS_TOLD:
        rest = f"{len(refusals) - REFUSALS_TOLD} more could not {verb} for like reasons."
        model_admin.message_user(request, rest, messages.WARNING)
    return None


admin.site.unregister(Artifact)


@admin.register(Artifact)
class WritableArtifactAdmin(InspectedArtifactAdmin):
    """The admin of documents with what stops them and sets them going."""

    actions = (cancel, pause, resume, export_incident)

    def has_inspect_permission(self, request: HttpRequest) -> bool:
        return access.is_permitted(request.user, "inspect")

    def has_steer_permission(self, request: HttpRequest) -> bool:
        """Whether these actions are offered, and done: by the same table as everywhere."""
        return all(access.is_permitted(request.user, action) for action in ("cancel", "pause", "resume"))

    readonly_fields = ("waits_for", *ArtifactAdmin.readonly_fields)
    fieldsets = (*ArtifactAdmin.fieldsets[:1], ("Waiting", {"fields": ("waits_for",)}), *ArtifactAdmin.fieldsets[1:])

    @admin.display(description="waits for")
    def waits_for(self, artifact: Artifact) -> str:
        waiting = waiting_of(artifact)
        return f"{waiting.on}, since {waiting.since:%Y-%m-%d %H:%M:%S} UTC. {waiting.sentence}" if waiting else "–"

    parts = (
        *ArtifactAdmin.parts,
        ("tasks", "generation_generationtask"),
        ("claims", "generation_claimjournal"),
    )


admin.site.unregister(Project)


@admin.register(Project)
class CostedProjectAdmin(ProjectAdmin):
    """The admin of projects with what they cost."""

    fields = (*ProjectAdmin.fields, "spending")  # type: ignore[assignment]  # longer than the other's
    readonly_fields = ("spending",)

    @admin.display(description="cost and budget")
    def spending(self, project: Project) -> SafeString:
        listed = f"{reverse('admin:artifacts_callcharge_changelist')}?{urlencode({'project': project.pk})}"
        of = "" if project.budget is None else f" of {amount(project.budget)}"
        return format_html('<a href="{}">{}{} {}</a>', listed, amount(spent(project)), of, price_list().currency)


@admin.register(CallCharge)
class CallChargeAdmin(InspectAdmin):
    """What each call cost."""

    list_display = ("at", "project", "document", "section", "model", "tokens", "money", "is_estimated")
    list_filter = ("at", "is_estimated")
    search_fields = ("=project", "=document", "model")
    readonly_fields = ("money",)
    fields = (
        "at",
        ("project", "document", "artifact", "epoch"),
        ("fence", "number"),
        ("section", "model"),
        ("prompt_tokens", "cached_tokens", "completion_tokens", "is_estimated"),
        "money",
    )

    @admin.display(description="tokens")
    def tokens(self, row: CallCharge) -> str:
        return f"{row.prompt_tokens} + {row.completion_tokens}"

    @admin.display(description="cost", ordering="cost")
    def money(self, row: CallCharge) -> str:
        return "no price" if row.cost is None else f"{amount(row.cost)} {price_list().currency}"
