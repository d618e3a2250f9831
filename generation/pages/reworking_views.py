"""The pages on which a written document is reworked: each form reads what was typed and calls one verb of `reworking`.

They work without a script; the editor's module adds a preview while one types, and keeps unsaved words.
"""

from __future__ import annotations

from contextlib import suppress

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_POST

from artifacts import access, validation
from artifacts.accounts.sign_in_place import signed_in_only
from artifacts.errors import BaseChanged, IllegalTransition, InvalidInput, NotFound
from artifacts.lifecycle.placed_sections import PlacedSection, placed_section
from artifacts.models import Artifact, StreamStatus
from artifacts.models.user_model import User
from artifacts.pages import labels
from artifacts.pages.forms import LongText, WholeNumberField, refuse
from artifacts.pages.html import reachable, text_html
from artifacts.pages.views import or_not_found
from artifacts.planned_section import SECTION_TOKENS, PlannedSection
from generation import reworking
from generation.control import model_name
from generation.costs.price_file import price_list
from generation.errors import CommandRefused
from generation.pages.estimates import estimate_sentence, told_sentence, wants_json
from generation.pages.forms import ModelField
from generation.surroundings import surroundings_of_section

STAYS = "What you typed is still here: copy it, or save again later."


class RewriteForm(forms.Form):
    """How a section is to be written anew; each may stay empty."""

    instructions = LongText(
        rows=3,
        label="What to do differently",
        help_text="Empty: simply once more.",
        placeholder="Shorter. Add a table…",
    )
    model = ModelField(label="Another model")
    max_tokens = WholeNumberField(
        required=False, min_value=1, max_value=validation.SECTION_MAX_TOKENS, label="Tokens at most"
    )


class SectionForm(forms.Form):
    """A section more."""

    name = forms.CharField(max_length=validation.SECTION_NAME_CHARS)
    after = forms.TypedChoiceField(coerce=int, label="After")
    instructions = LongText(rows=3, label="What it should hold", help_text="")
    model = ModelField()

    def __init__(self, names: list[str], *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        places = [
            (0, "at the beginning"),
            *((at, f"{at}. {validation.isolated(name)}") for at, name in enumerate(names, 1)),
        ]
        self.fields["after"].choices = places  # type: ignore[attr-defined]
        self.fields["after"].initial = len(names)


@signed_in_only
@or_not_found
def sections(request: HttpRequest, artifact_id: int) -> HttpResponse:
    """The sections of a document, what can be done with each, and the form for one more."""
    artifact = _editable(request, artifact_id)
    rows = list(artifact.sections.order_by("position"))
    form = SectionForm([row.name for row in rows], request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        typed = form.cleaned_data
        planned = PlannedSection(name=typed["name"], instructions=typed["instructions"], max_tokens=SECTION_TOKENS)
        try:
            added = reworking.add_section(
                artifact, _person(request), planned, after=typed["after"], model=typed["model"]
            )
            return redirect("artifacts:artifact", added.artifact.pk)
        except InvalidInput as error:
            refuse(form, error)
        except (IllegalTransition, CommandRefused) as error:
            messages.error(request, error.detail)
            return redirect("generation:sections", artifact_id)
    drafts = artifact.drafts.select_related("text_author").defer("content", "preview_html", "instructions")
    context = {
        "artifact": artifact,
        "rows": rows,
        "form": form,
        "drafts": [
            (draft, labels.status_words(draft.stream_status, draft.reason), labels.why(draft, draft.last_error))
            for draft in drafts.order_by("pk")
        ],
        "at_rest": artifact.stream_status not in {StreamStatus.IDLE, StreamStatus.STREAMING},
        "is_complete": artifact.stream_status == StreamStatus.COMPLETE,
    }
    return render(request, "generation/sections.html", context, status=422 if form.errors else 200)


@signed_in_only
@or_not_found
def edit(request: HttpRequest, artifact_id: int, number: int) -> HttpResponse:
    """A section as Markdown. What was typed is shown again whatever comes between, beside what is there by now."""
    artifact = _editable(request, artifact_id)
    try:
        section, gone = placed_section(artifact, number), ""
    except NotFound as error:
        if request.method != "POST":
            raise
        section, gone = _no_section(number), f"{error.detail} {STAYS}"
    context: dict[str, object] = {
        "artifact": artifact,
        "section": section,
        "text": section.body,
        "base": section.sha256,
        "limit": validation.LONG_TEXT_CHARS,
    }
    status, draft = 200, _draft_of(request, artifact)
    if draft is not None:
        context |= {"draft": draft.pk, "text": placed_section(draft, 1).body, "current": section.body, "is_typed": True}
    if request.method == "POST":
        text = request.POST.get("text", "").replace("\r\n", "\n")
        context |= {"text": text, "base": request.POST.get("base", ""), "is_typed": True}
        if gone:
            context["refusal"], status = gone, 409
        elif "preview" not in request.POST:
            status, refused = _saved(request, artifact, number, text, draft)
            if not refused:
                messages.success(request, "Saved. The text before is kept as a version.")
                if wants_json(request):
                    return JsonResponse({"location": resolve_url("artifacts:artifact", artifact_id)})
                return redirect("artifacts:artifact", artifact_id)
            context |= refused
    context["preview"] = reachable(text_html(str(context["text"])[: validation.LONG_TEXT_CHARS], ()))
    return render(request, "generation/edit.html", context, status=status)


def _saved(
    request: HttpRequest, artifact: Artifact, number: int, text: str, draft: Artifact | None
) -> tuple[int, dict[str, object]]:
    """Save what was typed, in place of the draft that it was typed for. Where that is refused: the status, and what the
    page shows of it.
    """
    try:
        reworking.edit_section(artifact, _person(request), number, text=text, base_sha256=request.POST.get("base", ""))
    except BaseChanged as error:
        # Saving again is then a choice of who has seen both.
        return 409, {"current": error.text, "base": error.sha256, "refusal": error.detail}
    except IllegalTransition as error:
        return 409, {"refusal": error.detail}
    except NotFound as error:  # it went at this moment
        return 409, {"refusal": f"{error.detail} {STAYS}"}
    except InvalidInput as error:
        return 422, {"refusal": error.detail}
    if draft is not None:
        with suppress(NotFound):  # somebody else dropped it
            reworking.reject(draft, _person(request))
    return 200, {}


@require_POST
@signed_in_only
@or_not_found
def preview(request: HttpRequest, artifact_id: int, number: int) -> HttpResponse:
    """The HTML of what is typed, for the editor's module."""
    placed_section(_editable(request, artifact_id), number)
    try:
        text = reworking.edited(request.POST.get("text", ""))
    except InvalidInput as error:
        return JsonResponse({"detail": error.detail}, status=422)
    return JsonResponse({"html": text_html(text, ())})


@signed_in_only
@or_not_found
def rewrite(request: HttpRequest, artifact_id: int, number: int) -> HttpResponse:
    """The form that has a section written anew."""
    artifact = _editable(request, artifact_id, "rewrite")
    section = placed_section(artifact, number)
    form = RewriteForm(
        request.POST if request.method == "POST" else None,
        initial={"instructions": reworking.asked_of_draft(_draft_of(request, artifact, is_whole=False))},
    )
    costs = _cost_of_rewrite(artifact, number, form)
    if request.method == "POST" and wants_json(request):
        return told_sentence(costs)
    if form.is_bound and form.is_valid() and "estimate" not in request.POST:
        try:
            draft = reworking.rewrite_section(artifact, _person(request), number, **form.cleaned_data)
            return redirect("artifacts:artifact", draft.artifact.pk)
        except InvalidInput as error:
            refuse(form, error)
        except (IllegalTransition, CommandRefused) as error:
            messages.error(request, error.detail)
            return redirect("artifacts:artifact", artifact_id)
    context = {
        "artifact": artifact,
        "section": section,
        "form": form,
        "body": reachable(text_html(section.body, ())),
        "priced": bool(price_list().models),
        "costs": costs,
    }
    return render(request, "generation/rewrite.html", context, status=422 if form.errors else 200)


def _no_section(number: int) -> PlacedSection:
    """In the place of one that went while somebody typed."""
    return PlacedSection(number=number, name=f"Section {number}", status="", body="", begin=0, end=0)


def _cost_of_rewrite(artifact: Artifact, number: int, form: RewriteForm) -> str:
    """What the draft would cost; "" where a field holds what it must not."""
    if form.is_bound and not form.is_valid():
        return ""
    typed = form.cleaned_data if form.is_bound else {**form.initial, "model": "", "max_tokens": None}
    try:
        order = reworking.rewriting_order(
            artifact, number, instructions=typed["instructions"], max_tokens=typed["max_tokens"]
        )
        around = surroundings_of_section(artifact, number)
        return estimate_sentence(artifact, [order], model=model_name(typed["model"]), around=around)
    except InvalidInput:
        return ""


def _draft_of(request: HttpRequest, artifact: Artifact, *, is_whole: bool = True) -> Artifact | None:
    """The draft that is named, where there is one; its text is to be put in by hand where it `is_whole`."""
    named = request.POST.get("draft") or request.GET.get("draft", "")
    if not (named.isascii() and named.isdecimal() and len(named) < 18):
        return None
    drafts = artifact.drafts.filter(pk=int(named))
    return (drafts.filter(stream_status=StreamStatus.COMPLETE) if is_whole else drafts).first()


def _editable(request: HttpRequest, artifact_id: int, action: str = "edit") -> Artifact:
    return access.artifact_for(request.user, artifact_id, action)


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # every view here asks for a login first
    return request.user
