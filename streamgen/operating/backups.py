"""Copies of the whole database in one file, made while everything runs, and brought back.

SQLite by its own backup, PostgreSQL by the server's own programs: nothing of ours reads the rows.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from django.db import connection
from psycopg.conninfo import make_conninfo

SQLITE_MAGIC, POSTGRES_MAGIC = b"SQLite format 3\0", b"PGDMP"
PAGES_AT_ONCE = 1_000
NOT_LIBPQ = {"cursor_factory", "context", "prepare_threshold", "options"}


OLD = " It must be of the server's version or newer."


class BackupFailed(Exception):
    """Says why, and what to do."""


def back_up(file: Path) -> None:
    """Write the database into the file, which appears whole or not at all, for its owner's eyes only."""
    if file.exists():
        raise BackupFailed(f"{file} is there already.")
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        if connection.vendor == "sqlite":
            with closing(sqlite3.connect(_sqlite_file())) as live, closing(sqlite3.connect(draft)) as copy:
                live.backup(copy, pages=PAGES_AT_ONCE)
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        else:
            _run("pg_dump", "--format=custom", f"--file={draft}")
        os.replace(draft, file)
    except (OSError, sqlite3.Error) as error:
        raise BackupFailed(f"{file} cannot be written: {error}") from None
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


def restore_from(file: Path) -> None:
    """Put the file's content into the place of all that the database holds."""
    try:
        with file.open("rb") as opened:
            magic = opened.read(16)
    except OSError as error:
        raise BackupFailed(f"{file} cannot be read: {error.strerror}.") from None
    wanted = SQLITE_MAGIC if connection.vendor == "sqlite" else POSTGRES_MAGIC
    if not magic.startswith(wanted):
        raise BackupFailed(f"{file} is no backup of {connection.display_name}.")
    if connection.vendor == "sqlite":
        connection.close()
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as copy:
            if copy.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise BackupFailed(f"{file} is damaged.")
            with closing(sqlite3.connect(_sqlite_file())) as live:
                copy.backup(live)
                live.execute("PRAGMA journal_mode = WAL")
    else:
        _run("pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error", file)


def _sqlite_file() -> str:
    return str(connection.settings_dict["NAME"])


def _run(program: str, *arguments: Any) -> None:
    """One of PostgreSQL's programs on our database; the password goes by the environment, where no list shows it."""
    if shutil.which(program) is None:
        raise BackupFailed(f"{program} is not installed: it comes with PostgreSQL's client (apt: postgresql-client).")
    given = {name: value for name, value in connection.get_connection_params().items() if name not in NOT_LIBPQ}
    password = given.pop("password", None)
    environment = os.environ | ({"PGPASSWORD": str(password)} if password else {})
    ended = subprocess.run(
        [program, f"--dbname={make_conninfo(**given)}", *map(str, arguments)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if ended.returncode:
        said = " ".join(ended.stderr.split())[:600]
        raise BackupFailed(f"{program}: {said}{OLD if 'version mismatch' in said else ''}")
