"""`/livez`, `/readyz` and `/metrics`, in front of Django: for whoever starts, restarts, balances and watches processes.

They know no host, login or session, and tell strangers no more than the names of checks.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings

from streamgen.operating import metrics, readiness


class Probes:
    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        below = settings.PUBLIC_URL.prefix if settings.PUBLIC_URL else scope.get("root_path", "")
        match scope["path"].removeprefix(below):
            case "/livez":
                await _tell(scope, send, HTTPStatus.OK, {"status": "alive"})
            case "/readyz":
                left_out = parse_qs(scope["query_string"].decode("latin-1")).get("exclude", [])
                found = await readiness.current().found()
                checks = {name: found[name] for name in found if name not in left_out}
                is_ready = all(each == readiness.OK for each in checks.values())
                status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
                await _tell(scope, send, status, {"status": "ready" if is_ready else "not ready", "checks": checks})
            case "/metrics" if metrics.may_read_metrics(scope):
                await _answer(scope, send, HTTPStatus.OK, await metrics.metrics_text(), metrics.METRICS_TYPE)
            case "/metrics":
                await _tell(scope, send, HTTPStatus.FORBIDDEN, {"status": "forbidden"})
            case _:
                await self._app(scope, receive, send)


async def _tell(scope: Any, send: Any, status: HTTPStatus, told: Any) -> None:
    await _answer(scope, send, status, json.dumps(told).encode() + b"\n", "application/json")


async def _answer(scope: Any, send: Any, status: HTTPStatus, body: bytes, content_type: str) -> None:
    headers = {"content-type": content_type, "content-length": str(len(body)), "cache-control": "no-store"}
    if scope["method"] not in {"GET", "HEAD"}:
        status, headers["allow"] = HTTPStatus.METHOD_NOT_ALLOWED, "GET, HEAD"
    head = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})
