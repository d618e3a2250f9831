"""The open sockets of this process: how many each user has, whether their logins still hold, and how all of them end.

It knows nothing of what they show.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import Protocol

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from artifacts.accounts.sessions import Login, Sight, lapsed
from artifacts.live.close_codes import LOGIN_REQUIRED, NOT_FOUND, SocketEnding
from artifacts.messaging.per_loop import PerLoop

logger = logging.getLogger(__name__)

CHECK_S = 3.0
"""So often it is asked whether the logins still hold; a logout ends its sockets within five seconds."""


class Socket(Protocol):
    sight: Sight

    async def end(self, ending: SocketEnding) -> None: ...


class Sockets:
    """All open sockets of one event loop."""

    def __init__(self, *, check_s: float = CHECK_S) -> None:
        self.is_closing = False
        self._check_s = check_s
        self._open: set[Socket] = set()
        self._of_user: Counter[int] = Counter()
        self._checking: asyncio.Task[None] | None = None

    def count(self, login: Login) -> int:
        return self._of_user[login.user_id]

    def enter(self, socket: Socket) -> None:
        self._open.add(socket)
        self._of_user[socket.sight.login.user_id] += 1
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check())

    def leave(self, socket: Socket) -> None:
        if socket in self._open:
            self._open.remove(socket)
            user_id = socket.sight.login.user_id
            self._of_user[user_id] -= 1
            if not self._of_user[user_id]:
                del self._of_user[user_id]

    async def close_all(self, ending: SocketEnding) -> None:
        """The process goes: every socket ends so, and new ones do at once."""
        self.is_closing = True
        await asyncio.gather(*(socket.end(ending) for socket in list(self._open)))

    async def _check(self) -> None:
        while self._open:
            await asyncio.sleep(self._check_s)
            try:
                found = await database_sync_to_async(lapsed)({socket.sight for socket in self._open})
            except DatabaseError as error:
                logger.warning("Logins could not be checked: %s", type(error).__name__)
                continue
            endings = dict.fromkeys(found.logged_out, LOGIN_REQUIRED)
            endings |= dict.fromkeys(found.out_of_sight, NOT_FOUND)
            await asyncio.gather(
                *(socket.end(endings[socket.sight]) for socket in list(self._open) if socket.sight in endings)
            )


current = PerLoop(Sockets)
"""The running loop's sockets."""
