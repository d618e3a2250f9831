"""What endpoints do not take, what is learned from it for each model, and what people are told about the rest."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager
from typing import Any

import pytest

from generation.errors import AuthFailed, ModelNotFound, PrefillRefused, ProviderError, ProviderRefused, StreamRefused
from generation.providers.base import FinishReason
from generation.providers.openai_compatible.client import OpenAICompatible
from generation.providers.openai_compatible.excerpts import Scrubber, sentence_in
from tests.generation.providers.test_openai_compatible import PROMPT, SECRET, TEXT, asking, call
from tests.support.endpoint.openai_raw import DONE, HEAD, Reply, error, http, json_document, raw_server, says
from tests.support.endpoint.openai_script import Script
from tests.support.endpoint.openai_server import serving_endpoint

pytestmark = pytest.mark.asyncio

FINE: Reply = [HEAD, says("Hi"), says("", "stop"), DONE]
BAD = "400 Bad Request"


@asynccontextmanager
async def facing(*replies: Reply, **options: Any):
    async with raw_server(*replies) as server:
        provider = OpenAICompatible(**{"base_url": server.base_url, "continuation": "reprompt", **options})
        yield server, provider
        await provider.aclose()


async def refusal(reply: Reply, model: str = "m", **options: Any) -> ProviderError:
    async with facing(reply, **options) as (_, provider):
        trouble = (await call(provider, model=model)).error
    assert trouble is not None
    return trouble


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (BAD, "Content Exists Risk"),
        (BAD, "The prompt was blocked. Reason: SAFETY"),
        (BAD, "Input data may contain inappropriate content."),
        (BAD, "系统检测到输入或生成内容可能包含敏感内容"),
        ("403 Forbidden", "Your chosen model requires moderation and your input was flagged"),
    ],
)
async def test_prompt_that_a_filter_refused_is_filtered(status, words):
    async with facing(error(status, words)) as (_, provider):
        assert (await call(provider, model="m")).finish.reason is FinishReason.FILTERED


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        ("403 Forbidden", "This API key was flagged as leaked. Use another key.", AuthFailed),
        ("403 Forbidden", "Your account has been flagged; contact support.", AuthFailed),
        (BAD, "messages.0.content: violates schema, must be a list", ProviderRefused),
    ],
)
async def test_refusal_that_only_sounds_like_a_filter_is_none(status, words, kind):
    assert type(await refusal(error(status, words))) is kind


async def test_web_page_as_a_refusal_is_told_in_its_words():
    page = http(b"<html><body><h1>Blocked by policy 7739</h1><script>x()</script></body></html>", BAD)
    assert "Blocked by policy 7739" in (await refusal(page)).detail


async def test_words_of_the_endpoint_behind_a_gateway_are_read():
    raw = json.dumps({"error": {"message": "Your organization must be verified to stream this model."}})
    body = {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": raw}}}
    assert isinstance(await refusal(http(json.dumps(body).encode(), BAD)), StreamRefused)


# Learned for each model


async def test_model_that_does_not_stream_stops_no_other():
    async with facing(http(json_document(TEXT)), FINE) as (_, provider):
        assert (await call(provider, model="slow")).text == TEXT
        assert (provider.streams("slow"), provider.streams("quick")) == (False, True)
        assert (await call(provider, model="quick")).text == "Hi"
        assert isinstance((await call(provider, model="slow")).error, StreamRefused)


@pytest.mark.parametrize(
    "words",
    [
        "System role not supported",
        "system role is not supported by this model",
        "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
        "Developer instruction is not enabled for models/gemma-3-27b-it",
        "Conversation roles must alternate user/assistant/user/assistant/...",
        "Invalid role 'system': expected one of user, assistant",
        "messages.0.role: Input should be 'user' or 'assistant'",
        "A conversation must start with a user message. Try again with one.",
        "role 'system' is not allowed",
        "Only user and assistant roles are supported!",
        "The system message is not accepted here",
    ],
)
@pytest.mark.parametrize("status", [BAD, "422 Unprocessable", "500 Internal Server Error"])
async def test_refused_system_role_goes_into_the_first_user_message(words, status):
    async with facing(error(status, words), FINE) as (server, provider):
        for _ in range(2):
            assert (await call(provider)).text == "Hi"
        roles = [[message["role"] for message in body["messages"]] for body in server.bodies]
        assert roles == [["system", "user"], ["user"], ["user"]]
        assert server.bodies[1]["messages"][0]["content"] == f"Write.\n\n{PROMPT}"
        await call(provider, model="another")
        assert [message["role"] for message in server.bodies[-1]["messages"]] == ["system", "user"]


async def test_endpoint_that_refuses_that_too_is_asked_no_more():
    async with facing(error(BAD, "System role not supported")) as (server, provider):
        assert isinstance((await call(provider)).error, ProviderRefused)
        assert len(server.bodies) == 2


@pytest.mark.parametrize(
    "words",
    [
        "Conversation roles must alternate user/assistant/user/assistant/...",
        "Last message must have role `user` or `tool`",
        "The last message must be from the user.",
        "Cannot have 2 or more assistant messages at the end of the list.",
        "This model does not support assistant message prefill. The conversation must end with a user message.",
        "Please ensure that single turn requests end with a user role.",
        "Expected last role User or Tool for serving but got assistant",
        "Assistant response prefill is incompatible with enable_thinking.",
        "最后一条消息必须是用户消息",
        "messages 参数非法。请检查文档。",
    ],
)
async def test_refused_prefill_is_told_in_any_words(words):
    async with facing(error(BAD, words), continuation="prefill", model="m") as (server, provider):
        assert isinstance((await call(provider, asking(begun="The "))).error, PrefillRefused)
        assert (provider.prefills("m"), provider.prefills("another")) == (False, True)
        assert [message["role"] for message in server.bodies[0]["messages"]] == ["system", "user", "assistant"]


async def test_kind_of_prefill_behind_a_gateway_is_found_and_kept():
    unknown = error(BAD, "Unrecognized request argument supplied: add_generation_prompt")
    async with facing(unknown, FINE, continuation="prefill", model="m") as (server, provider):
        for _ in range(2):
            assert (await call(provider, asking(begun="The "))).text == "Hi"
        first, *later = server.bodies
        assert (first["continue_final_message"], first["add_generation_prompt"]) == (True, False)
        assert [body["messages"][-1].get("prefix") for body in later] == [True, True]
        assert not any("add_generation_prompt" in body for body in later)


async def test_setting_chooses_the_prefill_of_vllm_behind_a_gateway():
    async with serving_endpoint(Script(texts={"Goals": TEXT}, software="openai", prefill="vllm")) as server:
        provider = OpenAICompatible(base_url=server.base_url, continuation="prefill", model="m")
        await provider.prepare()
        assert provider.prefills("m")
        assert TEXT[:30] + (await call(provider, asking("Goals", begun=TEXT[:30]))).text == TEXT
        await provider.aclose()


async def test_prefill_that_worked_is_not_given_up_for_an_odd_refusal():
    async with facing(FINE, error(BAD, "odd"), FINE, continuation="prefill", model="m") as (_, provider):
        assert (await call(provider, asking(begun="The "))).text == "Hi"
        assert type((await call(provider, asking(begun="The "))).error) is ProviderRefused
        assert (await call(provider, asking(begun="The "))).text == "Hi"


async def test_software_is_known_for_each_model_of_a_list():
    listed = json.dumps({"data": [{"id": "a", "owned_by": "openai"}, {"id": "b", "owned_by": "vllm"}]}).encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(http(listed, Content_Type="application/json"))
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    provider = OpenAICompatible(base_url=f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1")
    await provider.prepare()
    assert [provider.prefills(model) for model in ("a", "b", "", "c")] == [False, True, False, False]
    await provider.aclose()
    listening.close()


# Redirects


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_prompt_follows_no_redirect_to_another_host(status):
    async with raw_server(FINE) as other:
        elsewhere = f"http://localhost:{other.port}/v1/chat/completions?key=abcdef"
        trouble = await refusal(http(b"", status, Location=elsewhere), api_key=SECRET)
        assert other.bodies == []
    assert type(trouble) is ProviderRefused
    assert "127.0.0.1" in trouble.detail
    assert f"OPENAI_BASE_URL to http://localhost:{other.port}/v1." in trouble.detail
    assert "abcdef" not in trouble.detail


async def test_redirect_to_https_of_the_same_host_says_what_to_set():
    trouble = await refusal(http(b"", "301 Moved", Location="https://127.0.0.1/v1/chat/completions"))
    assert "OPENAI_BASE_URL to https://127.0.0.1/v1." in trouble.detail


async def test_redirect_within_the_host_is_not_followed_and_says_what_to_set():
    async with facing(http(b"", "307 Temporary", Location="/v2/chat/completions/"), FINE) as (server, provider):
        refused = (await call(provider)).error
        assert type(refused) is ProviderRefused
        assert f"OPENAI_BASE_URL to http://127.0.0.1:{server.port}/v2." in refused.detail
        assert len(server.bodies) == 1


# What people are told


async def test_wrong_model_says_whose_setting_it_is():
    missing = error("404 Not Found", "The model `m` does not exist")
    async with facing(missing, model="usual") as (_, provider):
        own, usual = (await call(provider, model="m")).error, (await call(provider, model="usual")).error
    assert isinstance(own, ModelNotFound)
    assert "this document's own" in own.detail
    assert "resume it with another model" in own.detail
    assert "Set STREAMGEN_MODEL" not in own.detail
    assert isinstance(usual, ModelNotFound)
    assert "Set STREAMGEN_MODEL" in usual.detail
    assert "resume" in usual.detail


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("403 Forbidden", {"error": {"message": "The project has no access to model m", "code": "model_not_found"}}),
        ("401 Unauthorized", {"error": {"message": "x", "type": "key_model_access_denied"}}),
        (BAD, "Model Not Exist"),
        (BAD, "m is not a valid model ID"),
        (BAD, "Invalid model name passed in model=m. Call `/v1/models`"),
        ("404 Not Found", {"error": {"code": "DeploymentNotFound", "message": "The API deployment does not exist."}}),
        ("404 Not Found", "No endpoints found for m."),
        (BAD, "模型不存在，请检查模型代码。"),
        (BAD, "The requested model 'm' is not supported by any provider you have enabled."),
    ],
)  # fmt: skip
async def test_missing_model_is_told_in_any_words(status, words):
    assert isinstance(await refusal(error(status, words)), ModelNotFound)


async def test_refusal_that_nobody_knows_names_address_key_and_model(caplog):
    trouble = await refusal(error(BAD, "No connected db.", X_Request_Id="req-17"), api_key=SECRET)
    assert type(trouble) is ProviderRefused
    for named in ("400", "No connected db.", "OPENAI_BASE_URL", "OPENAI_API_KEY", "the model of this document", '"m"'):
        assert named in trouble.detail
    logged = caplog.text
    assert "No connected db." in logged
    assert "status=400" in logged
    assert "request=req-17" in logged


@pytest.mark.parametrize(
    ("status", "body", "shown"),
    [
        ("418 Teapot", {"error": {"message": "I am a teapot"}}, "I am a teapot"),
        ("422 Unprocessable", {"detail": [{"loc": ["body", "x"], "msg": "field required"}]}, "field required"),
        ("500 Error", {"message": "disk of the server is full"}, "disk of the server is full"),
        ("405 Not Allowed", {"errors": [{"code": 7, "message": "no POST here"}]}, "no POST here"),
        ("403 Forbidden", {"error": "Country, region, or territory not supported"}, "Country, region"),
        ("451 Legal", {"title": "Unavailable", "detail": "not in your country"}, "not in your country"),
    ],
)
async def test_endpoint_speaks_for_itself_in_the_log_and_on_the_page(status, body, shown, caplog):
    trouble = await refusal(error(status, body))
    assert shown in trouble.detail
    assert status[:3] in trouble.detail
    assert shown in caplog.text


async def test_long_sentence_is_shown_short_and_logged_longer(caplog):
    trouble = await refusal(error(BAD, "word " * 2_000 + "\nlast"))
    assert len(trouble.detail) < 500
    assert 400 < len(caplog.text) < 2_000


@pytest.mark.parametrize(
    "words",
    [
        f"Incorrect API key provided: {SECRET}. You can find it in your account.",
        f"Incorrect API key provided: {SECRET[:5]}****{SECRET[-4:]}. You can find it there.",
        f"Received API Key = sk-...{SECRET[-4:]}, Key Hash (Token) = {'e3b0c442' * 8}. Nothing is in the table.",
        f"Authorization: Bearer {SECRET} was not accepted by this endpoint, sorry about that.",
        f"The key that begins with {SECRET[:12]} has no right to do this here, ask the owner.",
        f"https://user:{SECRET}@gateway.example/v1?api_key={SECRET} is not reachable from here.",
        f"The prompt was not accepted because of its words: {PROMPT}, which this endpoint does not like.",
        "key AIzaSyA-1234567890abcdefghijklmnop and token ghp_abcdefghij1234567890 and hf_abcdefghij are all of them "
        "wrong, which is a pity, because this endpoint would have answered",
    ],
)
async def test_own_words_come_without_keys_and_prompts(words, caplog):
    caplog.set_level(logging.INFO)
    trouble = await refusal(error(BAD, words), api_key=SECRET)
    told = trouble.detail + caplog.text
    for private in (SECRET, SECRET[:12], SECRET[-9:], f"...{SECRET[-4:]}", PROMPT, "e3b0c442", "1234567890"):
        assert private not in told
    assert "[...]" in told


async def test_words_that_are_no_secret_stay():
    scrubber = Scrubber(["k" * 20, ""], "a prompt")
    for words in (
        "max_tokens must be at most 4096",
        "The model `llama-3.1-70b-instruct-2024-08-06` does not exist",
        "Token limit reached, 5 of 5",
    ):
        assert scrubber.scrub(words, 160) == words
    assert sentence_in("<html><title>502 Bad Gateway</title><h1>x</h1></html>") == "502 Bad Gateway"


async def test_key_that_is_not_accepted_says_so_and_why():
    trouble = await refusal(error("401 Unauthorized", "This key was revoked."), api_key=SECRET)
    assert isinstance(trouble, AuthFailed)
    assert "This key was revoked." in trouble.detail


@pytest.mark.parametrize("words", ["data_inspection_failed", "The response was filtered: content_filter"])
async def test_prompt_that_is_filtered_is_a_finish(words):
    async with facing(error(BAD, words)) as (_, provider):
        answered = await call(provider)
    assert answered.finish is not None
    assert answered.finish.reason is FinishReason.FILTERED
