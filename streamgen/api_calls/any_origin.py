"""Pages of any origin may call the API with a token: what a browser asks for before, and wants to hear with the answer.

No cookie opens anything that way: an answer for everybody is shown to no page that sent one. Pure ASGI, outermost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamgen.embedding.place import path_below

OF_CALLS = "api/"
TOLD = (
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        b"Content-Disposition, ETag, Idempotency-Replayed, Link, Location, Mcp-Session-Id, Retry-After,"
        b" WWW-Authenticate",
    ),
)
ALLOWED = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE"),
    (b"access-control-allow-headers", b"authorization, *"),
    (b"access-control-max-age", b"86400"),
    (b"cache-control", b"no-store"),
)


def is_call(scope: Any) -> bool:
    return (path_below(scope) or "").startswith(OF_CALLS)


class AnyOrigin:
    """The given ASGI application for HTTP, where a request is one that pages may send."""

    def __init__(self, app: Any, is_theirs: Callable[[Any], bool] = is_call) -> None:
        self._app, self._is_theirs = app, is_theirs

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if not self._is_theirs(scope):
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and _said(scope["headers"], b"access-control-request-method"):
            await send({"type": "http.response.start", "status": 204, "headers": [*ALLOWED]})
            await send({"type": "http.response.body", "body": b""})
            return

        async def told(message: Any) -> None:
            if message["type"] == "http.response.start" and not _said(message["headers"], TOLD[0][0]):
                message = message | {"headers": [*message["headers"], *TOLD]}
            await send(message)

        await self._app(scope, receive, told)


def _said(headers: Any, wanted: bytes) -> bool:
    return any(name.lower() == wanted for name, _ in headers)
