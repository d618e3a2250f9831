"""The budgets of projects: what is spent of them, what is left to a document, and whether one may be started. It reads
only; a budget is set by `artifacts.sharing.projects`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from django.db.models import Sum

from artifacts.costs import amount
from artifacts.models import Artifact, Project
from generation.costs.price_file import price_list
from generation.errors import BudgetRefused
from generation.server_model import server_model


def spent(project: Project) -> int:
    """What its documents have cost, those that were deleted and the calls under way included, in billionths."""
    total: int | None = Artifact.objects.filter(project=project).aggregate(cost=Sum("cost"))["cost"]
    return (total or 0) + project.cost_of_deleted


def ceilings(artifact_ids: Collection[int]) -> dict[int, int]:
    """Of those whose projects have a budget, the most that each may cost while the others have cost what they have."""
    if not artifact_ids:
        return {}
    rows = Artifact.objects.filter(pk__in=artifact_ids, project__budget__isnull=False)
    budgets = {
        pk: (project, budget - deleted)
        for pk, project, budget, deleted in rows.values_list(
            "pk", "project", "project__budget", "project__cost_of_deleted"
        )
        if budget is not None
    }
    costs: dict[int, dict[int, int]] = defaultdict(dict)
    of_projects = Artifact.objects.filter(project__in={project for project, _ in budgets.values()})
    for pk, project, cost in of_projects.values_list("pk", "project", "cost"):
        costs[project][pk] = cost
    return {
        pk: budget - sum(costs[project].values()) + costs[project].get(pk, 0)
        for pk, (project, budget) in budgets.items()
    }


def check_budget(project_id: int, model: str) -> None:
    """Raises `BudgetRefused` where the project's budget is used up, or cannot be held with this model."""
    project = Project.objects.get(pk=project_id)
    if project.budget is None:
        return
    if spent(project) >= project.budget:
        raise BudgetRefused(used_up(project.budget))
    model = model or server_model()
    if price_list().of(model) is None:
        raise BudgetRefused(without_price(model))


def budget_sentence(artifact_id: int) -> str:
    """Why this document stopped."""
    return used_up(Project.objects.filter(artifacts=artifact_id).values_list("budget", flat=True).first() or 0)


def used_up(budget: int) -> str:
    """What to tell whoever wants more written."""
    return (
        f"The project's budget of {amount(budget)} {price_list().currency} is used up. "
        "Its owner can raise it on the project's page Cost and budget; then resume."
    )


def without_price(model: str) -> str:
    """As above, where nobody knows what a model costs."""
    named = f"The model {model}" if model else "The server's own model"
    return (
        f"{named} has no price, so the project's budget cannot be held with it. "
        "Choose a model that has one, or have its price added to the file of STREAMGEN_PRICES."
    )
