"""The verbs people use. Views, API, admin and command line call these; nothing else starts or stops a document.

Each is recorded with who used it; whether they may is asked before, of `artifacts.access`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import IntegrityError, transaction

from artifacts import validation
from artifacts.errors import IllegalTransition, InvalidInput
from artifacts.lifecycle import commands, reworking
from artifacts.lifecycle.epochs import Change
from artifacts.lifecycle.rows import WriteResult
from artifacts.lifecycle.sources import EarlierText
from artifacts.models import Artifact, Project, StopRequest, StreamStatus
from artifacts.models.user_model import User
from artifacts.operating.log_context import lines_about
from artifacts.planned_section import PlannedSection
from artifacts.reasons import Reason
from artifacts.sharing.records import record
from generation.costs.budgets import check_budget
from generation.earlier_documents import sources_of
from generation.errors import TaskExists
from generation.models import UNFINISHED, GenerationTask, TaskStatus
from generation.queue.finishing import finish, supersede
from generation.queue.order import next_rank
from generation.queue.quotas import demand_quota
from generation.queue.wakeup import wake_after_commit
from generation.server_model import server_model
from generation.writing import phases

logger = logging.getLogger(__name__)


@transaction.atomic
def create_project(owner: User, title: str, description: str = "", *, with_phases: bool = True) -> Project:
    """A project, with an idle artifact for each built-in phase unless it is to have only others."""
    title, description = validation.title(title), validation.long_text("description", description)
    project = Project.objects.create(owner=owner, title=title, description=description)
    for phase in phases.BUILT_IN if with_phases else ():
        Artifact.objects.create(project=project, phase=phase.key, title=phase.title)
    record(owner, "create_project", project=project)
    return project


def add_artifact(project: Project, phase: str, title: str = "", user: User | None = None) -> Artifact:
    """A phase of the user's own, idle. Raises `InvalidInput` where the project has that phase already."""
    phase = validation.phase(phase)
    title = validation.title(title or phases.phase_of(phase).title)
    try:
        with transaction.atomic():
            artifact = Artifact.objects.create(project=project, phase=phase, title=title)
            record(user, "add", artifact=artifact)
            return artifact
    except IntegrityError:
        raise InvalidInput("phase", f"The project has a document of the phase {phase} already.") from None


def start(
    artifact: Artifact,
    user: User | None,
    *,
    model: str = "",
    plan: Sequence[PlannedSection] | None = None,
    instructions: str = "",
    parallel: int = 1,
) -> GenerationTask:
    """idle -> streaming: queue the document, up to `parallel` sections of which are written at once.

    Raises `IllegalTransition`, `InvalidInput`, `LimitReached`, `TaskExists`.
    """
    order = _Wanted(model=model, plan=plan, instructions=instructions, parallel=parallel)
    return _queue(artifact, user, order, action="start", verb=commands.plan, note="Written")


def regenerate(
    artifact: Artifact,
    user: User | None,
    *,
    model: str = "",
    plan: Sequence[PlannedSection] | None = None,
    instructions: str = "",
    parallel: int = 1,
    keep: bool = False,
) -> GenerationTask:
    """paused | complete | cancelled -> streaming: write the document anew; the old text is kept as a version.

    With `keep` its sections stay, unless a plan is given, and its instructions, with these behind them.
    """
    if keep:
        plan = plan if plan is not None else present_plan(artifact)
        instructions = f"{artifact.instructions}\n\n{instructions}".strip()
    order = _Wanted(model=model, plan=plan, instructions=instructions, parallel=parallel)
    return _queue(artifact, user, order, action="regenerate", verb=_anew, note="Written anew")


@transaction.atomic
def resume(
    artifact: Artifact,
    user: User | None = None,
    *,
    model: str = "",
    max_tokens: int | None = None,
    anew: bool = False,
    for_its_user: bool = False,
) -> WriteResult:
    """paused -> streaming: the task goes back to the queue and continues from the committed text.

    A `model` is asked from the next call on, for all that is missing; empty leaves it as it was. `max_tokens` are the
    budget of the section that stopped, and of later ones that have less. `anew` drops what is written of that section
    (it is kept as a version) and writes it from its beginning. The document counts as this user's from now on, unless
    it is resumed `for_its_user`, by staff: then no limit refuses it. Raises `InvalidInput`, `LimitReached`.
    """
    model = model_name(model)
    if max_tokens is not None:
        check_max_tokens("max_tokens", max_tokens)
    by = change_by(user, "Wrote the section that had stopped anew")
    result = commands.resume(artifact.pk, max_tokens=max_tokens, anew=anew, by=by)
    if not for_its_user:
        demand_quota(user)
    task = GenerationTask.objects.select_for_update().filter(artifact=artifact, status__in=UNFINISHED).first()
    if task is None:
        raise IllegalTransition(StreamStatus.PAUSED, "resume", "Its task is gone; regenerate it.")
    task.status, task.worker, task.reclaims, task.error = TaskStatus.QUEUED, "", 0, ""
    task.model = model or model_name(task.model)  # which may not be chosen any more
    check_budget(artifact.project_id, task.model)
    if user is not None and not for_its_user:
        task.requested_by = user
    task.rank = next_rank(task.requested_by_id)
    task.save(update_fields=["status", "worker", "reclaims", "error", "model", "requested_by", "rank"])
    record(user, "resume", artifact=artifact)
    wake_after_commit()
    return result


def cancel(artifact: Artifact, user: User | None = None) -> WriteResult:
    """Stop for good and keep every word. A live writer does it within moments; otherwise it is done on return."""
    return _stop(artifact, user, StopRequest.CANCEL)


def pause(artifact: Artifact, user: User | None = None, *, why: str = Reason.USER) -> WriteResult:
    """Stop, resumable. A live writer does it within moments; otherwise it is done on return."""
    return _stop(artifact, user, StopRequest.PAUSE, why)


def restore(artifact: Artifact, version_id: int, user: User | None = None) -> WriteResult:
    """Bring an earlier version back; the present text becomes a version."""
    with transaction.atomic():
        supersede(artifact.pk)
        number = artifact.versions.filter(pk=version_id).values_list("epoch", flat=True).first()
        result = commands.restore(artifact.pk, version_id, by=change_by(user, f"Brought version {number} back"))
        record(user, "restore", artifact=artifact, note=f"epoch {result.epoch}")
    logger.info("restored artifact=%s version=%s epoch=%s", artifact.pk, version_id, result.epoch)
    return result


def delete(artifact: Artifact, user: User | None = None) -> None:
    """Remove the document and its text. A live writer finds nothing to write to; viewers are told."""
    with transaction.atomic():
        if artifact.draft_of_id is None:
            commands.delete(artifact.pk)
        else:
            by = change_by(user, "Dropped the draft of a new section")
            reworking.drop_draft(artifact.draft_of_id, artifact.pk, by=by)
        record(user, "delete", artifact=artifact)
    logger.info("deleted artifact=%s", artifact.pk)


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What somebody wants written, as they said it."""

    model: str
    plan: Sequence[PlannedSection] | None
    instructions: str
    parallel: int


def _queue(
    artifact: Artifact,
    user: User | None,
    order: _Wanted,
    *,
    action: str,
    verb: Callable[..., WriteResult],
    note: str,
) -> GenerationTask:
    model, parallel = model_name(order.model), checked_parallel(order.parallel)
    instructions = validation.long_text("instructions", order.instructions)
    if order.plan is not None and artifact.draft_of_id is not None:
        _check_plan_of_draft(artifact, order.plan)
    sections = asked_plan(artifact, order.plan)
    sources = sources_of(artifact, sections, instructions)
    with transaction.atomic():
        verb(artifact.pk, sections, instructions, by=change_by(user, note, instructions), sources=sources)
        task = new_task(artifact, user, model, parallel)
        record(user, action, artifact=artifact)
        wake_after_commit()
    with lines_about(task=task.pk, artifact=artifact.pk, user=task.requested_by_id):
        logger.info("queued task=%s artifact=%s sections=%s", task.pk, artifact.pk, len(sections))
    return task


def model_name(name: str) -> str:
    """A model that people may choose; "" is the server's own. Raises `InvalidInput`, which names those there are."""
    name = validation.line("model", name, limit=validation.MODEL_NAME_CHARS, required=False)
    models = choosable_models()
    if name and models and name not in models:
        raise InvalidInput("model", f"model must be one of those that may be chosen here: {', '.join(models)}.")
    return name


def choosable_models() -> list[str]:
    """The models that people may choose; none where they may choose any. The server's own is always among them."""
    if not settings.STREAMGEN_MODELS:
        return []
    return list(dict.fromkeys(filter(None, [server_model(), *settings.STREAMGEN_MODELS])))


def checked_parallel(parallel: int) -> int:
    """How many sections are written at once. Raises `InvalidInput`."""
    if not 1 <= parallel <= validation.PARALLEL_SECTIONS:
        raise InvalidInput("parallel", f"parallel must lie between 1 and {validation.PARALLEL_SECTIONS}.")
    return parallel


def _anew(
    artifact_id: int,
    sections: Sequence[PlannedSection],
    instructions: str,
    *,
    by: Change,
    sources: Sequence[EarlierText],
) -> WriteResult:
    supersede(artifact_id)
    return commands.reset(artifact_id, sections, instructions, by=by, sources=sources)


def change_by(user: User | None, note: str, instructions: str = "") -> Change:
    """Who changes a text, and how: the note goes on with the beginning of what was asked for."""
    asked = " ".join(instructions[: validation.NOTE_CHARS].split())
    return Change(
        author=user.pk if user else None, note=(f"{note}: {asked}" if asked else note)[: validation.NOTE_CHARS]
    )


def new_task(artifact: Artifact, user: User | None, model: str, parallel: int = 1) -> GenerationTask:
    """One more for this user, at its place in the queue. Raises `BudgetRefused`, `LimitReached`, `TaskExists`."""
    check_budget(artifact.project_id, model)
    demand_quota(user)
    rank = next_rank(user.pk if user else None)
    try:
        with transaction.atomic():
            return GenerationTask.objects.create(
                artifact=artifact, requested_by=user, model=model, parallel=parallel, rank=rank
            )
    except IntegrityError:
        raise TaskExists from None


def _stop(artifact: Artifact, user: User | None, request: StopRequest, why: str = Reason.USER) -> WriteResult:
    with transaction.atomic():
        result = commands.request_stop(artifact.pk, request, why=why)
        if result.status != StreamStatus.STREAMING:
            finish(artifact.pk, result.status)
        record(user, request.value, artifact=artifact)
    with lines_about(artifact=artifact.pk, user=getattr(user, "pk", None)):
        logger.info("stop artifact=%s request=%s status=%s", artifact.pk, request, result.status)
    return result


def _check_plan_of_draft(artifact: Artifact, plan: Sequence[PlannedSection]) -> None:
    """A draft goes into the place of one section, which it finds by its name."""
    (name,) = artifact.sections.values_list("name", flat=True)
    if [section.name.strip() for section in plan] != [name]:
        raise InvalidInput(
            "plan", f"plan of a draft must have one section, of the same name: “{validation.isolated(name)}”."
        )


def asked_plan(artifact: Artifact, plan: Sequence[PlannedSection] | None) -> list[PlannedSection]:
    """The plan as it would be written; without one that of the phase, of a draft its section. Raises `InvalidInput`."""
    if plan is not None:
        return checked_plan(plan)
    if artifact.draft_of_id is not None:
        return [row.planned for row in artifact.sections.all()]
    return list(phases.phase_of(artifact.phase, title=artifact.title).plan)


def present_plan(artifact: Artifact) -> list[PlannedSection] | None:
    """The sections that the document has, as they were asked for; None where it has none yet."""
    return [row.planned for row in artifact.sections.order_by("position")] or None


def check_max_tokens(field: str, tokens: int) -> None:
    """Raises `InvalidInput` where a section may not have so many tokens."""
    if not 1 <= tokens <= validation.SECTION_MAX_TOKENS:
        raise InvalidInput(field, f"{field} must lie between 1 and {validation.SECTION_MAX_TOKENS}.")


def checked_plan(plan: Sequence[PlannedSection]) -> list[PlannedSection]:
    if not 1 <= len(plan) <= validation.PLAN_SECTIONS:
        raise InvalidInput("plan", f"plan must have 1 to {validation.PLAN_SECTIONS} sections, not {len(plan)}.")
    checked = []
    for position, section in enumerate(plan):
        field = f"plan[{position}]"
        check_max_tokens(f"{field}.max_tokens", section.max_tokens)
        checked.append(
            replace(
                section,
                name=validation.section_name(section.name, f"{field}.name"),
                instructions=validation.long_text(f"{field}.instructions", section.instructions),
            )
        )
    return checked
