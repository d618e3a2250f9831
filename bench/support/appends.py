"""The write path in a process of its own: appends by the product's verb, raw INSERTs beside them in the same database.

It runs as a child, see `child`; `DATABASE_URL` names an empty database.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import os
import time
from datetime import timedelta
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "streamgen.settings")
django.setup()

from channels.db import database_sync_to_async  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from artifacts.lifecycle import commands, writing  # noqa: E402
from artifacts.lifecycle.rows import WriteResult  # noqa: E402
from artifacts.lifecycle.writing import Append, Flush  # noqa: E402
from artifacts.messaging import outbox  # noqa: E402
from artifacts.planned_section import PlannedSection  # noqa: E402
from artifacts.preview import render  # noqa: E402
from artifacts.replay.packer import pack_what_is_over  # noqa: E402
from bench.support.child import obey  # noqa: E402
from bench.support.words import plain  # noqa: E402
from generation import control  # noqa: E402
from generation.worker.group_commit import MOST_TOGETHER  # noqa: E402

LEASE_S = 3_600.0
RAW = "INSERT INTO bench_raw (artifact_id, epoch, seq, start, text) VALUES (%s, 1, %s, %s, %s)"

document: dict[str, int] = {}
numbers = itertools.count()


async def grow(*, until: int, chars: int) -> dict[str, float]:
    """Appends until the document is so long; what they cost, per append."""
    return await _window(lambda number: _append(chars), (until - document["length"]) // chars, chars)


async def raw(*, count: int, chars: int) -> dict[str, float]:
    """As many INSERTs of as much text, a transaction each."""
    return await _window(lambda number: _insert(number, chars), count, chars)


@database_sync_to_async
def _window(write: Any, count: int, chars: int) -> dict[str, float]:
    log, cpu_s, began = _log_bytes(), time.process_time(), time.perf_counter()
    for number in range(count):
        write(number)
    seconds = time.perf_counter() - began
    return {
        "count": count,
        "cpu_ms": (time.process_time() - cpu_s) / max(1, count) * 1e3,
        "a_second": count / seconds if seconds else 0.0,
        "log_bytes": (_log_bytes() - log) / max(1, count * chars),
    }


def _append(chars: int) -> None:
    writing.append(document["id"], fence=document["fence"], flush=_next_flush(document, chars), lease_s=LEASE_S)


def _insert(number: int, chars: int) -> None:
    seq = next(numbers)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(RAW, [document["id"], seq, seq * chars, plain(chars, number)])


def _log_bytes() -> int:
    """Bytes of the write-ahead log so far; SQLite's is not checkpointed meanwhile, so its file only grows."""
    if connection.vendor == "sqlite":
        return os.stat(f"{connection.settings_dict['NAME']}-wal").st_size
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_lsn() - '0/0'")
        return int(cursor.fetchone()[0])


@database_sync_to_async
def begin() -> None:
    """A new document that is being written."""
    document.update(_begun())


def _begun() -> dict[str, int]:
    owner = User.objects.first() or User.objects.create_user("bench")
    artifact = control.create_project(owner, "Bench").artifacts.first()
    assert artifact
    commands.plan(artifact.pk, [PlannedSection(name="All", instructions="", max_tokens=1)], "")
    fence = writing.open(artifact.pk, lease_s=LEASE_S).fence
    writing.begin_section(artifact.pk, fence=fence, position=0, model="", lease_s=LEASE_S)
    artifact.refresh_from_db()
    return {"id": artifact.pk, "fence": fence, "length": artifact.length}


async def together(*, documents: int, rounds: int, chars: int) -> dict[str, dict[str, float]]:
    """So many documents grow by a flush each in every round: each in its transaction, then all by group commit."""
    begun = [await database_sync_to_async(_begun)() for _ in range(documents)]
    return {
        "each": await _window(lambda number: _append_each(begun, chars), rounds, chars * documents),
        "together": await _window(lambda number: _append_together(begun, chars), rounds, chars * documents),
    }


def _append_each(begun: list[dict[str, int]], chars: int) -> None:
    for one in begun:
        writing.append(one["id"], fence=one["fence"], flush=_next_flush(one, chars), lease_s=LEASE_S)


def _append_together(begun: list[dict[str, int]], chars: int) -> None:
    for first in range(0, len(begun), MOST_TOGETHER):
        appends = [
            Append(artifact=one["id"], fence=one["fence"], flush=_next_flush(one, chars), lease_s=LEASE_S)
            for one in begun[first : first + MOST_TOGETHER]
        ]
        refused = [result for result in writing.append_together(appends) if not isinstance(result, WriteResult)]
        assert not refused, refused


def _next_flush(one: dict[str, int], chars: int) -> Flush:
    flush = Flush(offset=one["length"], text=plain(chars, one["length"]), tokens=one["length"] // 4)
    one["length"] += chars
    return flush


@database_sync_to_async
def finish(*, texts: list[str], chars: int) -> None:
    """Documents of one section each, written in flushes of that many characters, with their pages saved, to the end."""
    owner = User.objects.first() or User.objects.create_user("bench")
    for text in texts:
        artifact = control.create_project(owner, "Bench").artifacts.first()
        assert artifact
        commands.plan(artifact.pk, [PlannedSection(name="All", instructions="", max_tokens=32_000)], "")
        fence = writing.open(artifact.pk, lease_s=LEASE_S).fence
        writing.begin_section(artifact.pk, fence=fence, position=0, model="bench", lease_s=LEASE_S)
        for begin in range(0, len(text), chars):
            flush = Flush(offset=begin, text=text[begin : begin + chars], tokens=1)
            writing.append(artifact.pk, fence=fence, flush=flush, lease_s=LEASE_S)
        writing.complete_section(
            artifact.pk,
            fence=fence,
            position=0,
            flush=Flush(offset=len(text), text="", tokens=1),
            tokens=1,
            model="bench",
            lease_s=LEASE_S,
        )
        writing.complete(artifact.pk, fence=fence)
        writing.save_preview(artifact.pk, epoch=artifact.epoch, length=len(text), html=render(text))


@database_sync_to_async
def kept_bytes() -> int:
    """What the database takes on the disk, tables, indices, TOAST and all, once its log is worked in."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return os.stat(connection.settings_dict["NAME"]).st_size
        cursor.execute("CHECKPOINT")
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


async def pack() -> None:
    """What a worker does ten minutes after a document's end, and then PostgreSQL."""
    await pack_what_is_over(after=timedelta(0))
    await database_sync_to_async(_vacuum)()


def _vacuum() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")


@database_sync_to_async
def prune() -> None:
    """As `manage.py prune --older-than 0h --vacuum`."""
    call_command("prune", "--older-than", "0h", "--vacuum", stdout=io.StringIO())


@database_sync_to_async
def set_up() -> None:
    """In the thread that all the others use: they share its connection."""
    call_command("migrate", verbosity=0)
    number = "integer PRIMARY KEY" if connection.vendor == "sqlite" else "bigserial PRIMARY KEY"
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE bench_raw (id {number}, artifact_id integer, epoch integer, seq integer, start integer,"
            " text text, UNIQUE (artifact_id, epoch, seq))"
        )
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_autocheckpoint = 0")


async def main() -> None:
    outbox.attach()
    await set_up()
    verbs = [begin, grow, raw, together, finish, kept_bytes, pack, prune]
    await obey({verb.__name__: verb for verb in verbs}, {})


if __name__ == "__main__":
    asyncio.run(main())
