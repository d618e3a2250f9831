"""Answers that no endpoint should give and some do: written byte by byte to a socket, and read without harm."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from generation.errors import ProviderError, ProviderRefused, ProviderUnavailable
from generation.providers.base import FinishReason, Usage
from generation.providers.openai_compatible.client import OpenAICompatible
from tests.generation.providers.test_openai_compatible import SECRET, Answered, call
from tests.support.endpoint.openai_raw import DONE, event, http, raw_server, says

pytestmark = pytest.mark.asyncio

MB = 1_000_000

GOOD = says("Hi") + says("", "stop") + DONE


@asynccontextmanager
async def answering(raw: bytes) -> AsyncIterator[OpenAICompatible]:
    async with raw_server(raw) as server:
        provider = OpenAICompatible(
            base_url=server.base_url, api_key=SECRET, continuation="reprompt", connect_s=2, first_piece_s=3, stall_s=2
        )
        yield provider
        await provider.aclose()


async def answer(raw: bytes, **options: object) -> Answered:
    async with answering(raw) as provider:
        return await call(provider, **options)


@pytest.mark.parametrize(
    "body",
    [
        GOOD,
        b"\xef\xbb\xbf" + GOOD,
        says("Hi") + says("", "stop") + b"data:[DONE]\n\n",
        says("Hi") + says("", "stop") + b"data:[DONE]",
        says("Hi") + event({"choices": [], "usage": None}) + says(None, "stop"),
        b": ping\n\n" * 300 + GOOD,
        event({"choices": [{"index": 0, "delta": {"role": "assistant"}}]}) + GOOD,
        event({"choices": [{"index": 0, "delta": {"role": ["x"], "content": ""}}], "model": 7, "id": {}}) + GOOD,
        event({"choices": [{"index": 1, "delta": {"content": "No"}, "finish_reason": "length"}]}) + GOOD,
        event({"choices": [{"index": 1, "delta": {"content": "No"}}, {"index": 0, "delta": {"content": "Hi"}}]})
        + says("", "stop"),
        event({"choices": [{"index": "0", "delta": {"content": "Hi"}, "finish_reason": "stop"}]}),
        event({"error": None, "choices": [{"index": None, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}),
        says([{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {}}, {"text": 5}], "stop"),
        says("<Think>Hm.") + says("</THINK>\n\nHi", "stop"),
        says("<thought>Hm.</thought>Hi", "stop"),
        says(" <reas") + says("oning>Hm.</reasoning> Hi", "stop"),
        says("Hi", "stop") + event({"choices": []}) + b"data: {broken\n\n",
        says("Hi", "stop", usage={"prompt_tokens": 10**30, "completion_tokens": 10**30}),
        says("Hi", "stop", usage={"prompt_tokens": 1.5, "completion_tokens": -2}),
    ],
)
async def test_odd_but_readable_streams_are_read(body):
    answered = await answer(http(body, Content_Type="text/event-stream"))
    assert (answered.text, answered.error) == ("Hi", None)
    assert (answered.finish.reason, answered.finish.usage) == (FinishReason.COMPLETE, None)


@pytest.mark.parametrize("finish", [{"a": 1}, ["stop"], True, 1.5])
async def test_finish_of_a_wrong_type_is_never_complete(finish):
    answered = await answer(http(says("Hi", finish) + DONE))
    assert (answered.text, answered.finish.reason) == ("Hi", FinishReason.INTERRUPTED)


@pytest.mark.parametrize(
    ("body", "reason"), [(says("", "stop") + DONE, FinishReason.COMPLETE), (DONE, FinishReason.INTERRUPTED)]
)
async def test_finish_without_any_text_is_told_as_it_came(body, reason):
    answered = await answer(http(body))
    assert (answered.text, answered.finish.reason) == ("", reason)


async def test_usage_may_come_before_the_finish():
    usage = {"prompt_tokens": 3, "completion_tokens": 1}
    answered = await answer(http(says("Hi") + event({"choices": [], "usage": usage}) + says("", "stop") + DONE))
    assert answered.finish.usage == Usage(prompt_tokens=3, completion_tokens=1)


@pytest.mark.parametrize(
    "body",
    [
        event({"choices": "Hi"}),
        event({"choices": True}),
        event({"choices": [{"delta": "Hi"}]}),
        event({"choices": [{"index": 0, "delta": {}}, "Hi"]}),
        event({"error": True}),
        event({"error": ["no"]}),
        b"data: NaN\n\n",
        b"data: " + b"9" * 5_000 + b"\n\n",
        b"data: " + b"x" * 5 * MB,
        b": ping\n\n" * 100,
        GOOD.decode().encode("utf-16"),
    ],
)
async def test_streams_that_are_none_are_unavailable(body):
    answered = await answer(http(body))
    assert answered.text == ""
    assert isinstance(answered.error, ProviderUnavailable)


@pytest.mark.parametrize("content", ["I think.\nHm.\n</think>\n\nHi", "<think>Hm.</think>Hi", "</think>\nHi"])
async def test_reasoning_in_a_whole_answer_is_no_text_even_without_its_opening(content):
    body = json.dumps({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}).encode()
    answered = await answer(http(body), delivery="turns")
    assert (answered.text, answered.finish.reasoned) == ("Hi", True)


async def test_text_about_tags_stays():
    content = "Models write `</think>` when they are done.\nBefore it stands `<think>`."
    body = json.dumps({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}).encode()
    assert (await answer(http(body), delivery="turns")).text == content


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_redirects_without_end_name_the_address(status):
    answered = await answer(http(b"", status, Location="/v1/chat/completions"))
    assert type(answered.error) is ProviderRefused
    assert "OPENAI_BASE_URL" in answered.error.detail


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + GOOD,
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000 + b"\r\n\r\n" + GOOD,
        http(b"no gzip", Content_Encoding="gzip"),
        http(b"no gzip", "500 Broken", Content_Encoding="gzip"),
        http(b"", "204 No Content"),
        http(b"{}", "999 Odd"),
    ],
)
async def test_what_is_no_http_answer_is_unavailable(raw):
    answered = await answer(raw)
    assert answered.text == ""
    assert isinstance(answered.error, ProviderUnavailable)


@pytest.mark.parametrize(("status", "is_refused"), [("502 Bad gateway", False), ("404 Not found", True)])
async def test_packed_error_page_is_read_like_a_plain_one(status, is_refused):
    page = gzip.compress(f"<html>{SECRET}</html>".encode())
    answered = await answer(http(page, status, Content_Type="text/html", Content_Encoding="gzip"))
    assert isinstance(answered.error, ProviderRefused if is_refused else ProviderUnavailable)
    assert status[:3] in answered.error.detail
    assert SECRET not in answered.error.detail


@pytest.mark.parametrize("status", ["200 OK", "400 Bad request", "500 Broken"])
@pytest.mark.parametrize("packed", [0, 1, 2, 3])
async def test_no_answer_fills_the_memory(status, packed):
    body = b"x" * 40 * MB
    for _ in range(packed):
        body = gzip.compress(body, 1)
    raw = http(body, status, Content_Encoding=", ".join(["gzip"] * packed)) if packed else http(body, status)
    del body
    tracemalloc.start()
    try:
        answered = await answer(raw)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(answered.error, ProviderError)
    assert most < (8 if packed else 30) * MB


async def test_body_shorter_than_its_length_is_complete_where_its_finish_came():
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"
    assert (await answer(raw + GOOD)).finish.reason is FinishReason.COMPLETE
    assert isinstance((await answer(raw + says("Hi"))).error, ProviderUnavailable)


async def test_packing_is_not_asked_for():
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).lower())
        writer.write(http(GOOD))
        await writer.drain()
        writer.close()

    heads: list[bytes] = []
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    provider = OpenAICompatible(base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/", model="m")
    assert (await call(provider)).text == "Hi"
    await provider.aclose()
    server.close()
    assert b"accept-encoding: identity" in heads[-1]
    assert heads[-1].startswith(b"post /v1/chat/completions ")
