"""Outages: what each error of the databases means, and two log lines for however many failures."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from django.db import Error as DatabaseError
from django.db import connection, transaction

from artifacts.models import Project
from artifacts.operating.outages import QUIET_S, Outage, OutageKind, kind_of


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def error_of(*statements: str) -> DatabaseError:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    except DatabaseError as error:
        return error
    raise AssertionError("nothing failed")


def test_errors_of_both_databases_say_what_is_wrong_with_them(every_database):
    assert kind_of(error_of("SELECT colour FROM artifacts_project")) is OutageKind.UNMIGRATED
    assert kind_of(error_of("SELECT 1 FROM colours")) is OutageKind.UNMIGRATED
    assert kind_of(error_of("INSERT INTO artifacts_project (id) VALUES (1)")) is None  # ours, not the database's
    if every_database == "postgres":
        write = "DELETE FROM artifacts_project"
        assert kind_of(error_of("SET TRANSACTION READ ONLY", write)) is OutageKind.READ_ONLY
        assert kind_of(error_of("SET LOCAL statement_timeout = 10", "SELECT pg_sleep(5)")) is OutageKind.LOCKED


@pytest.mark.django_db(transaction=True)
def test_sqlite_file_that_another_program_holds_is_locked():
    Project.objects.exists()
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 1")
        try:
            assert kind_of(error_of("SELECT 1")) is OutageKind.LOCKED
        finally:
            connection.close()


def test_outage_that_becomes_another_trouble_says_so_and_two_at_once_do_not(caplog):
    clock = Clock()
    outage = Outage(clock)
    for _ in range(100):
        outage.failed(OutageKind.GONE)
        outage.failed(OutageKind.LOCKED)
        clock.now_s += 0.1
    for _ in range(100):  # the server is there again, as a copy that can only be read
        outage.failed(OutageKind.READ_ONLY)
        clock.now_s += 0.1
    clock.now_s += QUIET_S
    outage.answered(wrote=True)
    told = [record.getMessage().partition(":")[0] for record in caplog.records]
    assert [line.partition(" seconds=")[0] for line in told] == [
        "outage begins kind=gone",
        "outage ends kind=gone",
        "outage begins kind=read_only",
        "outage ends kind=read_only",
    ]


def test_outage_is_told_when_it_begins_and_when_it_ends(caplog):
    clock = Clock()
    outage = Outage(clock)
    for _ in range(300):
        outage.failed(OutageKind.FULL)
        outage.answered(wrote=True)  # some come through meanwhile
        clock.now_s += 0.1
    clock.now_s += QUIET_S
    outage.answered()  # a reader meets no full disk
    assert outage.kind is OutageKind.FULL
    outage.answered(wrote=True)
    outage.answered(wrote=True)
    begun, ended = (record.getMessage() for record in caplog.records)
    assert begun == "outage begins kind=full: The disk of the database is full."
    assert ended == "outage ends kind=full seconds=30"
