"""What every test may ask for: people and their projects."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each worker has an equal part of the list, and takes of the others' when it is through: what is long comes first
    in each part, so that none is begun when all else is done.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers == 1:
        return
    long = [item for item in items if item.get_closest_marker("long")]
    others = [item for item in items if not item.get_closest_marker("long")]
    size, ordered = len(items) // workers, []
    for number in range(workers):
        ordered += long[number::workers]
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
def django_db_modify_db_settings(django_db_modify_db_settings, tmp_path_factory) -> None:
    """A database file of this run's own: what a killed run left behind, half a log beside it, spoils nothing."""
    default = connections["default"]
    if default.vendor == "sqlite":
        default.settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(scope="session")
def migrated_file(django_db_setup, tmp_path_factory) -> Path:
    """A SQLite file with every table and nothing in them. Whoever needs a database of their own copies it: to migrate
    takes a process longer than to begin.
    """
    file = tmp_path_factory.mktemp("migrated") / "migrated.sqlite3"
    given = connection.settings_dict
    if given["NAME"] != given["TEST"]["NAME"]:  # no test of this run wants the tests' own
        environment = os.environ | {"DATABASE_URL": f"sqlite:///{file}"}
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
        return file
    with closing(sqlite3.connect(given["NAME"])) as ours, closing(sqlite3.connect(file)) as copy:
        ours.backup(copy)
        copy.execute("DELETE FROM sqlite_sequence")  # the first document is number 1, whatever tests made before
        copy.commit()
    return file


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
