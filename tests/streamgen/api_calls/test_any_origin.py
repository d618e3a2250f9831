"""What a browser asks before a page of another origin calls the API, and hears with each answer; no cookie opens it."""

from __future__ import annotations

from typing import Any

import pytest

from streamgen.api_calls.any_origin import AnyOrigin

FOREIGN = [(b"origin", b"https://elsewhere.example"), (b"authorization", b"Bearer x")]
ASKED = [(b"origin", b"https://elsewhere.example"), (b"access-control-request-method", b"PATCH")]
ORIGIN = b"access-control-allow-origin"


async def answered(path: str, method: str, headers: list[tuple[bytes, bytes]], **own: bytes) -> tuple[int, Any]:
    """Status and headers, where the application says 299 and its own."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        said = [(name.replace("_", "-").encode(), value) for name, value in own.items()]
        await send({"type": "http.response.start", "status": 299, "headers": said})
        await send({"type": "http.response.body", "body": b""})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await AnyOrigin(app)({"type": "http", "path": path, "method": method, "headers": headers}, None, send)
    names = [name for name, _ in sent[0]["headers"]]
    assert len(names) == len(set(names))
    return sent[0]["status"], dict(sent[0]["headers"])


@pytest.mark.asyncio
async def test_call_of_a_page_elsewhere_is_allowed_and_its_answer_shown() -> None:
    status, headers = await answered("/api/projects/1", "OPTIONS", ASKED)
    assert (status, headers[ORIGIN]) == (204, b"*")
    assert {b"PATCH", b"DELETE", b"PUT"} <= {*headers[b"access-control-allow-methods"].split(b", ")}
    assert headers[b"access-control-allow-headers"] == b"authorization, *"  # the star does not stand for that one
    assert b"access-control-allow-credentials" not in headers
    status, headers = await answered("/api/projects", "POST", FOREIGN)
    assert (status, headers[ORIGIN]) == (299, b"*")
    assert b"Link" in headers[b"access-control-expose-headers"]
    assert b"access-control-allow-credentials" not in headers


@pytest.mark.asyncio
async def test_all_else_is_the_applications() -> None:
    assert await answered("/api/projects", "OPTIONS", FOREIGN) == (299, (await answered("/api/x", "GET", []))[1])
    for path in ("/projects/1/", "/v1/models", "/sign-in/", "/apiary/"):
        assert await answered(path, "OPTIONS", ASKED) == (299, {})
    said = await answered("/api/projects", "GET", FOREIGN, access_control_allow_origin=b"https://one.example")
    assert said == (299, {ORIGIN: b"https://one.example"})
