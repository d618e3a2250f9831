"""The admin of documents: everything can be inspected, nothing can be changed, and no list loads a text."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from artifacts.accounts import tokens
from artifacts.lifecycle import commands
from artifacts.models import AccessToken, ActionRecord, ArtifactVersion, Delta, PieceTimes, Project, Section
from artifacts.written_pieces import pack, read_pieces
from tests.support import documents

pytestmark = pytest.mark.django_db

MODELS = ("project", "artifact", "section", "delta", "artifactversion", "accesstoken")
LONG = '"(content|preview_html|instructions|text|description|sections)"'
HOSTILE = "Some **bold** words.\n\n<script>alert(1)</script> [x](javascript:alert(1))"


@pytest.fixture
def inspector() -> Client:
    """Staff who may view everything and change nothing."""
    client = Client()
    user = User.objects.create_user("inspector", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    return client


@pytest.fixture
def administrator(staff) -> Client:
    client = Client()
    client.force_login(staff)
    return client


def written(text: str = "Some **bold** words.") -> int:
    """A document with sections, deltas, a version and a token of its owner."""
    artifact = documents.complete(text, "The end.")
    commands.reset(artifact.pk, documents.sections(), "Again.")
    documents.reopened(artifact.pk).append(text)
    tokens.issue_token(artifact.project.owner)
    return artifact.pk


def page(client: Client, name: str, *args: object, **query: object) -> str:
    response = client.get(reverse(f"admin:artifacts_{name}", args=args), query)
    assert response.status_code == 200
    return response.content.decode()


def first(model: type) -> int:
    return model.objects.order_by("pk").first().pk


def test_lists_load_no_text_and_their_queries_do_not_grow(inspector):
    counts = {}
    for round_ in range(3):
        pk = written("x" * 5_000)
        Project.objects.update(description="y" * 5_000)
        for model in MODELS:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                shown = page(inspector, f"{model}_changelist")
            assert "x" * 100 not in shown
            for query in queries:
                selected = query["sql"].partition(" FROM ")[0]
                assert not re.search(LONG, _without_functions(selected)), selected
            assert counts.setdefault(model, len(queries)) == len(queries), f"{model}, round {round_}"
    assert pk
    assert max(counts.values()) <= 8


def _without_functions(sql: str) -> str:
    """The selected columns without those that only go into LENGTH() or LEFT(), which the database computes."""
    return re.sub(r"(LENGTH|SUBSTR|LEFT)\([^)]*\)", "", sql)


def test_list_shows_status_progress_tokens_and_error(inspector):
    draft = documents.opened(total=2)
    draft.begin(0)
    draft.end_section(0, "One.", tokens=1234)
    draft.stop(reason="rate_limited", detail="Too many requests.")
    shown = page(inspector, "artifact_changelist")
    assert '<span class="badge badge-paused">Paused</span>' in shown
    assert re.search(r'<progress max="2" value="1"></progress>\s*1/2', shown)
    assert "rate_limited" in shown
    assert "Too many requests." in shown
    assert f'href="/artifacts/{draft.pk}/"' in shown


def test_lists_can_be_filtered_and_searched(inspector):
    complete, paused = documents.complete(), documents.paused()
    shown = page(inspector, "artifact_changelist", stream_status__exact="paused")
    assert reverse("admin:artifacts_artifact_change", args=[paused.pk]) in shown
    assert reverse("admin:artifacts_artifact_change", args=[complete.pk]) not in shown
    shown = page(inspector, "artifact_changelist", q=complete.project.title)
    assert reverse("admin:artifacts_artifact_change", args=[complete.pk]) in shown
    assert reverse("admin:artifacts_artifact_change", args=[paused.pk]) not in shown
    shown = page(inspector, "delta_changelist", artifact__id__exact=complete.pk)
    assert shown.count('class="field-seq"') == 2


def test_document_shows_its_text_and_a_safe_preview_and_links_to_its_page(inspector):
    pk = written(HOSTILE)
    shown = page(inspector, "artifact_change", pk)
    assert "<script>alert" not in shown
    assert "Some **bold** words.\n\n&lt;script&gt;alert(1)&lt;/script&gt;" in shown  # the text
    assert "<strong>bold</strong>" in shown  # the preview
    assert 'href="javascript' not in shown
    assert f'href="/artifacts/{pk}/"' in shown
    for model in ("delta", "artifactversion"):
        assert f"{reverse(f'admin:artifacts_{model}_changelist')}?artifact__id__exact={pk}" in shown
    row = documents.row(pk)
    PieceTimes.objects.create(artifact=row, epoch=row.epoch, packed=pack(read_pieces(row)))
    assert "1 deltas, packed" in page(inspector, "artifact_change", pk)


def test_every_row_can_be_looked_at(inspector):
    pk = written()
    assert "Some **bold** words." in page(inspector, "delta_change", first(Delta))
    assert "<strong>bold</strong>" in page(inspector, "artifactversion_change", first(ArtifactVersion))
    assert f"/artifacts/{pk}/versions/" in page(inspector, "artifactversion_changelist")
    assert "Say it." in page(inspector, "section_change", first(Section))
    assert "/projects/" in page(inspector, "project_change", first(Project))


@pytest.mark.parametrize("model", MODELS)
def test_nothing_can_be_added_changed_or_deleted(administrator, model):
    pk = written()
    row = {"accesstoken": AccessToken, "artifactversion": ArtifactVersion, "section": Section, "delta": Delta}
    target = pk if model == "artifact" else first(row.get(model, Project))
    before = documents.everything(pk)
    names = f"admin:artifacts_{model}"
    assert administrator.get(reverse(f"{names}_add")).status_code == 403
    assert administrator.post(reverse(f"{names}_add"), {"title": "x"}).status_code == 403
    change = reverse(f"{names}_change", args=[target])
    assert 'name="_save"' not in administrator.get(change).content.decode()
    assert administrator.post(change, {"title": "x", "stream_status": "idle"}).status_code == 403
    if model not in {"accesstoken", "project"}:
        assert administrator.post(reverse(f"{names}_delete", args=[target]), {"post": "yes"}).status_code == 403
        bulk = {"action": "delete_selected", "_selected_action": [target], "post": "yes"}
        administrator.post(reverse(f"{names}_changelist"), bulk)
    assert documents.everything(pk) == before


@pytest.mark.parametrize("who", ["person", "project"])
def test_person_or_project_is_deleted_after_a_question_and_the_deletion_stays_on_record(administrator, staff, who):
    pk = written()
    project = documents.row(pk).project
    name, target = ("auth_user", project.owner_id) if who == "person" else ("artifacts_project", project.pk)
    delete = reverse(f"admin:{name}_delete", args=[target])
    question = administrator.get(delete)
    assert question.status_code == 200
    assert project.title in question.content.decode()
    assert documents.row(pk).text == "Some **bold** words."

    administrator.post(delete, {"post": "yes"})

    assert not Project.objects.filter(pk=project.pk).exists()
    assert ActionRecord.objects.filter(verb="delete_project", project=project.pk, actor=staff.pk).exists()


def test_chosen_projects_are_deleted_together(administrator, inspector):
    projects = [documents.row(written()).project for _ in range(2)]
    chosen = {"action": "delete_selected", "_selected_action": [project.pk for project in projects], "post": "yes"}
    listed = reverse("admin:artifacts_project_changelist")
    inspector.post(listed, chosen)
    assert Project.objects.count() == 2
    administrator.post(listed, chosen)
    assert not Project.objects.exists()
    assert ActionRecord.objects.filter(verb="delete_project").count() == 2


@pytest.mark.parametrize("name", ["project", "artifact", "delta", "accesstoken", "actionrecord"])
def test_staff_without_a_permission_see_nothing(name):
    client = Client()
    client.force_login(User.objects.create_user("newcomer", is_staff=True))
    assert client.get(reverse(f"admin:artifacts_{name}_changelist")).status_code == 403


def test_token_shows_no_digest_and_can_be_taken_back(administrator, inspector, owner):
    token = tokens.issue_token(owner)
    row = AccessToken.objects.get()
    for shown in (page(administrator, "accesstoken_changelist"), page(administrator, "accesstoken_change", row.pk)):
        assert row.digest not in shown
        assert token not in shown
    delete = reverse("admin:artifacts_accesstoken_delete", args=[row.pk])
    assert inspector.post(delete, {"post": "yes"}).status_code == 403
    assert tokens.user_for_token(token) == owner
    assert row.digest not in administrator.get(delete).content.decode()
    administrator.post(delete, {"post": "yes"})
    assert tokens.user_for_token(token) is None


def test_strangers_to_the_admin_are_sent_away(owner):
    client = Client()
    client.force_login(owner)
    for model in MODELS:
        assert client.get(reverse(f"admin:artifacts_{model}_changelist")).status_code == 302


def test_pages_keep_to_the_content_security_policy(inspector):
    """`script-src 'self'` and `style-src 'self'` allow nothing inline."""
    pk = written()
    for shown in (page(inspector, "artifact_changelist"), page(inspector, "artifact_change", pk)):
        assert not re.search(r"<script(?![^>]*\b(src|type=\"application/json\"))", shown)
        assert not re.search(r"<[^>]+\s(style|on\w+)=", shown)
        assert "<style" not in shown
