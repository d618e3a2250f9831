"""Flushes of several documents in one transaction, on both databases: each is guarded as if it were alone."""

from __future__ import annotations

from threading import Event

from django.db import transaction

from artifacts.errors import StaleFence, WrongOffset
from artifacts.lifecycle import commands, writing
from artifacts.lifecycle.rows import WriteResult, lock
from artifacts.lifecycle.writing import Append
from artifacts.models import StopRequest
from tests.support import documents
from tests.support.documents import Draft, row


def append_of(draft: Draft, text: str, *, offset: int | None = None, fence: int | None = None) -> Append:
    flush = draft.next_flush(text, offset=offset, tokens=3)
    return Append(
        artifact=draft.pk, fence=draft.fence if fence is None else fence, flush=flush, lease_s=documents.LEASE_S
    )


def drafts(number: int) -> list[Draft]:
    return [documents.opened(total=1) for _ in range(number)]


def test_each_document_gets_its_own_text_and_number(every_database):
    written = drafts(3)
    for text in ("One", " two"):
        results = writing.append_together([append_of(draft, f"{text} {draft.pk}") for draft in written])

        assert [type(result) for result in results] == [WriteResult] * 3
    for draft in written:
        artifact = row(draft.pk)
        assert artifact.text == "".join(documents.deltas(draft.pk)) == f"One {draft.pk} two {draft.pk}"
        assert artifact.tokens_generated == 3


def test_result_is_that_of_an_append_alone(every_database):
    alone, other, one = drafts(3)

    result = alone.append("Text")
    together, _ = writing.append_together([append_of(one, "Text"), append_of(other, "Another")])

    assert isinstance(together, WriteResult)
    assert (together.seq, together.length, together.status) == (result.seq, result.length, result.status)


def test_who_is_refused_has_written_nothing_and_the_others_have(every_database):
    fine, stale, gap, gone = drafts(4)
    appends = [append_of(fine, "Text"), append_of(stale, "Old", fence=0), append_of(gap, "Far", offset=9)]
    appends.append(append_of(gone, "Gone"))
    commands.delete(gone.pk)

    written, too_old, too_far, missing = writing.append_together(appends)

    assert isinstance(written, WriteResult)
    assert isinstance(too_old, StaleFence)
    assert isinstance(too_far, WrongOffset)
    assert missing is None
    assert [row(draft.pk).text for draft in (fine, stale, gap)] == ["Text", "", ""]


def test_append_whose_answer_was_lost_changes_nothing_the_second_time(every_database):
    first, second = drafts(2)
    appends = [append_of(first, "Text"), append_of(second, "Text")]
    writing.append_together(appends)
    before = [row(draft.pk).seq for draft in (first, second)]

    writing.append_together(appends)

    assert [row(draft.pk).seq for draft in (first, second)] == before
    assert documents.deltas(first.pk) == ["Text"]


def test_stop_request_is_told_with_the_text_kept(every_database):
    asked, other = drafts(2)
    commands.request_stop(asked.pk, StopRequest.PAUSE)

    results = writing.append_together([append_of(asked, "Last"), append_of(other, "On")])

    assert [result.stop_requested for result in results if isinstance(result, WriteResult)] == ["pause", ""]
    assert row(asked.pk).text == "Last"


def test_locked_document_is_left_out_and_holds_up_nobody(postgres):
    held, free = drafts(2)
    appends = [append_of(held, "Later"), append_of(free, "Now")]
    is_locked, is_done = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            lock(held.pk)
            is_locked.set()
            is_done.wait()

    def write() -> list[object]:
        is_locked.wait()
        try:
            return list(writing.append_together(appends))
        finally:
            is_done.set()

    _, written = documents.together(hold, write)

    assert written[0] is None
    assert isinstance(written[1], WriteResult)
    assert [row(draft.pk).text for draft in (held, free)] == ["", "Now"]


def test_sign_of_life_stands_beside_the_flushes_of_others(every_database):
    writes, thinks, other = drafts(3)
    before = row(thinks.pk)
    signs = [Append(artifact=one.pk, fence=one.fence, flush=None, lease_s=2 * documents.LEASE_S) for one in (thinks,)]
    signs.append(Append(artifact=other.pk, fence=0, flush=None, lease_s=1))

    written, renewed, refused = writing.append_together([append_of(writes, "Text"), *signs])

    assert isinstance(written, WriteResult)
    assert isinstance(renewed, WriteResult)
    assert isinstance(refused, StaleFence)
    now = row(thinks.pk)
    assert now.lease_until > before.lease_until
    assert (now.seq, now.text) == (before.seq, before.text)
    assert row(writes.pk).text == "Text"


def test_sign_of_life_alone_is_the_same(every_database):
    (draft,) = drafts(1)
    before = row(draft.pk)

    Append(artifact=draft.pk, fence=draft.fence, flush=None, lease_s=2 * documents.LEASE_S).alone()

    assert row(draft.pk).lease_until > before.lease_until
    assert row(draft.pk).seq == before.seq
