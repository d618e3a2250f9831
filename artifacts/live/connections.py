"""The open sockets of this process: who may open one, whether their logins still hold, and how all of them end.

A stream of server-sent events counts as one. It knows nothing of what they show.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import datetime
from typing import Protocol

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import Error as DatabaseError
from django.utils import timezone

from artifacts.accounts import admission
from artifacts.accounts.admission import Credentials, Knock
from artifacts.accounts.sessions import Login, Sight, lapsed
from artifacts.live.close_codes import (
    GOING_AWAY,
    LOGIN_REQUIRED,
    NOT_FOUND,
    TOO_MANY_SOCKETS,
    SocketEnding,
    SocketRefused,
)
from artifacts.messaging import subscription
from artifacts.messaging.events import ACCESS_GROUP, AccessChanged
from artifacts.messaging.per_loop import PerLoop
from artifacts.messaging.subscription import Missed
from artifacts.models.user_model import told_key
from artifacts.operating import outages
from artifacts.operating.log_context import tell_about

CHECK_S = 3.0
"""So often it is asked whether the logins still hold, where no message told that one does not."""
PARTING_S = 2.0
"""So long clients may take to answer the goodbye of a process. With their last words unread its end would reset the
connection, and a reset overtakes the goodbye: they would see 1006."""


class Socket(Protocol):
    sight: Sight

    @property
    def unacknowledged_bytes(self) -> int: ...

    async def end(self, ending: SocketEnding) -> None: ...


class Sockets:
    """All open sockets of one event loop."""

    def __init__(self, *, check_s: float = CHECK_S) -> None:
        self.is_closing = False
        self._check_s = check_s
        self._open: set[Socket] = set()
        self._of_user: Counter[tuple[int, int]] = Counter()
        self._checking: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._left = asyncio.Event()
        self._suspects: set[AccessChanged] = set()
        self._due: datetime | None = None
        """When the next login ends by itself, as it was when somebody looked."""

    @property
    def open_count(self) -> int:
        return len(self._open)

    @property
    def most_behind_bytes(self) -> int:
        return max((socket.unacknowledged_bytes for socket in self._open), default=0)

    def count(self, login: Login) -> int:
        return self._of_user[login.whose]

    def enter(self, socket: Socket) -> None:
        self._open.add(socket)
        self._of_user[socket.sight.login.whose] += 1
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check())
        elif (end := socket.sight.login.ends_at) is not None and (self._due is None or end < self._due):
            self._changed.set()  # it ends before anybody would look

    def leave(self, socket: Socket) -> None:
        if socket in self._open:
            self._open.remove(socket)
            self._left.set()
            whose = socket.sight.login.whose
            self._of_user[whose] -= 1
            if not self._of_user[whose]:
                del self._of_user[whose]

    async def close_all(self, ending: SocketEnding) -> None:
        """The process goes: every socket ends so, and new ones do at once. Returns when the clients have gone too."""
        self.is_closing = True
        await asyncio.gather(*(socket.end(ending) for socket in list(self._open)))
        with suppress(TimeoutError):
            async with asyncio.timeout(PARTING_S):
                while self._open:
                    self._left.clear()
                    await self._left.wait()

    def on_news(self, news: AccessChanged | Missed) -> None:
        """A message says whose access may have ended: they are asked about at once."""
        self._suspects.add(news if isinstance(news, AccessChanged) else AccessChanged())
        self._changed.set()

    async def _check(self) -> None:
        await subscription.current().join(ACCESS_GROUP, self.on_news)
        all_at, looked_at = asyncio.get_running_loop().time() + self._check_s, timezone.now()
        while self._open:
            self._due = self._next_end(looked_at)
            end_s = (self._due - timezone.now()).total_seconds() if self._due is not None else float("inf")
            with suppress(TimeoutError):
                async with asyncio.timeout_at(min(all_at, asyncio.get_running_loop().time() + end_s)):
                    await self._changed.wait()
            self._changed.clear()
            suspects, self._suspects = self._suspects, set()
            if asyncio.get_running_loop().time() >= all_at:
                all_at, suspects = asyncio.get_running_loop().time() + self._check_s, {AccessChanged()}
            looked_at = timezone.now()
            await self._end_lapsed(
                {
                    socket.sight
                    for socket in self._open
                    if _concerns(suspects, socket.sight.login) or _is_past(socket.sight.login, looked_at)
                }
            )
        await subscription.current().leave(ACCESS_GROUP, self.on_news)

    def _next_end(self, after: datetime) -> datetime | None:
        """When the next login ends by itself."""
        ends = (socket.sight.login.ends_at for socket in self._open)
        return min((end for end in ends if end is not None and end > after), default=None)

    async def _end_lapsed(self, sights: set[Sight]) -> None:
        if not sights:
            return
        try:
            found = await database_sync_to_async(lapsed)(sights)
        except DatabaseError as error:
            outages.of_database.failed_by(error)
            return
        endings = dict.fromkeys(found.logged_out, LOGIN_REQUIRED)
        endings |= dict.fromkeys(found.out_of_sight, NOT_FOUND)
        await asyncio.gather(
            *(socket.end(endings[socket.sight]) for socket in list(self._open) if socket.sight in endings)
        )


async def admit(brought: Credentials, artifact_id: int, *, stays: bool = True) -> Sight:
    """Let somebody look at a document; who `stays` takes one of the places that there are. Raises `SocketRefused`."""
    if not any(brought):
        raise SocketRefused(LOGIN_REQUIRED)
    try:
        admitted = await admission.current().ask(Knock(brought, artifact_id))
    except DatabaseError as error:
        outages.of_database.failed_by(error)
        raise SocketRefused(GOING_AWAY) from None
    login = admitted.login
    if login is None:
        raise SocketRefused(LOGIN_REQUIRED)
    present = current()
    if present.is_closing:
        raise SocketRefused(GOING_AWAY)
    limit = settings.STREAMGEN_SOCKETS_PER_LINK if login.link_id else settings.STREAMGEN_SOCKETS_PER_USER
    if stays and present.count(login) >= limit:
        raise SocketRefused(TOO_MANY_SOCKETS)
    if not admitted.may_see:
        raise SocketRefused(NOT_FOUND)
    tell_about(artifact=artifact_id, user=login.user_id)
    return Sight(login=login, artifact_id=artifact_id)


def _is_past(login: Login, now: datetime) -> bool:
    return login.ends_at is not None and login.ends_at <= now


def _concerns(suspects: set[AccessChanged], login: Login) -> bool:
    of_one = AccessChanged(user=told_key(login.user_id)) if login.user_id else AccessChanged(link=login.link_id)
    return AccessChanged() in suspects or of_one in suspects


current = PerLoop(Sockets)
"""The running loop's sockets."""
