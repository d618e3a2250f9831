"""A document's row, locked for one transaction: it remembers which fields were set on it, and saves exactly those.

Only the verbs of `commands` and `writing` use it, each within its transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cache, partial, reduce
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from artifacts.costs import CallCost
from artifacts.errors import NotFound
from artifacts.models import Artifact, CallCharge, Delta
from artifacts.validation import MODEL_NAME_CHARS, clean

_NOW = Now()
saved_now: ContextVar[LockedRow | None] = ContextVar("saved_now", default=None)
"""The write whose save is under way, for the receiver of `post_save`; None where no verb saves a row."""


@dataclass(frozen=True, kw_only=True)
class WriteResult:
    """The document after a verb."""

    artifact: int
    epoch: int
    seq: int
    length: int
    status: str
    stop_requested: str
    fence: int


@dataclass(kw_only=True, eq=False)
class LockedRow:
    """The row of one document, locked and without its long fields.

    Its columns are read from `artifact` and changed by `set` alone. `delta`, `section_start` and `charges` are what the
    write brings beside the columns: the text it commits, where the section begins that begins with it, and what the
    calls cost that ended. `changed` are the columns that it saves, `next_seq` is its number once it is committed.
    """

    artifact: Artifact
    now: datetime
    """Database time at the moment of the lock."""
    next_seq: int
    delta: Delta | None = None
    section_start: int | None = None
    charges: Sequence[CallCost] = ()
    changed: set[str] = field(default_factory=set)

    def take_seq(self) -> int:
        """The number of one more delta in this transaction; the write comes after it, so viewers see the hole."""
        taken = max(self.next_seq, self.delta.seq + 1 if self.delta is not None else 0)
        self.next_seq = taken + 1
        return taken

    def set(self, **columns: object) -> None:
        for name, value in columns.items():
            setattr(self.artifact, name, value)
        self.changed.update(columns)

    def write(self, *, is_seen: bool = True) -> WriteResult:
        """One more committed write, of which viewers are told; the number of writes stays where what it saves is not
        seen: a lease, a preview.
        """
        if is_seen:
            self.set(seq=self.next_seq)
            self.changed.add("updated_at")  # the field itself knows the time
        token = saved_now.set(self)
        try:
            self.artifact.save(update_fields=self.changed)
        finally:
            saved_now.reset(token)
        return self.result()

    def result(self) -> WriteResult:
        return WriteResult(
            artifact=self.artifact.pk,
            epoch=self.artifact.epoch,
            seq=self.artifact.seq,
            length=self.artifact.length,
            status=self.artifact.stream_status,
            stop_requested=self.artifact.stop_requested,
            fence=self.artifact.fence,
        )


def lock(artifact_id: int) -> LockedRow:
    """Raises `NotFound`."""
    rows = lock_all([artifact_id], skips_locked=False)
    if not rows:
        raise NotFound
    return rows[artifact_id]


def lock_all(artifact_ids: Collection[int], *, skips_locked: bool = True) -> dict[int, LockedRow]:
    """The rows of these documents, by their ids; without those that are gone, or that somebody else has locked."""
    sql = _locking_sql(connection.vendor, len(artifact_ids), skips_locked)
    rows: Iterable[Any] = Artifact.objects.raw(sql, sorted(artifact_ids))  # with `locked_at`, on SQLite as a text
    convert = [partial(one, expression=_NOW, connection=connection) for one in connection.ops.get_db_converters(_NOW)]
    return {
        artifact.pk: LockedRow(
            artifact=artifact,
            now=reduce(lambda value, one: one(value), convert, artifact.locked_at),
            next_seq=artifact.seq + 1,
        )
        for artifact in rows
    }


@cache
def _locking_sql(vendor: str, number: int, skips_locked: bool) -> str:
    """The query is always the same, and to compile it costs ten times what the database takes to answer it.

    The rows are locked in one order, so that two who lock several never wait for each other.
    """
    rows: QuerySet[Artifact] = Artifact.objects.select_for_update(of=("self",), skip_locked=skips_locked)
    rows = rows.defer("content", "preview_html", "instructions").annotate(locked_at=_NOW).order_by("pk")
    sql, params = rows.filter(pk__in=range(number)).query.sql_with_params()
    assert len(params) == number
    return sql


def insert_deltas(deltas: Sequence[Delta]) -> None:
    """All of them by one query, which is kept as well. They get no id here: nobody asks for it."""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    rows = [(delta.artifact_id, delta.epoch, delta.seq, delta.offset, delta.text, now) for delta in deltas]
    with connection.cursor() as cursor:
        cursor.execute(_inserting_sql(len(rows)), [value for row in rows for value in row])


@cache
def _inserting_sql(number: int) -> str:
    values = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * number)
    # Nothing of anybody's is in it but their number.
    columns = '"artifact_id", "epoch", "seq", "offset", "text", "created_at"'
    return f'INSERT INTO "artifacts_delta" ({columns}) VALUES {values}'  # nosec B608


def insert_charges(rows: Collection[LockedRow]) -> None:
    """What the calls cost that ended; those that were committed before stay as they are."""
    charges = [
        CallCharge(
            project=row.artifact.project_id,
            document=row.artifact.draft_of_id or row.artifact.pk,
            artifact=row.artifact.pk,
            fence=row.artifact.fence,
            epoch=row.artifact.epoch,
            **asdict(charge) | {"model": clean(charge.model)[:MODEL_NAME_CHARS]},  # as the endpoint calls it
        )
        for row in rows
        for charge in row.charges
    ]
    if charges:
        CallCharge.objects.bulk_create(charges, ignore_conflicts=True)


def fold_deltas(row: LockedRow) -> None:
    """Bring the deltas behind the folded text into it."""
    if row.artifact.content_length < row.artifact.length:
        row.set(content=row.artifact.text, content_length=row.artifact.length)
