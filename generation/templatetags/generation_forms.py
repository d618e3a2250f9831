"""What pages show of how a document would be written: its phase, and the form that asks for it. Reads only."""

from __future__ import annotations

from contextlib import suppress

from django import template
from django.forms import Form

from artifacts.costs import shown_cost
from artifacts.errors import InvalidInput
from artifacts.lifecycle.freshness import WrittenFrom
from artifacts.models import Artifact, Project
from artifacts.planned_section import SECTION_TOKENS
from artifacts.validation import isolated
from generation import control
from generation.costs.price_file import price_list
from generation.models import GenerationTask
from generation.pages.estimates import estimate_of_all, estimate_of_form, estimate_sentence
from generation.pages.forms import GenerationForm, ModelField, ResumeForm, TitleForm, own_model, plan_text
from generation.project_runs import RunState, latest_run, state_of_run
from generation.reasons import HELPED_BY_OTHER_TERMS, HELPED_BY_WRITING_ANEW
from generation.server_model import server_model
from generation.waiting import Waiting, waiting_of
from generation.writing.phases import Phase, phase_of

register = template.Library()


@register.simple_tag
def phase_of_artifact(artifact: Artifact) -> Phase:
    return phase_of(artifact.phase, title=isolated(artifact.title))


@register.simple_tag
def generation_form(artifact: Artifact, verb: str, refused_verb: str, refused: Form | None) -> Form:
    """The form of `verb`: the refused one as typed, else one that holds what the document was last asked with."""
    if refused is not None and refused_verb == verb:
        form: Form = refused
    else:
        form = GenerationForm(initial=_last_request(artifact))
    form.auto_id = f"{verb}-%s"  # two of these stand on one page
    return form


@register.simple_tag
def reasons_helped(by: str) -> list[str]:
    """The reasons after which a page offers to go on with something else: "terms", or "anew"."""
    return sorted(HELPED_BY_WRITING_ANEW if by == "anew" else HELPED_BY_OTHER_TERMS)


@register.simple_tag
def title_form(artifact: Artifact, refused_verb: str, refused: Form | None) -> Form:
    """The form for another title: the refused one as typed, else one with the present title."""
    form: Form = refused if refused is not None and refused_verb == "rename" else TitleForm({"title": artifact.title})
    form.auto_id = "rename-%s"
    return form


@register.simple_tag
def resume_form(artifact: Artifact, refused_verb: str, refused: Form | None) -> Form:
    """The form that takes another model or budget to go on with: the refused one as typed, else an empty one."""
    form: Form = refused if refused is not None and refused_verb == "resume" else ResumeForm()
    form.auto_id = "resume-%s"
    task = GenerationTask.objects.filter(artifact=artifact).order_by("-id").first()
    model = form.fields["model"]
    assert isinstance(model, ModelField)
    model.offer((task and task.model) or own_model())
    return form


@register.filter
def money(value: int) -> str:
    """An amount as pages show it: to four places."""
    return shown_cost(value)


@register.simple_tag
def currency_of(artifact: Artifact) -> str:
    """The currency in which the document's cost is shown; "" where nothing is known of it."""
    prices = price_list()
    task = GenerationTask.objects.filter(artifact=artifact).order_by("-id").first()
    is_known = artifact.cost or prices.of((task and task.model) or server_model())
    return prices.currency if is_known else ""


@register.simple_tag
def has_prices() -> bool:
    """Whether anything can be said of costs here."""
    return bool(price_list().models)


@register.simple_tag
def cost_sentence(artifact: Artifact, form: Form) -> str:
    """What it would cost with what the form holds; "" where nobody knows."""
    if isinstance(form, GenerationForm) and form.is_bound:
        with suppress(InvalidInput):
            return estimate_of_form(artifact, form) if form.is_valid() else ""
        return ""
    model, instructions = (form[name].value() or "" for name in ("model", "instructions"))
    plan = [row.planned for row in artifact.sections.order_by("position")]
    plan = (form["plan"].value() and plan) or control.asked_plan(artifact, None)
    return estimate_sentence(artifact, plan, model=model, instructions=instructions)


@register.simple_tag
def cost_of_all(project: Project) -> str:
    """What it would cost to write all that was not started; "" where nobody knows."""
    return estimate_of_all(project)


@register.simple_tag
def run_of(project: Project) -> RunState | None:
    """Where the writing of all documents stands; None where nobody asked for it."""
    run = latest_run(project.pk)
    return None if run is None else state_of_run(run)


@register.simple_tag
def outdated_sources(sources: object) -> list[WrittenFrom]:
    """Of what a document was written from, what is another text by now; nothing where a page says nothing of it."""
    return [source for source in sources if source.is_changed] if isinstance(sources, list) else []


def _last_request(artifact: Artifact) -> dict[str, object]:
    sections = [row.planned for row in artifact.sections.order_by("position")]
    built_in = [(section.name, section.instructions) for section in phase_of(artifact.phase, title=artifact.title).plan]
    own = bool(sections) and [(section.name, section.instructions) for section in sections] != built_in
    task = GenerationTask.objects.filter(artifact=artifact).order_by("-id").first()
    return {
        "instructions": artifact.instructions,
        "model": task.model if task else "",
        "parallel": task.parallel if task else 1,
        "plan": plan_text(sections) if own else "",
        "section_tokens": max(section.max_tokens for section in sections) if own else SECTION_TOKENS,
    }


@register.simple_tag
def waits_for(artifact: Artifact) -> Waiting | None:
    """What it waits for, where it gets no text."""
    return waiting_of(artifact)
