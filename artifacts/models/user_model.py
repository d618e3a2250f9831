"""The project's user model, whichever `AUTH_USER_MODEL` names; for types it is Django's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.auth.models import User
else:
    from django.contrib.auth import get_user_model

    User = get_user_model()

__all__ = ["User", "by_name"]


def by_name(name: str) -> User | None:
    """The user who signs in with this name, which with some models is an address."""
    found: User | None = User._default_manager.filter(**{User.USERNAME_FIELD: name}).first()
    return found
