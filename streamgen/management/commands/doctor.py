"""`doctor`: does everything work that a document needs? One line a check; it repairs nothing and shows no secret."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.sessions.models import Session
from django.contrib.staticfiles import finders
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from artifacts.operating.database_check import POOLER_SAYS, is_disk_full
from artifacts.pages.export import STYLE_SHEETS
from generation.cli.terminal import printable
from generation.errors import ProviderError
from generation.inspection.keeping import installation_secrets
from generation.providers import ChosenProvider, provider_from_settings
from generation.providers.base import Message
from generation.queue import workers

LAYER_S = 3.0
PROVIDER_S = 30.0
CLOCK_S = 2.0
QUESTION_TOKENS = 16
SECRET_CHARS = 32


class Trouble(Exception):
    """A check that failed, and what to do."""

    def __init__(self, detail: str, *, fix: str) -> None:
        super().__init__(detail)
        self.fix = fix


@dataclass(frozen=True, kw_only=True)
class Check:
    """`run` returns the fact to show, or raises `Trouble`."""

    name: str
    run: Callable[[], str]
    needs_database: bool = False


class Command(BaseCommand):
    help = "Check what a document needs; each failure says its fix. The provider is asked for a word (a few tokens)."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        failed: set[str] = set()
        for check in CHECKS:
            if check.needs_database and "database" in failed:
                continue
            try:
                self.stdout.write(f"ok    {check.name:<11} {_shown(check.run())}")
            except Trouble as trouble:
                failed.add(check.name)
                self.stdout.write(
                    f"FAIL  {check.name:<11} {_shown(str(trouble)).rstrip('.')}. fix: {_shown(trouble.fix)}"
                )
        sys.exit(1 if failed else 0)


# The database


def check_database() -> str:
    try:
        if connection.vendor == "postgresql":
            # Not through the pool, which would try for a long time and not say why.
            with connection.wrap_database_errors:
                psycopg.connect(**connection.get_connection_params()).close()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        fix = "start the database, or set DATABASE_URL to one that runs."
        raise Trouble(
            _first_line(error), fix="DATABASE_POOLER=transaction" if POOLER_SAYS in str(error) else fix
        ) from None
    given = settings.DATABASES["default"]
    server = "" if connection.vendor == "sqlite" else f"{given['HOST'] or 'this machine'}:{given['PORT'] or 5432}/"
    return f"{connection.display_name}, {server}{given['NAME']}"


def migrations() -> str:
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        raise Trouble(f"{len(pending)} to be applied.", fix="manage.py migrate")
    return "all applied"


def writing() -> str:
    """A row is inserted, and taken back with its transaction."""
    try:
        with transaction.atomic():
            Session.objects.create(session_key="doctor", session_data="", expire_date=datetime.now(UTC))
            transaction.set_rollback(True)
    except DatabaseError as error:
        fix = "give this user the right to write the database file and its folder, and the disk some room."
        if connection.vendor != "sqlite":
            fix = (
                "GRANT the user of DATABASE_URL INSERT, UPDATE and DELETE; look whether the server is a read-only copy."
            )
        raise Trouble(_first_line(error), fix=fix if _is_migrated() else "manage.py migrate") from None
    if is_disk_full(connection):
        raise Trouble("the disk is full.", fix="make room: manage.py prune --vacuum --older-than 30d, logs, backups.")
    return "a row can be written"


def clock() -> str:
    if connection.vendor == "sqlite":
        return "the database uses the clock of this machine"
    with connection.cursor() as cursor:
        before = datetime.now(UTC)
        cursor.execute("SELECT clock_timestamp()")
        theirs: datetime = cursor.fetchone()[0]
        after = datetime.now(UTC)
    apart_s = max((before - theirs).total_seconds(), (theirs - after).total_seconds(), 0.0)
    if apart_s > CLOCK_S:
        raise Trouble(f"{apart_s:.0f} s off the database's.", fix="let both machines set their clocks by NTP.")
    return "the same as the database's"


def _is_migrated() -> bool:
    return Session._meta.db_table in connection.introspection.table_names()


# The rest


def check_workers() -> str:
    try:
        found = list(workers.living())
    except DatabaseError as error:
        raise Trouble(_first_line(error), fix="manage.py migrate") from None
    if not found:
        raise Trouble("none is heard of; tasks wait.", fix="manage.py runworker generation, or manage.py up")
    running, slots = sum(worker.running for worker in found), sum(worker.slots for worker in found)
    return f"{len(found)}, with {running} of {slots} slots in use"


def layer() -> str:
    """A message to a group comes back, by the way that news takes to viewers."""
    try:
        async_to_sync(_round_trip)()
    except Exception as error:  # whatever a layer's driver raises
        fix = "start Redis, or set REDIS_URL to one that runs; without it everything works, and news is a second late."
        raise Trouble(f"{type(error).__name__}: {_first_line(error)}", fix=fix) from None
    return "Redis" if settings.REDIS_URL else "in memory, for one server process"


async def _round_trip() -> None:
    channels = get_channel_layer()
    async with asyncio.timeout(LAYER_S):
        name = await channels.new_channel("doctor")
        await channels.group_add("doctor", name)
        await channels.group_send("doctor", {"type": "doctor"})
        await channels.receive(name)
        await channels.group_discard("doctor", name)


def provider() -> str:
    try:
        chosen = provider_from_settings()
    except ProviderError as error:
        raise Trouble(error.detail, fix="set what it names.") from None
    try:
        asyncio.run(_ask(chosen))
    except ProviderError as error:
        fix = "OPENAI_API_KEY, OPENAI_BASE_URL and STREAMGEN_MODEL say whom to ask, and for what."
        raise Trouble(f"{chosen.why}: {error.detail}", fix=fix) from None
    except TimeoutError:
        fix = "look whether the model is loaded and the machine not too busy."
        raise Trouble(f"{chosen.why}: no word within {PROVIDER_S:.0f} s.", fix=fix) from None
    return f"{chosen.why}; it answered"


async def _ask(chosen: ChosenProvider) -> None:
    """One real call, because nothing else tells whether key, model and address fit together."""
    question = Message(role="user", content="Say yes.")
    try:
        async with asyncio.timeout(PROVIDER_S):
            call = chosen.provider.stream([question], model=settings.STREAMGEN_MODEL, max_tokens=QUESTION_TOKENS)
            async with call as pieces:
                await anext(pieces)
    finally:
        await chosen.provider.aclose()


def static_files() -> str:
    missing = [name for name in (*STYLE_SHEETS, "admin/css/base.css") if finders.find(name) is None]
    if missing:
        raise Trouble(f"not found: {', '.join(missing)}.", fix="install again; the folder static is not complete.")
    return "found"


def check_secret_key() -> str:
    if len(settings.SECRET_KEY) < SECRET_CHARS:
        fix = f"set SECRET_KEY to {SECRET_CHARS} random characters, or remove var/secret-key and begin anew."
        raise Trouble("too short.", fix=fix)
    file = Path(settings.DATA_DIR) / "secret-key"
    with contextlib.suppress(OSError):
        if file.read_text(encoding="ascii").strip() == settings.SECRET_KEY and file.stat().st_mode & 0o077:
            raise Trouble("others on this machine can read it.", fix=f"chmod 600 {file}")
    return "set"


CHECKS = (
    Check(name="database", run=check_database),
    Check(name="migrations", run=migrations, needs_database=True),
    Check(name="writing", run=writing, needs_database=True),
    Check(name="clock", run=clock, needs_database=True),
    Check(name="workers", run=check_workers, needs_database=True),
    Check(name="layer", run=layer),
    Check(name="provider", run=provider),
    Check(name="static", run=static_files),
    Check(name="secret key", run=check_secret_key),
)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _shown(text: str) -> str:
    """The text without what nobody may read over a shoulder, or in a pasted answer."""
    for secret in sorted(installation_secrets(), key=len, reverse=True):
        text = text.replace(secret, "***")
    return printable(text)
