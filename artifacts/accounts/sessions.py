"""How a socket was let in, and whether that still holds: it would outlive a logout if nobody asked. I/O: reads rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from artifacts.access import seen_by, shown_by
from artifacts.accounts.tokens import good_tokens
from artifacts.models import ShareLink, UserSession
from artifacts.models.user_model import User


@dataclass(frozen=True, kw_only=True)
class Login:
    """By a session, by a bearer token, of which only the digest is kept, or by a read-only link, without a user."""

    user_id: Any = 0
    """Whatever the primary key of this project's users is."""
    link_id: int = 0
    session_key: str = ""
    session_hash: str = ""
    token_digest: str = ""
    ends_at: datetime | None = None
    """When it ends by itself, as was known when it was let in."""

    @property
    def whose(self) -> tuple[Any, int]:
        """Sockets are counted by user; those of a link together."""
        return self.user_id, self.link_id


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
    by_link = {sight for sight in sights if sight.login.link_id}
    logins = {sight.login for sight in sights if not sight.login.link_id}
    users = User.objects.in_bulk({login.user_id for login in logins})
    digests = {login.token_digest for login in logins if login.token_digest}
    known = set(good_tokens().filter(digest__in=digests).values_list("digest", flat=True))
    hashes = _session_hashes({login for login in logins if login.session_key})
    standing = {login for login in logins if stands(login, users.get(login.user_id), known, hashes)}
    seen = seen_by(users, {(sight.login.user_id, sight.artifact_id) for sight in sights if sight.login in standing})
    return Lapsed(
        logged_out=frozenset(sight for sight in sights if sight not in by_link and sight.login not in standing),
        out_of_sight=frozenset(
            sight
            for sight in sights
            if sight.login in standing and (sight.login.user_id, sight.artifact_id) not in seen
        )
        | (by_link - _still_shown(by_link)),
    )


def _still_shown(by_link: set[Sight]) -> set[Sight]:
    """Those of the sights whose link is still good."""
    if not by_link:
        return set()
    links = ShareLink.objects.in_bulk({sight.login.link_id for sight in by_link})
    shown = shown_by(links, {(sight.login.link_id, sight.artifact_id) for sight in by_link})
    return {sight for sight in by_link if (sight.login.link_id, sight.artifact_id) in shown}


def _session_hashes(logins: set[Login]) -> dict[str, str]:
    """Of every session that is open, by the key it had when a login was let in, the hash of the password it stands for.

    A change of one's own password gives the session another key and hash; what it opened before stays open.
    """
    keys = {login.session_key for login in logins}
    renewed = _renewed(keys)
    rows = Session.objects.filter(session_key__in=keys | {*renewed.values()}, expire_date__gt=timezone.now())
    found = {row.session_key: row for row in rows}
    hashes = {login.session_key: login.session_hash for login in logins if login.session_key in found}
    for key, now in renewed.items():
        if (row := found.get(now)) is not None:
            hashes[key] = row.get_decoded().get(HASH_SESSION_KEY, "")
    return hashes


def _renewed(keys: set[str]) -> dict[str, str]:
    """Those of the keys that are others by now, with the last: one query more for each change of the same session."""
    last = {key: key for key in keys}
    asked = keys
    while asked:
        following = dict(UserSession.objects.filter(previous_key__in=asked).values_list("previous_key", "session_key"))
        last = {key: following.get(now, now) for key, now in last.items()}
        asked = {*following.values()} - asked
    return {key: now for key, now in last.items() if now != key}


def stands(login: Login, user: User | None, known: set[str], hashes: dict[str, str]) -> bool:
    """Whether it still holds; `known` has the token digests that are good, `hashes` the passwords' of open sessions."""
    if user is None or not user.is_active:
        return False
    if login.token_digest:
        return login.token_digest in known
    # A new password ends the sessions that the old one began.
    password = hashes.get(login.session_key)
    return password is not None and constant_time_compare(password, user.get_session_auth_hash())
