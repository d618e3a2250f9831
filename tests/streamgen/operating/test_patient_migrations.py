"""A migration may think for longer than a writer's transaction may stand idle."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.postgres import make_database
from tests.support.servers import ROOT, SECRET_KEY

LIMIT_TOLD = """
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import pre_migrate

def tell(**about):
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        print(cursor.fetchone()[0])

tell()
pre_migrate.connect(tell)
call_command("migrate", "sessions", verbosity=0)
tell()
"""


@pytest.mark.parametrize(("pooler", "limits"), [("", {"2500ms", "0"}), ("transaction", {"0"})])
def test_limit_of_idle_transactions_is_lifted_while_migrations_run(
    postgres_server: str, migrated_template: str, pooler: str, limits: set[str]
) -> None:
    url = make_database(postgres_server, f"patient_{pooler or 'alone'}", template=migrated_template)
    told = subprocess.check_output(
        [sys.executable, "manage.py", "shell", "-v0", "-c", LIMIT_TOLD],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url, "SECRET_KEY": SECRET_KEY, "REDIS_URL": "", "DATABASE_POOLER": pooler},
        text=True,
    ).split()
    assert set(told) == limits
    assert (told[0], set(told[1:-1])) == (told[-1], {"0"})
