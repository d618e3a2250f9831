"""One log line and one span for each request: what was asked, by whom, what came of it, and how long it took.

Secrets in addresses are left out, and so is everything behind the question mark.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from inspect import iscoroutinefunction
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from artifacts.operating.log_context import tell_about
from artifacts.operating.tracing import OpenSpan, span

logger = logging.getLogger("streamgen.access")

SECRETS = {"secret", "token", "uidb64"}
"""Parts of addresses that open something to whoever knows them."""
PATH_CHARS = 200


@sync_and_async_middleware
def access_log(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    if iscoroutinefunction(get_response):
        answered: Callable[[HttpRequest], Awaitable[HttpResponseBase]] = get_response

        async def ask(request: HttpRequest) -> HttpResponseBase:
            began_s = time.monotonic()
            with _span_of(request) as opened:
                response = await answered(request)
                _tell(opened, request, response)
            _log(request, response, time.monotonic() - began_s)
            return response

        return ask

    def ask_now(request: HttpRequest) -> HttpResponseBase:
        began_s = time.monotonic()
        with _span_of(request) as opened:
            response: HttpResponseBase = get_response(request)
            _tell(opened, request, response)
        _log(request, response, time.monotonic() - began_s)
        return response

    return ask_now


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
    match = request.resolver_match
    # Nobody is asked for: a session or a token that was not needed is not read for the log.
    user = getattr(request, "auth", None) or getattr(request, "_cached_user", None)
    tell_about(user=getattr(user, "pk", None), artifact=match.kwargs.get("artifact_id") if match else None)
    path = shown_path(request)
    fields = {"method": request.method, "path": path, "status": response.status_code, "seconds": round(seconds, 4)}
    logger.info(
        "%s %s %s %.0f ms", request.method, path, response.status_code, seconds * 1000, extra={"fields": fields}
    )


def shown_path(request: HttpRequest) -> str:
    """The path without its secrets; of one that leads nowhere only the beginning: nobody knows what it holds."""
    match, path = request.resolver_match, request.path
    if match is None:
        first, slash, rest = path.lstrip("/").partition("/")
        path = f"/{first}{slash}{'***' if rest else ''}" if slash else f"/{first}"
    else:
        for name in SECRETS & match.kwargs.keys():
            path = path.replace(str(match.kwargs[name]), "***")
    return quote(path, safe="/*")[:PATH_CHARS]
