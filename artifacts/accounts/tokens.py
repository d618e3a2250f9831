"""Bearer tokens: issued once, known afterwards by their digest alone. I/O: rows."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from artifacts import validation
from artifacts.errors import InvalidInput, NotFound
from artifacts.models import AccessToken
from artifacts.models.user_model import User
from artifacts.sharing.records import record

USE_NOTED_EVERY = timedelta(minutes=1)
"""The last use of a token is known as exactly as this, so that not every call writes."""
LONGEST_LIFE_S = 10 * 366 * 86_400


def issue_token(user: User, name: str = "command line", expires_in: int | None = None) -> str:
    """A new bearer token of the user, for so many seconds or for good; it cannot be read again."""
    return new_token(user, name, expires_in)[1]


@transaction.atomic
def new_token(user: User, name: str, expires_in: int | None = None) -> tuple[AccessToken, str]:
    """The same, with its row. Raises `InvalidInput`, also where nobody could tell it from others by its name."""
    token = f"sg_{secrets.token_urlsafe(32)}"
    name = validation.line("name", name, limit=validation.LABEL_CHARS)
    row = AccessToken.objects.create(user=user, name=name, digest=token_digest(token), expires_at=end_of(expires_in))
    record(user, "make_token", note=name)
    return row, token


def user_for_token(token: str) -> User | None:
    """The active user of a bearer token."""
    row = good_tokens().select_related("user").filter(digest=token_digest(token), user__is_active=True).first()
    if row is None:
        return None
    note_use([row])
    return row.user


def note_use(rows: Iterable[AccessToken]) -> None:
    """Remember when these tokens were last used, in one query at most."""
    now = timezone.now()
    if stale := [row.pk for row in rows if row.used_at is None or now - row.used_at > USE_NOTED_EVERY]:
        AccessToken.objects.filter(pk__in=stale).update(used_at=now)


def good_tokens() -> QuerySet[AccessToken]:
    """Those that are not over."""
    return AccessToken.objects.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))


@transaction.atomic
def revoke_token(user: User, token_id: int) -> None:
    """From now on it opens nothing; what is open by it is closed. Raises `NotFound` where it is not the user's."""
    row = AccessToken.objects.filter(user=user, pk=token_id).first()
    if row is None:
        raise NotFound("There is no such token, or it is not yours.")
    row.delete()
    record(user, "revoke_token", note=row.name)


def end_of(expires_in: int | None) -> datetime | None:
    """When something ends that lives so many seconds; None: never. Raises `InvalidInput`."""
    if expires_in is None:
        return None
    if not 1 <= expires_in <= LONGEST_LIFE_S:
        raise InvalidInput("expires_in", f"expires_in must lie between 1 and {LONGEST_LIFE_S} seconds.")
    return timezone.now() + timedelta(seconds=expires_in)


def token_digest(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
