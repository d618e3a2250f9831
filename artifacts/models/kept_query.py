"""A query that is asked many times a second: it is compiled once, which is most of what the ORM does for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

from django.db import connection, models
from django.db.models import QuerySet

M = TypeVar("M", bound=models.Model)


class KeptQuery(Generic[M]):
    """What `build` makes with 1, 2, ... where the first, the second, ... parameter goes. All of them are numbers."""

    def __init__(self, build: Callable[[], QuerySet[M, Any]]) -> None:
        self._build = build
        self._compiled = cache(self._compile)

    def instances(self, *params: int) -> list[M]:
        """As the query set would give them; without the fields that it defers."""
        model, sql, places = self._compiled(connection.vendor)
        return list(model._default_manager.raw(sql, [params[place - 1] for place in places]))

    def values(self, *params: int) -> list[tuple[Any, ...]]:
        """Of a `values_list`, as the database has them: of numbers and texts."""
        _, sql, places = self._compiled(connection.vendor)
        with connection.cursor() as cursor:
            cursor.execute(sql, [params[place - 1] for place in places])
            return list(cursor.fetchall())

    def _compile(self, vendor: str) -> tuple[type[M], str, Sequence[int]]:
        rows = self._build()
        return rows.model, *rows.query.sql_with_params()
