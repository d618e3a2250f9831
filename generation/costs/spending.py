"""What a project has cost: by document, section and day, from what its calls were charged. It reads only."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from artifacts.models import Artifact, CallCharge, Project


@dataclass
class Total:
    """Money in billionths: of `spent`, `estimated` is the part that no endpoint reported."""

    spent: int = 0
    estimated: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0

    def add(self, other: Total) -> None:
        self.spent += other.spent
        self.estimated += other.estimated
        self.prompt_tokens += other.prompt_tokens
        self.cached_tokens += other.cached_tokens
        self.completion_tokens += other.completion_tokens


@dataclass
class DocumentTotal(Total):
    """One document, with its drafts; "" is the title of one that was deleted. Of its sections by name."""

    artifact: int = 0
    title: str = ""
    sections: dict[str, Total] = field(default_factory=lambda: defaultdict(Total))


@dataclass
class ProjectTotal(Total):
    """`unpriced` are the models that nobody knows the price of: their tokens are counted, their money is not."""

    documents: list[DocumentTotal] = field(default_factory=list)
    days: dict[date, Total] = field(default_factory=lambda: defaultdict(Total))
    unpriced: list[str] = field(default_factory=list)


def spending_of(project: Project) -> ProjectTotal:
    """All of it, the calls that are under way included."""
    titles = dict(Artifact.objects.filter(project=project, draft_of=None).order_by("pk").values_list("pk", "title"))
    whole = ProjectTotal()
    documents = {pk: DocumentTotal(artifact=pk, title=title) for pk, title in titles.items()}
    for document, section, day, part in (*_charged(project), *_under_way(project)):
        of = documents.setdefault(document, DocumentTotal(artifact=document))
        for total in (whole, of, of.sections[section], whole.days[day]):
            total.add(part)
    whole.documents = [of for of in documents.values() if of.title or of.spent or of.completion_tokens]
    unpriced = CallCharge.objects.filter(project=project.pk, cost=None).order_by("model")
    whole.unpriced = list(unpriced.values_list("model", flat=True).distinct())
    return whole


def _charged(project: Project) -> list[tuple[int, str, date, Total]]:
    charges = CallCharge.objects.filter(project=project.pk).order_by()
    rows = charges.values("document", "section", day=TruncDate("at")).annotate(
        calls=Count("pk"),
        spent=Sum("cost"),
        estimated=Sum("cost", filter=Q(is_estimated=True)),
        prompt=Sum("prompt_tokens"),
        cached=Sum("cached_tokens"),
        completion=Sum("completion_tokens"),
    )
    return [
        (
            row["document"],
            row["section"],
            row["day"],
            Total(
                spent=row["spent"] or 0,
                estimated=row["estimated"] or 0,
                prompt_tokens=row["prompt"],
                cached_tokens=row["cached"],
                completion_tokens=row["completion"],
            ),
        )
        for row in rows.order_by("day", "document", "section")
    ]


def _under_way(project: Project) -> list[tuple[int, str, date, Total]]:
    rows = Artifact.objects.filter(project=project, cost_under_way__gt=0)
    today = timezone.now().date()
    return [
        (base or pk, section, today, Total(spent=cost, estimated=cost))
        for pk, base, section, cost in rows.values_list("pk", "draft_of", "current_section", "cost_under_way")
    ]
