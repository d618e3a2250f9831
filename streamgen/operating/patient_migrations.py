"""Migrations think between their statements, on a busy machine for longer than a transaction of ours may stand idle:
for as long as they run, the limit of `DATABASES` is lifted. Where it was not asked for, nothing is changed.
"""

from __future__ import annotations

from typing import Any

from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate

IDLE_LIMIT = "idle_in_transaction_session_timeout"


def connect() -> None:
    """Called once, when the apps are ready."""
    pre_migrate.connect(_lift, dispatch_uid="streamgen.patient_migrations.lift")
    post_migrate.connect(_bring_back, dispatch_uid="streamgen.patient_migrations.bring_back")


def _lift(using: str, **about: Any) -> None:
    _tell(using, f"SET {IDLE_LIMIT} = 0")


def _bring_back(using: str, **about: Any) -> None:
    _tell(using, f"RESET {IDLE_LIMIT}")


def _tell(using: str, statement: str) -> None:
    connection = connections[using]
    asked_for = str(connection.settings_dict["OPTIONS"].get("options", ""))
    if connection.vendor == "postgresql" and IDLE_LIMIT in asked_for:
        with connection.cursor() as cursor:
            cursor.execute(statement)
