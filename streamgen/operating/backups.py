"""Copies of the whole database in one file, made while everything runs, and brought back.

SQLite by its own backup, PostgreSQL by the server's own programs: nothing of ours reads the rows.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing, suppress
from io import BytesIO
from pathlib import Path
from typing import IO, Any, cast

from django.db import Error as DatabaseError
from django.db import connection
from psycopg.conninfo import make_conninfo

from artifacts.operating.database_check import POOLER_SAYS, own_connection
from streamgen.private_files import make_private

SQLITE_MAGIC, POSTGRES_MAGIC = b"SQLite format 3\0", b"PGDMP"
ALL_PAGES = -1
"""In one go, which keeps no writer waiting; in portions it would begin anew with each commit in between."""
NOT_TOLD = {"cursor_factory", "context", "prepare_threshold", "options", "password"}
OWN_TABLES = """
SELECT quote_ident(nspname) || '.' || quote_ident(relname)
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'p') AND pg_table_is_visible(pg_class.oid) AND nspname NOT LIKE 'pg\\_%'
AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
"""
"""Those that no extension brought."""
OLD = " It must be of the server's version or newer."


BY_POOLER = (
    "A pooler in transaction mode hands on what PostgreSQL's programs set for their session: others would not find"
    " their tables any more. Give this command the server's own address:"
    " DATABASE_URL=postgres://... DATABASE_POOLER= manage.py"
)


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
                live.backup(copy, pages=ALL_PAGES)
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        else:
            _demand_server("backup")
            _run("pg_dump", "--format=custom", f"--file={draft}", *_where())
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
            if not _is_sound(copy):
                raise BackupFailed(f"{file} is damaged.")
            try:
                with closing(sqlite3.connect(_sqlite_file())) as live:
                    copy.backup(live)
                    live.execute("PRAGMA journal_mode = WAL")
            except sqlite3.Error as error:
                raise BackupFailed(f"{_sqlite_file()} cannot be written: {error}") from None
    else:
        _restore_postgres(file)


def _is_sound(copy: sqlite3.Connection) -> bool:
    try:
        return bool(copy.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    except sqlite3.DatabaseError:
        return False


def _restore_postgres(file: Path) -> None:
    """In one transaction, which is committed once the whole file was read: all of it, or nothing.

    Tables that the file does not know go first. A newer version made them: left there they would hold on to those that
    are replaced, and its migrations would find them made already.
    """
    _demand_server("restore")
    for program in ("pg_restore", "psql"):
        _demand(program)
    with connection.cursor() as cursor:
        cursor.execute(OWN_TABLES)
        drops = "".join(f"DROP TABLE {name} CASCADE;\n" for (name,) in cursor.fetchall())
    connection.close()
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as said:
        psql = ["psql", "--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", *_where()]
        with _begun(psql, stdin=subprocess.PIPE, stderr=said) as target:
            script = ["pg_restore", "--clean", "--if-exists", "--no-owner", "--file=-", str(file)]
            with _begun(script, stdout=subprocess.PIPE, stderr=told) as source:
                is_taken = _pass_on(source.stdout, target.stdin, f"BEGIN;\n{drops}")
            if is_taken and source.returncode:
                target.kill()  # before it is told to commit what has come
            else:
                _pass_on(BytesIO(), target.stdin, "COMMIT;\n")
            with suppress(BrokenPipeError):
                cast(IO[bytes], target.stdin).close()
        if is_taken and source.returncode:
            raise _failed("pg_restore", told)
        if target.returncode:
            raise _failed("psql", said)


def _pass_on(source: Any, target: Any, opening: str) -> bool:
    """Whether the target took it all; if not, it has said why and is gone."""
    try:
        target.write(opening.encode())
        shutil.copyfileobj(source, target)
        target.flush()
    except BrokenPipeError:
        return False
    finally:
        source.close()
    return True


def _sqlite_file() -> str:
    """Made where it is missing, before SQLite does."""
    file = str(connection.settings_dict["NAME"])
    make_private(Path(file))
    return file


def _run(*command: str) -> None:
    """One of PostgreSQL's programs, until it has ended."""
    _demand(command[0])
    with tempfile.TemporaryFile() as said:
        with _begun(command, stderr=said) as ended:
            pass
        if ended.returncode:
            raise _failed(command[0], said)


def _demand(program: str) -> None:
    if shutil.which(program) is None:
        raise BackupFailed(f"{program} is not installed: it comes with PostgreSQL's client (apt: postgresql-client).")


def _demand_server(command: str) -> None:
    """PostgreSQL itself, with nobody between who shares its sessions."""
    is_shared = bool(connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"))
    if not is_shared:
        ours = own_connection()
        try:
            ours.ensure_connection()
        except DatabaseError as error:  # whatever else it is, the program says it
            is_shared = POOLER_SAYS in str(error)
        finally:
            ours.close()
    if is_shared:
        raise BackupFailed(f"{BY_POOLER} {command} FILE")


def _begun(
    command: Sequence[str], *, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL, stderr: Any
) -> subprocess.Popen[bytes]:
    """The password goes by the environment, where no list shows it."""
    password = connection.get_connection_params().get("password")
    environment = os.environ | ({"PGPASSWORD": str(password)} if password else {})
    return subprocess.Popen(command, env=environment, stdin=stdin, stdout=stdout, stderr=stderr)


def _where() -> list[str]:
    """Our database, for those that go there."""
    given = {name: value for name, value in connection.get_connection_params().items() if name not in NOT_TOLD}
    return [f"--dbname={make_conninfo(**given)}"]


def _failed(program: str, stderr: Any) -> BackupFailed:
    stderr.seek(0)
    said = " ".join(stderr.read().decode(errors="replace").split())[:600]
    return BackupFailed(f"{program}: {said}{OLD if 'version mismatch' in said else ''}")
