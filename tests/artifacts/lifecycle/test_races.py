"""Two at once, on both databases: whoever comes second is told, nothing is lost, and all agree on one end."""

from __future__ import annotations

from functools import partial

from artifacts.errors import ArtifactError, IllegalTransition, NotFound, WriterRefused
from artifacts.lifecycle import commands, writing
from artifacts.lifecycle.rows import WriteResult
from artifacts.models import Project, StopRequest
from tests.support import documents
from tests.support.documents import Draft, row

ROUNDS = 15


def test_two_starts_at_once_make_one_plan(every_database):
    artifact = documents.idle()
    start = partial(commands.plan, artifact.pk, documents.sections(), "")

    outcomes = documents.together(start, start, start)

    refusals = [outcome for outcome in outcomes if isinstance(outcome, IllegalTransition)]
    assert [refusal.detail for refusal in refusals] == [
        "Cannot start: the document is streaming. It is being written already."
    ] * 2
    assert (row(artifact.pk).seq, row(artifact.pk).sections.count()) == (1, 2)


def test_two_claims_at_once_have_one_winner(every_database):
    artifact = documents.waiting()
    claim = partial(writing.open, artifact.pk, lease_s=documents.LEASE_S)

    outcomes = documents.together(claim, claim, claim)

    (won,) = [outcome for outcome in outcomes if isinstance(outcome, WriteResult)]
    assert row(artifact.pk).fence == won.fence == 1


def test_cancel_racing_completion_ends_in_one_agreed_state_with_all_the_text(every_database):
    ends = set()
    for _ in range(ROUNDS):
        draft = documents.opened(total=1)
        draft.begin(0)
        draft.end_section(0, "Whole")

        _, cancelled = documents.together(draft.complete, partial(commands.request_stop, draft.pk, StopRequest.CANCEL))

        artifact = row(draft.pk)
        assert artifact.text == "Whole"
        assert (artifact.stop_requested, artifact.lease_until) == ("", None)
        assert artifact.stream_status == ("complete" if isinstance(cancelled, IllegalTransition) else "cancelled")
        ends.add(artifact.stream_status)
    assert ends <= {"complete", "cancelled"}


def test_cancel_racing_flushes_keeps_each_of_them_once(every_database):
    for _ in range(ROUNDS):
        draft = documents.opened(total=1)

        def write(draft: Draft = draft) -> None:
            for offset in range(0, 20, 4):
                standing = draft.append("word", offset=offset)
                if standing.stop_requested:
                    break
            draft.stop()

        written, _ = documents.together(write, partial(commands.request_stop, draft.pk, StopRequest.CANCEL))

        artifact = row(draft.pk)
        assert written is None
        assert artifact.text == "".join(documents.deltas(draft.pk)) == "word" * (artifact.length // 4)
        assert artifact.stream_status == "cancelled"


def test_two_writers_never_put_text_at_one_place(every_database):
    for _ in range(ROUNDS):
        old = documents.opened(total=1)
        old.append("Once")
        documents.expire(old.pk)

        def take_over(pk: int = old.pk) -> None:
            documents.reopened(pk).append(" new", offset=4)

        took, wrote = documents.together(take_over, partial(old.append, " old", offset=4))

        # Either the old writer was refused, or it was faster and the new one sees where the text ends now.
        assert isinstance(took, ArtifactError) != isinstance(wrote, WriterRefused)
        assert row(old.pk).text == "".join(documents.deltas(old.pk)) in {"Once new", "Once old"}


def test_document_deleted_while_it_is_written_leaves_nothing(every_database):
    for _ in range(ROUNDS):
        draft = documents.opened(total=1)

        def write(draft: Draft = draft) -> None:
            for offset in range(0, 40, 4):
                draft.append("word", offset=offset)

        wrote, deleted = documents.together(write, partial(commands.delete, draft.pk))

        assert deleted is None
        assert wrote is None or isinstance(wrote, WriterRefused)
        assert documents.everything(draft.pk) == {"artifact": [], "Section": [], "Delta": [], "ArtifactVersion": []}
        assert isinstance(documents.together(partial(commands.delete, draft.pk))[0], NotFound)


def test_project_deleted_while_its_documents_are_written_leaves_nothing(every_database):
    for _ in range(ROUNDS):
        drafts = [documents.opened(total=1) for _ in range(2)]
        owner = row(drafts[0].pk).project.owner
        Project.objects.filter(artifacts__in=[draft.pk for draft in drafts]).update(owner=owner)

        def write(draft: Draft) -> None:
            for offset in range(0, 80, 4):
                draft.append("word", offset=offset)

        *wrote, deleted = documents.together(*(partial(write, draft) for draft in drafts), owner.delete)

        assert isinstance(deleted, tuple), deleted
        assert all(outcome is None or isinstance(outcome, WriterRefused) for outcome in wrote), wrote
        for draft in drafts:
            assert not any(documents.everything(draft.pk).values())
