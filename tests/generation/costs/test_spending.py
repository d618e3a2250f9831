"""What a project has cost and what a document would: over the API and on the pages, in exact sums that agree."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from artifacts.costs import CallCost, Spent
from artifacts.lifecycle import writing
from artifacts.lifecycle.writing import Flush
from artifacts.models import Artifact, CallCharge, Project
from artifacts.sharing import links, members
from generation import control
from generation.costs.budgets import spent
from generation.queue import claims
from tests.support import documents
from tests.support.documents import LEASE_S

pytestmark = pytest.mark.django_db

MODEL = "gpt-5-mini"  # of the list that comes with the product


@pytest.fixture
def visitor(client: Client, owner: User, settings: Any) -> Client:
    settings.STREAMGEN_MODEL = MODEL
    client.force_login(owner)
    return client


def call(number: int, cost: int | None, *, section: str = "Summary", estimated: bool = False) -> CallCost:
    return CallCost(
        number=number,
        section=section,
        model=MODEL if cost is not None else "unknown",
        prompt_tokens=100,
        cached_tokens=60,
        completion_tokens=10,
        is_estimated=estimated,
        cost=cost,
    )


def write(artifact: Artifact, user: User, *charges: CallCost, under_way: int = 0) -> None:
    """A flush that brings these, of a document that is being written."""
    control.start(artifact, user)
    claim = claims.claim("worker", lease_s=LEASE_S)
    assert claim is not None
    cost = sum(charge.cost or 0 for charge in charges)
    estimated = sum(charge.cost or 0 for charge in charges if charge.is_estimated)
    spent = Spent(cost=cost + under_way, estimated=estimated + under_way, under_way=under_way)
    flush = Flush(offset=0, text="word", tokens=1, spent=spent, charges=charges)
    for _ in range(2):  # its answer was lost on the way
        writing.append(claim.artifact, fence=claim.fence, flush=flush, lease_s=LEASE_S)


def amounts(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in (*names, "spent", "estimated")) for row in rows]


def test_usage_adds_up_by_document_section_and_day(visitor: Client, owner: User, artifact: Artifact) -> None:
    other = artifact.project.artifacts.get(phase="prd")
    write(artifact, owner, call(1, 1), call(2, 2_000_000_000, section="Goals", estimated=True), under_way=5)
    write(other, owner, call(1, 30), call(2, None))
    yesterday: datetime = timezone.now() - timedelta(days=1)
    CallCharge.objects.filter(document=other.pk, number=1).update(at=yesterday)
    assert control.delete(other, owner) is None
    Project.objects.filter(pk=artifact.project_id).update(budget=3_000_000_000)

    body = visitor.get(f"/api/projects/{artifact.project_id}/usage").json()

    assert (body["currency"], body["budget"], body["unpriced"]) == ("USD", "3.00", ["unknown"])
    assert (body["spent"], body["estimated"], body["left"]) == ("2.000000036", "2.000000005", "0.999999964")
    assert (body["prompt_tokens"], body["cached_tokens"], body["completion_tokens"]) == (400, 240, 40)
    written = [row for row in body["documents"] if row["completion_tokens"]]
    assert amounts(written, "artifact", "title") == [
        (artifact.pk, "Project brief", "2.000000006", "2.000000005"),
        (other.pk, None, "0.00000003", "0.00"),
    ]
    assert amounts(written[0]["sections"], "name")[:2] == [
        ("Goals", "2.00", "2.00"),
        ("Summary", "0.000000001", "0.00"),
    ]
    assert amounts(body["days"], "day")[0] == (yesterday.date().isoformat(), "0.00000003", "0.00")
    assert sum(Decimal(row["spent"]) for row in body["days"]) == Decimal(body["spent"])
    assert spent(Project.objects.get(pk=artifact.project_id)) == 2_000_000_036
    page = visitor.get(reverse("generation:cost", args=[artifact.project_id])).content.decode()
    assert "2.0000 USD so far, 2.0000 of it estimated; 1.0000 USD of the budget of 3.0000 left." in page
    assert f"Deleted document {other.pk}" in page
    assert "~2.0000" in visitor.get(reverse("artifacts:artifact", args=[artifact.pk])).content.decode()


def test_budget_is_set_by_its_owner_in_amounts_and_refused_in_words(visitor: Client, project: Project) -> None:
    path = f"/api/projects/{project.pk}"

    def patch(**body: Any) -> Any:
        return visitor.patch(path, body, content_type="application/json")

    assert patch(budget="12.50").json()["budget"] == "12.50"
    assert patch(title="Harbour").json()["budget"] == "12.50"
    assert patch(budget=0.1).json()["budget"] == "0.10"
    refused = patch(budget="-1", title="Not this")
    assert (refused.status_code, refused.json()["field"]) == (422, "budget")
    assert patch(budget=None).json() | {"artifacts": 0} == {
        "id": project.pk,
        "title": "Harbour",
        "description": project.description,
        "archived": False,
        "budget": None,
        "artifacts": 0,
    }
    typed = visitor.post(reverse("generation:budget", args=[project.pk]), {"budget": "1,5"})
    assert typed.status_code == 422
    assert "Budget must be an amount such as &quot;12.50&quot;." in typed.content.decode()
    visitor.post(reverse("generation:budget", args=[project.pk]), {"budget": "7"})
    project.refresh_from_db()
    assert project.budget == 7_000_000_000


def test_start_that_the_budget_does_not_allow_is_409_with_its_code(visitor: Client, artifact: Artifact) -> None:
    Project.objects.filter(pk=artifact.project_id).update(budget=0)

    response = visitor.post(f"/api/artifacts/{artifact.pk}/start", {}, content_type="application/json")

    assert (response.status_code, response.json()["code"]) == (409, "budget")


def test_estimate_is_of_the_plan_that_would_be_written_and_starts_nothing(visitor: Client, artifact: Artifact) -> None:
    path = f"/api/artifacts/{artifact.pk}/estimate"

    def estimate(body: Any) -> Any:
        return visitor.post(path, body, content_type="application/json").json()

    built_in, own = estimate({}), estimate({"plan": [{"name": "Why", "max_tokens": 1_000}]})

    assert (own["model"], own["currency"]) == (MODEL, "USD")
    # 500 tokens of an answer, then 2 000; a million cost 2.00; the prompts come on top.
    assert Decimal("0.001") < Decimal(own["amount"]) < Decimal("0.0015")
    assert Decimal("0.004") < Decimal(own["most"]) < Decimal("0.006")
    assert len(built_in["sections"]) == 5
    assert sum(Decimal(one["amount"]) for one in built_in["sections"]) == Decimal(built_in["amount"])
    assert estimate({"model": "unknown"})["amount"] is None
    assert Artifact.objects.get(pk=artifact.pk).stream_status == "idle"
    page = visitor.get(reverse("artifacts:artifact", args=[artifact.pk])).content.decode()
    assert f"with {MODEL}, " in page


def sentence_of(visitor: Client, path: str, typed: dict[str, Any]) -> tuple[int, str]:
    """As the module of a page asks while somebody types."""
    answer = visitor.post(path, typed, headers={"accept": "application/json"})
    return answer.status_code, answer.json()["sentence"]


def test_estimate_follows_what_is_typed(visitor: Client, artifact: Artifact) -> None:
    path = reverse("generation:artifact-estimate", args=[artifact.pk])
    status, built_in = sentence_of(visitor, path, {})
    assert (status, f"with {MODEL}, " in built_in) == (200, True)
    page = visitor.get(reverse("artifacts:artifact", args=[artifact.pk])).content.decode()
    assert f'data-costs role="status">{built_in}</p>' in page
    shorter = sentence_of(visitor, path, {"plan": "Why", "section_tokens": "100"})[1]
    assert amount_in(shorter) < amount_in(built_in)
    assert "with gpt-5.5, " in sentence_of(visitor, path, {"model": "gpt-5.5"})[1]
    assert "unknown has no price" in sentence_of(visitor, path, {"model": "unknown"})[1]
    for refused in ("0", "1_0", "１０"):
        assert sentence_of(visitor, path, {"section_tokens": refused}) == (200, "")
    Project.objects.filter(pk=artifact.project_id).update(budget=2_000_000_000)
    assert sentence_of(visitor, path, {})[1].endswith("Of the project's budget 2.0000 USD is left.")

    typed = visitor.post(path, {"plan": "Why", "section_tokens": "100", "instructions": "Mine."}).content.decode()
    assert shorter in typed  # without a script: the form again, as it was typed
    assert "Mine." in typed
    assert visitor.get(path).status_code == 302
    assert Artifact.objects.get(pk=artifact.pk).stream_status == "idle"


def test_page_of_a_plan_says_what_it_would_cost_as_it_stands(visitor: Client, artifact: Artifact) -> None:
    path = reverse("generation:plan", args=[artifact.pk])
    rows = {"name": ["Why", "How"], "text": ["", ""], "tokens": ["100", "200"]}
    status, both = sentence_of(visitor, path, {"do": "keep", **rows})
    assert status == 200
    one = sentence_of(visitor, path, {"do": "remove-2", **rows})[1]
    assert amount_in(one) < amount_in(both)
    assert both in visitor.post(path, {"do": "keep", **rows}).content.decode()
    assert "at most." in visitor.get(path).content.decode()
    assert sentence_of(visitor, path, {"do": "keep", **rows, "tokens": ["100", "x"]}) == (200, "")
    assert Artifact.objects.get(pk=artifact.pk).stream_status == "idle"


def test_page_that_has_a_section_written_anew_says_what_that_would_cost(visitor: Client, owner: User) -> None:
    written = documents.complete("\n\n## Part 1\n\nOne.".lstrip())
    Project.objects.filter(pk=written.project_id).update(owner=owner)
    path = reverse("generation:section-rewrite", args=[written.pk, 1])
    asked = sentence_of(visitor, path, {"max_tokens": "5000", "instructions": "Longer."})[1]
    assert amount_in(asked) > amount_in(sentence_of(visitor, path, {"max_tokens": "100"})[1])
    assert sentence_of(visitor, path, {"max_tokens": "0"}) == (200, "")
    page = visitor.post(path, {"max_tokens": "5000", "instructions": "Longer.", "estimate": "1"}).content.decode()
    assert asked in page
    assert not written.drafts.exists()


def test_page_of_a_project_says_what_all_that_is_idle_would_cost(visitor: Client, artifact: Artifact) -> None:
    path = reverse("artifacts:project", args=[artifact.project_id])

    def all_of_it() -> Decimal:
        found = re.search(r"About ([0-9.]+) USD", visitor.get(path).content.decode())
        assert found is not None
        return Decimal(found[1])

    before = all_of_it()
    control.delete(artifact)
    assert Decimal(0) < all_of_it() < before


def test_estimate_counts_what_a_prompt_is_told_of_earlier_documents(visitor: Client, artifact: Artifact) -> None:
    second = artifact.project.artifacts.get(phase="prd")
    path = reverse("generation:artifact-estimate", args=[second.pk])
    alone = amount_in(sentence_of(visitor, path, {})[1])
    Artifact.objects.filter(pk=artifact.pk).update(stream_status="complete", length=50_000)
    # 12 000 characters, in the prompts of six sections; a million tokens cost 0.25.
    assert amount_in(sentence_of(visitor, path, {})[1]) - alone == pytest.approx(
        Decimal("0.0045"), abs=Decimal("0.0002")
    )


def amount_in(sentence: str) -> Decimal:
    return Decimal(sentence.split()[1])


def test_what_a_document_costs_is_shown_to_those_who_may_see_what_the_project_costs(
    visitor: Client, owner: User, stranger: User, artifact: Artifact
) -> None:
    _, secret = links.share(artifact.project, owner, artifact)
    members.set_role(artifact.project, stranger, "viewer", owner)
    theirs = Client()
    theirs.force_login(stranger)
    address = f"/artifacts/{artifact.pk}/"

    assert "<div><dt>Cost" in visitor.get(address).content.decode()
    assert "<div hidden><dt>Cost" in theirs.get(address).content.decode()
    assert "<div hidden><dt>Cost" in Client().get(f"/shared/{secret}/").content.decode()
