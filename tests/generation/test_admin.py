"""The admin of tasks, and what it lets staff do with documents."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from artifacts.models import ActionRecord, Artifact
from generation import control, project_runs
from generation.models import GenerationTask
from generation.queue import claims

pytestmark = pytest.mark.django_db

TASKS = "admin:generation_generationtask"


@pytest.fixture
def inspector() -> Client:
    """Staff who may view everything, and act on documents."""
    return staff_with("view_artifact", "view_generationtask", "change_artifact", "view_claimjournal")


def staff_with(*permissions: str) -> Client:
    client = Client()
    user = User.objects.create_user("inspector", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def act(client: Client, verb: str, *artifacts: Artifact) -> list[str]:
    """What the admin says after the action on these documents, once its question is answered."""
    asked = {"action": verb, "_selected_action": [artifact.pk for artifact in artifacts]}
    response = client.post(reverse("admin:artifacts_artifact_changelist"), asked | {"answer": verb}, follow=True)
    return [str(message) for message in response.context["messages"]]


def status_of(artifact: Artifact) -> str:
    return Artifact.objects.get(pk=artifact.pk).stream_status


def test_each_action_tells_what_came_of_it(inspector, artifact, owner):
    control.start(artifact, owner)
    assert act(inspector, "pause", artifact) == ["1 document is paused."]
    assert status_of(artifact) == "paused"
    assert act(inspector, "resume", artifact) == ["1 document is waiting for a worker."]
    assert status_of(artifact) == "streaming"
    assert act(inspector, "cancel", artifact) == ["1 document is cancelled. Every word is kept."]
    assert status_of(artifact) == "cancelled"
    assert GenerationTask.objects.get().status == "cancelled"


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume"])
def test_action_asks_first_and_does_nothing_before_the_answer(inspector, artifact, owner, verb):
    control.start(artifact, owner)
    chosen = {"action": verb, "_selected_action": [artifact.pk]}
    shown = inspector.post(reverse("admin:artifacts_artifact_changelist"), chosen).content.decode()
    assert f'name="answer" value="{verb}"' in shown
    assert f"<bdi>{artifact.project}</bdi>: <bdi>{artifact.title}</bdi>" in shown
    assert status_of(artifact) == "streaming"
    assert not ActionRecord.objects.filter(verb=verb).exists()


def test_sections_stand_above_the_text_which_is_folded(staff, artifact, owner):
    control.start(artifact, owner)
    client = Client()
    client.force_login(staff)
    shown = client.get(reverse("admin:artifacts_artifact_change", args=[artifact.pk])).content.decode()
    assert shown.index('id="sections-group"') < shown.index("As readers see it") < shown.index("As it was written")
    assert shown.count("<details") >= 3


@pytest.mark.parametrize(
    ("verb", "told"),
    [
        ("cancel", "1 document is being cancelled by the writer. Every word is kept."),
        ("pause", "1 document is being paused by the writer."),
    ],
)
def test_live_writer_is_asked(inspector, artifact, owner, verb, told):
    control.start(artifact, owner)
    assert claims.claim("a worker", lease_s=60)
    assert act(inspector, verb, artifact) == [told]
    row = Artifact.objects.get(pk=artifact.pk)
    assert (row.stream_status, row.stop_requested) == ("streaming", verb)


def test_illegal_move_is_told_in_words_and_keeps_no_other_document_from_its_own(inspector, project, owner):
    brief, prd, *idle = project.artifacts.order_by("pk")
    control.start(brief, owner)
    control.start(prd, owner)
    told = act(inspector, "cancel", *idle, brief, prd)
    assert told[0] == "2 documents are cancelled. Every word is kept."
    assert len(told) == 5
    assert any("Lighthouse, Handoff (handoff): Cannot cancel: the document is idle." in line for line in told)
    assert {status_of(brief), status_of(prd)} == {"cancelled"}
    assert {status_of(artifact) for artifact in idle} == {"idle"}


def test_many_refusals_are_told_in_few_words(inspector, owner):
    for number in range(2):
        control.create_project(owner, f"Project {number}")
    told = act(inspector, "pause", *Artifact.objects.all())
    assert len(told) == 6
    assert told[-1] == "7 more could not pause for like reasons."


def test_who_may_only_view_is_offered_no_action_and_stops_nothing(artifact, owner):
    viewer = staff_with("view_artifact")
    control.start(artifact, owner)
    assert 'value="pause"' not in viewer.get(reverse("admin:artifacts_artifact_changelist")).content.decode()
    assert act(viewer, "pause", artifact) == []
    artifact.refresh_from_db()
    assert artifact.stream_status == "streaming"


def test_stop_by_staff_is_recorded_with_who_did_it(inspector, artifact, owner):
    control.start(artifact, owner)
    act(inspector, "pause", artifact)
    assert ActionRecord.objects.filter(verb="pause", actor_name="inspector", artifact=artifact.pk).exists()


def test_actions_offered_are_these_four(inspector, artifact):
    shown = inspector.get(reverse("admin:artifacts_artifact_changelist")).content.decode()
    offered = ("cancel", "pause", "resume", "export_incident")
    assert tuple(verb for verb in (*offered, "delete_selected") if f'value="{verb}"' in shown) == offered


def test_tasks_are_listed_with_bounded_queries_and_without_texts(inspector, project, owner):
    counts = set()
    for artifact in project.artifacts.all()[:3]:
        control.start(artifact, owner, instructions="x" * 1_000)
        with CaptureQueriesContext(connection) as queries:
            shown = inspector.get(reverse(f"{TASKS}_changelist")).content.decode()
        counts.add(len(queries))
        for query in queries:
            for field in ("content", "preview_html", "instructions"):
                assert f'"{field}"' not in query["sql"]
        assert '<span class="badge badge-queued">Queued</span>' in shown
        assert reverse("admin:artifacts_artifact_change", args=[artifact.pk]) in shown
    assert len(counts) == 1


def test_task_can_be_inspected_and_not_changed(staff, artifact, owner):
    client = Client()
    client.force_login(staff)
    task = control.start(artifact, owner)
    change = reverse(f"{TASKS}_change", args=[task.pk])
    assert client.get(change).status_code == 200
    assert client.post(change, {"status": "succeeded"}).status_code == 403
    assert client.get(reverse(f"{TASKS}_add")).status_code == 403
    assert client.post(reverse(f"{TASKS}_delete", args=[task.pk]), {"post": "yes"}).status_code == 403
    listed = f"{reverse(f'{TASKS}_changelist')}?artifact__id__exact={artifact.pk}"
    assert listed in client.get(reverse("admin:artifacts_artifact_change", args=[artifact.pk])).content.decode()
    assert f'href="{change}?' in client.get(listed).content.decode()


def test_who_wanted_all_of_a_project_written_is_there_to_read_for_whoever_may(owner, project):
    run = project_runs.write_all(project, owner)
    may_not, may = staff_with("view_generationtask"), Client()
    user = User.objects.create_user("reader", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_projectrun", "change_projectrun"]))
    may.force_login(user)
    for name, arguments in (("changelist", []), ("change", [run.pk])):
        address = reverse(f"admin:generation_projectrun_{name}", args=arguments)
        assert may_not.get(address).status_code == 403
        page = may.get(address).content.decode()
        assert "Lighthouse" in page
        assert 'name="_save"' not in page
    assert "Writing “Project brief”" in page
    assert may.get(reverse("admin:generation_projectrun_add")).status_code == 403
    assert may.post(reverse("admin:generation_projectrun_delete", args=[run.pk]), {"post": "yes"}).status_code == 403
