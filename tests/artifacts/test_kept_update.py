"""The kept UPDATE of `save` is the one that the ORM writes, and says as much of a row that is gone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from artifacts.models import Artifact

VALUES = {
    "fence": 3,
    "last_error": 'the "lamp"; 灯台',
    "lease_until": None,
    "started_at": datetime(2031, 2, 3, 4, 5, 6, 7, tzinfo=UTC),
}


def statements(captured: CaptureQueriesContext) -> list[str]:
    return [query["sql"] for query in captured if query["sql"].startswith("UPDATE")]


@pytest.mark.django_db
def test_it_is_the_statement_of_the_orm(artifact):
    with CaptureQueriesContext(connection) as by_orm:
        Artifact.objects.filter(pk=artifact.pk).update(**VALUES)
    for name, value in VALUES.items():
        setattr(artifact, name, value)
    with CaptureQueriesContext(connection) as by_save:
        artifact.save(update_fields=VALUES)

    def parts(sql: str) -> set[str]:
        """In whatever order the fields are."""
        return {*sql.replace(" SET ", ", ").replace(" WHERE ", ", WHERE ").split(", ")}

    assert [*map(parts, statements(by_save))] == [*map(parts, statements(by_orm))] != []


@pytest.mark.django_db
def test_what_the_database_computes_and_a_row_that_is_gone_are_as_ever(artifact):
    artifact.seq = F("seq") + 1
    artifact.save(update_fields=["seq"])
    assert Artifact.objects.get(pk=artifact.pk).seq == 1

    Artifact.objects.filter(pk=artifact.pk).delete()
    with pytest.raises(DatabaseError, match="did not affect any rows"):
        artifact.save(update_fields=["length"])
