"""Every transition of a document: which are legal, what they change, and what a refused one says and leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from artifacts.errors import IllegalTransition, LeaseHeld, NotFound, NotStreaming, StaleFence, WriterRefused
from artifacts.lifecycle import commands, transitions, writing
from artifacts.models import Artifact, Section, SectionStatus, StopRequest, StreamStatus
from generation.reasons import StopReason
from tests.support import documents
from tests.support.documents import LEASE_S, Draft, row

pytestmark = pytest.mark.django_db

CANCEL, PAUSE = StopRequest.CANCEL, StopRequest.PAUSE


def stopping() -> Artifact:
    """A live writer writes it and was asked to cancel."""
    draft = documents.opened()
    commands.request_stop(draft.pk, CANCEL)
    return row(draft.pk)


STATES: dict[str, Callable[[], Artifact]] = {
    "idle": documents.idle,
    "waiting": documents.waiting,
    "written": lambda: row(documents.opened().pk),
    "stopping": stopping,
    "paused": documents.paused,
    "complete": documents.complete,
    "cancelled": documents.cancelled,
}
VERBS: dict[str, Callable[[Artifact], object]] = {
    "start": lambda artifact: commands.plan(artifact.pk, documents.sections(), ""),
    "regenerate": lambda artifact: commands.reset(artifact.pk, documents.sections(), ""),
    "resume": lambda artifact: commands.resume(artifact.pk),
    "restore": lambda artifact: commands.restore(artifact.pk, 0),
    "cancel": lambda artifact: commands.request_stop(artifact.pk, CANCEL),
    "pause": lambda artifact: commands.request_stop(artifact.pk, PAUSE),
}
BUSY, BUSY_ALREADY = "streaming. Cancel or pause it first.", "streaming. It is being written already."
SOON = "streaming. It is about to stop; try again in a moment."
NEW, AGAIN = "idle. It was never started; start it.", "Regenerate it to write it anew."
HALF = "paused. Resume it, cancel it, or regenerate it."
ILLEGAL = {
    ("idle", "regenerate"): NEW,
    ("idle", "resume"): NEW,
    ("idle", "restore"): NEW,
    ("idle", "cancel"): NEW,
    ("idle", "pause"): NEW,
    ("waiting", "start"): BUSY_ALREADY,
    ("waiting", "regenerate"): BUSY,
    ("waiting", "resume"): BUSY_ALREADY,
    ("waiting", "restore"): BUSY,
    ("written", "start"): BUSY_ALREADY,
    ("written", "regenerate"): BUSY,
    ("written", "resume"): BUSY_ALREADY,
    ("written", "restore"): BUSY,
    ("stopping", "start"): SOON,
    ("stopping", "regenerate"): SOON,
    ("stopping", "resume"): SOON,
    ("stopping", "restore"): SOON,
    ("paused", "start"): HALF,
    ("complete", "start"): f"complete. {AGAIN}",
    ("complete", "resume"): f"complete. {AGAIN}",
    ("complete", "cancel"): f"complete. {AGAIN}",
    ("complete", "pause"): f"complete. {AGAIN}",
    ("cancelled", "start"): f"cancelled. {AGAIN}",
    ("cancelled", "resume"): f"cancelled. {AGAIN}",
    ("cancelled", "pause"): f"cancelled. {AGAIN}",
}
LEGAL = {
    ("idle", "start"): "streaming",
    ("waiting", "cancel"): "cancelled",
    ("waiting", "pause"): "paused",
    ("written", "cancel"): "streaming",
    ("written", "pause"): "streaming",
    ("stopping", "cancel"): "streaming",
    ("stopping", "pause"): "streaming",
    ("paused", "regenerate"): "streaming",
    ("paused", "resume"): "streaming",
    ("paused", "cancel"): "cancelled",
    ("paused", "pause"): "paused",
    ("complete", "regenerate"): "streaming",
    ("cancelled", "regenerate"): "streaming",
    ("cancelled", "cancel"): "cancelled",
}
NO_VERSION = {("paused", "restore"), ("complete", "restore"), ("cancelled", "restore")}
WRITES: dict[str, Callable[[Draft], object]] = {
    "begin_section": lambda draft: draft.begin(1),
    "append": lambda draft: draft.append(" more"),
    "complete_section": lambda draft: draft.end_section(1, " more"),
    "wait": lambda draft: writing.wait(draft.pk, fence=draft.fence, detail="waiting", lease_s=LEASE_S),
    "renew": lambda draft: writing.renew(draft.pk, fence=draft.fence, lease_s=LEASE_S),
    "stop": lambda draft: draft.stop(" more"),
    "release": lambda draft: draft.release(" more"),
    "complete": lambda draft: draft.complete(),
}


def test_the_table_decides_every_state_and_verb():
    assert ILLEGAL.keys() | LEGAL.keys() | NO_VERSION == {(state, verb) for state in STATES for verb in VERBS}


@pytest.mark.parametrize(("state", "verb"), ILLEGAL)
def test_illegal_verb_says_from_what_to_what_and_changes_nothing(state, verb):
    artifact = STATES[state]()
    before = documents.everything(artifact.pk)

    with pytest.raises(IllegalTransition) as refusal:
        VERBS[verb](artifact)

    assert refusal.value.detail == f"Cannot {verb}: the document is {ILLEGAL[state, verb]}"
    assert refusal.value.verb == verb
    assert refusal.value.status == artifact.stream_status
    assert documents.everything(artifact.pk) == before


@pytest.mark.parametrize(("state", "verb"), LEGAL)
def test_legal_verb_brings_the_status_it_promises(state, verb):
    artifact = STATES[state]()

    VERBS[verb](artifact)

    assert row(artifact.pk).stream_status == LEGAL[state, verb]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_says_that_there_is_no_such_document(verb):
    with pytest.raises(NotFound):
        VERBS[verb](Artifact(pk=10**9))


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("state", ["idle", "paused", "complete", "cancelled"])
def test_document_that_is_not_streaming_refuses_every_write(state, write):
    artifact = STATES[state]()
    before = documents.everything(artifact.pk)

    with pytest.raises(NotStreaming):
        WRITES[write](Draft(pk=artifact.pk, fence=artifact.fence))

    assert documents.everything(artifact.pk) == before


@pytest.mark.parametrize("write", WRITES)
def test_stale_fence_writes_nothing(write):
    sleeper = documents.opened()
    sleeper.begin(0)
    sleeper.append("Once")
    documents.expire(sleeper.pk)
    documents.reopened(sleeper.pk)
    before = documents.everything(sleeper.pk)

    with pytest.raises(StaleFence):
        WRITES[write](sleeper)

    assert documents.everything(sleeper.pk) == before


@pytest.mark.parametrize("write", WRITES)
def test_writer_of_a_deleted_document_must_end(write):
    draft = documents.opened()
    Artifact.objects.get(pk=draft.pk).delete()

    with pytest.raises(WriterRefused, match="deleted"):
        WRITES[write](draft)


# A stop


@pytest.mark.parametrize("write", WRITES)
def test_cancel_is_never_overwritten(write):
    draft = documents.opened()
    draft.begin(0)
    draft.append("Once")
    commands.request_stop(draft.pk, CANCEL)

    WRITES[write](draft)

    artifact = row(draft.pk)
    if write in {"stop", "release", "complete"}:
        assert (artifact.stream_status, artifact.reason, artifact.last_error) == ("cancelled", "user", "")
        assert (artifact.stop_requested, artifact.lease_until) == ("", None)
    else:
        assert (artifact.stream_status, artifact.stop_requested) == ("streaming", "cancel")
    assert artifact.text.startswith("Once")


@pytest.mark.parametrize("write", ["append", "complete_section", "stop", "release"])
def test_text_received_before_a_cancel_is_kept(write):
    draft = documents.opened()
    draft.begin(0)
    draft.append("Once")
    commands.request_stop(draft.pk, CANCEL)

    WRITES[write](draft)

    assert row(draft.pk).text == "Once more"


def test_cancel_outranks_pause_and_pause_never_softens_a_cancel():
    draft = documents.opened()

    assert commands.request_stop(draft.pk, PAUSE).stop_requested == "pause"
    assert commands.request_stop(draft.pk, CANCEL).stop_requested == "cancel"
    assert commands.request_stop(draft.pk, PAUSE).stop_requested == "cancel"
    assert draft.stop().status == "cancelled"


def test_asking_again_is_no_new_write():
    draft = documents.opened()
    first = commands.request_stop(draft.pk, PAUSE)

    assert commands.request_stop(draft.pk, PAUSE) == first


@pytest.mark.parametrize(("request_", "status"), [(CANCEL, "cancelled"), (PAUSE, "paused")])
def test_stop_before_the_first_flush_stops(request_, status):
    draft = documents.opened()
    commands.request_stop(draft.pk, request_)

    standing = draft.stop()

    assert (standing.status, standing.length) == (status, 0)
    with pytest.raises(WriterRefused):
        draft.append("too late")


@pytest.mark.parametrize(("request_", "status"), [(CANCEL, "cancelled"), (PAUSE, "paused")])
def test_stop_is_done_at_once_where_no_writer_is_alive(request_, status):
    draft = documents.opened()
    draft.begin(0)
    draft.append("Once")
    documents.expire(draft.pk)

    assert commands.request_stop(draft.pk, request_).status == status
    with pytest.raises(StaleFence):
        draft.append(" more")
    assert row(draft.pk).text == "Once"


def test_pause_never_softens_a_cancel_that_a_dead_writer_left_undone():
    draft = documents.opened()
    commands.request_stop(draft.pk, CANCEL)
    documents.expire(draft.pk)

    assert commands.request_stop(draft.pk, PAUSE).status == "cancelled"


def test_stop_that_a_dead_writer_left_undone_is_done_by_the_next_claim():
    draft = documents.opened()
    draft.append("Once")
    commands.request_stop(draft.pk, CANCEL)
    documents.expire(draft.pk)

    standing = writing.open(draft.pk, lease_s=LEASE_S)

    assert (standing.status, row(draft.pk).text) == ("cancelled", "Once")


def test_pause_has_nothing_left_to_pause_when_the_document_completes():
    draft = documents.opened(total=1)
    draft.begin(0)
    draft.end_section(0, "All")
    commands.request_stop(draft.pk, PAUSE)

    assert draft.complete().status == "complete"
    assert row(draft.pk).stop_requested == ""


def test_provider_trouble_pauses_with_reason_and_sentence():
    draft = documents.opened()
    draft.begin(0)

    draft.stop("Once", StopReason.RATE_LIMITED, "The provider\0 wants a rest.")

    artifact = row(draft.pk)
    assert (artifact.stream_status, artifact.reason) == ("paused", "rate_limited")
    assert artifact.last_error == "The provider wants a rest."
    assert (artifact.text, artifact.lease_until, artifact.current_section) == ("Once", None, "Part 1")
    section = Section.objects.get(artifact=artifact, position=0)
    assert (section.status, section.tokens) == (SectionStatus.PARTIAL, 7)


def test_stop_without_a_count_leaves_the_section_its_tokens():
    draft = documents.opened()
    draft.begin(0)
    draft.release("Once")
    draft = documents.reopened(draft.pk)
    draft.begin(0)

    writing.stop(draft.pk, fence=draft.fence, flush=None, section_tokens=None, reason=StopReason.POISON)

    assert Section.objects.get(artifact=draft.pk, position=0).tokens == 7
    assert row(draft.pk).text == "Once"


def test_resume_keeps_the_text_and_clears_the_reason():
    artifact = documents.paused("Half")

    commands.resume(artifact.pk)

    after = row(artifact.pk)
    assert (after.stream_status, after.reason, after.last_error) == ("streaming", "queued", "")
    assert (after.text, after.epoch, after.finished_at) == ("Half", artifact.epoch, None)


# A claim


def test_claim_takes_a_higher_fence_and_a_lease():
    artifact = documents.waiting()

    standing = writing.open(artifact.pk, lease_s=5)

    claimed = row(artifact.pk)
    assert standing.fence == claimed.fence == artifact.fence + 1
    assert (claimed.reason, claimed.stream_status) == ("", "streaming")
    assert claimed.started_at is not None
    assert claimed.lease_until == claimed.started_at + timedelta(seconds=5)


def test_claim_is_refused_while_the_writer_lives_and_granted_afterwards():
    draft = documents.opened()

    with pytest.raises(LeaseHeld):
        writing.open(draft.pk, lease_s=LEASE_S)

    documents.expire(draft.pk)
    assert writing.open(draft.pk, lease_s=LEASE_S).fence == draft.fence + 1


@pytest.mark.parametrize("write", ["append", "renew", "wait", "begin_section", "complete_section"])
def test_sign_of_life_renews_the_lease(write):
    draft = documents.opened()
    documents.expire(draft.pk)

    WRITES[write](draft)

    with pytest.raises(LeaseHeld):
        writing.open(draft.pk, lease_s=LEASE_S)


def test_released_document_waits_for_the_next_writer_with_its_text():
    draft = documents.opened()
    draft.begin(0)

    assert draft.release("Once").status == "streaming"

    artifact = row(draft.pk)
    assert (artifact.text, artifact.reason, artifact.lease_until) == ("Once", "shutdown", None)
    with pytest.raises(StaleFence):
        draft.append(" more")
    assert documents.reopened(draft.pk).append(" more").length == 9


def test_wait_is_visible_until_the_work_goes_on():
    for work in ("append", "complete_section", "begin_section"):
        draft = documents.opened()
        writing.wait(draft.pk, fence=draft.fence, detail="waiting 8 s: rate limited, attempt 2 of 6", lease_s=LEASE_S)
        waiting = row(draft.pk)
        assert (waiting.reason, waiting.last_error[:11]) == ("waiting_retry", "waiting 8 s")

        WRITES[work](draft)

        assert (row(draft.pk).reason, row(draft.pk).last_error) == ("", "")


def test_lease_is_taken_and_judged_in_database_time(postgres, skewed_clock):
    """By this process's own clock the lease would be long over, and then far from it."""
    artifact = documents.waiting()
    with skewed_clock("- interval '1 hour'"):
        writing.open(artifact.pk, lease_s=5)
        with pytest.raises(LeaseHeld):
            writing.open(artifact.pk, lease_s=5)
        assert commands.request_stop(artifact.pk, CANCEL).stop_requested == "cancel"

    assert writing.open(artifact.pk, lease_s=5).status == "cancelled"


def test_all_statuses_have_their_transitions():
    assert transitions.TRANSITIONS.keys() == set(StreamStatus)
