"""Who is at a socket's door, and may they see the document: asked for all who wait, with the same few queries.

What was asked before is never an answer: a revoked token opens nothing. It reads only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone

from artifacts.access import seen_by, shown_by
from artifacts.accounts.sessions import Login, stands
from artifacts.accounts.tokens import good_tokens, note_use
from artifacts.messaging.per_loop import PerLoop
from artifacts.models import ShareLink
from artifacts.models.user_model import User, user_key

ASKED_AT_ONCE = 64
"""So many are asked for, and let in, before the event loop does something else."""
LARGEST_ID = 2**63 - 1


class Credentials(NamedTuple):
    """What a client brings: the digest of a link's secret or of a bearer token, or else the key of a session."""

    token_digest: str = ""
    session_key: str = ""
    link_digest: str = ""


class Knock(NamedTuple):
    """Somebody who wants to see a document."""

    credentials: Credentials
    artifact_id: int


@dataclass(frozen=True, kw_only=True)
class Admission:
    """Who it is, None where nobody or no longer; and whether the document is there and theirs to see."""

    login: Login | None = None
    may_see: bool = False


def admissions(knocks: Collection[Knock]) -> dict[Knock, Admission]:
    """The answer to each; the number of queries does not depend on how many there are."""
    logins, users = _logins({knock.credentials for knock in knocks})
    pairs = {
        (login.user_id, knock.artifact_id)
        for knock in knocks
        if (login := logins.get(knock.credentials)) is not None and knock.artifact_id <= LARGEST_ID
    }
    seen = seen_by(users, pairs, gone=False) if pairs else set()
    by_link = {knock for knock in knocks if knock.credentials.link_digest}
    shown = _admissions_by_link(by_link) if by_link else {}
    return {knock: _admission(knock, logins, seen) for knock in knocks if knock not in by_link} | shown


def _admissions_by_link(knocks: set[Knock]) -> dict[Knock, Admission]:
    """A link needs no login, and one that opens nothing sees nothing: to sign in would not help."""
    rows = ShareLink.objects.filter(digest__in={knock.credentials.link_digest for knock in knocks})
    links = {link.digest: link for link in rows}
    logins = {digest: Login(link_id=link.pk, ends_at=link.expires_at) for digest, link in links.items()}
    asked = {knock: logins.get(knock.credentials.link_digest, Login(link_id=-1)) for knock in knocks}
    pairs = {(login.link_id, knock.artifact_id) for knock, login in asked.items() if knock.artifact_id <= LARGEST_ID}
    shown = shown_by({link.pk: link for link in rows}, pairs, gone=False)
    return {
        knock: Admission(login=login, may_see=(login.link_id, knock.artifact_id) in shown)
        for knock, login in asked.items()
    }


def _admission(knock: Knock, logins: dict[Credentials, Login], seen: set[tuple[Any, int]]) -> Admission:
    login = logins.get(knock.credentials)
    if login is None:
        return Admission()
    return Admission(login=login, may_see=(login.user_id, knock.artifact_id) in seen)


def _logins(brought: set[Credentials]) -> tuple[dict[Credentials, Login], dict[Any, User]]:
    """The logins that stand, and their users."""
    users: dict[Any, User] = {}
    found: dict[Credentials, Login] = {}
    if digests := {each.token_digest for each in brought if each.token_digest}:
        tokens = list(good_tokens().select_related("user").filter(digest__in=digests))
        note_use(tokens)
        for token in tokens:
            users[token.user_id] = token.user
            login = Login(user_id=token.user_id, token_digest=token.digest, ends_at=token.expires_at)
            found[Credentials(token_digest=token.digest)] = login
    if keys := {each.session_key for each in brought if each.session_key}:
        by_session = {Credentials(session_key=login.session_key): login for login in _session_logins(keys)}
        users |= User.objects.in_bulk({login.user_id for login in by_session.values()})
        found |= by_session
    known = {login.token_digest for login in found.values()}
    hashes = {login.session_key: login.session_hash for login in found.values()}
    standing = {each: login for each, login in found.items() if stands(login, users.get(login.user_id), known, hashes)}
    return standing, users


def _session_logins(keys: set[str]) -> Iterator[Login]:
    for session in Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now()):
        data: dict[str, Any] = session.get_decoded()
        if data.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS and user_key(data[SESSION_KEY]):
            yield Login(
                user_id=user_key(data[SESSION_KEY]),
                session_key=session.session_key,
                session_hash=data.get(HASH_SESSION_KEY, ""),
                ends_at=session.expire_date,
            )


class Door:
    """Asks for whoever waits; while it is asked, the next ones gather."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Knock, asyncio.Future[Admission]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def ask(self, knock: Knock) -> Admission:
        """Raises what the database raises."""
        answer: asyncio.Future[Admission] = asyncio.get_running_loop().create_future()
        self._waiting.append((knock, answer))
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return await answer

    async def _ask(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting[:ASKED_AT_ONCE], self._waiting[ASKED_AT_ONCE:]
            try:
                found = await database_sync_to_async(admissions)({knock for knock, _ in asked})
            except Exception as error:  # whatever it is, it is theirs who wait for it
                for _, answer in asked:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for knock, answer in asked:
                    if not answer.done():  # who gave up waiting is not there any more
                        answer.set_result(found[knock])


current = PerLoop(Door)
"""The running loop's door."""
