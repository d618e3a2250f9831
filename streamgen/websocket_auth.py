"""The login of websockets: a foreign Origin is refused before the handshake, then a bearer token or a session says who.

It sets `user` and `login` in the scope; what they may see is not decided here.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.security.websocket import OriginValidator
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.models import AnonymousUser, User
from django.db import Error as DatabaseError
from django.http import parse_cookie

from artifacts.accounts.sessions import Login, login_by_token
from artifacts.accounts.tokens import user_for_token
from artifacts.live.close_codes import GOING_AWAY
from artifacts.routing import refuse_handshake

logger = logging.getLogger(__name__)


def websocket_login(app: Any) -> Any:
    """The given ASGI application behind the Origin check and the login."""
    return AllowedOrigin(WebsocketLogin(app))


class AllowedOrigin(OriginValidator):  # type: ignore[misc]  # Channels has no types
    """Django's ALLOWED_HOSTS rule for the Origin. None at all is let through: browsers always send one."""

    def __init__(self, app: Any) -> None:
        super().__init__(app, [])

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if not all(self._is_allowed(origin) for origin in _headers(scope, b"origin")):
            await refuse_handshake(scope, receive, send)
            return
        await self.application(scope, receive, send)

    def _is_allowed(self, origin: str) -> bool:
        # As Django does for pages: DEBUG without a list means this machine.
        hosts = settings.ALLOWED_HOSTS or (["localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else [])
        try:
            parsed = urlsplit(origin)
        except ValueError:
            return False
        return any(host == "*" or self.match_allowed_origin(parsed, host) for host in hosts)


class WebsocketLogin:
    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            user, login = await who(scope)
        except DatabaseError as error:
            logger.warning("A viewer was sent away, the database is away: %s", type(error).__name__)
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": GOING_AWAY.close_code})
            return
        await self._app(dict(scope, user=user, login=login), receive, send)


async def who(scope: Any) -> tuple[User | AnonymousUser, Login | None]:
    """A bearer token, right or wrong, is the only answer where there is one; a cookie counts with an Origin only."""
    for authorization in _headers(scope, b"authorization"):
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer":
            user = await database_sync_to_async(user_for_token)(token.strip())
            return (user, login_by_token(user, token.strip())) if user else (AnonymousUser(), None)
    key = _session_key(scope)
    if not key or not _headers(scope, b"origin"):
        return AnonymousUser(), None
    session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = await get_user({"session": session})
    if not user.is_authenticated:
        return AnonymousUser(), None
    return user, Login(user_id=user.pk, session_key=key, session_hash=session[HASH_SESSION_KEY])


def _session_key(scope: Any) -> str:
    cookies: dict[str, str] = {}
    for header in _headers(scope, b"cookie"):
        cookies |= parse_cookie(header)
    key = cookies.get(settings.SESSION_COOKIE_NAME, "")
    return key if key.isalnum() and key.isascii() else ""


def _headers(scope: Any, wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
