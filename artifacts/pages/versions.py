"""The pages of a document's earlier texts: the list of them, and what differs between two. They only read."""

from __future__ import annotations

from contextlib import suppress

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch
from django.views.decorators.http import require_safe

from artifacts import access
from artifacts.accounts.sign_in_place import signed_in_only
from artifacts.pages.compared_texts import CURRENT, compared_text, versions_of
from artifacts.pages.comparison import compare_texts
from artifacts.pages.templates import candidates
from artifacts.pages.views import or_not_found

VERSIONS_PER_PAGE = 50


@require_safe
@signed_in_only
@or_not_found
def versions(request: HttpRequest, artifact_id: int) -> HttpResponse:
    """When, who, how, with what; and two of them to be compared."""
    artifact = access.artifact_for(request.user, artifact_id)
    if "old" in request.GET:
        asked = request.GET["old"] or "0", request.GET.get("new") or CURRENT
        with suppress(NoReverseMatch):  # what no number looks like is left out
            return redirect("artifacts:versions-compare", artifact_id, *asked)
    page = Paginator(versions_of(artifact), VERSIONS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, candidates("versions.html"), {"artifact": artifact, "page": page})


@require_safe
@signed_in_only
@or_not_found
def compare(request: HttpRequest, artifact_id: int, old: str, new: str) -> HttpResponse:
    """Two texts, in one column or side by side."""
    artifact = access.artifact_for(request.user, artifact_id)
    before, after = compared_text(artifact, old), compared_text(artifact, new)
    compared = compare_texts(before.sections, after.sections)
    context = {
        "artifact": artifact,
        "old": before,
        "new": after,
        "sections": [one for one in compared if one.change != "same"],
        "unchanged": [one.name for one in compared if one.change == "same"],
        "side_by_side": request.GET.get("view") == "side",
    }
    return render(request, candidates("compare.html"), context)
