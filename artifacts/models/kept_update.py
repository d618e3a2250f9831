"""A model that is saved many times a second: the UPDATE of the same fields is the same each time, and is kept.

To compile it takes the ORM half of the time of a flush, and to look for the few fields among all a fifth of the rest.
`save`, its signals and what fields make of their values stay.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import DatabaseError, connections, models


class KeptUpdate(models.Model):
    class Meta:
        abstract = True

    def _save_table(
        self,
        raw: bool = False,
        cls: Any = None,
        force_insert: Any = False,
        force_update: bool = False,
        using: Any = None,
        update_fields: Any = None,
    ) -> bool:
        """Called by `save` of Django 5.2. All but a save of some fields, and what the database computes (an
        expression), is left to the ORM.
        """
        if update_fields and self.pk is not None and not (raw or force_insert or force_update):
            fields, connection = _fields_of(cls, update_fields), connections[using]
            values = [field.pre_save(self, False) for field in fields]
            if not any(hasattr(value, "resolve_expression") for value in values):
                prepared = zip(fields, values, strict=True)
                params = [field.get_db_prep_save(value, connection=connection) for field, value in prepared]
                sql = _updating_sql(cls._meta.db_table, cls._meta.pk.column, tuple(field.column for field in fields))
                with connection.cursor() as cursor:
                    cursor.execute(sql, [*params, self.pk])
                    if cursor.rowcount > 0:
                        return True
                raise DatabaseError("Save with update_fields did not affect any rows.")
        return bool(super()._save_table(raw, cls, force_insert, force_update, using, update_fields))  # type: ignore[misc]


@cache
def _fields_of(model: Any, names: frozenset[str]) -> tuple[Any, ...]:
    fields = [field for field in model._meta.local_concrete_fields if not field.primary_key and not field.generated]
    return tuple(field for field in fields if field.name in names or field.attname in names)


@cache
def _updating_sql(table: str, key: str, columns: tuple[str, ...]) -> str:
    changes = ", ".join(f'"{column}" = %s' for column in columns)
    return f'UPDATE "{table}" SET {changes} WHERE "{table}"."{key}" = %s'  # nosec B608
