"""Bearer tokens: issued once, known afterwards by their digest alone. I/O: rows."""

from __future__ import annotations

import hashlib
import secrets

from django.contrib.auth.models import User

from artifacts.models import AccessToken


def issue_token(user: User) -> str:
    """A new bearer token of the user; it cannot be read again."""
    token = f"sg_{secrets.token_urlsafe(32)}"
    AccessToken.objects.create(user=user, digest=token_digest(token))
    return token


def user_for_token(token: str) -> User | None:
    """The active user of a bearer token."""
    row = AccessToken.objects.select_related("user").filter(digest=token_digest(token), user__is_active=True).first()
    return row.user if row else None


def token_digest(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
