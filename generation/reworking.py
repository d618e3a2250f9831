"""The verbs by which people rework a document that is written: edit a section by hand, have one written anew beside the
old one, add one. Pages and API call these; the whole document's verbs are `control`'s.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, replace

from django.db import transaction

from artifacts import validation
from artifacts.errors import IllegalTransition, InvalidInput, NotFound
from artifacts.lifecycle import commands
from artifacts.lifecycle import reworking as texts
from artifacts.lifecycle.epochs import lock_at_rest
from artifacts.lifecycle.placed_sections import PlacedSection, placed_section
from artifacts.lifecycle.rows import WriteResult
from artifacts.models import Artifact, Section
from artifacts.models.user_model import User
from artifacts.operating.log_context import lines_about
from artifacts.planned_section import PlannedSection
from artifacts.preview import closing
from artifacts.sharing.records import record
from generation.control import change_by, checked_plan, model_name, new_task
from generation.earlier_documents import sources_of
from generation.models import GenerationTask
from generation.queue.wakeup import wake_after_commit
from generation.writing import phases

logger = logging.getLogger(__name__)

DIFFERENTLY = "What to do differently: "
SHOWN_CHARS = 24_000
"""Of the present text of a section that is written anew, so much is told to the model."""
PLANNED_CHARS = 7_000
"""Of what the plan says of it. With the text there is room in a prompt for as much again of what to do differently."""


@dataclass(frozen=True, kw_only=True)
class SectionDraft:
    """A draft of one section, which is an artifact of its own, and the task that writes it."""

    artifact: Artifact
    task: GenerationTask
    number: int
    epoch: int


def edit_section(artifact: Artifact, user: User | None, number: int, *, text: str, base_sha256: str) -> WriteResult:
    """Put a text in the place of a section's own. Raises `BaseChanged`, `Busy`, `IllegalTransition`, `InvalidInput`."""
    body = edited(text)
    name = _section(artifact, number).name
    with transaction.atomic():
        result = texts.replace_section(
            artifact.pk,
            number,
            body=body,
            ending=closing(body),
            base_sha256=base_sha256,
            by=change_by(user, f"Edited “{validation.isolated(name)}”"),
        )
        record(user, "edit", artifact=artifact, note=name)
    logger.info("edited artifact=%s section=%s epoch=%s", artifact.pk, number, result.epoch)
    return result


def edited(text: str) -> str:
    """A typed text as it is kept: plain line ends, and none around it."""
    text = validation.long_text("text", text.replace("\r\n", "\n").replace("\r", "\n"))
    return text.strip("\n")


def rewrite_section(
    artifact: Artifact,
    user: User | None,
    number: int,
    *,
    instructions: str = "",
    model: str = "",
    max_tokens: int | None = None,
) -> SectionDraft:
    """Have a section written anew, as a draft beside it.

    Raises `Busy`, `IllegalTransition`, `InvalidInput`, `LimitReached`.
    """
    _refuse_draft(artifact, "rewrite")
    model, instructions = model_name(model), validation.long_text("instructions", instructions)
    with transaction.atomic():
        row = lock_at_rest(artifact.pk, "rewrite")
        section = placed_section(row.artifact, number)
        draft = _draft(row.artifact, user, section, instructions=instructions, model=model, max_tokens=max_tokens)
        record(user, "rewrite", artifact=artifact, note=section.name)
        return draft


def add_section(
    artifact: Artifact, user: User | None, planned: PlannedSection, *, after: int | None = None, model: str = ""
) -> SectionDraft:
    """A section more for a finished document, and the draft that writes it, to be accepted like any other."""
    _refuse_draft(artifact, "add a section")
    model = model_name(model)
    planned = _checked(planned)
    with transaction.atomic():
        by = change_by(user, f"Added “{validation.isolated(planned.name)}”")
        added = texts.insert_section(artifact.pk, planned, after=after, by=by)
        present = Artifact.objects.select_related("project").get(pk=artifact.pk)
        section = placed_section(present, added.number)
        draft = _draft(present, user, section, instructions="", model=model, max_tokens=None)
        record(user, "rewrite", artifact=artifact, note=planned.name)
        return draft


def accept(draft: Artifact, user: User | None) -> WriteResult:
    """Put a finished draft in its place. Raises `BaseChanged` where the section is not what it was made from."""
    base = _base_of(draft)
    note = Artifact.objects.values_list("text_note", flat=True).get(pk=draft.pk)
    with transaction.atomic():
        result = texts.put_draft(base, draft.pk, by=change_by(user, note))
        record(user, "accept", artifact=Artifact.objects.get(pk=base), note=note)
    logger.info("accepted draft=%s artifact=%s epoch=%s", draft.pk, base, result.epoch)
    return result


def reject(draft: Artifact, user: User | None = None) -> Artifact:
    """Drop a draft, with the section that was added for it; the document that it was for, as it is then."""
    base = Artifact.objects.get(pk=_base_of(draft))
    with transaction.atomic():
        texts.drop_draft(base.pk, draft.pk, by=change_by(user, "Dropped the draft of a new section"))
        record(user, "reject", artifact=base)
        base.refresh_from_db(fields=["epoch"])
    logger.info("rejected draft=%s artifact=%s", draft.pk, base.pk)
    return base


def rename(artifact: Artifact, title: str, user: User | None = None) -> WriteResult:
    """Another title."""
    with transaction.atomic():
        result = texts.set_title(artifact.pk, validation.title(title))
        record(user, "rename", artifact=artifact, note=title)
    return result


def _section(artifact: Artifact, number: int) -> Section:
    section = Section.objects.filter(artifact=artifact.pk, position=number - 1).first() if number > 0 else None
    if section is None:
        raise NotFound("This document has no such section.")
    return section


def _base_of(draft: Artifact) -> int:
    if draft.draft_of_id is None:
        raise IllegalTransition(draft.stream_status, "accept or reject it", "It is no draft of a section.")
    return draft.draft_of_id


def _refuse_draft(artifact: Artifact, verb: str) -> None:
    if artifact.draft_of_id is not None:
        raise IllegalTransition(artifact.stream_status, verb, "It is a draft: accept or reject it first.")


def _checked(planned: PlannedSection) -> PlannedSection:
    """Raises `InvalidInput`, which names the field as it is called where one section is asked for."""
    try:
        return checked_plan([planned])[0]
    except InvalidInput as error:
        raise InvalidInput(error.field.replace("plan[0].", ""), error.detail.replace("plan[0].", "")) from None


def _draft(
    artifact: Artifact,
    user: User | None,
    section: PlacedSection,
    *,
    instructions: str,
    model: str,
    max_tokens: int | None,
) -> SectionDraft:
    """The draft of a section of a locked document, queued in the same transaction."""
    planned = _section(artifact, section.number)
    order = _order(planned, section, instructions, max_tokens)
    phase = phases.phase_of(artifact.phase, title=artifact.title)
    draft = Artifact.objects.create(
        project_id=artifact.project_id,
        phase=f"draft-{artifact.pk}-{secrets.token_hex(6)}",
        title=artifact.title,
        draft_of=artifact,
        draft_position=section.number - 1,
        draft_base=section.sha256,
    )
    told = "\n\n".join(filter(None, [phase.instructions, artifact.instructions]))[: validation.LONG_TEXT_CHARS]
    wrote = f"Wrote “{validation.isolated(planned.name)}”"
    by = change_by(user, f"{wrote} anew" if section.body else wrote, instructions)
    commands.plan(draft.pk, [order], told, by=by, sources=sources_of(draft, [order], instructions))
    task = new_task(draft, user, model)
    wake_after_commit()
    with lines_about(task=task.pk, artifact=artifact.pk, user=task.requested_by_id):
        logger.info("queued task=%s draft=%s artifact=%s section=%s", task.pk, draft.pk, artifact.pk, section.number)
    return SectionDraft(artifact=draft, task=task, number=section.number, epoch=artifact.epoch)


def rewriting_order(
    artifact: Artifact, number: int, *, instructions: str = "", max_tokens: int | None = None
) -> PlannedSection:
    """What would be asked for where a section is written anew. Raises `InvalidInput`, `NotFound`."""
    instructions = validation.long_text("instructions", instructions)
    return _order(_section(artifact, number), placed_section(artifact, number), instructions, max_tokens)


def asked_of_draft(draft: Artifact | None) -> str:
    """What somebody wanted to have done differently in a draft."""
    told = "" if draft is None else draft.sections.values_list("instructions", flat=True).first() or ""
    return told.rpartition(DIFFERENTLY)[2] if DIFFERENTLY in told else ""


def _order(planned: Section, section: PlacedSection, instructions: str, max_tokens: int | None) -> PlannedSection:
    return _checked(
        replace(
            planned.planned,
            instructions=_told(planned.instructions, section.body, instructions),
            max_tokens=planned.max_tokens if max_tokens is None else max_tokens,
        )
    )


def _told(planned: str, body: str, instructions: str) -> str:
    """What a section's instructions are where it is written anew: those of the plan, its text, and what to change."""
    parts = [_beginning(planned, PLANNED_CHARS) if body else planned]
    if body:
        parts += [
            f"The section reads at present:\n\n{_beginning(body, SHOWN_CHARS)}",
            "Write the whole section anew.",
        ]
    if instructions:
        parts.append(f"{DIFFERENTLY}{instructions}" if body else instructions)
    return "\n\n".join(filter(None, parts))[: validation.LONG_TEXT_CHARS]


def _beginning(text: str, chars: int) -> str:
    return text if len(text) <= chars else f"{text[:chars]}\n[the rest is left out]"
