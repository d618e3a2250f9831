"""The forms of the pages: each does its one verb, says what went wrong beside what was typed, and loses none of it."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from artifacts.lifecycle import writing
from artifacts.lifecycle.writing import Flush
from artifacts.models import Artifact, ArtifactVersion, Project, StreamStatus
from artifacts.planned_section import SECTION_TOKENS, PlannedSection
from generation import control
from generation.models import GenerationTask
from generation.pages.forms import GenerationForm, plan_text
from generation.queue.finishing import finish
from tests.support import documents

pytestmark = pytest.mark.django_db

VERBS = ("start", "cancel", "pause", "resume", "regenerate", "restore", "delete")


@pytest.fixture
def visitor(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def press(client: Client, artifact: Artifact, verb: str, **typed: str) -> HttpResponse:
    return client.post(reverse("generation:artifact-command", args=[artifact.pk, verb]), typed)


def ask(client: Client, artifact: Artifact, verb: str, **typed: str) -> HttpResponse:
    """As the page's module does."""
    address = reverse("generation:artifact-command", args=[artifact.pk, verb])
    return client.post(address, typed, headers={"accept": "application/json"})


def status(artifact: Artifact) -> str:
    return Artifact.objects.values_list("stream_status", flat=True).get(pk=artifact.pk)


def written(artifact: Artifact, text: str) -> None:
    """The document has text, and its writer is gone."""
    fence = writing.open(artifact.pk, lease_s=60).fence
    writing.append(artifact.pk, fence=fence, flush=Flush(offset=0, text=text, tokens=1), lease_s=60)
    writing.release(artifact.pk, fence=fence, flush=Flush(offset=len(text), text="", tokens=1), section_tokens=1)


# Projects and documents


def test_project_is_made_and_shown(visitor: Client, owner: User) -> None:
    response = visitor.post(
        reverse("generation:project-create"), {"title": " Harbour ", "description": "Two\r\nlines "}
    )
    project = Project.objects.get()
    assert response["Location"] == reverse("artifacts:project", args=[project.pk])
    assert (project.owner, project.title, project.description) == (owner, "Harbour", "Two\nlines ")


@pytest.mark.parametrize("title", ["", "   ", "x" * 201, "two\nlines", "bell\x07"])
def test_refused_project_is_shown_again_as_typed(visitor: Client, title: str) -> None:
    response = visitor.post(reverse("generation:project-create"), {"title": title, "description": "All that I know."})
    html = response.content.decode()
    assert response.status_code == 422
    assert "All that I know." in html
    assert 'aria-invalid="true"' in html
    assert not Project.objects.exists()


def test_document_of_ones_own_is_named_after_its_title(visitor: Client, project: Project) -> None:
    address = reverse("generation:artifact-create", args=[project.pk])
    response = visitor.post(address, {"title": "3 Letters to the_Board!"})
    artifact = project.artifacts.get(title="3 Letters to the_Board!")
    assert artifact.phase == "letters-to-the-board"
    assert response["Location"] == reverse("artifacts:artifact", args=[artifact.pk])


def test_title_without_a_latin_letter_makes_a_short_name_too(visitor: Client, project: Project) -> None:
    for title in ("灯台", "دليل", "🗼 2"):
        assert (
            visitor.post(reverse("generation:artifact-create", args=[project.pk]), {"title": title}).status_code == 302
        )
    made = project.artifacts.filter(phase__startswith="document").order_by("pk").values_list("title", "phase")
    assert list(made) == [("灯台", "document"), ("دليل", "document-2"), ("🗼 2", "document-3")]


def test_titles_that_are_alike_make_short_names_that_are_not(visitor: Client, project: Project) -> None:
    for title in ("Brief", "brief!", "x" * 50, "x" * 60):
        visitor.post(reverse("generation:artifact-create", args=[project.pk]), {"title": title})
    made = project.artifacts.order_by("-pk").values_list("phase", flat=True)[:4]
    assert list(made) == [f"{'x' * 36}-2", "x" * 40, "brief-3", "brief-2"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"title": "Another", "phase": "brief"}, "already"),
        ({"title": "Another", "phase": "No Spaces"}, "lower-case"),
        ({"title": "", "phase": "own"}, "required"),
    ],
)
def test_refused_document_says_which_field(
    visitor: Client, project: Project, typed: dict[str, str], words: str
) -> None:
    response = visitor.post(reverse("generation:artifact-create", args=[project.pk]), typed)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert project.artifacts.count() == 6


def test_nobody_adds_documents_to_other_peoples_projects(client: Client, project: Project, stranger: User) -> None:
    client.force_login(stranger)
    response = client.post(reverse("generation:artifact-create", args=[project.pk]), {"title": "Mine"})
    assert response.status_code == 404
    assert project.artifacts.count() == 6


def test_addresses_of_forms_lead_back_to_their_pages(visitor: Client, artifact: Artifact) -> None:
    project = artifact.project
    assert visitor.get(reverse("generation:project-create"))["Location"] == reverse("artifacts:projects")
    assert visitor.get(reverse("generation:artifact-create", args=[project.pk]))["Location"] == reverse(
        "artifacts:project", args=[project.pk]
    )
    back = visitor.get(reverse("generation:artifact-command", args=[artifact.pk, "delete"]))
    assert back["Location"] == reverse("artifacts:artifact", args=[artifact.pk])
    assert status(artifact) == StreamStatus.IDLE


# The verbs


def test_start_queues_what_was_typed(visitor: Client, artifact: Artifact, owner: User) -> None:
    plan = "1. Why\r\n   Two sentences\r\n   at most\r\n\r\n- How *now*\r\n"
    response = press(
        visitor, artifact, "start", instructions="Short.\r\nPlain.", model=" m ", plan=plan, section_tokens="700"
    )
    assert response["Location"] == reverse("artifacts:artifact", args=[artifact.pk])
    artifact.refresh_from_db()
    task = GenerationTask.objects.get(artifact=artifact)
    assert (artifact.stream_status, artifact.instructions) == (StreamStatus.STREAMING, "Short.\nPlain.")
    assert (task.requested_by, task.model) == (owner, "m")
    rows = list(artifact.sections.order_by("position").values_list("name", "instructions", "max_tokens"))
    assert rows == [("Why", "Two sentences\nat most", 700), ("How *now*", "", 700)]


def test_start_without_a_word_takes_the_built_in_plan(visitor: Client, artifact: Artifact) -> None:
    press(visitor, artifact, "start")
    assert artifact.sections.count() >= 3


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"plan": "\n".join(f"Section {n}" for n in range(101))}, "plan"),
        ({"plan": "x" * 121}, "plan"),
        ({"plan": "One", "section_tokens": "0"}, "section_tokens"),
        ({"plan": "One", "section_tokens": "many"}, "section_tokens"),
        ({"model": "two\nlines"}, "model"),
        ({"model": "x" * 201}, "model"),
    ],
)
def test_refused_start_keeps_everything_typed_and_names_the_field(
    visitor: Client, artifact: Artifact, typed: dict[str, str], field: str
) -> None:
    response = press(visitor, artifact, "start", instructions="Do not lose this.", **typed)
    assert response.status_code == 422
    assert "Do not lose this." in response.content.decode()
    assert field in ask(visitor, artifact, "start", **typed).json()["errors"]
    assert status(artifact) == StreamStatus.IDLE


def test_pause_resume_and_cancel_move_the_document(visitor: Client, artifact: Artifact) -> None:
    press(visitor, artifact, "start")
    for verb, after in [("pause", "paused"), ("resume", "streaming"), ("cancel", "cancelled")]:
        press(visitor, artifact, verb)
        assert status(artifact) == after


@pytest.mark.parametrize(
    ("reason", "asks", "anew"),
    [("no_progress", True, True), ("tokens_exhausted", True, True), ("auth", True, False), ("disk_full", False, False)],
)
def test_page_offers_other_terms_where_they_are_a_way_out(visitor: Client, artifact: Artifact, reason, asks, anew):
    press(visitor, artifact, "start")
    fence = writing.open(artifact.pk, lease_s=60).fence
    writing.stop(artifact.pk, fence=fence, flush=None, section_tokens=None, reason=reason, detail="Why.")
    page = visitor.get(reverse("artifacts:artifact", args=[artifact.pk])).content.decode()
    terms, button, _ = re.findall(r"<\w+ [^>]*data-reasons=[^>]*>", page)
    assert (" open>" in terms, " hidden" not in button) == (asks, anew)


def test_stuck_section_is_written_anew_by_a_form(visitor: Client, artifact: Artifact) -> None:
    press(visitor, artifact, "start")
    draft = documents.reopened(artifact.pk)
    draft.begin(0)
    draft.end_section(0, "## A\n\nDone.", tokens=9)
    draft.begin(1)
    draft.stop("\n\n## B\n\nStuck", reason="bad_seam")
    finish(artifact.pk, "paused")
    refused = press(visitor, artifact, "resume", max_tokens="99000", anew="1")
    assert (refused.status_code, status(artifact)) == (422, "paused")
    press(visitor, artifact, "resume", max_tokens="1500", anew="1")
    row = documents.row(artifact.pk)
    assert (row.stream_status, row.text, row.epoch, row.tokens_generated) == ("streaming", "## A\n\nDone.", 2, 9)
    assert row.versions.get().content == "## A\n\nDone.\n\n## B\n\nStuck"
    assert list(row.sections.values_list("max_tokens", flat=True))[1:3] == [1500, 1500]


def test_resume_takes_another_model(visitor: Client, artifact: Artifact) -> None:
    press(visitor, artifact, "start", model="old")
    press(visitor, artifact, "pause")
    answer = ask(visitor, artifact, "resume", model="two\nlines")
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["model"])
    page = visitor.post(
        reverse("generation:artifact-command", args=[artifact.pk, "resume"]), {"model": "x" * 300}, follow=True
    )
    assert "model" in page.content.decode()
    assert status(artifact) == StreamStatus.PAUSED
    press(visitor, artifact, "resume", model="new")
    assert (status(artifact), GenerationTask.objects.get().model) == (StreamStatus.STREAMING, "new")


def test_stop_of_a_live_writer_is_asked_for_and_said(visitor: Client, artifact: Artifact) -> None:
    press(visitor, artifact, "start")
    writing.open(artifact.pk, lease_s=60)
    page = visitor.post(
        reverse("generation:artifact-command", args=[artifact.pk, "cancel"]), follow=True
    ).content.decode()
    assert "Cancelling. Every word is kept." in page
    artifact.refresh_from_db()
    assert (artifact.stream_status, artifact.stop_requested) == ("streaming", "cancel")


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume", "regenerate"])
def test_illegal_move_is_a_sentence_on_the_page_and_changes_nothing(
    visitor: Client, artifact: Artifact, verb: str
) -> None:
    sentence = f"Cannot {verb}: the document is idle."
    response = visitor.post(reverse("generation:artifact-command", args=[artifact.pk, verb]), follow=True)
    assert sentence in response.content.decode()
    answer = ask(visitor, artifact, verb)
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith(sentence)
    assert status(artifact) == StreamStatus.IDLE


def test_regenerate_keeps_the_old_text_and_restore_brings_it_back(visitor: Client, artifact: Artifact) -> None:
    press(visitor, artifact, "start")
    written(artifact, "The first text.")
    press(visitor, artifact, "cancel")
    press(visitor, artifact, "regenerate", instructions="Better.")
    artifact.refresh_from_db()
    assert (artifact.stream_status, artifact.text, artifact.epoch) == ("streaming", "", 2)
    press(visitor, artifact, "cancel")
    version = ArtifactVersion.objects.get(artifact=artifact)
    press(visitor, artifact, "restore", version=str(version.pk))
    artifact = Artifact.objects.get(pk=artifact.pk)
    assert (artifact.text, artifact.epoch) == ("The first text.", 3)


@pytest.mark.parametrize("version", ["", "x", "-1", "999999", "²"])
def test_restore_of_no_version_is_not_found(visitor: Client, artifact: Artifact, version: str) -> None:
    press(visitor, artifact, "start")
    press(visitor, artifact, "cancel")
    assert press(visitor, artifact, "restore", version=version).status_code == 404


def test_delete_leads_to_the_project_and_leaves_nothing(visitor: Client, artifact: Artifact) -> None:
    press(visitor, artifact, "start")
    project = reverse("artifacts:project", args=[artifact.project_id])
    page = visitor.post(reverse("generation:artifact-command", args=[artifact.pk, "delete"]), follow=True)
    assert page.redirect_chain[-1][0] == project
    assert "was deleted" in page.content.decode()
    assert not Artifact.objects.filter(pk=artifact.pk).exists()
    assert not GenerationTask.objects.exists()


def test_module_of_the_page_gets_the_same_answers_as_json(visitor: Client, artifact: Artifact) -> None:
    assert ask(visitor, artifact, "start").json() == {"message": "", "location": ""}
    assert ask(visitor, artifact, "cancel").json() == {"message": "Cancelled. Every word is kept.", "location": ""}
    location = reverse("artifacts:project", args=[artifact.project_id])
    assert ask(visitor, artifact, "delete").json() == {"message": "“Project brief” was deleted.", "location": location}
    assert ask(visitor, artifact, "cancel").status_code == 404


@pytest.mark.parametrize("verb", VERBS)
def test_strangers_find_nothing_to_press(client: Client, artifact: Artifact, stranger: User, verb: str) -> None:
    client.force_login(stranger)
    assert press(client, artifact, verb).status_code == 404
    assert status(artifact) == StreamStatus.IDLE


def test_staff_may_stop_every_document(client: Client, artifact: Artifact, owner: User, staff: User) -> None:
    control.start(artifact, owner)
    client.force_login(staff)
    press(client, artifact, "cancel")
    assert status(artifact) == StreamStatus.CANCELLED


@pytest.mark.parametrize("verb", VERBS)
def test_nobody_signed_in_is_sent_to_sign_in_and_back_to_the_document(
    client: Client, artifact: Artifact, verb: str
) -> None:
    back = reverse("artifacts:artifact", args=[artifact.pk])
    assert press(client, artifact, verb)["Location"] == f"{reverse('sign-in')}?next={back}"
    assert ask(client, artifact, verb).status_code == 401
    assert status(artifact) == StreamStatus.IDLE


def test_unknown_verb_is_not_found(visitor: Client, artifact: Artifact) -> None:
    assert press(visitor, artifact, "explode").status_code == 404


def test_form_from_elsewhere_is_refused_on_a_page_of_ours(artifact: Artifact, owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    response = press(client, artifact, "start")
    assert response.status_code == 403
    assert "Please try that again" in response.content.decode()
    assert status(artifact) == StreamStatus.IDLE


# Plans as people type them


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("", None),
        (" \n\t\n", None),
        ("One\nTwo", ["One", "Two"]),
        ("- One\n* Two\n+ Three", ["One", "Two", "Three"]),
        ("1. One\n2) Two\n## Three", ["One", "Two", "Three"]),
        ("  One\nTwo", ["One", "Two"]),
        ("2024 in numbers\n-5 degrees\n#1 risk", ["2024 in numbers", "-5 degrees", "#1 risk"]),
    ],
)
def test_plan_is_read_line_by_line(typed: str, names: list[str] | None) -> None:
    form = GenerationForm({"plan": typed})
    assert form.is_valid()
    sections = form.planned()
    assert (sections and [section.name for section in sections]) == names
    assert not sections or {section.max_tokens for section in sections} == {SECTION_TOKENS}


def test_plan_that_was_used_is_offered_again_as_it_was_typed(visitor: Client, artifact: Artifact) -> None:
    plan = [
        PlannedSection(name="Why", instructions="Two sentences\nat most", max_tokens=700),
        PlannedSection(name="How", instructions="", max_tokens=700),
    ]
    control.start(artifact, None, plan=plan, model="m", instructions="Short.")
    control.cancel(artifact)
    html = visitor.get(reverse("artifacts:artifact", args=[artifact.pk])).content.decode()
    assert plan_text(plan) in html
    assert 'value="700"' in html
    form = GenerationForm({"plan": plan_text(plan), "section_tokens": "700"})
    assert form.is_valid()
    assert form.planned() == plan


def test_limit_of_a_user_is_told_in_the_same_words_with_and_without_the_module(visitor, artifact, settings) -> None:
    settings.STREAMGEN_USER_QUEUED = 1
    press(visitor, artifact, "start")
    other = artifact.project.artifacts.get(phase="prd")

    told = ask(visitor, other, "start")
    page = visitor.get(press(visitor, other, "start")["Location"])

    assert (told.status_code, told["Retry-After"]) == (429, "60")
    assert told.json()["detail"].startswith("You have 1 document waiting to be written, which is the most.")
    assert told.json()["detail"] in page.content.decode()
    assert "It is the next one." in visitor.get(reverse("artifacts:artifact", args=[artifact.pk])).content.decode()


def test_models_that_may_be_chosen_are_offered_and_others_refused_beside_the_field(visitor, artifact, settings) -> None:
    settings.STREAMGEN_MODEL, settings.STREAMGEN_MODELS = "own", ["small"]

    page = visitor.get(reverse("artifacts:artifact", args=[artifact.pk])).content.decode()
    told = ask(visitor, artifact, "start", model="dear")

    offered = re.search(r'<select name="model".*?</select>', page, re.S)
    assert offered
    assert re.findall(r"<option value=.*", offered[0]) == [
        '<option value="" selected>own</option>',
        '<option value="small">small</option>',
    ]
    assert told.json() == {"errors": {"model": ["Model must be one of those that may be chosen here: own, small."]}}
    assert ask(visitor, artifact, "start", model="small").status_code == 200
    assert GenerationTask.objects.get().model == "small"
