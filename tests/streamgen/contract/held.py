"""Holds what really passes against what is published: answers of the API against OpenAPI, frames against their schema.

Objects are closed here: a field that no document tells is a fault, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from functools import cache
from inspect import iscoroutinefunction
from typing import Any

import jsonschema_rs
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from streamgen.contract.frames import frames_schema

PROBLEM = "application/problem+json"
BODYLESS = {204, 304}


def closed(schema: Any) -> Any:
    """The same, with no other fields than those that it names."""
    if isinstance(schema, dict):
        found = {name: closed(part) for name, part in schema.items()}
        if "properties" in found and found.get("type") == "object":
            found["additionalProperties"] = False
        return found
    return [closed(part) for part in schema] if isinstance(schema, list) else schema


@cache
def _frames() -> Any:
    return jsonschema_rs.validator_for(closed(frames_schema()))


def hold_frame(frame: Any) -> None:
    """Raises `AssertionError` where a frame is none of the published ones."""
    if (error := next(_frames().iter_errors(frame), None)) is not None:
        raise AssertionError(f"a frame is not in its schema: {error.message[:500]} in {json.dumps(frame)[:500]}")


@cache
def openapi() -> dict[str, Any]:
    from streamgen.api import api  # noqa: PLC0415  settings are ready only when it is asked for

    told: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema(), default=str))
    return told


@cache
def _validator(path: str, method: str, status: str, kind: str) -> Any:
    """Of one answer. Raises `AssertionError` where the document does not tell of it."""
    operation = openapi()["paths"].get(path, {}).get(method)
    if operation is None:  # no such call: every refusal has this shape
        assert kind == PROBLEM, f"{method} {path} is not in the document, and no refusal: {status} {kind}"
        told = {PROBLEM: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}
    else:
        assert status in operation["responses"], f"{method} {path}: the document does not tell of {status}"
        told = operation["responses"][status].get("content", {})
    if not kind and not told:
        return None
    kinds = {name.partition(";")[0] for name in told}
    assert kind in kinds or (not told and not kind), f"{method} {path} {status}: {kind!r} is none of {sorted(kinds)}"
    schema = next(content["schema"] for name, content in told.items() if name.partition(";")[0] == kind)
    return jsonschema_rs.validator_for(closed(dict(schema, components=openapi()["components"])))


def hold_answer(path: str, method: str, status: int, kind: str, body: bytes) -> None:
    """Raises `AssertionError` where an answer of the API is not as the document says."""
    validator = _validator(path, method, str(status), "" if status in BODYLESS else kind)
    if validator is None or "json" not in kind:
        return
    if (error := next(validator.iter_errors(json.loads(body)), None)) is not None:
        raise AssertionError(f"{method} {path} {status}: {error.message[:500]} in {body[:500]!r}")


@sync_and_async_middleware
def held_to_the_document(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware of the tests: every answer of the API that passes is held against the document."""
    if iscoroutinefunction(get_response):
        answered: Callable[[HttpRequest], Awaitable[HttpResponseBase]] = get_response

        async def ask(request: HttpRequest) -> HttpResponseBase:
            response = await answered(request)
            _hold(request, response)
            return response

        return ask

    def ask_now(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = get_response(request)
        _hold(request, response)
        return response

    return ask_now


def _hold(request: HttpRequest, response: Any) -> None:
    if not request.path_info.startswith("/api/") or response.streaming or request.method == "HEAD":
        return  # what HEAD says is what GET says
    match = request.resolver_match
    if match is not None and not (match.namespaces and match.namespaces[-1] == "streamgen-api"):
        return  # a page about the API
    route = "" if match is None else "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", match.route)
    if route == "/api/openapi.json" and response.status_code == 200:
        return
    kind = response.get("Content-Type", "").partition(";")[0]
    hold_answer(route, (request.method or "").lower(), response.status_code, kind, response.content)
