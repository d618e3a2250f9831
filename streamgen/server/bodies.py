"""Refuses bodies that are too large, by their Content-Length or as soon as too much has come, for every URL.

Pure ASGI, in front of Django: a body that is refused is never in memory. Under Daphne `incoming` stands in front of
it, because Daphne reads a whole body before it asks anybody.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.http import HttpResponse

from streamgen.embedding.place import kind_of_path
from streamgen.problems import TOO_LARGE, Problem

BODY_LINGER_S = 30.0
"""So long we read, and throw away, what a client still sends: closed too early, the connection would take the answer
with it."""
PAGE = "<!doctype html><html lang=en><title>Too large</title><h1>Too large</h1><p>{detail}</p></html>"


class TooLarge(Exception):
    """More has come than a body may have."""


class BoundedBodies:
    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if any(length > limit for length in _lengths(scope)):
            await _refuse(scope, receive, send)
            return
        received = 0

        async def counted() -> Any:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise TooLarge
            return message

        try:
            await self._app(scope, counted, send)  # Django reads all of a body before it begins to answer
        except TooLarge:
            await _refuse(scope, receive, send)


def _lengths(scope: Any) -> list[int]:
    said = [value for name, value in scope["headers"] if name.lower() == b"content-length"]
    return [int(value) for value in said if value.isdigit()]


def too_large_response(path: str) -> HttpResponse:
    """What is said to a body that is too large."""
    match kind_of_path(path.removeprefix(settings.FORCE_SCRIPT_NAME or "")):
        case "v1":
            error = {"message": TOO_LARGE, "type": "invalid_request_error", "param": None, "code": "too_large"}
            response = HttpResponse(json.dumps({"error": error}), status=413, content_type="application/json")
            response["Access-Control-Allow-Origin"] = "*"
        case "api":
            response = Problem(status=413, detail=TOO_LARGE).response()
        case _:
            response = HttpResponse(PAGE.format(detail=TOO_LARGE), status=413)
    for name, value in (
        ("Connection", "close"),
        ("Content-Length", str(len(response.content))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    ):
        response[name] = value
    return response


async def _refuse(scope: Any, receive: Any, send: Any) -> None:
    response = too_large_response(scope["path"])
    headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
    with suppress(OSError):  # the client has gone
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": response.content, "more_body": True})
        with suppress(TimeoutError):
            async with asyncio.timeout(BODY_LINGER_S):
                while (await receive()).get("more_body"):
                    pass
        await send({"type": "http.response.body", "body": b"", "more_body": False})
