"""The pages on which a document is reworked, as a browser without a script uses them."""

from __future__ import annotations

import hashlib
import re

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from artifacts.models import Artifact, Project
from artifacts.planned_section import PlannedSection
from generation import control, reworking
from tests.generation.test_reworking import edit, write, written
from tests.support import documents


@pytest.fixture
def document(owner: User) -> Artifact:
    artifact = written("One.", "Two <b>&.")
    Project.objects.filter(pk=artifact.project_id).update(owner=owner)
    return artifact


@pytest.fixture
def visitor(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def text_of(answer: HttpResponse) -> str:
    return answer.content.decode()


def test_section_is_edited_as_a_form(visitor: Client, document: Artifact) -> None:
    address = f"/artifacts/{document.pk}/sections/2/edit/"
    page = text_of(visitor.get(address))
    assert "Two &lt;b&gt;&amp;.</textarea>" in page
    base = re.search(r'name="base" value="(\w+)"', page)
    assert base is not None

    shown = visitor.post(address, {"text": "**Zwei**\r\n", "base": base[1], "preview": "1"})
    assert shown.status_code == 200
    assert "<strong>Zwei</strong>" in text_of(shown)
    assert documents.row(document.pk).epoch == 1

    saved = visitor.post(address, {"text": "**Zwei**\r\n", "base": base[1], "save": "1"})
    assert saved.status_code == 302
    assert documents.row(document.pk).text == "## Part 1\n\nOne.\n\n## Part 2\n\n**Zwei**"


def test_words_stay_on_the_page_where_their_section_went(visitor: Client, document: Artifact) -> None:
    address = f"/artifacts/{document.pk}/sections/2/edit/"
    control.regenerate(document, None, plan=[PlannedSection(name="Another")])

    refused = visitor.post(address, {"text": "Zwei <b>", "base": sha("Two <b>&."), "save": "1"})

    assert refused.status_code == 409
    assert "Zwei &lt;b&gt;</textarea>" in text_of(refused)
    assert "What you typed is still here" in text_of(refused)
    assert visitor.get(address).status_code == 404


def test_second_editor_sees_both_texts_and_may_choose(visitor: Client, document: Artifact) -> None:
    edit(document, 1, "Theirs.", "One.")
    address = f"/artifacts/{document.pk}/sections/1/edit/"

    refused = visitor.post(address, {"text": "Mine.", "base": sha("One.")})
    page = text_of(refused)
    assert refused.status_code == 409
    assert "Mine.</textarea>" in page
    assert "Theirs.</pre>" in page
    assert f'value="{sha("Theirs.")}"' in page

    assert visitor.post(address, {"text": "Mine.", "base": sha("Theirs.")}).status_code == 302
    assert "Mine." in documents.row(document.pk).text


def test_draft_of_a_changed_section_is_refused_with_both_texts_and_put_in_by_hand(
    visitor: Client, document: Artifact
) -> None:
    draft = reworking.rewrite_section(document, None, 1).artifact
    write(draft, "Drafted.")
    edit(document, 1, "Theirs.", "One.")

    refused = visitor.post(f"/artifacts/{draft.pk}/accept/")
    assert refused.status_code == 409
    assert "Drafted." in text_of(refused)
    assert "Theirs." in text_of(refused)

    address = f"/artifacts/{document.pk}/sections/1/edit/"
    assert f"{address}?draft={draft.pk}" in text_of(refused)
    page = text_of(visitor.get(f"{address}?draft={draft.pk}"))
    assert "Drafted.</textarea>" in page
    assert "Theirs.</pre>" in page
    saved = visitor.post(address, {"text": "Both.", "base": sha("Theirs."), "draft": draft.pk})
    assert saved.status_code == 302
    assert not document.drafts.exists()
    assert "Both." in documents.row(document.pk).text


def test_draft_shows_its_own_section_though_another_came_before_it(visitor: Client, document: Artifact) -> None:
    draft = reworking.rewrite_section(document, None, 1).artifact
    reworking.add_section(documents.row(document.pk), None, PlannedSection(name="New"), after=0)
    page = text_of(visitor.get(f"/artifacts/{draft.pk}/"))
    assert "The present text of section 2" in page
    assert text_of(visitor.get(f"/projects/{document.project_id}/sharing/")).count(">Brief</option>") == 1
    assert "cannot simply take its place" not in page


def test_document_is_renamed_by_a_form(visitor: Client, document: Artifact) -> None:
    assert 'value="Brief"' in text_of(visitor.get(f"/artifacts/{document.pk}/?ask=rename"))
    for title, status in (("", 422), ("x" * 201, 422), ("two\x07", 422), (" Better ", 302)):
        assert visitor.post(f"/artifacts/{document.pk}/rename/", {"title": title}).status_code == status
    assert documents.row(document.pk).title == "Better"


def test_preview_is_sanitised(visitor: Client, document: Artifact) -> None:
    address = f"/artifacts/{document.pk}/sections/1/preview/"
    html = visitor.post(address, {"text": "**a** <script>b</script>"}).json()["html"]

    assert "<strong>a</strong>" in html
    assert "<script" not in html
    assert visitor.get(address).status_code == 405


def test_draft_is_asked_for_shown_beside_the_text_and_accepted(visitor: Client, document: Artifact) -> None:
    address = f"/artifacts/{document.pk}/sections/1/rewrite/"
    assert "One." in text_of(visitor.get(address))
    location = visitor.post(address, {"instructions": "Shorter."})["Location"]
    draft = document.drafts.get()
    assert location == f"/artifacts/{draft.pk}/"
    page = text_of(visitor.get(location))
    assert "The present text of section 1" in page
    assert "<p>One.</p>" in page
    assert "Wrote “Part 1” anew: Shorter." in page
    listed = text_of(visitor.get(f"/artifacts/{document.pk}/sections/"))
    assert "Wrote “Part 1” anew: Shorter.</a></h3><p><bdi>owner</bdi> · <time" in listed
    control.pause(draft)
    assert '<p class="row-why">Stopped by hand.</p>' in text_of(visitor.get(f"/artifacts/{document.pk}/sections/"))
    control.resume(draft)

    write(draft, "1.")
    assert visitor.post(f"/artifacts/{draft.pk}/accept/")["Location"] == f"/artifacts/{document.pk}/"
    assert documents.row(document.pk).text.startswith("## Part 1\n\n1.\n\n")


def test_draft_of_a_changed_section_says_so_and_is_rejected(visitor: Client, document: Artifact) -> None:
    draft = reworking.rewrite_section(document, None, 1).artifact
    write(draft, "1.")
    edit(document, 1, "Theirs.", "One.")

    visitor.post(f"/artifacts/{draft.pk}/accept/")
    page = text_of(visitor.get(f"/artifacts/{draft.pk}/"))
    assert "This section was changed" in page
    assert "Theirs." in page
    assert visitor.post(f"/artifacts/{draft.pk}/reject/")["Location"] == f"/artifacts/{document.pk}/"
    assert not Artifact.objects.filter(pk=draft.pk).exists()


def test_section_more_is_added_from_the_page(visitor: Client, document: Artifact) -> None:
    address = f"/artifacts/{document.pk}/sections/"
    assert "at the beginning" in text_of(visitor.get(address))
    assert visitor.post(address, {"name": "", "after": "1"}).status_code == 422

    visitor.post(address, {"name": "Risks", "after": "1", "instructions": "A table."})
    draft = document.drafts.get()
    assert [one.name for one in document.sections.order_by("position")] == ["Part 1", "Risks", "Part 2"]
    assert "A table." in draft.sections.get().instructions
    assert "Risks" in text_of(visitor.get(address))


def test_versions_are_listed_and_compared_in_one_text_or_side_by_side(visitor: Client, document: Artifact) -> None:
    edit(document, 1, "One <i>new</i>.", "One.")
    page = text_of(visitor.get(f"/artifacts/{document.pk}/versions/"))
    assert "Version 1" in page
    assert (
        visitor.get(f"/artifacts/{document.pk}/versions/", {"old": "1", "new": "current"})["Location"]
        == f"/artifacts/{document.pk}/versions/1/compare/current/"
    )
    for view in ("", "?view=side"):
        page = text_of(visitor.get(f"/artifacts/{document.pk}/versions/1/compare/current/{view}"))
        assert "<ins>" in page
        assert "<i>new" not in page
        assert "Unchanged: <bdi>Part 2</bdi>" in page
    assert visitor.get(f"/artifacts/{document.pk}/versions/x/compare/current/").status_code == 404
    assert visitor.get(f"/artifacts/{document.pk}/versions/", {"old": "1/2"}).status_code == 200


@pytest.mark.parametrize(
    "path", ["sections/", "sections/1/edit/", "sections/1/rewrite/", "versions/", "versions/1/compare/current/"]
)
def test_stranger_finds_no_page(stranger: User, document: Artifact, path: str) -> None:
    client = Client()
    client.force_login(stranger)

    assert client.get(f"/artifacts/{document.pk}/{path}").status_code == 404
