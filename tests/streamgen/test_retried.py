"""Transactions that come again: what PostgreSQL aborts by itself is tried once more, what is wrong is not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from django.db import DatabaseError, InternalError, connection, transaction

from generation.worker.database import until_answered
from tests.support import documents


def aborted(code: str) -> Callable[[], None]:
    def abort() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'as if' USING ERRCODE = '{code}'; END $$")

    return abort


def slept() -> None:
    """The process is frozen inside a transaction for longer than the server waits."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 20")
        time.sleep(0.2)
        cursor.execute("SELECT 1")


def ended() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


class Flush:
    """An append whose first attempt fails after it has written."""

    def __init__(self, failure: Callable[[], None]) -> None:
        self.draft = documents.opened()
        self.attempts = 0
        self._failure = failure

    def __call__(self) -> int:
        self.attempts += 1
        with transaction.atomic():
            standing = self.draft.append("Once", offset=0)
            if self.attempts == 1:
                self._failure()
            return standing.seq


@pytest.mark.parametrize(
    "failure",
    [aborted("40001"), aborted("40P01"), aborted("55P03"), slept, ended],
    ids=["40001", "40P01", "55P03", "slept", "ended"],
)
def test_aborted_write_comes_again_with_the_same_seq(postgres, failure):
    flush = Flush(failure)
    before = documents.row(flush.draft.pk).seq

    assert asyncio.run(until_answered(flush)) == before + 1

    assert flush.attempts == 2
    assert documents.deltas(flush.draft.pk) == ["Once"]


def test_error_of_our_own_making_is_not_tried_again(postgres):
    for code, kind in (("XX000", InternalError), ("22012", DatabaseError)):
        flush = Flush(aborted(code))
        with pytest.raises(kind):
            asyncio.run(until_answered(flush))
        assert flush.attempts == 1
