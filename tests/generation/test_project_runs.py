"""Write all: one document after the other, whoever comes and goes; and where it stands, in a sentence."""

from __future__ import annotations

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User

from artifacts.errors import IllegalTransition
from artifacts.lifecycle.freshness import written_from
from artifacts.models import Artifact, Project, Role, StreamStatus
from artifacts.sharing import members
from generation import control, project_runs
from generation.models import GenerationTask, RunStatus, TaskStatus
from tests.support.documents import reopened, together
from tests.support.endpoint.openai_script import Script
from tests.support.endpoint.openai_server import serving_endpoint
from tests.support.workbench import choice_of, until_ended, working

synced = database_sync_to_async


@pytest.fixture
def small(project: Project) -> list[Artifact]:
    """A project of three documents."""
    first, second, third, *others = project.artifacts.order_by("pk")
    Artifact.objects.filter(pk__in=[one.pk for one in others]).delete()
    return [first, second, third]


def statuses(project: Project) -> list[str]:
    return list(Artifact.objects.filter(project=project).order_by("pk").values_list("stream_status", flat=True))


def end(artifact: Artifact, verb: str = "complete") -> None:
    """As its writer does."""
    draft = reopened(artifact.pk)
    if verb == "complete":
        sections = Artifact.objects.get(pk=artifact.pk).sections_total
        draft.finish(*("Done." for _ in range(sections)))
        GenerationTask.objects.filter(artifact=artifact).update(status=TaskStatus.SUCCEEDED)
    else:
        draft.release()
        getattr(control, verb)(artifact)


@pytest.mark.django_db
def test_documents_begin_in_their_order_and_each_is_told_of_those_before(project, owner, small):
    run = project_runs.write_all(project, owner, parallel=3)
    for number, artifact in enumerate(small):
        assert statuses(project) == ["complete"] * number + ["streaming"] + ["idle"] * (2 - number)
        project_runs.advance_all()  # not its turn
        state = project_runs.state_of_run(run)
        assert (state.status, state.artifact, state.complete, state.total) == (
            RunStatus.RUNNING,
            artifact.pk,
            number,
            3,
        )
        assert artifact.title in state.detail
        assert len(written_from([artifact.pk]).get(artifact.pk, [])) == number
        assert GenerationTask.objects.get(artifact=artifact).parallel == 3
        end(artifact)
        project_runs.advance_all()
    assert project_runs.state_of_run(run).status == RunStatus.COMPLETE
    with pytest.raises(IllegalTransition, match="started already"):
        project_runs.write_all(project, owner)


@pytest.mark.django_db
@pytest.mark.parametrize(("verb", "following"), [("pause", 0), ("cancel", 1)])
def test_document_that_stops_stops_the_run_until_somebody_resumes_it(project, owner, small, verb, following):
    run = project_runs.write_all(project, owner)
    end(small[0], verb)
    project_runs.advance_all()
    state = project_runs.state_of_run(run)
    assert (state.status, state.artifact) == (project_runs.STOPPED, small[0].pk)
    assert small[0].title in state.detail
    assert "Resume" in state.detail
    assert statuses(project)[1:] == ["idle", "idle"]
    project_runs.resume_run(project, owner)
    assert statuses(project)[following] == "streaming"
    assert project_runs.state_of_run(run).artifact == small[following].pk


@pytest.mark.django_db
def test_run_is_paused_resumed_and_cancelled_as_a_whole(project, owner, small):
    run = project_runs.write_all(project, owner)
    with pytest.raises(IllegalTransition, match="being written"):
        project_runs.write_all(project, owner)
    project_runs.pause_run(project, owner)
    control.resume(small[0])  # that one alone
    end(small[0])
    project_runs.advance_all()
    assert statuses(project) == ["complete", "idle", "idle"]
    assert project_runs.state_of_run(run).status == RunStatus.PAUSED
    project_runs.resume_run(project, owner)
    assert statuses(project) == ["complete", "streaming", "idle"]
    project_runs.cancel_run(project, owner)
    project_runs.advance_all()
    assert statuses(project) == ["complete", "cancelled", "idle"]
    assert project_runs.state_of_run(run).status == RunStatus.CANCELLED
    with pytest.raises(IllegalTransition):
        project_runs.pause_run(project, owner)


@pytest.mark.django_db
def test_what_somebody_started_by_hand_is_waited_for_and_what_is_deleted_is_not(project, owner, small):
    control.start(small[0], owner)
    run = project_runs.write_all(project, owner)
    assert statuses(project) == ["streaming", "idle", "idle"]
    end(small[0])
    project_runs.advance_all()
    control.delete(small[1], owner)
    project_runs.advance_all()
    assert statuses(project) == ["complete", "streaming"]
    assert project_runs.state_of_run(run).artifact == small[2].pk


@pytest.mark.django_db
def test_nothing_more_begins_for_who_is_deactivated(project, owner, small):
    editor = User.objects.create_user("editor")
    members.set_role(project, editor, Role.EDITOR, owner)
    run = project_runs.write_all(project, editor)
    end(small[0])
    editor.is_active = False
    editor.save()
    project_runs.advance_all()
    assert statuses(project)[1:] == ["idle", "idle"]
    state = project_runs.state_of_run(run)
    assert state.status == RunStatus.PAUSED
    assert "was deactivated" in state.detail
    with pytest.raises(IllegalTransition) as refused:
        project_runs.write_all(project, owner)
    assert refused.value.detail == "Cannot write all: the project is paused in it. Resume or cancel it first."


@pytest.mark.django_db
def test_nothing_more_begins_for_who_may_not_start_it_any_more_and_whoever_resumes_takes_over(project, owner, small):
    editor = User.objects.create_user("editor")
    members.set_role(project, editor, Role.EDITOR, owner)
    run = project_runs.write_all(project, editor)
    members.set_role(project, editor, Role.VIEWER, owner)
    end(small[0])
    project_runs.advance_all()
    assert statuses(project) == ["complete", "idle", "idle"]
    state = project_runs.state_of_run(run)
    assert state.status == RunStatus.PAUSED
    assert "may not start documents here any more" in state.detail
    project_runs.resume_run(project, owner)
    assert statuses(project) == ["complete", "streaming", "idle"]
    assert GenerationTask.objects.get(artifact=small[1]).requested_by == owner


@pytest.mark.django_db(transaction=True)
def test_two_who_take_the_next_step_at_once_begin_one_document(project, owner, small):
    run = project_runs.write_all(project, owner)
    end(small[0])
    outcomes = together(*[lambda: project_runs.advance(run.pk)] * 4)
    assert outcomes == [None] * 4
    assert statuses(project) == ["complete", "streaming", "idle"]
    assert GenerationTask.objects.filter(artifact=small[1]).count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_worker_that_comes_writes_them_all(project, owner, small):
    run = await synced(project_runs.write_all)(project, owner)
    async with serving_endpoint(Script(replies=("Done.",))) as server, working(choice_of(server)):
        ended = [await until_ended(artifact) for artifact in small]
        asked = [request.body["messages"][1]["content"] for request in server.requests]
    assert {artifact.stream_status for artifact in ended} == {StreamStatus.COMPLETE}
    assert small[0].title in asked[-1]
    assert (await synced(project_runs.state_of_run)(run)).complete == 3
