"""What a document would cost, before it is written: an estimate from its plan and its prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Sum

from artifacts.models import Artifact, StreamStatus
from artifacts.planned_section import PlannedSection
from generation.costs.price_file import price_list
from generation.costs.prices import Price
from generation.providers.base import CHARS_PER_TOKEN, Usage
from generation.server_model import server_model
from generation.writing.phases import phase_of
from generation.writing.prompts import Assignment, Surroundings, section_prompt, tail_of

ASKED_PART = 0.5
"""Of a section's tokens the model is told to write about so much."""
PORTIONS = 2
"""A section that is not done with its tokens gets them so often in all."""
MOST_EARLIER_CHARS = 8_000
"""Of the text before a section a prompt holds less than this."""


@dataclass(frozen=True, kw_only=True)
class SectionEstimate:
    """In billionths; None where the model has no price."""

    name: str
    amount: int | None
    most: int | None


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """`amount` if each section is as long as the model is told, `most` if each uses up all its tokens."""

    model: str
    amount: int | None
    most: int | None
    sections: tuple[SectionEstimate, ...]


def estimate(
    artifact: Artifact,
    plan: Sequence[PlannedSection],
    *,
    instructions: str = "",
    model: str = "",
    earlier_chars: int | None = None,
    around: Surroundings | None = None,
) -> Estimate:
    """Of a document that is written from its beginning by this plan, and told so much of the project's earlier ones;
    None: as much as there is of them now. `around` is what a draft is told of the document that it is for.
    """
    model = model or server_model()
    price = price_list().of(model)
    assignment = Assignment(
        project_title=artifact.project.title,
        project_description=artifact.project.description,
        document_title=artifact.title,
        document_instructions=phase_of(artifact.phase, title=artifact.title).instructions,
        user_instructions=instructions,
        earlier_documents=_words(_earlier_chars(artifact) if earlier_chars is None else earlier_chars),
        plan=tuple(plan),
        around=around,
    )
    sections, headings, written = [], "", ""
    for index, section in enumerate(plan):
        opening = section_prompt(assignment, index, earlier=headings + written, mode="reprompt").messages("")
        prompt_chars = sum(len(message["content"]) for message in opening)
        asked = max(1, int(section.max_tokens * ASKED_PART))
        sections.append(
            SectionEstimate(
                name=section.name,
                amount=_cost(price, prompt_chars, asked, calls=_calls(asked)),
                most=_cost(
                    price,
                    prompt_chars,
                    section.max_tokens * PORTIONS,
                    calls=max(PORTIONS, _calls(section.max_tokens * PORTIONS)),
                ),
            )
        )
        # Of what stands before a section a prompt has the outline and the end: no more is made up here.
        headings = f"{headings}## {section.name}\n\n"
        written = _words(min(asked * CHARS_PER_TOKEN, MOST_EARLIER_CHARS))
    amounts, mosts = [one.amount for one in sections], [one.most for one in sections]
    return Estimate(model=model, amount=_sum(amounts), most=_sum(mosts), sections=tuple(sections))


def _words(chars: int) -> str:
    return "word " * (chars // len("word "))


def _earlier_chars(artifact: Artifact) -> int:
    """How much of the documents before it a prompt would hold: all of it, up to the limit."""
    before = Artifact.objects.filter(
        project=artifact.project_id,
        draft_of=None,
        stream_status=StreamStatus.COMPLETE,
        pk__lt=artifact.draft_of_id or artifact.pk,
    )
    there: int = before.aggregate(chars=Sum("length"))["chars"] or 0
    return min(there, int(settings.STREAMGEN_CONTEXT_CHARS))


def _calls(tokens: int) -> int:
    return -(-tokens // settings.STREAMGEN_CHUNK_MAX_TOKENS) if settings.STREAMGEN_DELIVERY == "turns" else 1


def _cost(price: Price | None, prompt_chars: int, tokens: int, *, calls: int) -> int | None:
    """Each call but the first has the end of what is written in its prompt as well."""
    if price is None:
        return None
    tail_chars = len(tail_of("x" * min(tokens * CHARS_PER_TOKEN, MOST_EARLIER_CHARS)))
    chars = prompt_chars * calls + tail_chars * (calls - 1)
    return price.of(Usage(prompt_tokens=-(-chars // CHARS_PER_TOKEN), completion_tokens=tokens))


def _sum(amounts: list[int | None]) -> int | None:
    known = [one for one in amounts if one is not None]
    return sum(known) if len(known) == len(amounts) else None
