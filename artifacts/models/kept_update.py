"""A model that is saved many times a second: the UPDATE of the same fields is the same each time, and is kept.

To compile it takes the ORM half of the time of a flush. `save`, its signals and what fields make of their values stay.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connections, models


class KeptUpdate(models.Model):
    class Meta:
        abstract = True

    def _do_update(self, base_qs: Any, using: Any, pk_val: Any, values: Any, *options: Any) -> Any:
        """Called by `save` of Django 5.2. What the database computes (an expression) is left to the ORM."""
        if not values or any(hasattr(value, "resolve_expression") for _, _, value in values):
            return super()._do_update(base_qs, using, pk_val, values, *options)
        connection = connections[using]
        params = [field.get_db_prep_save(value, connection=connection) for field, _, value in values]
        sql = _updating_sql(self._meta.db_table, self._meta.pk.column, tuple(field.column for field, _, _ in values))
        with connection.cursor() as cursor:
            cursor.execute(sql, [*params, pk_val])
            return cursor.rowcount > 0


@cache
def _updating_sql(table: str, key: str, columns: tuple[str, ...]) -> str:
    changes = ", ".join(f'"{column}" = %s' for column in columns)
    return f'UPDATE "{table}" SET {changes} WHERE "{table}"."{key}" = %s'  # nosec B608
