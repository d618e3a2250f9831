"""What a websocket or a stream brings: a link, a token or a session. A websocket's foreign Origin is refused first.

It sets `credentials` in the scope; who that is, and what they may see, is not decided here.
"""

from __future__ import annotations

import logging
import re
from typing import Any

from django.conf import settings
from django.http import parse_cookie

from artifacts.accounts.admission import Credentials
from artifacts.accounts.tokens import token_digest
from artifacts.routing import refuse_handshake
from streamgen.public_url import origin_of
from streamgen.refusals import WRONG_HOST, origin_sentence
from streamgen.server.site_names import is_site_name, names_asked_by

logger = logging.getLogger(__name__)

_LINK = re.compile(r"/link/([^/]+)(?:/|$)")
"""Where `artifacts.routing` has the secret of a link."""


def websocket_login(app: Any) -> Any:
    """The given ASGI application behind the Origin check and the login."""
    return OwnOrigin(WithCredentials(app))


class OwnOrigin:
    """Scheme, host and port of the Origin are those that the handshake came to, under a name that the site has, or one
    that it trusts with forms. None at all is let through: browsers always send one. So is any Origin with a read-only
    link: no cookie counts then, and whoever has the link may show elsewhere what it shows.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        origins = [] if _LINK.search(scope["path"]) else _headers(scope, b"origin")
        if why := _why_refused(names_asked_by(scope), origins, _is_secure(scope)):
            logger.warning("websocket refused: %s", why)
            await refuse_handshake(scope, receive, send, why)
        else:
            await self._app(scope, receive, send)


def _is_secure(scope: Any) -> bool:
    """Whether the browser came by TLS, as Django finds it out."""
    if settings.SECURE_PROXY_SSL_HEADER:
        name, secure = settings.SECURE_PROXY_SSL_HEADER
        header = name.removeprefix("HTTP_").replace("_", "-").lower().encode()
        if said := _headers(scope, header):
            return said[0].partition(",")[0].strip() == secure
    return bool(scope.get("scheme") == "wss")


def _why_refused(hosts: list[str], origins: list[str], is_secure: bool) -> str:
    """The sentence for whoever is refused, else ""."""
    if not is_site_name(hosts):
        return WRONG_HOST
    own = f"{'https' if is_secure else 'http'}://{''.join(hosts)}"
    at_home = {origin_of(address) for address in (own, *settings.CSRF_TRUSTED_ORIGINS)} - {None}
    foreign = [origin for origin in origins if origin_of(origin) not in at_home]
    return origin_sentence(foreign[0], own) if foreign else ""


class WithCredentials:
    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(dict(scope, credentials=credentials(scope)), receive, send)


def credentials(scope: Any, *, by_cookie: bool = False) -> Credentials:
    """A link, else a bearer token, right or wrong, is the only one where there is one; a cookie needs an Origin, but
    for requests that foreign pages cannot read the answers of: there it counts `by_cookie` alone.
    """
    if secret := _LINK.search(scope["path"]):
        return Credentials(link_digest=token_digest(secret[1]))
    for authorization in _headers(scope, b"authorization"):
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return Credentials(token_digest=token_digest(token.strip()))
    is_asked = by_cookie or bool(_headers(scope, b"origin"))
    return Credentials(session_key=_session_key(scope) if is_asked else "")


def _session_key(scope: Any) -> str:
    cookies: dict[str, str] = {}
    for header in _headers(scope, b"cookie"):
        cookies |= parse_cookie(header)
    key = cookies.get(settings.SESSION_COOKIE_NAME, "")
    return key if key.isalnum() and key.isascii() else ""


def _headers(scope: Any, wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
