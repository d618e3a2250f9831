"""The pages of documents: they read what the visitor may see and show it. What changes a document is not here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, F, Max, Q, QuerySet
from django.db.models.functions import Coalesce, Lower
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from artifacts import access
from artifacts.accounts.sign_in_place import sign_in_address, signed_in_only
from artifacts.errors import ExportFailed, Forbidden, NotFound
from artifacts.lifecycle.freshness import outdated, written_from
from artifacts.lifecycle.placed_sections import place_of_draft, placed_sections
from artifacts.lifecycle.state import state_of
from artifacts.live.replica import told_by_link
from artifacts.models import Artifact, ArtifactVersion, Project, ShareLink, StreamStatus
from artifacts.pages import export as exported
from artifacts.pages import labels
from artifacts.pages.forms import ArtifactForm, ProjectForm, Search
from artifacts.pages.html import document_html, reachable, text_html, version_html
from artifacts.pages.templates import candidates
from artifacts.reasons import REASON_SENTENCES, Reason

P = ParamSpec("P")

PROJECTS_PER_PAGE = 24
DOCUMENTS_PER_PAGE = 100
PROJECTS_SHOWN = (
    ("", "All but archived ones"),
    ("mine", "My own"),
    ("shared", "Those of others"),
    ("writing", "Being written"),
    ("stopped", "Stopped by trouble"),
    ("archived", "Archived"),
)
PROJECTS_ORDER = (("", "Last changed first"), ("new", "Newest first"), ("title", "By title"))
DOCUMENTS_SHOWN = (("", "All"), *((status, words) for status, words in labels.STATUS_WORDS.items()))
DOCUMENTS_ORDER = (("", "As planned"), ("changed", "Last changed first"), ("title", "By title"))
PICTURE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'unsafe-inline'",  # of what is drawn; nothing can be loaded from it
        "sandbox allow-scripts",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)
ASKABLE = frozenset({"cancel", "regenerate", "delete", "rename"})
"""The verbs that ask back before they act."""


def or_not_found(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """What is not there, is gone, or is not the visitor's: the same 404 page. What is theirs to see only: 403."""

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(*args, **kwargs)
        except NotFound as error:
            raise Http404(error.detail) from None
        except Forbidden as error:
            raise PermissionDenied(error.detail) from None
        except ExportFailed as error:
            headers = {"Retry-After": "60"}
            return HttpResponse(error.detail, status=503, content_type="text/plain; charset=utf-8", headers=headers)

    return checked


# Pages


@require_safe
@signed_in_only
def projects(request: HttpRequest) -> HttpResponse:
    return projects_page(request)


def projects_page(request: HttpRequest, form: ProjectForm | None = None) -> HttpResponse:
    """The visitor's projects, and the form for a new one; a form that was refused is shown again as typed."""
    search = Search(request.GET, show=PROJECTS_SHOWN, order=PROJECTS_ORDER)
    seen = access.projects_for(request.user)
    page = Paginator(_searched(seen, search, request.user), PROJECTS_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "cards": [_card(row) for row in page.object_list],
        "form": form or ProjectForm(),
        "search": search,
        "query": _query(request),
        "is_welcome": not page.paginator.count and not seen.exists(),
    }
    return _render(request, "projects.html", context)


def _searched(seen: QuerySet[Project], search: Search, visitor: access.Visitor) -> QuerySet[Project]:
    """The projects that are looked for, with the counts that their cards show."""
    documents = Q(artifacts__draft_of=None)
    paused = documents & Q(artifacts__stream_status=StreamStatus.PAUSED)
    rows = (
        seen.select_related("owner")
        .annotate(
            documents=Count("artifacts", filter=documents),
            complete=Count("artifacts", filter=documents & Q(artifacts__stream_status=StreamStatus.COMPLETE)),
            writing=Count("artifacts", filter=Q(artifacts__stream_status=StreamStatus.STREAMING)),
            paused=Count("artifacts", filter=paused & Q(artifacts__reason=Reason.USER)),
            stopped=Count("artifacts", filter=paused & ~Q(artifacts__reason=Reason.USER)),
            touched_at=Coalesce(Max("artifacts__updated_at"), F("created_at")),
        )
        .filter(archived_at__isnull=search.show != "archived")
    )
    rows = search.found_in(rows, "title", "description")
    if search.show == "mine":
        rows = rows.filter(owner=visitor.pk)
    elif search.show == "shared":
        rows = rows.exclude(owner=visitor.pk)
    elif search.show in {"writing", "stopped"}:
        rows = rows.filter(**{f"{search.show}__gt": 0})
    return rows.order_by(*{"title": (Lower("title"), "-pk"), "new": ("-pk",)}.get(search.order, ("-touched_at", "-pk")))


def _card(project: Any) -> dict[str, object]:
    """A project with the counts of its row, and when one of its documents last changed."""
    return {"project": project, "touched": labels.ago(project.touched_at)}


@require_safe
@signed_in_only
@or_not_found
def project(request: HttpRequest, project_id: int) -> HttpResponse:
    return project_page(request, project_id)


def project_page(request: HttpRequest, project_id: int, form: ArtifactForm | None = None) -> HttpResponse:
    """The documents of a project, each with where it stands."""
    shown = access.project_for(request.user, project_id)
    context = project_context(request, request.user, shown) | {"form": form or ArtifactForm()}
    return _render(request, "project.html", context)


def project_context(request: HttpRequest, visitor: access.Visitor, shown: Project) -> dict[str, object]:
    """What a page of the project says to this visitor. The page's module asks for the rows alone."""
    search = Search(request.GET, show=DOCUMENTS_SHOWN, order=DOCUMENTS_ORDER)
    every = found = access.artifacts_for(visitor).filter(project=shown, draft_of=None)
    found = search.found_in(found, "title", "phase")
    if search.show:
        found = found.filter(stream_status=search.show)
    found = found.order_by(
        *{"changed": ("-updated_at", "pk"), "title": (Lower("title"), "pk")}.get(search.order, ("pk",))
    )
    page = Paginator(found, DOCUMENTS_PER_PAGE).get_page(request.GET.get("page"))
    artifacts = list(page.object_list)
    old = outdated([row.pk for row in artifacts])
    rows = [
        {
            "artifact": row,
            "words": labels.status_words(row.stream_status, row.reason),
            "waits": labels.waits(row.stream_status, row.reason),
            "outdated": row.pk in old,
            "why": labels.why(row, _told(visitor, row.reason, row.last_error)),
            "touched": "" if row.stream_status == StreamStatus.IDLE else labels.ago(row.updated_at),
        }
        for row in artifacts
    ]
    return {
        "project": shown,
        "rows": rows,
        "page": page,
        "query": _query(request),
        "has_idle": every.filter(stream_status=StreamStatus.IDLE).exists(),
        "search": search,
        "is_part": request.GET.get("part") == "rows",
        "may": access.allowed(visitor, shown),
    }


def _told(visitor: access.Visitor, reason: str, sentence: str) -> str:
    """Who came by a link is told less of why a document waits or stopped."""
    return told_by_link(reason, sentence) if isinstance(visitor, ShareLink) else sentence


@require_safe
@signed_in_only
@or_not_found
def artifact(request: HttpRequest, artifact_id: int) -> HttpResponse:
    return artifact_page(request, artifact_id)


def artifact_page(request: HttpRequest, artifact_id: int, verb: str = "", form: Form | None = None) -> HttpResponse:
    """The live page, whole as of now; its module keeps it live from here on. `form` is what `verb` refused."""
    shown = access.artifact_for(request.user, artifact_id)
    asked = verb or request.GET.get("ask", "")
    context = artifact_context(request, request.user, shown) | {
        "base": _base(shown),
        "sources": written_from([shown.pk]).get(shown.pk, []),
        "versions": shown.versions.defer("content", "sections"),
        "asked": asked if asked in ASKABLE else "",
        "refused": verb,
        "form": form,
    }
    return show_document(request, "artifact.html", context)


def artifact_context(request: HttpRequest, visitor: access.Visitor, shown: Artifact) -> dict[str, Any]:
    """What a live page of the document says to this visitor, who may be a link."""
    state = state_of(shown)
    state["last_error"] = _told(visitor, shown.reason, state["last_error"])
    elapsed_s = _age_s(shown, shown.finished_at)
    live = {
        "origin": f"{request.scheme}://{request.get_host()}",
        "socket": f"{reverse('artifacts:projects')}ws/artifacts/{shown.pk}/?format=html",
        "epoch": shown.epoch,
        "age_s": _age_s(shown),
        "elapsed_s": elapsed_s,
        "cause": {
            "status": shown.stream_status,
            "current_section": shown.current_section,
            "sections_total": shown.sections_total,
            "reason": shown.reason,
            "last_error": state["last_error"],
            "age_s": max(0.0, (timezone.now() - shown.updated_at).total_seconds()),
        },
        "statuses": labels.STATUS_WORDS,
        "reasons": REASON_SENTENCES,
        "labels": labels.CALM_LABELS,
    }
    return {
        "artifact": shown,
        "may": access.allowed(visitor, shown.project),
        "state": state,
        "status_words": labels.status_words(shown.stream_status, shown.reason),
        "waits": labels.waits(shown.stream_status, shown.reason),
        "summary": labels.summary(shown, _told(visitor, shown.reason, shown.last_error)),
        "notice": labels.notice(shown.reason, state["last_error"], shown.updated_at),
        "body": reachable(document_html(shown)),
        "elapsed": labels.duration(elapsed_s),
        "speed": labels.speed(shown.tokens_generated, elapsed_s),
        "live": live,
    }


@require_safe
@signed_in_only
@or_not_found
def artifact_export(request: HttpRequest, artifact_id: int, kind: str) -> HttpResponse:
    shown = access.artifact_for(request.user, artifact_id)
    if kind not in exported.KINDS:
        raise NotFound(f"A document can be downloaded as {', '.join(exported.KINDS)}.")
    return exported.as_attachment(shown, kind)


@require_safe
@signed_in_only
@or_not_found
def project_export(request: HttpRequest, project_id: int) -> HttpResponse:
    shown = access.project_for(request.user, project_id)
    return exported.project_zip(shown, access.artifacts_for(request.user).filter(project=shown, draft_of=None))


@require_safe
@signed_in_only
@or_not_found
def replay(request: HttpRequest, artifact_id: int) -> HttpResponse:
    """How a document was written."""
    shown = access.artifact_for(request.user, artifact_id)
    back = resolve_url("artifacts:artifact", artifact_id)
    return _render(request, "replay.html", replay_context(shown, source=str(artifact_id), back=back))


def replay_context(shown: Artifact, *, source: str, back: str) -> dict[str, Any]:
    """What the page of a replay says; `source` is where its socket is, `back` the document's own page."""
    body = reachable(document_html(shown))
    socket = f"{reverse('artifacts:projects')}ws/artifacts/{source}/?format=html"
    return {"artifact": shown, "body": body, "socket": socket, "back": back, "speeds": (1, 2, 5, 10, 20, 50)}


@require_safe
@signed_in_only
@or_not_found
def version(request: HttpRequest, artifact_id: int, version_id: int) -> HttpResponse:
    """An earlier text of a document, as it was kept."""
    shown = access.artifact_for(request.user, artifact_id)
    earlier = ArtifactVersion.objects.filter(artifact=shown, pk=version_id).first()
    if earlier is None:
        raise NotFound("There is no such version of this document.")
    context = {
        "artifact": shown,
        "version": earlier,
        "body": reachable(version_html(earlier)),
        "may": access.allowed(request.user, shown.project),
        "restorable": shown.stream_status not in {StreamStatus.IDLE, StreamStatus.STREAMING},
    }
    return show_document(request, "version.html", context)


@require_safe
@xframe_options_exempt  # the policy says who may frame it
@or_not_found
def picture_frame(request: HttpRequest) -> HttpResponse:
    """The page in which formulas and diagrams are drawn: it has no origin, no rights and nothing of anybody."""
    if not settings.STREAMGEN_PICTURES:
        raise NotFound("There is no such page.")
    response = render(request, "artifacts/picture_frame.html")
    response["Content-Security-Policy"] = PICTURE_POLICY
    return response


# Steps that pages share


def _base(artifact: Artifact) -> dict[str, object] | None:
    """What stands in the place that a draft was written for; None of what is no draft."""
    document = artifact.draft_of
    if document is None:
        return None
    name = artifact.sections.values_list("name", flat=True).first() or ""
    sections = placed_sections(document.text, list(document.sections.order_by("position")))
    section = place_of_draft(sections, artifact, name)
    if section is None:
        return {"artifact": document, "number": 0, "body": "", "changed": True}
    return {
        "artifact": document,
        "number": section.number,
        "body": reachable(text_html(section.body, ())),
        "changed": section.sha256 != artifact.draft_base,
    }


def _query(request: HttpRequest) -> str:
    """What else an address asks for, for one of another page of the same list."""
    query = request.GET.copy()
    for name in ("page", "part"):
        query.pop(name, None)
    return query.urlencode()


def _render(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    form = context.get("form")
    refused = isinstance(form, Form) and form.is_bound and not form.is_valid()
    return render(request, candidates(template), context, status=422 if refused else 200)


def show_document(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    """A page with a document's text, which may frame the page that draws its pictures and show them."""
    context = context | {"sign_in": sign_in_address()}
    if not settings.STREAMGEN_PICTURES:
        return _render(request, template, context)
    response = _render(request, template, context | {"pictures": resolve_url("artifacts:picture-frame")})
    response._csp_update = {"img-src": ["data:"], "frame-src": ["'self'"]}  # type: ignore[attr-defined]  # as `csp_update` does
    return response


def _age_s(artifact: Artifact, end: datetime | None = None) -> float | None:
    """Seconds from the first claim to `end` or now; None before the first claim."""
    if artifact.started_at is None:
        return None
    return max(0.0, ((end or timezone.now()) - artifact.started_at).total_seconds())
