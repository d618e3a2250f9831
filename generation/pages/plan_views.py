"""The page on which a plan is changed before it is written: sections come, go, move and get other names.

Nothing is stored until writing begins: the page carries the plan. Without a script each button loads it again.
"""

from __future__ import annotations

from dataclasses import replace

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from artifacts import access, validation
from artifacts.accounts.sign_in_place import signed_in_only
from artifacts.errors import IllegalTransition, InvalidInput
from artifacts.models import Artifact, StreamStatus
from artifacts.pages.views import or_not_found
from artifacts.planned_section import SECTION_TOKENS, PlannedSection
from generation import control
from generation.costs.price_file import price_list
from generation.errors import CommandRefused, FormRefused
from generation.models import GenerationTask
from generation.pages.estimates import estimate_sentence, told_sentence, wants_json
from generation.pages.forms import GenerationForm
from generation.pages.views import write_as_typed
from generation.writing.phases import phase_of

NEW = PlannedSection(name="", instructions="", max_tokens=SECTION_TOKENS)


class PlanForm(GenerationForm):
    """How a document is to be written, with its plan section by section."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.POST)
        del self.fields["plan"], self.fields["section_tokens"]
        self.rows = _typed(request)

    def planned(self) -> list[PlannedSection]:
        return self.rows


@signed_in_only
@or_not_found
def plan_page(request: HttpRequest, artifact_id: int) -> HttpResponse:
    """The plan with a button for each change of it, and the one that has it written."""
    shown = access.artifact_for(request.user, artifact_id)
    is_new = shown.stream_status == StreamStatus.IDLE
    access.demand(request.user, "start" if is_new else "regenerate", shown.project)
    if shown.draft_of_id is not None:
        return redirect("artifacts:artifact", artifact_id)  # a draft is of one section
    if shown.stream_status == StreamStatus.STREAMING:
        messages.error(request, "The plan can be changed when nobody is writing the document.")
        return redirect("artifacts:artifact", artifact_id)
    model = GenerationTask.objects.filter(artifact=shown).order_by("-pk").values_list("model", flat=True).first()
    form = GenerationForm(initial={"instructions": shown.instructions, "model": model or ""}, auto_id="plan-%s")
    rows, status = _present(shown), 200
    if request.method == "POST":
        form = PlanForm(request)
        form.auto_id = "plan-%s"
        wish = request.POST.get("do", "")
        if wish == "write":
            try:
                write_as_typed(control.start if is_new else control.regenerate, shown, request, form)
                return redirect("artifacts:artifact", artifact_id)
            except FormRefused:
                status = 422
            except (IllegalTransition, CommandRefused) as error:
                messages.error(request, error.detail)
                return redirect("artifacts:artifact", artifact_id)
        rows = _changed(form.planned(), wish, shown)
        if wants_json(request):
            return _told_cost(shown, form, rows)
    context = {
        "artifact": shown,
        "is_new": is_new,
        "form": form,
        "fields": [form[name] for name in form.fields if name not in {"plan", "section_tokens"}],
        "rows": rows,
        "blank": NEW,
        "most": validation.PLAN_SECTIONS,
        "limits": validation,
        "priced": bool(price_list().models),
        "costs": _cost(shown, form, rows),
    }
    return render(request, "generation/plan.html", context, status=status)


def _told_cost(artifact: Artifact, form: GenerationForm, rows: list[PlannedSection]) -> HttpResponse:
    sentence = _cost(artifact, form, rows)
    return told_sentence(sentence)


def _cost(artifact: Artifact, form: GenerationForm, rows: list[PlannedSection]) -> str:
    """What it would cost by these rows; "" where one of them, or a field, holds what it must not."""
    model, instructions = (str(form[name].value() or "") for name in ("model", "instructions"))
    try:
        model = control.model_name(model)
        return estimate_sentence(artifact, control.checked_plan(rows), model=model, instructions=instructions)
    except InvalidInput:
        return ""


def _present(artifact: Artifact) -> list[PlannedSection]:
    """The plan that the document has, else the built-in one."""
    return [row.planned for row in artifact.sections.order_by("position")] or _built_in_plan(artifact)


def _built_in_plan(artifact: Artifact) -> list[PlannedSection]:
    return list(phase_of(artifact.phase, title=artifact.title).plan)


def _typed(request: HttpRequest) -> list[PlannedSection]:
    """The sections as the page sent them; rows that are empty throughout are left out."""
    names, texts, tokens = (request.POST.getlist(field) for field in ("name", "text", "tokens"))
    rows = [
        PlannedSection(name=name, instructions=text.replace("\r\n", "\n"), max_tokens=_number(most))
        for name, text, most in zip(names, texts, tokens, strict=False)
    ]
    return [row for row in rows if row.name.strip() or row.instructions.strip()]


def _number(typed: str) -> int:
    """As typed; 0, which every check refuses, for what is no number."""
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 9 else 0


def _changed(rows: list[PlannedSection], wish: str, artifact: Artifact) -> list[PlannedSection]:
    """The plan after a press of a button: `up-2`, `down-2`, `remove-2` (from 1), `add`, `built-in`; else as it is."""
    verb, _, place = wish.partition("-")
    at = _number(place) - 1
    rows = [replace(row) for row in rows]
    if wish == "built-in":
        return _built_in_plan(artifact)
    if wish == "add":
        return [*rows, NEW]
    if verb == "remove" and 0 <= at < len(rows):
        del rows[at]
    other = at - 1 if verb == "up" else at + 1
    if verb in {"up", "down"} and 0 <= at < len(rows) and 0 <= other < len(rows):
        rows[at], rows[other] = rows[other], rows[at]
    return rows
