"""What every test may ask for: people and their projects."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test import TransactionTestCase

from artifacts.models import Artifact, Project
from artifacts.operating import outages
from generation import control
from tests.streamgen.static_files import PRODUCT, SCANNED
from tests.support.commands import DATABASE, ROOT
from tests.support.postgres import (
    empty,
    every_database,
    migrated_postgres,
    migrated_template,
    postgres,
    postgres_server,
    postgres_url,
    skewed_clock,
)

__all__ = [
    "every_database",
    "migrated_postgres",
    "migrated_template",
    "postgres",
    "postgres_server",
    "postgres_url",
    "skewed_clock",
]

HELD = "tests.streamgen.contract.held.held_to_the_document"
"""Every answer of the API that passes in this process is held against its document."""


def pytest_configure() -> None:
    gc.disable()  # until the tests are collected
    hypothesis.settings.register_profile(
        "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("any machine")
    # In a shell's background SIGINT is ignored, also by every process that a test starts to interrupt it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    product = [SCANNED if name == PRODUCT else name for name in django_settings.MIDDLEWARE]
    django_settings.MIDDLEWARE = [HELD, *product]
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # cheap
    TransactionTestCase._fixture_teardown = lambda _: empty(connections["default"])


def pytest_sessionstart(session: pytest.Session) -> None:
    """In a fresh clone every process of a run would compile every file of tests at the same time: each begins with
    another part, and finds the parts of the others done.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if asked := getattr(getattr(session.config, "failures_db", None), "sock", None):
        # Who reruns what fails asks another process before every test, each time 40 ms late by Nagle's algorithm.
        asked.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if worker and [Path(named).name for named in session.config.args] == ["tests"]:
        files = sorted((ROOT / "tests").rglob("test_*.py"))
        begin = len(files) * int(worker.removeprefix("gw")) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        for file in files[begin:] + files[:begin]:
            with suppress(Exception, pytest.skip.Exception):  # collecting it tells what is wrong
                import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))


@pytest.hookimpl(hookwrapper=True)
def pytest_collection() -> Iterator[None]:
    """Of what is read until then nearly all stays to the end: no collection of garbage need look at it."""
    yield
    gc.freeze()
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each worker has an equal part of the list, and takes of the others' when it is through: what is long comes first
    in each part, so that none is begun when all else is done; in half of the parts, because what is long has processes
    of its own.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers == 1:
        return
    long = [item for item in items if item.get_closest_marker("long")]
    others = [item for item in items if not item.get_closest_marker("long")]
    size, busy, ordered = len(items) // workers, (workers + 1) // 2, list[pytest.Item]()
    for number in range(workers):
        ordered += long[number::busy] if number < busy else []
        part = size * (number + 1) - len(ordered)
        ordered += others[:part]
        del others[:part]
    items[:] = ordered + others


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """`make test` runs what fails once more; the first failure is told nevertheless, as it is a fault of somebody's."""
    for report in terminalreporter.getreports("rerun"):
        terminalreporter.section(f"failed at first: {report.nodeid}", "_")
        terminalreporter.write_line(report.longreprtext)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory, django_db_blocker) -> Path:
    """A SQLite file with every table and nothing in them. Whoever needs a database of their own copies it: to migrate
    takes a process longer than to begin. The first process of a run that asks for it makes it for all of them.
    """
    own = tmp_path_factory.getbasetemp()
    file = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "migrated.sqlite3"
    with file.with_suffix(".lock").open("w") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        if not file.exists():
            growing = file.with_suffix(".growing")
            environment = os.environ | {"DATABASE_URL": f"sqlite:///{growing}"}
            subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
            growing.rename(file)
    return file


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Tests on SQLite find every table in the file that they are given."""
    return connection.vendor == "sqlite"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings, tmp_path_factory, request) -> None:
    """A database file of this run's own: what a killed run left behind, half a log beside it, spoils nothing."""
    default = connections["default"]
    if default.vendor == "sqlite":
        file = tmp_path_factory.mktemp("database") / "test.sqlite3"
        shutil.copyfile(request.getfixturevalue("migrated_file"), file)
        default.settings_dict["TEST"]["NAME"] = str(file)


@pytest.fixture
def folder(tmp_path, migrated_file) -> Path:
    """Where commands run, as one of them left it: the first in an empty folder makes every table."""
    shutil.copyfile(migrated_file, tmp_path / DATABASE)
    return tmp_path


@pytest.fixture(autouse=True)
def _no_outage() -> None:
    """What one test did to its database or layer is no outage of the next one's."""
    outages.of_database.forget()
    outages.of_layer.forget()


@pytest.fixture
def owner(db) -> User:
    return User.objects.create_user("owner", password="a long enough password")


@pytest.fixture
def stranger(db) -> User:
    return User.objects.create_user("stranger", password="a long enough password")


@pytest.fixture
def staff(db) -> User:
    return User.objects.create_superuser("staff", password="a long enough password")


@pytest.fixture
def project(owner) -> Project:
    return control.create_project(owner, "Lighthouse", "A lamp that never goes out.")


@pytest.fixture
def artifact(project) -> Artifact:
    """The idle brief of the owner's project."""
    return project.artifacts.get(phase="brief")
