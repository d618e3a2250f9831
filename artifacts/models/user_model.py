"""The project's user model, whichever `AUTH_USER_MODEL` names; for types it is Django's own."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError

if TYPE_CHECKING:
    from django.contrib.auth.models import User
else:
    from django.contrib.auth import get_user_model

    User = get_user_model()

__all__ = ["User", "by_name", "key_number", "told_key", "user_key"]


def by_name(name: str) -> User | None:
    """The user who signs in with this name, which with some models is an address."""
    found: User | None = User._default_manager.filter(**{User.USERNAME_FIELD: name}).first()
    return found


def user_key(said: object) -> Any:
    """The primary key that was written down as a string, whatever its type is; None where it can be none."""
    try:
        return User._meta.pk.to_python(said)
    except (ValidationError, ValueError, TypeError):
        return None


def told_key(key: Any) -> int | str:
    """A user's primary key as it travels between processes, and as it is compared there."""
    return key if isinstance(key, int) else str(key)


def key_number(key: Any) -> int:
    """A number below 2^60 for the primary key: itself, or where it is none, nearly always its own."""
    if isinstance(key, int):
        return key
    return int.from_bytes(hashlib.sha256(str(key).encode()).digest()[:7])
