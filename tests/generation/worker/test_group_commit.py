"""Flushes of several writers of one loop: committed together, and each with its own end."""

from __future__ import annotations

import asyncio

import pytest
from channels.db import database_sync_to_async
from django.db import connection

from artifacts.errors import StaleFence
from artifacts.lifecycle.rows import WriteResult
from artifacts.lifecycle.writing import Append
from generation.worker.group_commit import (
    ALONE_AFTER_S,
    COMPANY_S,
    MEASURED_EVERY_S,
    MOST_STRETCHED_S,
    MOST_TOGETHER,
    GroupCommit,
    Load,
)
from tests.support import documents
from tests.support.documents import Draft, row

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

FOR_EVER_S = 1e30
"""A lease that ends after all time: it fails within the transaction, by more than a guard."""


def append_of(draft: Draft, text: str = "Text", *, fence: int | None = None, lease_s: float = 60) -> Append:
    flush = draft.next_flush(text, offset=0)
    return Append(artifact=draft.pk, fence=draft.fence if fence is None else fence, flush=flush, lease_s=lease_s)


@database_sync_to_async
def drafts(number: int) -> list[Draft]:
    return [documents.opened(total=1) for _ in range(number)]


@database_sync_to_async
def texts_of(written: list[Draft]) -> list[str]:
    return [row(draft.pk).text for draft in written]


async def outcomes_of(appends: list[Append], *, is_awaited: bool = False) -> list[object]:
    group = GroupCommit()
    return await asyncio.gather(*(group.append(one, is_awaited=is_awaited) for one in appends), return_exceptions=True)


async def test_flushes_that_come_together_are_one_transaction():
    written = await drafts(5)
    begun: list[str] = []

    def note(execute, sql, params, many, context):
        begun.append(sql.split()[0])
        return execute(sql, params, many, context)

    await database_sync_to_async(lambda: connection.execute_wrappers.append(note))()
    outcomes = await outcomes_of([append_of(draft) for draft in written])
    await database_sync_to_async(lambda: connection.execute_wrappers.remove(note))()

    assert [type(outcome) for outcome in outcomes] == [WriteResult] * 5
    assert begun.count("SELECT") == begun.count("INSERT") == begun.count("BEGIN") == 1
    assert await texts_of(written) == ["Text"] * 5


async def test_who_is_alone_waits_for_no_company():
    (draft,) = await drafts(1)
    group = GroupCommit()

    async def begin(text: str, offset: int) -> asyncio.Task[WriteResult]:
        one = Append(artifact=draft.pk, fence=draft.fence, flush=draft.next_flush(text, offset=offset), lease_s=60)
        commit = asyncio.create_task(group.append(one, is_awaited=False))
        for _ in range(3):  # the turns of the loop that a transaction takes to begin, if nothing is waited for
            await asyncio.sleep(0)
        return commit

    first = await begin("Text", 0)
    assert group.waiting, "others may be there"
    await first
    await asyncio.sleep(ALONE_AFTER_S + COMPANY_S)
    second = await begin(" more", 4)
    assert not group.waiting
    await second


async def test_no_transaction_is_larger_than_its_bound():
    written = await drafts(MOST_TOGETHER + 1)

    outcomes = await outcomes_of([append_of(draft) for draft in written], is_awaited=True)

    assert [type(outcome) for outcome in outcomes] == [WriteResult] * len(written)


async def test_who_fails_the_transaction_fails_alone():
    written = await drafts(3)
    first, bad, last = written

    outcomes = await outcomes_of([append_of(first), append_of(bad, lease_s=FOR_EVER_S), append_of(last)])

    assert [type(outcome) for outcome in outcomes] == [WriteResult, OverflowError, WriteResult]
    assert await texts_of(written) == ["Text", "", "Text"]


async def test_who_is_refused_is_told_so_and_nobody_else():
    written = await drafts(2)
    old, fine = written

    outcomes = await outcomes_of([append_of(old, fence=0), append_of(fine)])

    assert [type(outcome) for outcome in outcomes] == [StaleFence, WriteResult]
    assert await texts_of(written) == ["", "Text"]


async def test_flush_that_somebody_waits_for_takes_along_those_that_wait_for_company():
    written = await drafts(2)
    group = GroupCommit()
    patient = asyncio.ensure_future(group.append(append_of(written[0]), is_awaited=False))
    await asyncio.sleep(0)

    await group.append(append_of(written[1]), is_awaited=True)

    assert patient.done()
    assert await texts_of(written) == ["Text", "Text"]


async def test_writer_that_was_cancelled_before_its_turn_has_written_nothing():
    written = await drafts(2)
    group = GroupCommit()
    gone = asyncio.ensure_future(group.append(append_of(written[0]), is_awaited=False))
    await asyncio.sleep(0)
    gone.cancel()

    await group.append(append_of(written[1]), is_awaited=True)

    assert await texts_of(written) == ["", "Text"]


async def test_where_every_writer_was_cancelled_nothing_is_asked_of_the_database(caplog):
    (only,) = await drafts(1)
    group = GroupCommit()
    gone = asyncio.ensure_future(group.append(append_of(only), is_awaited=True))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)

    await group.append(append_of(only), is_awaited=True)

    assert await texts_of([only]) == ["Text"]
    assert "one by one" not in caplog.text


async def test_flushes_become_rarer_with_the_load_up_to_a_bound_and_come_back():
    load, now_s = Load(), 0.0

    def work(part: float, seconds: float) -> float:
        nonlocal now_s
        for _ in range(round(seconds / MEASURED_EVERY_S)):
            load.busy_s += MEASURED_EVERY_S * part
            now_s += MEASURED_EVERY_S
            stretched_s = load.stretched_s(0.1, now_s)
        return stretched_s

    assert work(0.3, 5) == 0.1
    assert 0.1 < work(0.8, 0.5) < MOST_STRETCHED_S
    assert work(0.9, 10) == MOST_STRETCHED_S
    assert load.stretched_s(1.0, now_s) == 1.0, "who wants it rarer than that gets it so"
    assert work(0.1, 10) == 0.1
