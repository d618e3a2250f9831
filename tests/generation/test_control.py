"""The verbs people use: what they make, what they refuse and in which words, and that a task follows its document."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial

import pytest
from channels.db import database_sync_to_async
from channels.layers import BaseChannelLayer, get_channel_layer
from django.db import transaction

from artifacts.errors import IllegalTransition, InvalidInput, NotFound
from artifacts.lifecycle import commands
from artifacts.models import Artifact, ArtifactVersion, StreamStatus
from artifacts.planned_section import PlannedSection
from generation import control, reworking
from generation.errors import TaskExists
from generation.models import GenerationTask
from generation.queue import claims, finishing
from generation.queue.wakeup import WAKE_CHANNEL, WAKE_TYPE
from generation.writing import phases
from tests.support import documents
from tests.support.documents import LEASE_S, Draft, row
from tests.support.limits import WAIT_S

PLAN = documents.sections(2)


def tasks(artifact: Artifact) -> list[str]:
    """The statuses of a document's tasks, oldest first."""
    return list(GenerationTask.objects.filter(artifact=artifact.pk).order_by("pk").values_list("status", flat=True))


def started(**kwargs: object) -> Artifact:
    artifact = documents.idle()
    control.start(artifact, None, plan=PLAN, **kwargs)
    return row(artifact.pk)


def claimed(artifact: Artifact) -> Draft:
    claim = claims.claim(
        "worker", lease_s=LEASE_S, only=GenerationTask.objects.filter(artifact=artifact).latest("pk").pk
    )
    assert claim is not None
    return Draft(pk=claim.artifact, fence=claim.fence)


def stopped(draft: Draft, text: str = "Half") -> Artifact:
    """Stopped by its writer, as a worker does it."""
    with transaction.atomic():
        finishing.finish(draft.pk, draft.stop(text).status, "It broke.")
    return row(draft.pk)


def finished(draft: Draft) -> Artifact:
    with transaction.atomic():
        finishing.finish(draft.pk, draft.finish("One", "Two").status)
    return row(draft.pk)


# Projects and documents


def test_project_has_an_idle_document_of_every_built_in_phase(owner):
    project = control.create_project(owner, "  Lighthouse ", "A lamp.\0")

    assert (project.title, project.description) == ("Lighthouse", "A lamp.")
    assert list(project.artifacts.values_list("phase", "stream_status")) == [
        (phase.key, "idle") for phase in phases.BUILT_IN
    ]
    assert [phase.key for phase in phases.BUILT_IN] == ["brief", "prd", "specs", "stories", "artifacts", "handoff"]


@pytest.mark.parametrize(
    ("title", "description", "field"),
    [("", "", "title"), ("x" * 201, "", "title"), ("x", "y" * 1_000_001, "description")],
)
def test_bad_project_is_refused_whole(owner, title, description, field):
    with pytest.raises(InvalidInput) as refusal:
        control.create_project(owner, title, description)

    assert refusal.value.field == field
    assert not owner.projects.exists()


def test_phase_of_the_users_own_is_added_once(project):
    artifact = control.add_artifact(project, "launch-plan", "Launch")

    assert (artifact.phase, artifact.title, artifact.stream_status) == ("launch-plan", "Launch", "idle")
    assert control.add_artifact(project, "budget").title == "Budget"
    for taken in ("launch-plan", "brief"):
        with pytest.raises(InvalidInput, match=f"has a document of the phase {taken} already") as refusal:
            control.add_artifact(project, taken)
        assert refusal.value.field == "phase"


@pytest.mark.parametrize("phase", ["", "Brief", "no spaces", "a" * 41])
def test_bad_phase_is_refused(project, phase):
    with pytest.raises(InvalidInput) as refusal:
        control.add_artifact(project, phase)
    assert refusal.value.field == "phase"


# Start


def test_start_stores_plan_task_and_instructions(owner, artifact):
    task = control.start(artifact, owner, model=" tiny ", plan=PLAN, instructions="Be brief.\0")

    after = row(artifact.pk)
    assert (after.stream_status, after.reason, after.instructions) == ("streaming", "queued", "Be brief.")
    assert list(after.sections.values_list("name", "max_tokens", "status")) == [
        ("Part 1", 100, "pending"),
        ("Part 2", 100, "pending"),
    ]
    assert (task.status, task.model, task.requested_by, task.artifact_id) == ("queued", "tiny", owner, artifact.pk)


def test_start_without_a_plan_takes_the_phases_own(artifact):
    control.start(artifact, None)

    built_in = phases.phase_of("brief").plan
    assert list(artifact.sections.values_list("name", "instructions")) == [
        (section.name, section.instructions) for section in built_in
    ]
    assert row(artifact.pk).sections_total == len(built_in)


def section(**changes: object) -> PlannedSection:
    return PlannedSection(**{"name": "Part", "instructions": "", "max_tokens": 10, **changes})


BAD_ORDERS = {
    "plan": {"plan": []},
    "plan ": {"plan": [section()] * 101},
    "plan[1].name": {"plan": [section(), section(name=" ")]},
    "plan[0].name": {"plan": [section(name="a\nb")]},
    "plan[2].max_tokens": {"plan": [section(), section(), section(max_tokens=0)]},
    "plan[0].max_tokens": {"plan": [section(max_tokens=32_001)]},
    "plan[0].instructions": {"plan": [section(instructions="x" * 1_000_001)]},
    "model": {"model": "x" * 201},
    "model ": {"model": "a\x1b[31m"},
    "instructions": {"instructions": "x" * 1_000_001},
}


@pytest.mark.parametrize("field", BAD_ORDERS)
def test_bad_order_names_its_field_and_starts_nothing(artifact, field):
    with pytest.raises(InvalidInput) as refusal:
        control.start(artifact, None, **{"plan": PLAN, **BAD_ORDERS[field]})

    assert refusal.value.field == field.strip()
    assert (row(artifact.pk).stream_status, tasks(artifact)) == ("idle", [])


def test_largest_plan_is_accepted(artifact):
    control.start(artifact, None, plan=[section(max_tokens=32_000)] * 100)

    assert row(artifact.pk).sections_total == 100


@pytest.mark.django_db
def test_second_start_is_told_and_changes_nothing():
    artifact = started()
    before = documents.everything(artifact.pk)

    with pytest.raises(IllegalTransition, match="Cannot start: the document is streaming"):
        control.start(artifact, None, plan=PLAN)

    assert documents.everything(artifact.pk) == before
    assert tasks(artifact) == ["queued"]


def test_two_starts_at_once_make_one_task(every_database):
    for _ in range(5):
        artifact = documents.idle()
        start = partial(control.start, artifact, None, plan=PLAN)

        outcomes = documents.together(start, start, start)

        assert sorted(type(outcome).__name__ for outcome in outcomes) == [
            "GenerationTask",
            "IllegalTransition",
            "IllegalTransition",
        ]
        assert tasks(artifact) == ["queued"]
        assert (row(artifact.pk).seq, row(artifact.pk).sections.count()) == (1, 2)


def test_database_allows_one_unfinished_task(every_database):
    artifact = documents.idle()
    GenerationTask.objects.create(artifact=artifact, status="paused")

    with pytest.raises(TaskExists, match="not finished yet"):
        control.start(artifact, None, plan=PLAN)
    assert (row(artifact.pk).stream_status, row(artifact.pk).sections.count()) == ("idle", 0)


# Stop and resume


@pytest.mark.django_db
@pytest.mark.parametrize(("verb", "status"), [(control.cancel, "cancelled"), (control.pause, "paused")])
def test_stop_of_a_waiting_document_is_done_on_return(verb, status):
    artifact = started()

    assert verb(artifact).status == status
    assert tasks(artifact) == [status]
    assert claims.claim("worker", lease_s=LEASE_S) is None


@pytest.mark.django_db
@pytest.mark.parametrize(("verb", "status"), [(control.cancel, "cancelled"), (control.pause, "paused")])
def test_stop_of_a_live_writer_is_asked_for_and_then_done_by_it(verb, status):
    artifact = started()
    draft = claimed(artifact)

    assert (verb(artifact).status, tasks(artifact)) == ("streaming", ["running"])

    assert stopped(draft).stream_status == status
    assert tasks(artifact) == [status]


@pytest.mark.django_db
def test_cancel_ends_a_paused_document_and_its_task():
    artifact = stopped(claimed(started()))

    assert control.cancel(artifact).status == "cancelled"
    assert control.cancel(artifact).status == "cancelled"
    assert tasks(artifact) == ["cancelled"]


@pytest.mark.django_db
def test_resume_puts_the_same_task_back_with_a_clean_record():
    artifact = stopped(claimed(started()))
    GenerationTask.objects.filter(artifact=artifact).update(reclaims=4)

    assert control.resume(artifact).status == "streaming"

    task = GenerationTask.objects.get(artifact=artifact)
    assert (task.status, task.worker, task.reclaims, task.error) == ("queued", "", 0, "")
    assert claimed(artifact).append(" more").length == 9


@pytest.mark.django_db
def test_resume_takes_another_model_and_without_one_keeps_the_one_before():
    artifact = stopped(claimed(started()))
    for given, kept in ((" new ", "new"), ("", "new")):
        control.resume(artifact, model=given)
        assert GenerationTask.objects.get(artifact=artifact).model == kept
        control.pause(artifact)

    with pytest.raises(InvalidInput, match="model"):
        control.resume(artifact, model="x" * 201)
    assert row(artifact.pk).stream_status == "paused"


@pytest.mark.django_db
def test_resume_takes_a_budget_for_the_section_that_stopped_and_lowers_none_of_the_later_ones():
    artifact = documents.idle()
    control.start(artifact, None, plan=documents.sections(3))
    draft = claimed(artifact)
    draft.begin(0)
    stopped(draft)
    artifact.sections.filter(position=2).update(max_tokens=900)
    for given in (0, -1, 32_001):
        with pytest.raises(InvalidInput, match="max_tokens"):
            control.resume(artifact, max_tokens=given)
    control.resume(artifact, max_tokens=500)
    assert list(artifact.sections.values_list("max_tokens", flat=True)) == [500, 500, 900]
    control.pause(artifact)
    control.resume(artifact, max_tokens=50)
    assert list(artifact.sections.values_list("max_tokens", flat=True)) == [50, 500, 900]


@pytest.mark.django_db
def test_section_that_stopped_is_begun_anew_only_where_there_is_one():
    artifact = started()
    control.pause(artifact)
    with pytest.raises(IllegalTransition, match="It stopped in none"):
        control.resume(artifact, anew=True)
    assert (row(artifact.pk).stream_status, row(artifact.pk).epoch) == ("paused", 1)


@pytest.mark.django_db
def test_resume_needs_a_paused_task():
    artifact = documents.paused()

    with pytest.raises(IllegalTransition, match="Its task is gone; regenerate it"):
        control.resume(artifact)

    assert row(artifact.pk).stream_status == "paused"


def test_pause_and_resume_hammered_leave_one_task_in_step_with_its_document(every_database):
    artifact = started()

    def hammer(verb) -> None:
        for _ in range(10):
            with suppress(IllegalTransition):
                verb(artifact)

    assert documents.together(partial(hammer, control.pause), partial(hammer, control.resume)) == [None, None]

    expected = {"streaming": ["queued"], "paused": ["paused"]}
    assert tasks(artifact) == expected[row(artifact.pk).stream_status]


# Anew, back, away


@pytest.mark.django_db
def test_regenerate_ends_the_old_task_and_queues_a_new_one():
    paused_one, complete_one = stopped(claimed(started())), finished(claimed(started()))

    control.regenerate(paused_one, None, plan=PLAN, instructions="Again.")
    control.regenerate(complete_one, None, plan=PLAN)

    assert tasks(paused_one) == ["cancelled", "queued"]
    assert tasks(complete_one) == ["succeeded", "queued"]
    assert (row(paused_one.pk).text, row(paused_one.pk).instructions) == ("", "Again.")
    assert ArtifactVersion.objects.get(artifact=paused_one).content == "Half"


@pytest.mark.django_db
def test_regenerate_before_the_worker_settled_calls_a_complete_document_a_success():
    artifact = started()
    claimed(artifact).finish("One", "Two")

    control.regenerate(artifact, None, plan=PLAN)

    assert tasks(artifact) == ["succeeded", "queued"]


@pytest.mark.django_db
def test_refused_regenerate_leaves_the_task_alone():
    artifact = started()

    with pytest.raises(IllegalTransition, match="Cannot regenerate: the document is streaming"):
        control.regenerate(artifact, None, plan=PLAN)

    assert tasks(artifact) == ["queued"]


@pytest.mark.django_db
def test_restore_ends_a_paused_task_and_brings_the_text_back():
    artifact = finished(claimed(started()))
    control.regenerate(artifact, None, plan=PLAN)
    stopped(claimed(artifact), "Worse")

    standing = control.restore(artifact, ArtifactVersion.objects.get(artifact=artifact).pk)

    assert (standing.status, row(artifact.pk).text) == ("complete", "OneTwo")
    assert tasks(artifact) == ["succeeded", "cancelled"]
    with pytest.raises(NotFound):
        control.restore(artifact, 10**9)


@pytest.mark.django_db
def test_delete_takes_document_and_tasks_and_its_writer_must_end():
    artifact = started()
    draft = claimed(artifact)

    control.delete(artifact)

    assert not Artifact.objects.filter(pk=draft.pk).exists()
    assert not GenerationTask.objects.filter(artifact_id=draft.pk).exists()
    for verb in (control.delete, control.cancel, control.resume):
        with pytest.raises(NotFound):
            verb(Artifact(pk=draft.pk, phase="brief"))


# The wake-up


async def next_wake(layer: BaseChannelLayer) -> dict[str, str]:
    async with asyncio.timeout(WAIT_S):
        return await layer.receive(WAKE_CHANNEL)


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_workers_are_woken_once_whenever_a_task_is_queued_and_never_for_one_rolled_back():
    layer = get_channel_layer()
    await layer.flush()

    def rolled_back() -> None:
        with transaction.atomic():
            started()
            transaction.set_rollback(True)

    def live() -> None:
        artifact = started()
        control.pause(artifact)
        control.resume(artifact)
        control.cancel(artifact)
        control.regenerate(artifact, None, plan=PLAN)

    def given_back() -> None:
        claim = claims.claim("worker", lease_s=5)
        assert claim
        Draft(pk=claim.artifact, fence=claim.fence).release()
        finishing.requeue(claim.artifact, claim.task)
        finishing.requeue(claim.artifact, claim.task)

    await database_sync_to_async(rolled_back)()
    await database_sync_to_async(live)()
    await database_sync_to_async(given_back)()

    assert [await next_wake(layer) for _ in range(4)] == [{"type": WAKE_TYPE}] * 4
    await layer.send(WAKE_CHANNEL, {"type": "no more than that"})
    assert await next_wake(layer) == {"type": "no more than that"}


@pytest.mark.django_db(transaction=True)
def test_start_succeeds_although_nobody_can_be_rung(settings):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "tests.generation.test_control.NoSuchLayer"}}

    assert row(started().pk).stream_status == StreamStatus.STREAMING


@pytest.mark.django_db
def test_verbs_do_not_trust_what_the_caller_read_earlier():
    stale = documents.idle()
    control.start(stale, None, plan=PLAN)
    commands.request_stop(stale.pk, control.StopRequest.CANCEL)

    assert stale.stream_status == "idle"
    with pytest.raises(IllegalTransition, match="the document is cancelled"):
        control.start(stale, None, plan=PLAN)


def test_documents_of_somebody_who_is_deactivated_pause_and_no_others(owner, stranger, artifact):
    theirs = control.create_project(stranger, "Another").artifacts.get(phase="brief")
    started, ended = theirs.project.artifacts.filter(phase__in=["prd", "specs"]).order_by("phase")
    for one, user in ((artifact, stranger), (theirs, stranger), (started, owner), (ended, owner)):
        control.start(one, user)
    control.cancel(ended)
    control.regenerate(ended, stranger)

    owner.is_active = False
    owner.save(update_fields=["is_active"])

    statuses = [documents.row(one.pk).stream_status for one in (artifact, theirs, started, ended)]
    assert statuses == ["paused", "streaming", "paused", "streaming"]
    stopped = documents.row(artifact.pk)
    assert (stopped.reason, stopped.stop_reason) == ("deactivated", "")
    assert "can resume it" in stopped.last_error


@pytest.mark.parametrize("how", ["stop", "release", "died"])
def test_writer_of_somebody_who_is_deactivated_stops_with_that_reason(owner, artifact, how):
    control.start(artifact, owner)
    claim = claims.claim("worker", lease_s=60)
    draft = documents.Draft(pk=artifact.pk, fence=claim.fence)
    draft.begin(0)
    owner.is_active = False
    owner.save(update_fields=["is_active"])
    assert documents.row(artifact.pk).stop_requested == "pause"
    draft.append("A few words that were on their way.")  # which clears why it waited, and not why it is to stop
    if how == "died":
        documents.expire(artifact.pk)
        claims.claim("another", lease_s=60)
    else:
        getattr(draft, how)()

    stopped = documents.row(artifact.pk)
    assert (stopped.stream_status, stopped.reason, stopped.stop_reason) == ("paused", "deactivated", "")
    assert "can resume it" in stopped.last_error


def test_stop_by_hand_after_that_is_one_by_hand(owner, artifact):
    control.start(artifact, owner)
    claims.claim("worker", lease_s=60)
    owner.is_active = False
    owner.save(update_fields=["is_active"])
    control.cancel(artifact)
    documents.expire(artifact.pk)
    claims.claim("another", lease_s=60)

    stopped = documents.row(artifact.pk)
    assert (stopped.stream_status, stopped.reason, stopped.last_error) == ("cancelled", "user", "")


# Which model


@pytest.mark.django_db
def test_only_models_that_may_be_chosen_are_and_the_servers_own_always(settings):
    settings.STREAMGEN_MODEL, settings.STREAMGEN_MODELS = "own", ["small", "large"]
    written = documents.complete("One")
    idle, stopped = documents.idle(), stopped_with_a_task("gone")
    refused = "model must be one of those that may be chosen here: own, small, large."
    verbs = [
        partial(control.start, idle, None, plan=PLAN),
        partial(control.regenerate, written, None, plan=PLAN),
        partial(control.resume, stopped),
        partial(reworking.rewrite_section, written, None, 1),
        partial(reworking.add_section, written, None, PlannedSection(name="More", instructions="", max_tokens=100)),
    ]

    for verb in verbs:
        with pytest.raises(InvalidInput) as raised:
            verb(model="dear")
        assert (raised.value.field, raised.value.detail) == ("model", refused)
    with pytest.raises(InvalidInput):
        control.resume(stopped)  # it would go on with one that may not be chosen any more
    for verb, model in zip(verbs, ("own", "small", "large", "", "small"), strict=True):
        with transaction.atomic():
            verb(model=model)
            transaction.set_rollback(True)


def stopped_with_a_task(model: str) -> Artifact:
    artifact = documents.paused()
    GenerationTask.objects.create(artifact=artifact, status="paused", model=model)
    return artifact
