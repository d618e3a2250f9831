"""What pages say of the cost of what is not written yet: a sentence for what a form holds, as it is typed."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect

from artifacts import access
from artifacts.accounts.sign_in_place import signed_in_only
from artifacts.costs import shown_cost
from artifacts.errors import InvalidInput
from artifacts.models import Artifact, Project, StreamStatus
from artifacts.pages.forms import refuse
from artifacts.pages.views import artifact_page, or_not_found
from artifacts.planned_section import PlannedSection
from generation import control
from generation.costs.budgets import spent
from generation.costs.estimate import estimate
from generation.costs.price_file import price_list
from generation.pages.forms import GenerationForm
from generation.server_model import server_model
from generation.writing.prompts import Surroundings

UNPRICED = "The model {} has no price, so nobody knows what it would cost."


@signed_in_only
@or_not_found
def estimate_page(request: HttpRequest, artifact_id: int) -> HttpResponse:
    """What the document would cost as its form is typed; for its module, or with the form again."""
    artifact = access.artifact_for(request.user, artifact_id, "start")
    if request.method != "POST":
        return redirect("artifacts:artifact", artifact_id)
    form, sentence = GenerationForm(request.POST), ""
    if form.is_valid():
        try:
            sentence = estimate_of_form(artifact, form)
        except InvalidInput as error:
            refuse(form, error)
    if wants_json(request):
        return told_sentence(sentence)
    verb = "start" if artifact.stream_status == StreamStatus.IDLE else "regenerate"
    return artifact_page(request, artifact_id, verb, form)


def wants_json(request: HttpRequest) -> bool:
    """A page's module asks, which shows the answer where it stands."""
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def told_sentence(sentence: str) -> JsonResponse:
    """None while a field holds what it must not: somebody is about to type it, which is no error of the page."""
    return JsonResponse({"sentence": sentence})


def estimate_of_form(artifact: Artifact, form: GenerationForm) -> str:
    """Of a form that is valid. Raises `InvalidInput`."""
    typed = form.cleaned_data
    return estimate_sentence(
        artifact,
        control.asked_plan(artifact, form.planned()),
        instructions=typed["instructions"],
        model=control.model_name(typed["model"]),
    )


def estimate_sentence(
    artifact: Artifact,
    plan: Sequence[PlannedSection],
    *,
    instructions: str = "",
    model: str = "",
    around: Surroundings | None = None,
) -> str:
    """About and at most, and what is left of a budget; "" where there are no prices."""
    prices = price_list()
    if not prices.models:
        return ""
    found = estimate(artifact, plan, instructions=instructions, model=model, around=around)
    if found.amount is None or found.most is None:
        # Of the bundled ones nobody expects a price, unless it matters.
        return UNPRICED.format(found.model or "of the server") if model or artifact.project.budget is not None else ""
    told = f"About {shown_cost(found.amount)} {prices.currency} with {found.model}, {shown_cost(found.most)} at most."
    return f"{told} {_left(artifact.project)}".strip()


def estimate_of_all(project: Project) -> str:
    """What it would cost to write all that is idle; "" where nobody knows."""
    prices, model = price_list(), server_model()
    if prices.of(model) is None:
        return ""
    idle = Artifact.objects.filter(project=project, draft_of=None, stream_status=StreamStatus.IDLE)
    found = [
        # All but the first are told of those that come before.
        estimate(
            one,
            control.asked_plan(one, None),
            model=model,
            earlier_chars=settings.STREAMGEN_CONTEXT_CHARS if number else None,
        )
        for number, one in enumerate(idle.defer("content", "preview_html").select_related("project").order_by("pk"))
    ]
    if not found:
        return ""
    about, most = sum(one.amount or 0 for one in found), sum(one.most or 0 for one in found)
    told = f"About {shown_cost(about)} {prices.currency} with {model}, {shown_cost(most)} at most."
    return f"{told} {_left(project)}".strip()


def _left(project: Project) -> str:
    if project.budget is None:
        return ""
    left = shown_cost(max(0, project.budget - spent(project)))
    return f"Of the project's budget {left} {price_list().currency} is left."
