"""What a websocket brings: a foreign Origin is refused before the handshake, then a link, a token or a session counts.

It sets `credentials` in the scope; who that is, and what they may see, is not decided here.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import OriginValidator
from django.conf import settings
from django.http import parse_cookie

from artifacts.accounts.admission import Credentials
from artifacts.accounts.tokens import token_digest
from artifacts.routing import refuse_handshake

_LINK = re.compile(r"/link/([^/]+)/$")
"""Where `artifacts.routing` has the secret of a link."""


def websocket_login(app: Any) -> Any:
    """The given ASGI application behind the Origin check and the login."""
    return AllowedOrigin(WithCredentials(app))


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


class WithCredentials:
    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(dict(scope, credentials=credentials(scope)), receive, send)


def credentials(scope: Any) -> Credentials:
    """A link, else a bearer token, right or wrong, is the only one where there is one; a cookie needs an Origin."""
    if secret := _LINK.search(scope["path"]):
        return Credentials(link_digest=token_digest(secret[1]))
    for authorization in _headers(scope, b"authorization"):
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return Credentials(token_digest=token_digest(token.strip()))
    return Credentials(session_key=_session_key(scope) if _headers(scope, b"origin") else "")


def _session_key(scope: Any) -> str:
    cookies: dict[str, str] = {}
    for header in _headers(scope, b"cookie"):
        cookies |= parse_cookie(header)
    key = cookies.get(settings.SESSION_COOKIE_NAME, "")
    return key if key.isalnum() and key.isascii() else ""


def _headers(scope: Any, wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
