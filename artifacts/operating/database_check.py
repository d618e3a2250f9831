"""Looks whether a database can be worked with: it answers, has every migration, can be written, has room.

It leaves nothing behind. It looks over a connection of its own, because that of the others may wait behind their work.
"""

from __future__ import annotations

import copy
import shutil
from functools import cache
from pathlib import Path
from typing import Any

from django.db import Error as DatabaseError
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.utils import DEFAULT_DB_ALIAS, load_backend

from artifacts.operating.outages import SENTENCES, OutageKind, kind_of, sqlstate

CONNECT_S = 1
ROOM_BYTES = 1_000_000
"""With less room beside a SQLite file its disk counts as full."""

_ROW_BYTES = 2_000
"""Under this PostgreSQL does not compress."""
_TAKE_ROOM = (
    "CREATE TEMPORARY TABLE streamgen_room ON COMMIT DROP AS SELECT repeat('0', %s) FROM generate_series(1, %s)"
)
_MAY_NOT = "42501"

POOLER_SAYS = "unsupported startup parameter"
POOLER = "A pooler in transaction mode refuses this connection: set DATABASE_POOLER=transaction."


def own_connection() -> BaseDatabaseWrapper:
    """A connection to the default database that is no part of a pool, and that waits for nothing for long."""
    given: dict[str, Any] = copy.deepcopy(connections[DEFAULT_DB_ALIAS].settings_dict)
    options = given["OPTIONS"]
    options.pop("pool", None)
    if given["ENGINE"].endswith("sqlite3"):
        options["timeout"] = CONNECT_S
    else:
        options["connect_timeout"] = CONNECT_S
    wrapper: BaseDatabaseWrapper = load_backend(given["ENGINE"]).DatabaseWrapper(given, DEFAULT_DB_ALIAS)
    return wrapper


def find_trouble(connection: BaseDatabaseWrapper, *, looks_for_room: bool = True) -> OutageKind | None:
    """What keeps this process from working with its database; None for nothing. To look for room is the dear part."""
    try:
        if _is_file_gone(connection):
            return OutageKind.GONE
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.execute("SELECT app, name FROM django_migrations")
            if needed_migrations() - set(cursor.fetchall()):
                return OutageKind.UNMIGRATED
            # Takes the lock of a writer, finds no row, and leaves nothing behind.
            cursor.execute("DELETE FROM django_session WHERE session_key = ''")
        return OutageKind.FULL if looks_for_room and is_disk_full(connection) else None
    except DatabaseError as error:
        connection.close()
        return kind_of(error) or OutageKind.GONE


def refusal_to_start() -> str:
    """The sentence about what a process must not begin with, else ""; for the rest it can wait."""
    connection = own_connection()
    try:
        if connection.vendor == "postgresql":
            connection.ensure_connection()
        trouble = find_trouble(connection, looks_for_room=False)
    except DatabaseError as error:
        return POOLER if POOLER_SAYS in str(error) else ""
    finally:
        connection.close()
    if trouble is OutageKind.GONE and connection.vendor == "sqlite":
        trouble = OutageKind.UNMIGRATED  # a file that is not there has yet to be made
    return SENTENCES[trouble] if trouble in {OutageKind.UNMIGRATED, OutageKind.READ_ONLY} else ""


@cache
def needed_migrations() -> frozenset[tuple[str, str]]:
    """Those that this code knows. More may be applied: a newer version migrates before the older ones have gone."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def _file(connection: BaseDatabaseWrapper) -> Path | None:
    return Path(str(connection.settings_dict["NAME"])) if connection.vendor == "sqlite" else None


def _is_file_gone(connection: BaseDatabaseWrapper) -> bool:
    """An open connection would go on with a file that was removed, and a new one would make an empty file."""
    file = _file(connection)
    if file is not None:
        connection.close()
    return file is not None and not file.exists()


def is_disk_full(connection: BaseDatabaseWrapper) -> bool:
    """Whether its disk has less than `ROOM_BYTES` left: beside a SQLite file by asking for it; on a server, whose disk
    nobody sees from here, by having it take as much for a moment, in a table that no log and no other connection knows.
    """
    file = _file(connection)
    if file is not None:
        return shutil.disk_usage(file.parent).free < ROOM_BYTES
    try:
        with connection.cursor() as cursor:
            cursor.execute(_TAKE_ROOM, [_ROW_BYTES, ROOM_BYTES // _ROW_BYTES])
    except DatabaseError as error:
        if sqlstate(error) == _MAY_NOT:
            return False  # whoever may not have such a table learns it from those who write
        if kind_of(error) is not OutageKind.FULL:
            raise
        return True
    return False
