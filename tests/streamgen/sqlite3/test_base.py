"""A thread's turn to write begins with its transaction, is waited for, and is given back however that ends.

A search knows the letters of every script.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from streamgen.sqlite3.base import DatabaseWrapper
from tests.support.limits import WAIT_S

SHORT_S = 0.05


@pytest.fixture(autouse=True)
def own_files(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "turns.sqlite3")) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("CREATE TABLE words (word text)")
    return tmp_path / "turns.sqlite3"


def wrapper(file: Path, timeout_s: float = 20.0) -> DatabaseWrapper:
    options = {"transaction_mode": "IMMEDIATE", "timeout": timeout_s}
    return DatabaseWrapper(connection.settings_dict | {"NAME": str(file), "OPTIONS": options})


def begin(one: DatabaseWrapper) -> None:
    one.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)


def say(one: DatabaseWrapper, word: str) -> None:
    begin(one)
    with one.cursor() as cursor:
        cursor.execute("INSERT INTO words VALUES (%s)", [word])
    one.commit()
    one.set_autocommit(True)
    one.close()


def test_new_file_and_its_logs_are_their_owners_alone(tmp_path: Path) -> None:
    one = wrapper(tmp_path / "new.sqlite3")
    with one.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("CREATE TABLE words (word text)")
    modes = {part.name: stat.S_IMODE(part.stat().st_mode) for part in tmp_path.iterdir()}
    one.close()
    assert modes == dict.fromkeys(("new.sqlite3", "new.sqlite3-wal", "new.sqlite3-shm"), 0o600)


def words(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as reader:
        return [word for (word,) in reader.execute("SELECT word FROM words ORDER BY rowid")]


@pytest.mark.parametrize("end", ["commit", "rollback", "close"])
def test_next_thread_waits_until_the_transaction_ends(file: Path, end: str) -> None:
    ours = wrapper(file)
    begin(ours)
    other = threading.Thread(target=lambda: say(wrapper(file), "theirs"))
    other.start()
    other.join(SHORT_S)
    assert other.is_alive()

    getattr(ours, end)()
    other.join(WAIT_S)

    assert not other.is_alive()
    assert words(file) == ["theirs"]
    ours.close()


def test_every_word_of_many_threads_is_written(file: Path) -> None:
    threads = [threading.Thread(target=lambda word=str(number): say(wrapper(file), word)) for number in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(WAIT_S)

    assert sorted(words(file), key=int) == [str(number) for number in range(12)]


def test_turn_is_given_back_where_another_process_has_the_file(file: Path) -> None:
    with closing(sqlite3.connect(file)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"):
            begin(wrapper(file, SHORT_S))
        foreign.rollback()
    say(wrapper(file, SHORT_S), "first")
    assert words(file) == ["first"]


def test_child_waits_for_no_thread_of_its_parent(file: Path) -> None:
    begin(ours := wrapper(file))
    child = os.fork()
    if not child:
        code = 1
        try:
            with pytest.raises(OperationalError, match="locked"):
                begin(wrapper(file, SHORT_S))  # by the file, which its parent holds
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    ours.rollback()
    ours.close()


@pytest.mark.parametrize(
    ("text", "pattern", "is_found"),
    [
        ("Проект Маяк", "%маяк%", True),
        ("ÄRGER", "%ärger%", True),
        ("Ein Turm", "%TURM", True),
        ("Ein Turm", "%ein", False),
        ("two\nlines", "two%LINES", True),
        ("100 %", "%\\%%", True),
        ("100", "%\\%%", False),
        ("a.b", "a_b", True),
        ("axb", "a\\_b", False),
        ("(a+b)*", "%(A+B)*%", True),
        ("\\", "%\\\\%", True),
        (None, "%", None),
    ],
)
def test_search_knows_both_cases_of_every_letter(
    file: Path, text: str | None, pattern: str, is_found: bool | None
) -> None:
    with closing(wrapper(file)) as database, database.cursor() as cursor:
        cursor.execute("SELECT %s LIKE %s ESCAPE '\\'", [text, pattern])
        assert cursor.fetchone() == (is_found if is_found is None else int(is_found),)
        if "\\" not in pattern:
            cursor.execute("SELECT %s LIKE %s", [text, pattern])
            assert cursor.fetchone() == (is_found if is_found is None else int(is_found),)
