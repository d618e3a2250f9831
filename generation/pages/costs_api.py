"""What the API tells of costs: what a project has cost, and what a document would.

The calls join the router of `artifacts.pages.api`, because a path belongs to one router.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.http import HttpRequest
from pydantic import BaseModel

from artifacts import access
from artifacts.costs import amount
from artifacts.pages.api import REFUSALS, caller
from generation import control
from generation.costs.estimate import estimate
from generation.costs.price_file import price_list
from generation.costs.spending import Total, spending_of
from generation.pages.api import Order, order_terms, router

__all__ = ["router"]


class TotalOut(BaseModel):
    """Money as a decimal number in a string; of `spent`, `estimated` is the part that no endpoint reported."""

    spent: str
    estimated: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


class SectionTotalOut(TotalOut):
    name: str


class DocumentTotalOut(TotalOut):
    """A document with its drafts; `title` is null of one that was deleted."""

    artifact: int
    title: str | None
    sections: list[SectionTotalOut]


class DayOut(TotalOut):
    """A day of UTC."""

    day: date


class UsageOut(TotalOut):
    """`unpriced` are models without a price: their tokens are counted, their money is not."""

    project: int
    currency: str
    budget: str | None
    left: str | None
    documents: list[DocumentTotalOut]
    days: list[DayOut]
    unpriced: list[str]


class SectionEstimateOut(BaseModel):
    name: str
    amount: str | None
    most: str | None


class EstimateOut(BaseModel):
    """`amount` if each section is as long as the model is told, `most` if each uses up all its tokens; null where the
    model has no price.
    """

    model: str
    currency: str
    amount: str | None
    most: str | None
    sections: list[SectionEstimateOut]


@router.get("/projects/{int:project_id}/usage", response={200: UsageOut} | REFUSALS)
def usage(request: HttpRequest, project_id: int) -> UsageOut:
    """What the project has cost so far: by document, section and day."""
    project = access.project_for(caller(request), project_id, "usage")
    whole = spending_of(project)
    left = None if project.budget is None else max(0, project.budget - whole.spent)
    return UsageOut(
        project=project.pk,
        currency=price_list().currency,
        budget=_told(project.budget),
        left=_told(left),
        documents=[
            DocumentTotalOut(
                artifact=of.artifact,
                title=of.title or None,
                sections=[SectionTotalOut(name=name, **_total(part)) for name, part in of.sections.items()],
                **_total(of),
            )
            for of in whole.documents
        ],
        days=[DayOut(day=day, **_total(part)) for day, part in sorted(whole.days.items())],
        unpriced=whole.unpriced,
        **_total(whole),
    )


@router.post("/artifacts/{int:artifact_id}/estimate", response={200: EstimateOut} | REFUSALS)
def estimate_document(request: HttpRequest, artifact_id: int, body: Order | None = None) -> EstimateOut:
    """What `start` or `regenerate` with this body would cost, about and at most. The body may be empty."""
    artifact = access.artifact_for(caller(request), artifact_id, "start")
    terms = order_terms(body)
    plan, model = control.asked_plan(artifact, terms["plan"]), control.model_name(terms["model"])
    found = estimate(artifact, plan, instructions=terms["instructions"], model=model)
    return EstimateOut(
        model=found.model,
        currency=price_list().currency,
        amount=_told(found.amount),
        most=_told(found.most),
        sections=[
            SectionEstimateOut(name=one.name, amount=_told(one.amount), most=_told(one.most)) for one in found.sections
        ],
    )


def _told(value: int | None) -> str | None:
    return None if value is None else amount(value)


def _total(part: Total) -> dict[str, Any]:
    tokens: Iterable[str] = ("prompt_tokens", "cached_tokens", "completion_tokens")
    money = {"spent": amount(part.spent), "estimated": amount(part.estimated)}
    return money | {name: getattr(part, name) for name in tokens}
