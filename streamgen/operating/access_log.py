"""One log line for each request and each websocket, and a span for each request: what was asked, by whom, what came of
it, and how long it took.

Secrets in addresses are left out, and so is everything behind the question mark.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from http import HTTPStatus
from inspect import iscoroutinefunction
from typing import Any
from urllib.parse import quote
from weakref import ref

from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from artifacts.operating.log_context import tell_about
from artifacts.operating.tracing import OpenSpan, span

logger = logging.getLogger("streamgen.access")

SECRETS = {"secret", "token", "uidb64"}
"""Parts of addresses that open something to whoever knows them."""
PATH_CHARS = 200
OF_STREAMS = re.compile(r"((?:/[\w.~-]+)*/artifacts/\d+(?:/link/)?)((?<=/link/)[^/]+)?(/\w*)?")
"""The address of a stream or a websocket: what stands before the secret, the secret, what stands behind it."""
OF_OPENAI = re.compile(r"(?:/[\w.~-]+)*/v1/(?:models|chat/completions|responses)(?:/[\w.:-]+)*")
NORMAL_CODE, UNKNOWN_CODE = 1000, 1005


@sync_and_async_middleware
def access_log(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    if iscoroutinefunction(get_response):
        answered: Callable[[HttpRequest], Awaitable[HttpResponseBase]] = get_response

        async def ask(request: HttpRequest) -> HttpResponseBase:
            began_s = time.monotonic()
            _tell_about(request)
            with _span_of(request) as opened:
                response = await answered(request)
                _tell(opened, request, response)
            _log(request, response, time.monotonic() - began_s)
            return response

        return ask

    def ask_now(request: HttpRequest) -> HttpResponseBase:
        began_s = time.monotonic()
        _tell_about(request)
        with _span_of(request) as opened:
            response: HttpResponseBase = get_response(request)
            _tell(opened, request, response)
        _log(request, response, time.monotonic() - began_s)
        return response

    return ask_now


def _tell_about(request: HttpRequest) -> None:
    """The lines of a request are about its visitor and its document, once these are known. What it begins may outlast
    it, and does not keep it.
    """
    asked = ref(request)
    tell_about(user=lambda: _user_of(asked()), artifact=lambda: _artifact_of(asked()))


def _user_of(request: HttpRequest | None) -> object:
    """Nobody is asked for: a session or a token that was not needed is not read for the log."""
    names = ("auth", "_cached_user", "_acached_user")
    found = (getattr(request, name, None) for name in names)
    return next((pk for user in found if (pk := getattr(user, "pk", None)) is not None), None)


def _artifact_of(request: HttpRequest | None) -> object:
    match = getattr(request, "resolver_match", None)
    return match.kwargs.get("artifact_id") if match else None


def _span_of(request: HttpRequest) -> AbstractContextManager[OpenSpan]:
    return span(str(request.method), "server", caller=request.headers, http__request__method=request.method)


def _tell(opened: OpenSpan, request: HttpRequest, response: HttpResponseBase) -> None:
    """The route is the pattern of the address: nothing that stands in the address itself."""
    match = request.resolver_match
    if match is not None:
        opened.rename(f"{request.method} /{match.route}")
        opened.tell(http__route=f"/{match.route}", artifact=match.kwargs.get("artifact_id"))
    opened.tell(http__response__status_code=response.status_code)
    if response.status_code >= 500:
        opened.fail(str(response.status_code))


def _log(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    log_access(str(request.method), shown_path(request), response.status_code, seconds)


def log_access(method: str, path: str, status: int, seconds: float) -> None:
    """The line. A websocket's status is its close code, or 403 where it was refused."""
    fields = {"method": method, "path": path, "status": status, "seconds": round(seconds, 4)}
    logger.info("%s %s %s %.0f ms", method, path, status, seconds * 1000, extra={"fields": fields})


def shown_path(request: HttpRequest) -> str:
    """The path without its secrets; of one that leads nowhere only the beginning: nobody knows what it holds."""
    match, path = request.resolver_match, request.path
    if match is None:
        first, slash, rest = request.path_info.lstrip("/").partition("/")
        prefix = path.removesuffix(request.path_info)
        path = f"{prefix}/{first}{slash}{'***' if rest else ''}" if slash else f"{prefix}/{first}"
    else:
        for name in SECRETS & match.kwargs.keys():
            path = path.replace(str(match.kwargs[name]), "***")
    return quote(path, safe="/*")[:PATH_CHARS]


def shown_path_of_stream(path: str) -> str:
    """The same of a stream or a websocket, which Django does not route."""
    found = OF_STREAMS.fullmatch(path)
    if found is None:
        return path[:PATH_CHARS] if OF_OPENAI.fullmatch(path) else "/***"
    shown = f"{found[1]}{'***' if found[2] else ''}{found[3] or ''}"
    return quote(shown, safe="/*")[:PATH_CHARS]


class SocketLog:
    """An ASGI application for websockets with a line for each that has ended."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        began_s, status = time.monotonic(), int(HTTPStatus.FORBIDDEN)

        async def received() -> Any:
            nonlocal status
            message = await receive()
            if message["type"] == "websocket.disconnect" and status == UNKNOWN_CODE:
                status = message.get("code") or UNKNOWN_CODE
            return message

        async def tell(message: Any) -> None:
            nonlocal status
            if message["type"] == "websocket.accept":
                status = UNKNOWN_CODE
            elif message["type"] == "websocket.close" and status == UNKNOWN_CODE:
                status = message.get("code") or NORMAL_CODE
            await send(message)

        try:
            await self._app(scope, received, tell)
        finally:
            log_access("WEBSOCKET", shown_path_of_stream(scope["path"]), status, time.monotonic() - began_s)
