"""The way to answers that last: beside Django, whose requests are made to end, with the same logins and refusals.

Who a client is, and what they may see, is not decided here.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from django.core.handlers import asgi
from django.http import HttpResponse
from django.urls import set_script_prefix

from artifacts.routing import http_urlpatterns
from artifacts.streams.exchange import Exchange, Refused
from streamgen.agents.openai_routes import openai_urlpatterns
from streamgen.embedding.place import path_below
from streamgen.operating.access_log import log_access, shown_path_of_stream
from streamgen.problems import Problem
from streamgen.server.outflow import outflow_of
from streamgen.server.site_names import demand_site_name
from streamgen.websocket_auth import credentials

logger = logging.getLogger(__name__)

SAFE_HEADERS = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"), ("X-Robots-Tag", "noindex"))
OPEN_HEADERS = ((b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", b"*"))
"""A read-only link is all that it takes to read: pages of other sites may show what it shows."""


class WithStreams:
    """Requests for a stream go to it, all others to the given application."""

    def __init__(self, pages: Any) -> None:
        self._pages = pages

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = path_below(scope)
        for route in (*http_urlpatterns, *openai_urlpatterns):
            if path is not None and (match := route.pattern.match(path)):
                set_script_prefix(asgi.get_script_prefix(scope))  # of this task; what is refused names a page of ours
                app = UnderSiteName(route.callback) if route in http_urlpatterns else route.callback
                await _stream(app, _at(scope, match[2], send), receive, send)
                return
        await self._pages(scope, receive, send)


class UnderSiteName:
    """A stream that is refused to whoever asks by another name. The OpenAI API refuses by itself, in its own shape."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        demand_site_name(scope)
        await self._app(scope, receive, send)


def _at(scope: Any, kwargs: dict[str, Any], send: Any) -> dict[str, Any]:
    return dict(
        scope,
        url_route={"args": (), "kwargs": kwargs},
        credentials=credentials(scope, by_cookie=True),
        outflow=outflow_of(send),
    )


async def _stream(app: Any, scope: dict[str, Any], receive: Any, send: Any) -> None:
    began_s, status, path = time.monotonic(), 0, shown_path_of_stream(scope["path"])

    async def safe(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            safely = [(name.lower().encode(), value.encode()) for name, value in SAFE_HEADERS]
            is_said = any(name.lower() == b"access-control-allow-origin" for name, _ in message["headers"])
            open_to = OPEN_HEADERS if scope["credentials"].link_digest and not is_said else ()
            message = message | {"headers": [*message["headers"], *safely, *open_to]}
        await send(message)

    try:
        await app(scope, receive, safe)
    except Refused as refused:
        problem = Problem(status=refused.status, detail=refused.detail, code=refused.code, headers=refused.headers)
        await _answer(scope, receive, safe, problem.response())
    except Exception as error:
        if status:
            raise
        logger.exception("%s %s failed", scope["method"], path, exc_info=error)
        problem = Problem(status=500, detail="Something went wrong on the server. Its log says what.")
        await _answer(scope, receive, safe, problem.response())
    finally:
        log_access(scope["method"], path, status, time.monotonic() - began_s)


async def _answer(scope: Any, receive: Any, send: Any, response: HttpResponse) -> None:
    response.setdefault("Cache-Control", "no-store")
    await Exchange(scope, receive, send).answer(response.status_code, response.items(), response.content)
