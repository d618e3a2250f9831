"""Calls to an OpenAI-compatible endpoint, against a real server on a real socket that misbehaves in every known way."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from generation.errors import (
    AuthFailed,
    ModelNotFound,
    PrefillRefused,
    ProviderAway,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    RateLimited,
    StreamRefused,
)
from generation.providers.base import Finish, FinishReason, Life, Message, Piece, Usage
from generation.providers.openai_compatible.client import OpenAICompatible
from generation.providers.openai_compatible.dialects import Dialect, address_for
from generation.providers.openai_compatible.waits import retry_after_s
from tests.support.endpoint.openai_script import ABSENT, Behaviour, Script, tokens
from tests.support.endpoint.openai_server import OpenAIServer, serving_endpoint

pytestmark = pytest.mark.asyncio

SECRET = "sk-live-do-not-show-this"
PROMPT = "prompt-words-that-stay-private"
TEXT = (
    "The lamp – 灯台 – turns once in *ten* seconds. 🚣🏽\n\n- It is seen\n- at 20 miles\n\n```py\nlamp(on=True)\n```\n"
)


@dataclass
class Answered:
    """What one call brought."""

    pieces: list[str] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    finish: Finish | None = None
    error: ProviderError | None = None

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def asking(content: str = PROMPT, begun: str | None = None) -> list[Message]:
    messages: list[Message] = [{"role": "system", "content": "Write."}, {"role": "user", "content": content}]
    return messages if begun is None else [*messages, {"role": "assistant", "content": begun}]


async def call(
    provider: OpenAICompatible,
    messages: Sequence[Message] | None = None,
    *,
    model: str = "m",
    max_tokens: int = 1_000,
    delivery: str = "stream",
) -> Answered:
    answered = Answered()
    try:
        async with provider.stream(
            messages or asking(), model=model, max_tokens=max_tokens, delivery=delivery
        ) as pieces:
            async for item in pieces:
                assert answered.finish is None, "nothing comes after the finish"
                if isinstance(item, Piece):
                    assert item.text
                    answered.pieces.append(item.text)
                elif isinstance(item, Life):
                    answered.lives += [] if item.is_accepted else [item]
                else:
                    answered.finish = item
    except ProviderError as error:
        answered.error = error
    return answered


@pytest_asyncio.fixture
async def server():
    async with serving_endpoint(Script(replies=(TEXT,))) as server:
        yield server


@pytest_asyncio.fixture
async def provider(server):
    provider = OpenAICompatible(base_url=server.base_url, connect_s=2, first_piece_s=2, stall_s=2)
    yield provider
    await provider.aclose()


def behave(server: OpenAIServer, *behaviours: Behaviour, **fields: object) -> None:
    server.script = Script(**{"replies": (TEXT,), "behaviours": behaviours, **fields})


# What an answer says


@pytest.mark.parametrize("delivery", ["stream", "turns"])
async def test_answer_arrives_exactly_with_its_usage_and_model(provider, delivery):
    answered = await call(provider, delivery=delivery)
    assert answered.text == TEXT
    assert answered.finish == Finish(
        reason=FinishReason.COMPLETE,
        usage=Usage(prompt_tokens=len(tokens("Write.\n" + PROMPT)), completion_tokens=len(tokens(TEXT))),
        model="m",
    )


async def test_streamed_answer_arrives_in_pieces_and_a_turn_in_one(server, provider):
    behave(server, Behaviour(pause_s=0.005), Behaviour())
    assert 1 < len((await call(provider)).pieces) <= len(tokens(TEXT))  # what comes together is one
    assert len((await call(provider, delivery="turns")).pieces) == 1


@pytest.mark.parametrize("delivery", ["stream", "turns"])
async def test_answer_cut_at_the_limit_is_truncated(server, provider, delivery):
    answered = await call(provider, max_tokens=4, delivery=delivery)
    assert answered.text == "".join(tokens(TEXT)[:4])
    assert answered.finish.reason is FinishReason.TRUNCATED


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("length", FinishReason.TRUNCATED),
        ("max_tokens", FinishReason.TRUNCATED),
        ("MAX_TOKENS", FinishReason.TRUNCATED),
        ("model_length", FinishReason.TRUNCATED),
        ("end_turn", FinishReason.COMPLETE),
        ("STOP", FinishReason.COMPLETE),
        ("eos_token", FinishReason.COMPLETE),
        ("content_filter", FinishReason.FILTERED),
        ("SAFETY", FinishReason.FILTERED),
        ("tool_calls", FinishReason.TOOL),
        ("insufficient_system_resource", FinishReason.ERROR),
        ("a word nobody knows", FinishReason.INTERRUPTED),
        ("", FinishReason.COMPLETE),  # [DONE] came, or the document was whole, and the usage is below the limit
        (None, FinishReason.COMPLETE),
        (ABSENT, FinishReason.COMPLETE),
        (7, FinishReason.INTERRUPTED),
    ],
)
@pytest.mark.parametrize("delivery", ["stream", "turns"])
async def test_finish_words_of_all_providers_mean_the_same(server, provider, word, reason, delivery):
    behave(server, Behaviour(finish=word))
    answered = await call(provider, delivery=delivery)
    assert answered.finish.reason is reason
    assert answered.text == TEXT


async def test_stop_at_the_limit_is_truncated(server, provider):
    behave(server, Behaviour(finish="stop"), Behaviour(finish="stop"))
    count = len(tokens(TEXT))
    assert (await call(provider, max_tokens=count)).finish.reason is FinishReason.TRUNCATED
    assert (await call(provider, max_tokens=count + 1)).finish.reason is FinishReason.COMPLETE


@pytest.mark.parametrize("usage", [ABSENT, None, 5, "many", [], {"prompt_tokens": "7", "completion_tokens": True}])
async def test_missing_or_wrong_usage_is_none(server, provider, usage):
    behave(server, Behaviour(usage=usage))
    answered = await call(provider)
    assert (answered.text, answered.finish.reason, answered.finish.usage) == (TEXT, FinishReason.COMPLETE, None)


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "thinking", "tag"])
async def test_hidden_reasoning_is_no_text_but_is_known(server, provider, name):
    behave(server, Behaviour(reasoning="Hm. First <b>this</b>, then that.", reasoning_field=name))
    answered = await call(provider)
    assert answered.text == TEXT
    assert answered.finish.reasoned


async def test_reasoning_counted_in_the_usage_is_known(server, provider):
    usage = {"prompt_tokens": 1, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 9}}
    behave(server, Behaviour(text="", finish="length", usage=usage))
    answered = await call(provider)
    assert answered.text == ""
    assert answered.finish == Finish(
        reason=FinishReason.TRUNCATED,
        usage=Usage(prompt_tokens=1, completion_tokens=9),
        model="m",
        reasoned=True,
    )


@pytest.mark.parametrize("text", ["<thin air> is text", "  \n <b>", "<", "a <think> b </think> c", "<think"])
async def test_text_that_only_resembles_reasoning_stays(server, provider, text):
    behave(server, Behaviour(text=text, chunk_bytes=1))
    answered = await call(provider)
    assert answered.text == text
    assert not answered.finish.reasoned


async def test_reasoning_that_never_ends_is_no_text(server, provider):
    behave(server, Behaviour(text="<think> and so on and so on", finish="length"))
    answered = await call(provider)
    assert (answered.text, answered.finish.reasoned) == ("", True)


async def test_refusal_is_filtered_and_no_text(server, provider):
    behave(server, Behaviour(text="", refusal="I cannot help with that."))
    answered = await call(provider)
    assert (answered.text, answered.finish.reason) == ("", FinishReason.FILTERED)


async def test_prompt_refused_by_a_content_filter_is_filtered(server, provider):
    body = json.dumps({"error": {"code": "content_filter", "message": "The response was filtered", "status": 400}})
    behave(server, Behaviour(status=400, body=body))
    assert (await call(provider)).finish.reason is FinishReason.FILTERED


@pytest.mark.parametrize("delivery", ["stream", "turns"])
async def test_tool_call_is_a_tool_finish(server, provider, delivery):
    behave(server, Behaviour(text="", tool_call=True, finish="stop"))
    assert (await call(provider, delivery=delivery)).finish.reason is FinishReason.TOOL


@pytest.mark.parametrize("delivery", ["stream", "turns"])
async def test_content_as_a_list_of_parts_is_text(server, provider, delivery):
    behave(server, Behaviour(content="parts"))
    assert (await call(provider, delivery=delivery)).text == TEXT


async def test_endpoint_that_ignores_the_limit_is_cut_off(server, provider):
    behave(server, Behaviour(text="word " * 50_000, ignores_limit=True, piece_tokens=500))
    answered = await call(provider, max_tokens=100)
    assert answered.finish.reason is FinishReason.TRUNCATED
    assert len(answered.text) < 30_000


# How it is sent


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("chunk_bytes", [None, 1, 7])
async def test_events_are_read_whatever_their_line_ends_and_portions(server, provider, newline, chunk_bytes):
    text = TEXT[:40]
    behave(server, Behaviour(text=text, newline=newline, chunk_bytes=chunk_bytes, comments=True))
    answered = await call(provider)
    assert (answered.text, answered.finish.reason) == (text, FinishReason.COMPLETE)


@pytest.mark.parametrize(
    "raw",
    [
        ": comment without an end\n",
        'event: message\nid: 7\nretry: 10\ndata: {"choices": []}\n\n',
        'data: {"choices":\ndata: [{"delta": {}}]}\n\n',
        "data:\n\n",
        "\n\n\n",
        'data: {"choices": null}\n\n',
        'data: {"choices": [{"index": 1, "delta": {"content": "another answer"}}]}\n\n',
        'data: {"choices": [{"delta": null, "finish_reason": null}]}\n\n',
        'data: {"choices": [{"delta": {"content": null}}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}\n\n',
    ],
)
async def test_odd_but_harmless_events_change_nothing(server, provider, raw):
    behave(server, Behaviour(insert={0: raw, 2: raw}))
    answered = await call(provider)
    assert (answered.text, answered.finish.reason) == (TEXT, FinishReason.COMPLETE)


async def test_character_split_over_two_events_is_joined(server, provider):
    halves = [
        'data: {"choices": [{"delta": {"content": "\\ud83d"}}]}\n\n',
        'data: {"choices": [{"delta": {"content": "\\udea3!"}}]}\n\n',
    ]
    behave(server, Behaviour(text="", insert={0: "".join(halves)}))
    assert (await call(provider)).text == "🚣!"


async def test_missing_done_costs_nothing(server, provider):
    behave(server, Behaviour(done=False))
    answered = await call(provider)
    assert (answered.text, answered.finish.reason) == (TEXT, FinishReason.COMPLETE)


async def test_one_document_instead_of_a_stream_is_read_and_remembered(server, provider):
    behave(server, Behaviour(ignores_stream=True))
    answered = await call(provider)
    assert (answered.text, answered.finish.reason) == (TEXT, FinishReason.COMPLETE)
    assert not provider.streams("m")


# Where it breaks


@pytest.mark.parametrize("cut", ["close", "reset"])
async def test_connection_that_breaks_keeps_the_text_before_it(server, provider, cut):
    behave(server, Behaviour(cut_after_pieces=5, cut=cut))
    answered = await call(provider)
    assert TEXT.startswith(answered.text)
    assert answered.finish is None
    assert isinstance(answered.error, ProviderUnavailable)
    if cut == "close":
        assert answered.text == "".join(tokens(TEXT)[:5])


@pytest.mark.parametrize("cut", ["end", "close"])
async def test_body_that_ends_at_any_byte_is_never_complete(server, provider, cut):
    cuts = [*range(1, 200, 2), *range(200, 1_200, 25)]
    behave(server, *(Behaviour(cut_after_bytes=at, cut=cut) for at in cuts))
    texts = set()
    for at in cuts:
        answered = await call(provider)
        assert TEXT.startswith(answered.text), at
        texts.add(answered.text)
        if answered.error is None:
            assert answered.finish.reason is FinishReason.INTERRUPTED, at
        else:
            assert isinstance(answered.error, ProviderUnavailable), at
    assert len(texts) > 5


@pytest.mark.parametrize("at", [1, 50, 120, 250])
async def test_document_cut_at_any_byte_is_unavailable(server, provider, at):
    behave(server, Behaviour(cut_after_bytes=at, cut="close"), Behaviour(cut_after_bytes=at, cut="end"))
    for _ in range(2):
        answered = await call(provider, delivery="turns")
        assert answered.text == ""
        assert isinstance(answered.error, ProviderUnavailable)


@pytest.mark.parametrize(
    "raw",
    [
        "data: {broken\n\n",
        "data: just words\n\n",
        "data: [1, 2]\n\n",
        "data: 7\n\n",
        "data: " + "[" * 50_000 + "\n\n",
        'data: {"choices": {"delta": {}}}\n\n',
        'data: {"choices": ["text"]}\n\n',
        'data: {"choices": [{"delta": ["text"]}]}\n\n',
        'data: {"choices": [{"delta": {"content": 5}}]}\n\n',
        'data: {"choices": [{"delta": {"content": {"a": 1}}}]}\n\n',
        'data: {"choices": [{"delta": {"content": [5]}}]}\n\n',
        'data: {"choices": [{"delta": {"content": "\xc3\x28"}}]}\n\n',
        'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n',
    ],
)
async def test_malformed_event_is_an_error_after_the_text_before_it(server, provider, raw):
    behave(server, Behaviour(insert={3: raw}))
    answered = await call(provider)
    assert answered.text == "".join(tokens(TEXT)[:3])
    assert isinstance(answered.error, ProviderUnavailable)
    assert answered.error.retryable


async def test_event_without_end_is_an_error_and_not_kept_in_memory(server, provider):
    behave(server, Behaviour(insert={1: "data: " + "x" * 5_000_000}))
    assert isinstance((await call(provider)).error, ProviderUnavailable)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"error": {"message": f"{SECRET} {PROMPT}", "type": "server_error"}}, ProviderUnavailable),
        ({"error": "overloaded"}, ProviderAway),
        ({"error": {"message": "slow down", "code": 429}}, RateLimited),
        ({"error": {"message": "slow down", "type": "rate_limit_exceeded"}}, RateLimited),
        ({"error": {"code": "401", "message": "no"}}, AuthFailed),
        ({"error": {"code": 502}, "choices": [{"finish_reason": "error"}]}, ProviderAway),
        ({"choices": [{"delta": {}, "error": {"code": 503}, "finish_reason": "error"}]}, ProviderAway),
        ({"object": "error", "message": "bad", "code": 500}, ProviderUnavailable),
    ],
)
async def test_error_in_the_middle_of_a_stream_is_that_error(server, provider, payload, expected):
    behave(server, Behaviour(insert={2: f"event: error\ndata: {json.dumps(payload)}\n\n"}))
    answered = await call(provider)
    assert answered.text == "".join(tokens(TEXT)[:2])
    assert type(answered.error) is expected


@pytest.mark.parametrize("delivery", ["stream", "turns"])
@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ("<!doctype html><html><body>Sign in</body></html>", "text/html", ProviderRefused),
        ("", "text/event-stream", ProviderUnavailable),
        ("   \n\n", "application/json", ProviderUnavailable),
        ("{", "application/json", ProviderUnavailable),
        ("{}", "application/json", ProviderUnavailable),
        ("null", "application/json", ProviderUnavailable),
        ('{"choices": []}', "application/json", ProviderUnavailable),
        ('{"choices": "none"}', "application/json", ProviderUnavailable),
        ('{"choices": [{"message": {"content": 5}}]}', "application/json", ProviderUnavailable),
        ('{"error": {"message": "x", "code": 429}}', "application/json", RateLimited),
        ('[{"error": {"message": "x", "code": 503}}]', "application/json", ProviderAway),
        (": only a comment\n\n", "text/event-stream", ProviderUnavailable),
    ],
)
async def test_body_that_is_no_answer_is_an_error(server, provider, body, content_type, expected, delivery):
    behave(server, Behaviour(body=body, content_type=content_type))
    answered = await call(provider, delivery=delivery)
    assert (answered.text, answered.finish) == ("", None)
    assert type(answered.error) is expected


async def test_web_page_names_the_address_as_the_fix(server, provider):
    behave(server, Behaviour(body="<html>", content_type="text/html"))
    assert "OPENAI_BASE_URL" in (await call(provider)).error.detail


@pytest.mark.parametrize("stall", ["headers", "first_piece", "pieces"])
async def test_stall_is_cut_off_by_the_read_timeout(server, stall):
    behave(server, Behaviour(stall=stall))
    provider = OpenAICompatible(base_url=server.base_url, first_piece_s=0.1, stall_s=0.1, connect_s=0.5)
    calling = asyncio.create_task(call(provider))
    await server.until(lambda: [one.state for one in server.requests] == ["gone"])
    answered = await calling
    assert isinstance(answered.error, ProviderUnavailable)
    assert "STREAMGEN_FIRST_PIECE_SECONDS" in answered.error.detail
    await provider.aclose()


async def test_stall_after_the_finish_keeps_the_complete_answer(server):
    finish = 'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'
    behave(server, Behaviour(insert={3: finish}, stall="pieces", stall_after=3))
    provider = OpenAICompatible(base_url=server.base_url, first_piece_s=0.1, stall_s=0.1)
    answered = await call(provider)
    assert answered.text == "".join(tokens(TEXT)[:3])
    assert answered.finish.reason is FinishReason.COMPLETE
    await provider.aclose()


async def test_trouble_after_the_finish_keeps_the_complete_answer(server, provider):
    finish = 'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'
    behave(
        server,
        Behaviour(insert={3: f"{finish}data: broken\n\n"}),
        Behaviour(insert={3: finish}, cut_after_pieces=3, cut="close"),
    )
    for _ in range(2):
        answered = await call(provider)
        assert answered.text == "".join(tokens(TEXT)[:3])
        assert answered.finish.reason is FinishReason.COMPLETE


async def test_connection_closed_without_an_answer_is_unavailable(server, provider):
    behave(server, Behaviour(hang_up=True), Behaviour(hang_up=True, cut="reset"))
    assert isinstance((await call(provider)).error, ProviderAway)
    assert isinstance((await call(provider)).error, ProviderAway)


async def test_nothing_listening_names_the_address_as_the_fix():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        provider = OpenAICompatible(base_url=f"http://127.0.0.1:{taken.getsockname()[1]}/v1", model="m")
        error = (await call(provider)).error
    assert isinstance(error, ProviderUnavailable)
    assert "OPENAI_BASE_URL" in error.detail
    await provider.aclose()


@pytest.mark.parametrize("model", ["", "m"])
@pytest.mark.parametrize(
    ("status", "expected", "word"),
    [
        (0, ProviderAway, "OPENAI_BASE_URL"),
        (401, AuthFailed, "OPENAI_API_KEY"),
        (429, RateLimited, ""),
        (500, ProviderUnavailable, ""),
    ],
)
async def test_trouble_is_named_even_where_the_model_is_to_be_asked_for(status, expected, word, model):
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d No\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}" % status)
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    if not status:
        listening.close()
        await listening.wait_closed()
    provider = OpenAICompatible(base_url=f"http://127.0.0.1:{port}/v1", api_key="k")
    error = (await call(provider, model=model)).error
    assert type(error) is expected
    assert word in error.detail
    await provider.aclose()
    listening.close()


async def test_unknown_host_name_is_said():
    provider = OpenAICompatible(base_url="http://no-such-host.invalid/v1", model="m")
    error = (await call(provider)).error
    assert isinstance(error, ProviderUnavailable)
    assert "host name" in error.detail
    await provider.aclose()


async def test_plain_http_where_https_is_meant_is_said(server):
    provider = OpenAICompatible(base_url=server.base_url.replace("http:", "https:"), model="m")
    error = (await call(provider)).error
    assert isinstance(error, ProviderUnavailable)
    assert "https" in error.detail
    await provider.aclose()


# Refusals


def _error(message: str, **fields: object) -> str:
    return json.dumps({"error": {"message": message, "type": "invalid_request_error", **fields}})


@pytest.mark.parametrize(
    ("status", "body", "expected", "fix"),
    [
        (401, None, AuthFailed, "OPENAI_API_KEY"),
        (403, None, AuthFailed, "OPENAI_API_KEY"),
        (402, None, ProviderRefused, "credit"),
        (429, _error("You exceeded your current quota", code="insufficient_quota"), ProviderRefused, "credit"),
        (429, None, RateLimited, "STREAMGEN_CONCURRENCY"),
        (404, _error("The model `m` does not exist", code="model_not_found"), ModelNotFound, "STREAMGEN_MODEL"),
        (404, '{"error": "model \\"m\\" not found, try pulling it first"}', ModelNotFound, "STREAMGEN_MODEL"),
        (400, _error("invalid model: m"), ModelNotFound, "STREAMGEN_MODEL"),
        (400, _error("API key not valid. Please pass a valid API key."), AuthFailed, "OPENAI_API_KEY"),
        (404, "<html>nginx</html>", ProviderRefused, "OPENAI_BASE_URL"),
        (404, '{"detail": "Not Found"}', ProviderRefused, "OPENAI_BASE_URL"),
        (400, _error("This model's maximum context length is 8192 tokens"), ProviderRefused, "larger context"),
        (413, None, ProviderRefused, "larger context"),
        (400, _error("something else"), ProviderRefused, "OPENAI_BASE_URL"),
        (408, None, ProviderUnavailable, ""),
        (409, None, ProviderUnavailable, ""),
        (500, None, ProviderUnavailable, ""),
        (502, "<html>Bad gateway</html>", ProviderAway, ""),
        (503, "", ProviderAway, ""),
        (529, None, ProviderAway, ""),
    ],
)
@pytest.mark.parametrize("delivery", ["stream", "turns"])
async def test_status_becomes_an_error_that_names_the_fix(server, provider, status, body, expected, fix, delivery):
    behave(server, Behaviour(status=status, body=body))
    error = (await call(provider, delivery=delivery)).error
    assert type(error) is expected
    assert fix in error.detail
    assert str(status) in error.detail
    assert len(server.requests) == 1, "a failed call is never made again here"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "7", "Retry-After-Ms": "1500"}, 1.5),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:29:00 GMT"}, 0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_read_in_all_its_forms(server, provider, headers, seconds, status):
    behave(server, Behaviour(status=status, headers=headers))
    assert (await call(provider)).error.retry_after_s == seconds


async def test_retry_after_without_a_server_clock_counts_from_ours():
    assert retry_after_s({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, now=40.0) == 60.0


# Keys and privacy


async def test_key_is_sent_and_checked(server):
    behave(server, key=SECRET)
    right = OpenAICompatible(base_url=server.base_url, api_key=SECRET)
    wrong = OpenAICompatible(base_url=server.base_url, api_key="sk-wrong")
    assert (await call(right)).text == TEXT
    assert isinstance((await call(wrong)).error, AuthFailed)
    await right.aclose()
    await wrong.aclose()


async def test_without_a_key_no_authorization_is_sent(server, provider, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("OPENAI_ADMIN_KEY", SECRET)
    assert (await call(provider)).text == TEXT
    assert server.requests[0].authorization is None


async def test_missing_key_is_asked_for(server, provider):
    behave(server, key=SECRET)
    assert "wants a key. Set OPENAI_API_KEY" in (await call(provider)).error.detail


@pytest.mark.parametrize("key", ["sk-line\nbreak", "sk-ключ"])
async def test_impossible_key_is_refused_without_showing_it(key):
    with pytest.raises(AuthFailed) as caught:
        OpenAICompatible(api_key=key)
    assert "sk-" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "address", ["ftp://host/v1", "not an address", "http://", "/v1", "http://h:99999/", "http://[::1", "http://h:x/"]
)
async def test_impossible_address_is_refused(address):
    with pytest.raises(ProviderRefused, match="OPENAI_BASE_URL"):
        OpenAICompatible(base_url=address)


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(status=400, body=_error(f"{SECRET} {PROMPT} {TEXT[:8]}")),
        Behaviour(status=401, body=_error(f"Incorrect API key provided: {SECRET}")),
        Behaviour(status=500, body=f"{SECRET} {PROMPT} {TEXT[:8]}"),
        Behaviour(insert={3: f"data: {{broken {SECRET}\n\n"}),
        Behaviour(insert={3: f"data: {_error(SECRET)}\n\n"}),
        Behaviour(body=f"<html>{SECRET} {PROMPT}", content_type="text/html"),
        Behaviour(cut_after_pieces=3),
        Behaviour(hang_up=True),
    ],
)
async def test_neither_key_nor_prompt_nor_answer_is_in_errors_or_logs(server, behaviour, caplog):
    caplog.set_level(logging.DEBUG)
    behave(server, behaviour)
    provider = OpenAICompatible(base_url=server.base_url.replace("//", f"//user:{SECRET}@"), api_key=SECRET)
    error = (await call(provider)).error
    told = "".join(traceback.format_exception(error)) + caplog.text + repr(provider) + provider.name
    for private in (SECRET, PROMPT, TEXT[:8]):
        assert private not in told
    await provider.aclose()


# What endpoints do not know


async def test_other_name_of_the_limit_is_learned_once(server, provider):
    behave(server, refuses=["max_tokens"])
    assert (await call(provider, max_tokens=3)).text == "".join(tokens(TEXT)[:3])
    assert (await call(provider, max_tokens=3)).text == "".join(tokens(TEXT)[:3])
    assert [call.state for call in server.requests] == ["refused", "answered", "answered"]
    assert server.requests[1].body["max_completion_tokens"] == 3
    assert "max_tokens" not in server.requests[1].body


async def test_endpoint_that_knows_no_limit_is_refused_not_asked_for_ever(server, provider):
    behave(server, refuses=["max_tokens", "max_completion_tokens"])
    assert isinstance((await call(provider)).error, ProviderRefused)
    assert len(server.requests) == 2


async def test_calls_at_the_same_time_learn_the_same(server, provider):
    behave(server, refuses=["max_tokens", "stream_options"])
    answers = await asyncio.gather(*(call(provider) for _ in range(8)))
    assert [answered.text for answered in answers] == [TEXT] * 8


async def test_refused_usage_option_is_dropped_and_remembered(server, provider):
    behave(server, refuses=["stream_options"])
    for _ in range(2):
        answered = await call(provider)
        assert (answered.text, answered.finish.usage) == (TEXT, None)
    assert [call.state for call in server.requests] == ["refused", "answered", "answered"]


async def test_limit_too_large_for_the_model_is_lowered_and_remembered(server, provider):
    behave(server, most_tokens=4_096)
    for _ in range(2):
        assert (await call(provider, max_tokens=32_000)).text == TEXT
    assert [call.state for call in server.requests] == ["refused"] * 3 + ["answered"] * 2
    assert server.requests[-1].body["max_tokens"] == 4_000
    # Lowered, it is the limit that "stop" is compared with.
    behave(server, Behaviour(finish="stop", usage={"prompt_tokens": 1, "completion_tokens": 4_000}))
    assert (await call(provider, max_tokens=32_000)).finish.reason is FinishReason.TRUNCATED


async def test_limit_too_large_beside_this_prompt_is_lowered_for_this_call_only(server, provider):
    behave(server, context_tokens=4_096)
    assert (await call(provider, max_tokens=6_000)).text == TEXT
    assert (await call(provider, max_tokens=4_000)).text == TEXT
    assert [call.body["max_tokens"] for call in server.requests] == [6_000, 3_000, 4_000]


async def test_prompt_that_fills_the_context_is_refused_with_the_fix(server, provider):
    behave(server, context_tokens=100)
    error = (await call(provider, asking("word " * 200), max_tokens=600)).error
    assert isinstance(error, ProviderRefused)
    assert "larger context" in error.detail
    assert [call.body["max_tokens"] for call in server.requests] == [600, 300, 256]


async def test_endpoint_that_does_not_stream_says_so_and_answers_turns(server, provider):
    behave(server, refuses=["stream"])
    assert provider.streams("m")
    assert isinstance((await call(provider)).error, StreamRefused)
    assert not provider.streams("m")
    assert isinstance((await call(provider)).error, StreamRefused)
    assert len(server.requests) == 1, "what is known is not asked again"
    assert (await call(provider, delivery="turns")).text == TEXT


# Continuing a begun answer


@pytest.mark.parametrize(
    ("software", "prefill"), [("llamacpp", "plain"), ("vllm", "vllm"), ("other", None), (7, None), ("", None)]
)
async def test_endpoint_software_tells_whether_it_continues(server, provider, software, prefill):
    server.script = Script(texts={"Goals": TEXT}, software=software, prefill=prefill or "none")
    await provider.prepare()
    await provider.prepare()
    assert server.looks == 1
    assert provider.prefills("m") is (prefill is not None)
    if prefill:
        answered = await call(provider, asking("Goals", begun=TEXT[:30]))
        assert TEXT[:30] + answered.text == TEXT


async def test_whole_document_continues_with_the_echo_left_to_the_joiner(server, provider):
    server.script = Script(texts={"Goals": TEXT})
    answered = await call(provider, asking("Goals", begun=TEXT[:30]), delivery="turns")
    assert answered.text == TEXT


async def test_prefix_dialects_mark_the_last_message():
    assert address_for("https://api.deepseek.com/v1", "auto") == "https://api.deepseek.com/beta"
    assert address_for("https://api.deepseek.com", "reprompt") == "https://api.deepseek.com"
    for address in ("https://api.deepseek.com", "https://api.mistral.ai/v1"):
        dialect = Dialect(address, "auto")
        body = dialect.request_body(asking(begun="The "), model="m", max_tokens=5, streamed=True, extra={})
        assert body["messages"][-1] == {"role": "assistant", "content": "The ", "prefix": True}
        body = dialect.request_body(asking(), model="m", max_tokens=5, streamed=True, extra={})
        assert not any("prefix" in message for message in body["messages"])


async def test_openai_itself_is_asked_in_its_own_words_and_never_looked_at():
    dialect = Dialect("https://api.openai.com/v1", "auto")
    body = dialect.request_body(asking(), model="m", max_tokens=5, streamed=True, extra={"top_p": 0.5})
    assert (body["max_completion_tokens"], body["top_p"]) == (5, 0.5)
    assert "max_tokens" not in body
    assert dialect.prefill is None
    assert not dialect.must_probe


async def test_continuation_setting_overrides_what_is_known(server):
    server.script = Script(texts={"Goals": TEXT}, software="other")
    forced = OpenAICompatible(base_url=server.base_url, continuation="prefill", model="m")
    assert TEXT[:30] + (await call(forced, asking("Goals", begun=TEXT[:30]))).text == TEXT
    server.script = Script(software="llamacpp")
    never = OpenAICompatible(base_url=server.base_url, continuation="reprompt", model="m")
    await never.prepare()
    assert not never.prefills("m")
    await forced.aclose()
    await never.aclose()


async def test_refused_prefill_is_remembered_and_worth_a_retry(server, provider):
    server.script = Script(prefill="refused")
    await provider.prepare()
    assert provider.prefills("m")
    error = (await call(provider, asking(begun="The "))).error
    assert isinstance(error, PrefillRefused)
    assert error.retryable
    assert not provider.prefills("m")
    assert isinstance((await call(provider, asking(begun="The "))).error, PrefillRefused)
    assert len(server.requests) == 1, "what is known is not asked again"


# The model


async def test_endpoint_with_one_model_needs_no_setting(server, provider):
    server.script = Script(models=["only-one"], replies=(TEXT,))
    answered = await call(provider, model="")
    assert (answered.text, answered.finish.model) == (TEXT, "only-one")


async def test_unknown_model_names_the_setting(server, provider):
    server.script = Script(models=["only-one"])
    error = (await call(provider, model="another")).error
    assert isinstance(error, ModelNotFound)
    assert '"another"' in error.detail
    assert "STREAMGEN_MODEL" in error.detail


# Connections


@pytest.mark.parametrize("pieces_read", [0, 3])
async def test_leaving_in_the_middle_closes_the_connection_before_the_answer_ends(server, provider, pieces_read):
    behave(server, Behaviour(pause_s=0.005, text="word " * 2_000))
    async with provider.stream(asking(), model="m", max_tokens=10_000) as pieces:
        for _ in range(pieces_read):
            await anext(pieces)
    await server.until(lambda: server.requests[0].state == "gone")


@pytest.mark.parametrize("stall", ["headers", "first_piece"])
async def test_cancelling_before_the_first_piece_closes_the_connection(server, provider, stall):
    behave(server, Behaviour(stall=stall))
    task = asyncio.create_task(call(provider))
    await server.until(lambda: bool(server.requests))
    task.cancel()
    await server.until(lambda: server.requests[0].state == "gone")
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(("host", "connections"), [("0.0.0.0", 1), ("127.0.0.1", 3)])
async def test_connection_is_used_again_only_where_it_is_far_away(server, monkeypatch, host, connections):
    monkeypatch.setenv("NO_PROXY", "*")
    provider = OpenAICompatible(base_url=server.base_url.replace("127.0.0.1", host))
    for delivery in ("stream", "turns", "stream"):
        assert (await call(provider, delivery=delivery)).text == TEXT
    assert len({request.peer for request in server.requests}) == connections
    await provider.aclose()


async def test_provider_may_be_used_after_it_was_closed(provider):
    assert (await call(provider)).text == TEXT
    await provider.aclose()
    assert (await call(provider)).text == TEXT


async def test_proxy_of_the_environment_is_not_used_for_loopback(server, provider, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert (await call(provider)).text == TEXT


async def test_each_event_loop_has_its_own_connections(provider):
    async def in_another_loop() -> str:
        text = (await call(provider)).text
        await provider.aclose()
        return text

    assert (await call(provider)).text == TEXT
    assert await asyncio.to_thread(asyncio.run, in_another_loop()) == TEXT
    assert (await call(provider)).text == TEXT
