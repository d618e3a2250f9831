"""A page that refuses is a problem for programs, and for nobody else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.urls import include, path
from django.views.generic import TemplateView

from streamgen.server.program_answers import ProgramAnswers

pytestmark = pytest.mark.asyncio

PAGE = [
    {
        "type": "http.response.start",
        "status": 405,
        "headers": [(b"Content-Type", b"text/html; charset=utf-8"), (b"Allow", b"GET"), (b"Content-Length", b"13")],
    },
    {"type": "http.response.body", "body": b"<h1>No", "more_body": True},
    {"type": "http.response.body", "body": b" way</h1>"},
]


urlpatterns = [
    path("api/hello", TemplateView.as_view(template_name="hello.html")),
    path("", include("streamgen.embedding.urls")),
]
"""Of a host whose documents have no prefix."""


async def told(where: str, given: list[Any], method: str = "GET") -> list[Any]:
    async def pages(scope: Any, receive: Any, send: Any) -> None:
        for message in given:
            await send(message)

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": where, "headers": [(b"host", b"localhost")]}
    await ProgramAnswers(pages)(scope, None, send)
    return sent


@pytest.mark.parametrize("where", ["/api/projects", "/streams/nothing"])
async def test_a_program_is_told_a_problem_with_what_the_page_allowed(where: str):
    start, body = await told(where, PAGE)
    headers = dict(start["headers"])
    assert (start["status"], headers[b"content-type"], headers[b"Allow"]) == (405, b"application/problem+json", b"GET")
    assert json.loads(body["body"])["code"] == "method_not_allowed"
    assert int(headers[b"content-length"]) == len(body["body"])
    assert (await told(where, PAGE, method="HEAD"))[1]["body"] == b""


async def test_a_host_that_has_calls_of_its_own_there_keeps_their_pages(settings: Any):
    settings.ROOT_URLCONF = __name__
    assert await told("/api/hello", PAGE) == PAGE
    assert (await told("/api/nothing", PAGE))[0]["status"] == 405
    assert dict((await told("/api/nothing", PAGE))[0]["headers"])[b"content-type"] == b"application/problem+json"


@pytest.mark.parametrize("where", ["/artifacts/1/", "/api", "/apis/projects", "/"])
async def test_people_see_the_page(where: str):
    assert await told(where, PAGE) == PAGE


async def test_what_is_no_page_or_no_refusal_stays():
    for kind, status in ((b"application/json", 405), (b"text/html; charset=utf-8", 200)):
        start = PAGE[0] | {"status": status, "headers": [(b"content-type", kind)]}
        assert await told("/api/docs", [start, PAGE[2]]) == [start, PAGE[2]]
