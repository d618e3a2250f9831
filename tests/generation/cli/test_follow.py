"""Following a document on a terminal: the text as it is committed, a note for what happens, and an end."""

from __future__ import annotations

import asyncio
import io
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from artifacts.errors import NotFound
from artifacts.lifecycle import commands, writing
from artifacts.models import PieceTimes, StopRequest
from artifacts.replay.packer import pack_what_is_over
from generation.cli import follow as following
from generation.cli.follow import follow
from tests.support import documents

pytestmark = pytest.mark.django_db(transaction=True)


class Script(threading.Event):
    """What happens between one look and the next: each wait does one step. The last step must be the end."""

    def __init__(self, *steps):
        super().__init__()
        self.steps = list(steps)

    def wait(self, timeout=None):
        assert self.steps, "nothing happens any more, and it is still followed"
        assert timeout == following.FOLLOW_POLL_S
        self.steps.pop(0)()
        return self.is_set()


def watched(pk, *steps):
    """The final status, and what was written to stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    script = Script(*steps)
    status = follow(pk, out=out, err=err, stop=script)
    assert not script.steps, "the end came early"
    return status, out.getvalue(), err.getvalue().splitlines()


def test_document_that_is_complete_is_shown_whole():
    artifact = documents.complete("## One\n\nText.", "\n\n## Two\n\nEnd.")
    status, out, notes = watched(artifact.pk)
    assert status == "complete"
    assert out == artifact.text
    assert notes == ["[1/2] Part 1: 0 tokens", "[2/2] Part 2: 0 tokens", "complete: 2 of 2 sections, 0 tokens."]


def test_text_comes_as_it_is_committed():
    draft = documents.opened()
    out = io.StringIO()
    seen = []

    def step(action):
        def act():
            seen.append(out.getvalue())
            action()

        return act

    script = Script(
        step(lambda: draft.append("One, ")),
        step(lambda: (draft.append("two, "), draft.append("three."))),
        step(lambda: draft.finish("", "")),
    )
    assert follow(draft.pk, out=out, err=io.StringIO(), stop=script) == "complete"
    assert seen == ["", "One, ", "One, two, three."]
    assert out.getvalue() == documents.row(draft.pk).text


def test_reading_goes_on_where_it_was():
    draft = documents.opened(total=1)
    draft.append("x" * 10_000)
    look = CaptureQueriesContext(connection)

    def write():
        draft.append("new")
        look.__enter__()

    def end():
        look.__exit__(None, None, None)
        draft.finish(".")

    assert watched(draft.pk, write, end)[1] == "x" * 10_000 + "new."
    assert len(look) == 2
    assert '"offset" >= 10000' in look[1]["sql"]


def test_quiet_look_takes_one_query():
    draft = documents.opened()
    draft.append("Text.")
    counted = CaptureQueriesContext(connection)

    def end():
        counted.__exit__(None, None, None)
        commands.request_stop(draft.pk, StopRequest.CANCEL)
        draft.stop()

    watched(draft.pk, counted.__enter__, end)
    assert len(counted) == 1
    assert "content" not in counted[0]["sql"].replace("content_length", "")


def test_pause_ends_with_its_sentence():
    draft = documents.opened(total=3)

    def pause():
        draft.begin(0)
        draft.end_section(0, "Text.", tokens=12)
        draft.stop(detail="Too many\x1b[2J requests.")

    status, out, notes = watched(draft.pk, pause)
    assert (status, out) == ("paused", "Text.")
    assert notes == ["[1/3] Part 1: 12 tokens", "paused: 1 of 3 sections, 0 tokens. Too many requests."]


def test_waiting_is_said_once():
    artifact = documents.idle()
    draft = []

    def begin():
        draft.append(documents.reopened(artifact.pk))
        writing.wait(artifact.pk, fence=draft[0].fence, detail="waiting 8 s: rate limited, attempt 2 of 6", lease_s=60)

    status, _, notes = watched(
        artifact.pk,
        lambda: None,
        lambda: commands.plan(artifact.pk, documents.sections(1), ""),
        lambda: None,
        begin,
        lambda: None,
        lambda: draft[0].finish("Text."),
    )
    assert status == "complete"
    assert notes == [
        "The document is not started yet; waiting.",
        "Waiting for a worker. Writing begins as soon as one is free.",
        "waiting 8 s: rate limited, attempt 2 of 6",
        "[1/1] Part 1: 0 tokens",
        "complete: 1 of 1 sections, 0 tokens.",
    ]


def test_remark_of_the_caller_is_said_once_beside_what_is_waited_for():
    artifact = documents.waiting(total=1)
    err = io.StringIO()
    script = Script(lambda: None, lambda: None, lambda: documents.reopened(artifact.pk).finish("Text."))
    follow(artifact.pk, out=io.StringIO(), err=err, stop=script, remark=lambda: "Pausing.")
    assert err.getvalue().splitlines()[:3] == [
        "Waiting for a worker. Writing begins as soon as one is free.",
        "Pausing.",
        "[1/1] Part 1: 0 tokens",
    ]


def test_regenerate_is_announced_and_shown_from_its_beginning():
    draft = documents.opened(total=1)
    draft.append("Old text")

    def anew():
        commands.request_stop(draft.pk, StopRequest.PAUSE)
        draft.stop(" and its tail")
        commands.reset(draft.pk, documents.sections(1), "")
        documents.reopened(draft.pk).append("New")

    def end():
        fence = documents.row(draft.pk).fence
        documents.Draft(pk=draft.pk, fence=fence).finish(" text.")

    status, out, notes = watched(draft.pk, anew, end)
    assert (status, out) == ("complete", "Old textNew text.")
    assert notes == [
        "The document is written anew from here on.",
        "[1/1] Part 1: 0 tokens",
        "complete: 1 of 1 sections, 0 tokens.",
    ]


def test_regenerate_between_two_reads_of_one_look_loses_nothing():
    artifact = documents.complete("Old text.")
    moments = [lambda: commands.reset(artifact.pk, documents.sections(1), "")]

    def meanwhile(execute, sql, params, many, context):
        if 'FROM "artifacts_delta"' in sql and moments:
            moments.pop()()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(meanwhile):
        status, out, _ = watched(artifact.pk, lambda: documents.reopened(artifact.pk).finish("New text."))
    assert (status, out) == ("complete", "New text.")


def test_escapes_are_taken_out_across_deltas():
    draft = documents.opened(total=1)
    draft.append("a\x1b[3")
    status, out, _ = watched(draft.pk, lambda: draft.append("1mred\x1b]0;own"), lambda: draft.finish("ed\x07 b\x9b2Jc"))
    assert (status, out) == ("complete", "ared bc")


def test_stop_ends_the_following_and_leaves_the_document():
    draft = documents.opened()
    draft.append("Text.")
    stop = threading.Event()
    stop.set()
    out = io.StringIO()
    assert follow(draft.pk, out=out, err=io.StringIO(), stop=stop) == "streaming"
    assert out.getvalue() == "Text."
    assert documents.row(draft.pk).stop_requested == ""


def test_document_that_is_not_there_is_not_found():
    with pytest.raises(NotFound, match=r"no document 4711\."):
        watched(4711)


def test_document_that_is_deleted_meanwhile_is_not_found():
    artifact = documents.waiting()
    with pytest.raises(NotFound, match="any more"):
        watched(artifact.pk, lambda: commands.delete(artifact.pk))


def away(execute, sql, params, many, context):
    raise OperationalError("server closed the connection")


def test_database_that_is_away_for_a_moment_is_waited_for():
    draft = documents.opened()
    draft.append("Text, ")
    trouble = connection.execute_wrapper(away)

    def back():
        trouble.__exit__(None, None, None)
        draft.stop("more.")

    status, out, notes = watched(draft.pk, trouble.__enter__, lambda: None, back)
    assert (status, out) == ("paused", "Text, more.")
    assert notes.count("The database does not answer; trying again.") == 1


def test_database_that_stays_away_is_the_callers_trouble():
    artifact = documents.waiting()
    with connection.execute_wrapper(away), pytest.raises(OperationalError):
        watched(artifact.pk, *[lambda: None] * following.AWAY_LOOKS)


def test_many_deltas_are_read_in_parts():
    draft = documents.opened(total=1)
    for number in range(following.DELTAS_PER_READ + 5):
        draft.append(f"{number} ")
    with CaptureQueriesContext(connection) as queries:
        assert watched(draft.pk, lambda: draft.finish("."))[1] == documents.row(draft.pk).text
    assert sum(f"LIMIT {following.DELTAS_PER_READ}" in query["sql"] for query in queries) == 3


def test_document_whose_pieces_went_is_shown_whole():
    artifact = documents.complete("One", "Two")
    assert asyncio.run(pack_what_is_over(after=timedelta(0))) == 1
    assert watched(artifact.pk)[:2] == ("complete", artifact.text)
    PieceTimes.objects.all().delete()  # as `prune` leaves it
    assert watched(artifact.pk)[:2] == ("complete", artifact.text)
