"""How a socket was let in, and whether that still holds: it would outlive a logout if nobody asked. Reads only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from artifacts.access import may_see
from artifacts.models import AccessToken, Artifact


@dataclass(frozen=True, kw_only=True)
class Login:
    """Either by a session, or by a bearer token, of which only the digest is kept."""

    user_id: int
    session_key: str = ""
    session_hash: str = ""
    token_digest: str = ""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """A login that is looking at an artifact."""

    login: Login
    artifact_id: int


@dataclass(frozen=True, kw_only=True)
class Lapsed:
    """The sights that must end: the login is over, or the artifact is no longer to be seen."""

    logged_out: frozenset[Sight]
    out_of_sight: frozenset[Sight]


def lapsed(sights: Collection[Sight]) -> Lapsed:
    """Ask for all of them at once: the number of queries does not depend on how many there are.

    A document that was deleted is not among these: its feed says so.
    """
    logins = {sight.login for sight in sights}
    users = User.objects.in_bulk({login.user_id for login in logins})
    keys = {login.session_key for login in logins if login.session_key}
    sessions = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    digests = {login.token_digest for login in logins if login.token_digest}
    known = {
        *sessions.values_list("session_key", flat=True),
        *AccessToken.objects.filter(digest__in=digests).values_list("digest", flat=True),
    }
    standing = {login for login in logins if stands(login, users.get(login.user_id), known)}
    watched = Artifact.objects.filter(pk__in={sight.artifact_id for sight in sights})
    owners = dict(watched.values_list("pk", "project__owner_id"))
    return Lapsed(
        logged_out=frozenset(sight for sight in sights if sight.login not in standing),
        out_of_sight=frozenset(
            sight
            for sight in sights
            if sight.login in standing and sight.artifact_id in owners
            if not may_see(users[sight.login.user_id], owners[sight.artifact_id])
        ),
    )


def stands(login: Login, user: User | None, known: set[str]) -> bool:
    """Whether it still holds; `known` has the session keys and token digests that are still good."""
    if user is None or not user.is_active:
        return False
    if login.token_digest:
        return login.token_digest in known
    # A new password ends the sessions that the old one began.
    is_same_password = constant_time_compare(login.session_hash, user.get_session_auth_hash())
    return login.session_key in known and is_same_password
