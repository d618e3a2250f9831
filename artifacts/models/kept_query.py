"""A query that is asked many times a second: it is compiled once, which is most of what the ORM does for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Generic, TypeVar

from django.db import connection, models
from django.db.models import QuerySet

M = TypeVar("M", bound=models.Model)


class KeptQuery(Generic[M]):
    """What `build` makes, with any numbers as its only parameters: those are given anew each time, in their order."""

    def __init__(self, build: Callable[[], QuerySet[M, Any]]) -> None:
        self._build = build
        self._sql = cache(self._compiled)

    def instances(self, *params: int) -> list[M]:
        """As the query set would give them; without the fields that it defers."""
        return list(self._build().model._default_manager.raw(self._sql(connection.vendor), params))

    def values(self, *params: int) -> list[tuple[Any, ...]]:
        """Of a `values_list`, as the database has them: of numbers and short texts."""
        with connection.cursor() as cursor:
            cursor.execute(self._sql(connection.vendor), params)
            return list(cursor.fetchall())

    def _compiled(self, vendor: str) -> str:
        sql, params = self._build().query.sql_with_params()
        assert all(isinstance(value, int) for value in params), params
        return sql
