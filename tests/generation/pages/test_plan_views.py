"""The page of a plan, as a browser without a script uses it: what was typed goes from load to load, none is lost."""

from __future__ import annotations

import html
import re

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from artifacts.models import Artifact
from generation.writing.phases import phase_of
from tests.support import documents

pytestmark = pytest.mark.django_db
Rows = list[tuple[str, str, str]]


@pytest.fixture
def visitor(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def rows_of(answer: HttpResponse) -> Rows:
    page = answer.content.decode().partition("<template")[0]
    names = re.findall(r'name="name" value="([^"]*)"', page)
    texts = re.findall(r'name="text"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    tokens = re.findall(r'name="tokens" value="([^"]*)"', page)
    return [tuple(map(html.unescape, row)) for row in zip(names, texts, tokens, strict=True)]


def press(visitor: Client, artifact: Artifact, wish: str, rows: Rows, **typed: str) -> HttpResponse:
    names, texts, tokens = zip(*rows, strict=True) if rows else ((), (), ())
    lists = {"name": list(names), "text": list(texts), "tokens": list(tokens)}
    return visitor.post(f"/artifacts/{artifact.pk}/plan/", {"do": wish, **lists, **typed})


def test_built_in_plan_is_changed_by_buttons_and_written(visitor: Client, artifact: Artifact) -> None:
    rows = rows_of(visitor.get(f"/artifacts/{artifact.pk}/plan/"))
    built_in = [(one.name, one.instructions, str(one.max_tokens)) for one in phase_of("brief").plan]
    assert rows == built_in
    rows[0] = ("Zweck & <Ziel>", "Erste Zeile\nzweite", "700")
    rows = rows_of(press(visitor, artifact, "down-1", rows, instructions="Keep this."))
    assert rows[1] == ("Zweck & <Ziel>", "Erste Zeile\nzweite", "700")
    rows = rows_of(press(visitor, artifact, "up-2", rows))
    rows = rows_of(press(visitor, artifact, "remove-2", rows))
    answer = press(visitor, artifact, "add", rows, instructions="Keep this.")
    assert "Keep this." in answer.content.decode()
    rows = rows_of(answer)
    assert rows == [("Zweck & <Ziel>", "Erste Zeile\nzweite", "700"), *built_in[2:], ("", "", "1000")]
    for wish in ("up-1", f"down-{len(rows) - 1}", "remove-99", "keep", "up-x"):  # of the empty row nothing is kept
        assert rows_of(press(visitor, artifact, wish, rows)) == rows[:-1]
    assert rows_of(press(visitor, artifact, "built-in", rows)) == built_in
    assert documents.row(artifact.pk).stream_status == "idle"

    assert press(visitor, artifact, "write", rows, instructions="Keep this.", model="large").status_code == 302
    shown = documents.row(artifact.pk)
    assert (shown.stream_status, shown.instructions) == ("streaming", "Keep this.")
    planned = shown.sections.values_list("name", "instructions", "max_tokens")
    assert [(name, text, str(most)) for name, text, most in planned] == rows[:-1]
    assert visitor.get(f"/artifacts/{artifact.pk}/plan/").status_code == 302


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "plan must have 1 to 100 sections"),
        ([("A", "", "100"), ("", "What?", "100")], "The name of section 2"),
        ([("A", "", "0")], "The max_tokens of section 1"),
        ([("A", "", "many")], "The max_tokens of section 1"),
    ],
)
def test_refused_plan_is_shown_as_typed(visitor: Client, artifact: Artifact, rows: Rows, said: str) -> None:
    answer = press(visitor, artifact, "write", rows)
    assert answer.status_code == 422
    assert said.lower() in answer.content.decode().lower()
    assert [row[:2] for row in rows_of(answer)] == [row[:2] for row in rows]
    assert documents.row(artifact.pk).stream_status == "idle"


def test_written_document_is_written_anew_by_the_plan_it_has(visitor: Client, artifact: Artifact) -> None:
    visitor.post(f"/artifacts/{artifact.pk}/start/", {"plan": "One\n    Say it\nTwo", "section_tokens": "60"})
    visitor.post(f"/artifacts/{artifact.pk}/cancel/")
    rows = rows_of(visitor.get(f"/artifacts/{artifact.pk}/plan/"))
    assert rows == [("One", "Say it", "60"), ("Two", "", "60")]
    assert press(visitor, artifact, "write", rows[::-1]).status_code == 302
    assert list(documents.row(artifact.pk).sections.values_list("name", flat=True)) == ["Two", "One"]
    assert documents.row(artifact.pk).epoch == 2
