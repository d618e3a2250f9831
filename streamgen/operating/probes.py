"""`/livez` and `/readyz`, in front of Django: for whoever starts, restarts and balances processes.

They know no host, login or session, and tell strangers no more than the names of checks.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from streamgen.operating import readiness

LIVE, READY = "/livez", "/readyz"


class Probes:
    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        match scope["path"].removeprefix(scope.get("root_path", "")):
            case "/livez":
                await _answer(scope, send, HTTPStatus.OK, {"status": "alive"})
            case "/readyz":
                left_out = parse_qs(scope["query_string"].decode("latin-1")).get("exclude", [])
                checks = {
                    name: found for name, found in (await readiness.current().found()).items() if name not in left_out
                }
                is_ready = all(found == readiness.OK for found in checks.values())
                status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
                await _answer(scope, send, status, {"status": "ready" if is_ready else "not ready", "checks": checks})
            case _:
                await self._app(scope, receive, send)


async def _answer(scope: Any, send: Any, status: HTTPStatus, told: Any) -> None:
    body = json.dumps(told).encode() + b"\n"
    headers = {"content-type": "application/json", "content-length": str(len(body)), "cache-control": "no-store"}
    if scope["method"] not in {"GET", "HEAD"}:
        status, headers["allow"] = HTTPStatus.METHOD_NOT_ALLOWED, "GET, HEAD"
    head = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})
