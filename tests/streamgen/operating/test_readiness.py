"""`/livez` and `/readyz` against real trouble: every kind of it is told by name, and ends by itself."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import psycopg
import pytest
from channels.db import database_sync_to_async
from django.db import connection

from generation.errors import DiskFull
from generation.models import Worker
from generation.queue import workers
from generation.worker.database import until_answered
from streamgen.operating.readiness import FRESH_S, Readiness
from tests.support.limits import WAIT_S
from tests.support.postgres import make_database
from tests.support.redis_server import redis_server
from tests.support.servers import ROOT, SECRET_KEY, Server, serving_product

__all__ = ["redis_server"]

READY = {"database": "ok", "migrations": "ok", "writing": "ok", "workers": "ok", "layer": "ok"}
SOON_S = 3
NO_ROOM = (
    "CREATE FUNCTION no_room() RETURNS event_trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$",
    "CREATE EVENT TRIGGER no_room ON ddl_command_end EXECUTE FUNCTION no_room()",
)
"""What PostgreSQL says of a full disk to whoever takes some of it."""


def ask(server: Server, path: str = "/readyz", host: str = "nobody.example") -> tuple[int, dict[str, str]]:
    """The status and the checks, as a stranger gets them who names a host that is not allowed."""
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=WAIT_S)) as client:
        client.request("GET", path, headers={"Host": host})
        response = client.getresponse()
        told = json.loads(response.read())
        return response.status, told.get("checks", told)


def until_told(server: Server, **expected: str) -> None:
    """Until it says this, and `ok` to all the rest."""
    wanted = (503 if expected else 200, READY | expected)
    ends_at = time.monotonic() + WAIT_S
    while (got := ask(server)) != wanted:
        assert time.monotonic() < ends_at, (got, wanted, server.log.read_text())
        time.sleep(0.05)


@contextmanager
def runworker(folder: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "runworker", "generation"],
            cwd=ROOT,
            stdout=log,
            stderr=log,
            env=os.environ | environment,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(WAIT_S)


def manage(*command: str, **environment: str) -> tuple[int, str]:
    """The exit code and the words of a command that ends."""
    ended = subprocess.run(
        [sys.executable, "manage.py", *command], cwd=ROOT, env=os.environ | environment, capture_output=True, text=True
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_interrupt_of_a_command_that_only_begins_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "interrupted.py").write_text("raise KeyboardInterrupt")
    told = manage("check", PYTHONPATH=str(tmp_path), DJANGO_SETTINGS_MODULE="interrupted")

    assert told == (130, "")


@pytest.fixture
def database(tmp_path: Path, migrated_file: Path) -> Path:
    """A migrated SQLite file of the test's own."""
    return shutil.copyfile(migrated_file, tmp_path / "own.sqlite3")


def _until_logged(web: Server, words: str) -> None:
    ends_at = time.monotonic() + WAIT_S
    while words not in web.log.read_text():
        assert time.monotonic() < ends_at
        time.sleep(0.1)


def test_each_trouble_of_a_scaled_installation_is_told_and_ends(redis_server, database: Path, tmp_path: Path) -> None:
    shared = {
        "REDIS_URL": redis_server.url,
        "SECRET_KEY": SECRET_KEY,
        "STREAMGEN_LEASE_SECONDS": "1",
        "DATABASE_URL": f"sqlite:///{database}",
        "STREAMGEN_PROVIDER": "scripted",
    }
    with serving_product("uvicorn", database=database, folder=tmp_path, **shared) as web:
        assert ask(web, "/livez") == (200, {"status": "alive"})
        until_told(web, workers="failed")
        assert ask(web, "/readyz?exclude=workers")[0] == 200
        with runworker(tmp_path, **shared) as worker:
            until_told(web)
            with closing(sqlite3.connect(database, isolation_level=None, timeout=WAIT_S)) as holder:
                holder.execute("BEGIN IMMEDIATE")  # so the worker is not frozen with the lock in its hands
                worker.send_signal(signal.SIGSTOP)
                holder.execute("ROLLBACK")
            until_told(web, workers="failed")
            worker.send_signal(signal.SIGCONT)
            until_told(web)
            time.sleep(FRESH_S)
            redis_server.kill()
            assert ask(web) == (503, READY | {"layer": "failed"})
            redis_server.start()
            until_told(web)
        until_told(web, workers="failed")
        database.rename(tmp_path / "elsewhere")
        gone = dict.fromkeys(("migrations", "writing", "workers"), "unknown")
        until_told(web, database="failed", **gone)
        assert not database.exists()  # asking makes no new one
        assert ask(web, "/livez")[0] == 200
        (tmp_path / "elsewhere").rename(database)
        _until_logged(web, "outage ends kind=gone")  # though nobody asks for anything
    assert "Traceback" not in web.log.read_text()


def test_embedded_worker_is_heard_and_an_empty_database_is_not_migrated(database: Path, tmp_path: Path) -> None:
    with serving_product("daphne", database=database, folder=tmp_path) as web:
        until_told(web)
    empty = tmp_path / "empty.sqlite3"
    sqlite3.connect(empty).close()
    with serving_product("daphne", database=empty, folder=tmp_path) as web:
        until_told(web, migrations="failed", writing="unknown", workers="unknown")


def test_server_that_can_only_be_read_or_whose_disk_is_full_fails_the_writing(
    postgres_server: str, migrated_template: str, tmp_path: Path
) -> None:
    url = make_database(postgres_server, "readiness", template=migrated_template)
    shared = {"DATABASE_URL": url, "SECRET_KEY": SECRET_KEY}
    with serving_product("uvicorn", database=tmp_path, folder=tmp_path, **shared) as web:
        until_told(web)
        with psycopg.connect(postgres_server, autocommit=True) as admin:
            admin.execute("ALTER DATABASE readiness SET default_transaction_read_only = on")
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'readiness'")
            until_told(web, writing="failed", workers="unknown")
            admin.execute("ALTER DATABASE readiness RESET default_transaction_read_only")
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'readiness'")
        until_told(web)
        with psycopg.connect(postgres_server, autocommit=True, dbname="readiness") as owner:
            for statement in NO_ROOM:
                owner.execute(statement)
            until_told(web, writing="failed", workers="unknown")  # although nobody writes
            owner.execute("DROP EVENT TRIGGER no_room")
        until_told(web)


def test_database_that_never_answers_hangs_no_probe(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="hang-") as folder, socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{folder}/.s.PGSQL.5432")
        silent.listen(64)
        shared = {"DATABASE_URL": f"postgres://me@/nothing?host={folder}", "SECRET_KEY": SECRET_KEY}
        with serving_product("uvicorn", database=tmp_path, folder=tmp_path, **shared) as web:
            status, checks = ask(web)
            assert (status, checks["database"]) == (503, "failed")
            assert ask(web, "/livez")[0] == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_full_disk_fails_the_writing_until_there_is_room() -> None:
    def leave_room(pages: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA page_count")
            cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0] + pages}")

    def write() -> None:
        Worker.objects.bulk_create([Worker(name="x" * 100, host="h", version="1", slots=1, **times)] * 100)

    synced = database_sync_to_async
    times = await synced(
        lambda: Worker.objects.values("started_at", "heartbeat_at").get(pk=workers.register_worker("a", slots=1))
    )()
    checks = Readiness()
    assert await checks.found() == READY
    await synced(leave_room)(0)
    try:
        with pytest.raises(DiskFull):
            await until_answered(write, waits_for_room=False)
        checks = Readiness()
        assert await checks.found() == READY | {"writing": "failed", "workers": "unknown"}
    finally:
        await synced(leave_room)(100_000)


@pytest.mark.parametrize("command", [("runworker", "generation"), ("up", "--no-migrate", "--port", "0")])
def test_process_refuses_an_unmigrated_database_with_one_sentence(command: tuple[str, ...], tmp_path: Path) -> None:
    told = manage(*command, DATABASE_URL=f"sqlite:///{tmp_path / 'new.sqlite3'}", STREAMGEN_PROVIDER="scripted")
    assert told == (1, "CommandError: The database lacks a migration: manage.py migrate.\n")


def test_process_refuses_a_database_that_can_only_be_read(postgres_server: str, migrated_template: str) -> None:
    url = make_database(postgres_server, "only_read", template=migrated_template)
    shared = {"DATABASE_URL": url, "SECRET_KEY": SECRET_KEY, "STREAMGEN_PROVIDER": "scripted"}
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute("ALTER DATABASE only_read SET default_transaction_read_only = on")
    for command in (("runworker", "generation"), ("up", "--port", "0")):
        assert manage(*command, **shared) == (1, "CommandError: The database is read-only.\n")
