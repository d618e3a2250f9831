"""What happened in the database: triggers of the run's own keep every committed write, a dump reads them at the end.

It speaks SQL and knows nothing of the product's code, so that a fault there cannot hide here.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

COLUMNS = "kind, artifact, epoch, seq, status, fence, lease_until, length, reason, written_at"


@dataclass(frozen=True, kw_only=True)
class Write:
    """One committed write of an artifact's row; times are seconds since 1970, by the database's clock."""

    kind: str
    artifact: int
    epoch: int
    seq: int
    status: str
    fence: int
    lease_until: float | None
    length: int
    reason: str
    written_at: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """An artifact as it stands at the end."""

    artifact: int
    status: str
    epoch: int
    seq: int
    length: int
    content: str
    content_length: int


@dataclass(frozen=True, kw_only=True)
class History:
    """Everything the database remembers. `deltas` are (artifact, epoch, seq, offset, text), `tasks` are
    (task, artifact, status) as each was written, `orphans` counts deltas whose artifact is gone.
    """

    writes: list[Write]
    rows: dict[int, Row]
    deltas: list[tuple[int, int, int, int, str]]
    tasks: list[tuple[int, int, str]]
    taken_at: float
    orphans: int = 0

    def deltas_of(self, artifact: int, epoch: int) -> list[tuple[int, int, str]]:
        """(seq, offset, text) of one epoch in the order of the text."""
        return sorted((d[3], d[2], d[4]) for d in self.deltas if d[:2] == (artifact, epoch))  # type: ignore[misc]

    def text_of(self, artifact: int) -> str:
        row = self.rows[artifact]
        behind = [text for offset, _, text in self.deltas_of(artifact, row.epoch) if offset >= row.content_length]
        return row.content + "".join(behind)


class Store:
    """The run's database, reached without the product: a SQLite file, or PostgreSQL's own socket."""

    def __init__(self, *, file: Path | None = None, postgres: str = "") -> None:
        self._file = file
        self._postgres = postgres

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        if self._file is not None:
            with closing(sqlite3.connect(self._file, timeout=20)) as connection:
                rows = connection.execute(sql).fetchall()
                connection.commit()
                return rows
        with psycopg.connect(self._postgres, autocommit=True, connect_timeout=5) as server:
            cursor = server.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.query(statement)

    def remember(self) -> None:
        """From now on every write of an artifact or a task is kept."""
        self.run(*(_SQLITE if self._file is not None else _POSTGRES))

    def hold_lock(self, seconds: float) -> None:
        """Keep everybody from writing for so long."""
        if self._file is not None:
            with closing(sqlite3.connect(self._file, timeout=20, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                time.sleep(seconds)
                connection.execute("ROLLBACK")
            return
        with psycopg.connect(self._postgres) as server:
            server.execute("LOCK TABLE artifacts_project, artifacts_artifact, artifacts_delta IN EXCLUSIVE MODE")
            time.sleep(seconds)
            server.rollback()

    def now(self) -> float:
        sql = f"SELECT {_SQLITE_NOW if self._file is not None else _POSTGRES_NOW}"
        return float(self.query(sql)[0][0])

    def dump(self) -> History:
        writes = [
            Write(**dict(zip(COLUMNS.split(", "), row, strict=True)))
            for row in self.query(f"SELECT {COLUMNS} FROM fault_writes ORDER BY id")
        ]
        rows = self.query(
            "SELECT id, stream_status, epoch, seq, length, content, content_length FROM artifacts_artifact ORDER BY id"
        )
        names = ("artifact", "status", "epoch", "seq", "length", "content", "content_length")
        orphans = self.query(
            "SELECT count(*) FROM artifacts_delta d WHERE NOT EXISTS"
            " (SELECT 1 FROM artifacts_artifact a WHERE a.id = d.artifact_id)"
        )
        return History(
            writes=writes,
            rows={row[0]: Row(**dict(zip(names, row, strict=True))) for row in rows},
            deltas=[
                (a, e, s, o, t)
                for a, e, s, o, t in self.query('SELECT artifact_id, epoch, seq, "offset", text FROM artifacts_delta')
            ],
            tasks=[(t, a, s) for t, a, s in self.query("SELECT task, artifact, status FROM fault_tasks ORDER BY id")],
            taken_at=self.now(),
            orphans=int(orphans[0][0]),
        )


_TABLES = (
    "CREATE TABLE fault_writes (id {id}, kind text, artifact integer, epoch integer, seq integer, status text,"
    " fence integer, lease_until double precision, length integer, reason text, written_at double precision)",
    "CREATE TABLE fault_tasks (id {id}, task integer, artifact integer, status text, written_at double precision)",
)
_SQLITE_NOW = "(julianday('now') - 2440587.5) * 86400.0"
_POSTGRES_NOW = "extract(epoch FROM clock_timestamp())"


def _sqlite_trigger(verb: str, row: str) -> str:
    values = (
        f"'{verb}', {row}.id, {row}.epoch, {row}.seq, {row}.stream_status, {row}.fence,"
        f" (julianday({row}.lease_until) - 2440587.5) * 86400.0, {row}.length, {row}.reason, {_SQLITE_NOW}"
    )
    return (
        f"CREATE TRIGGER fault_{verb} AFTER {verb} ON artifacts_artifact BEGIN"
        f" INSERT INTO fault_writes ({COLUMNS}) VALUES ({values}); END"
    )


def _sqlite_task_trigger(verb: str) -> str:
    return (
        f"CREATE TRIGGER fault_task_{verb} AFTER {verb} ON generation_generationtask BEGIN INSERT INTO fault_tasks"
        f" (task, artifact, status, written_at) VALUES (NEW.id, NEW.artifact_id, NEW.status, {_SQLITE_NOW}); END"
    )


_SQLITE = (
    *(table.format(id="integer PRIMARY KEY AUTOINCREMENT") for table in _TABLES),
    *(_sqlite_trigger(verb, row) for verb, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))),
    *(_sqlite_task_trigger(verb) for verb in ("INSERT", "UPDATE")),
)
_POSTGRES = (
    *(table.format(id="bigserial PRIMARY KEY") for table in _TABLES),
    f"""CREATE FUNCTION fault_write() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE r artifacts_artifact;
        BEGIN
            IF TG_OP = 'DELETE' THEN r := OLD; ELSE r := NEW; END IF;
            INSERT INTO fault_writes ({COLUMNS}) VALUES (TG_OP, r.id, r.epoch, r.seq, r.stream_status, r.fence,
                extract(epoch FROM r.lease_until), r.length, r.reason, {_POSTGRES_NOW});
            RETURN NULL;
        END $$""",
    "CREATE TRIGGER fault_write AFTER INSERT OR UPDATE OR DELETE ON artifacts_artifact"
    " FOR EACH ROW EXECUTE FUNCTION fault_write()",
    f"""CREATE FUNCTION fault_task() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO fault_tasks (task, artifact, status, written_at)
                VALUES (NEW.id, NEW.artifact_id, NEW.status, {_POSTGRES_NOW});
            RETURN NULL;
        END $$""",
    "CREATE TRIGGER fault_task AFTER INSERT OR UPDATE ON generation_generationtask"
    " FOR EACH ROW EXECUTE FUNCTION fault_task()",
)
