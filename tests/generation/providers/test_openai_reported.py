"""Errors that come with HTTP 200, as an event or as the whole answer: each is what it would be with its own status.

The bodies are those of public reports: OpenAI, Azure, Anthropic, Google, Bedrock, vLLM, llama.cpp, LM Studio, Ollama,
TGI, LiteLLM, one-api, DashScope, Zhipu.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from generation.errors import (
    AuthFailed,
    ModelNotFound,
    PrefillRefused,
    ProviderAway,
    ProviderRefused,
    ProviderUnavailable,
    RateLimited,
    StreamRefused,
)
from generation.providers.base import FinishReason
from tests.generation.providers.test_openai_call_errors import facing
from tests.generation.providers.test_openai_compatible import Answered, call
from tests.support.endpoint.openai_raw import HEAD, Reply, error, event, http, says

pytestmark = pytest.mark.asyncio

SENTENCES = {
    "CREDIT": (ProviderRefused, "no credit left"),
    "LONG": (ProviderRefused, "prompt is too long"),
    "REFUSED": (ProviderRefused, "does not accept the request"),
    "RATELIMITED": (RateLimited, "too many calls"),
    "AUTHFAILED": (AuthFailed, "does not accept the key"),
    "MODELNOTFOUND": (ModelNotFound, "is not there"),
    "PROVIDERAWAY": (ProviderAway, "only time helps"),
    "PROVIDERUNAVAILABLE": (ProviderUnavailable, "only time helps"),
}
REPORTS: dict[str, list[dict[str, Any]]] = {
    "CREDIT": [
        {
            "error": {
                "message": "You exceeded your current quota, please check your plan and billing details.",
                "type": "insufficient_quota",
                "code": "insufficient_quota",
            }
        },
        {"error": {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": 429}},
        {"error": {"message": "x", "type": "insufficient_quota", "code": 200}},
        {"code": "insufficient_quota", "message": "x"},
        {"error": "insufficient_quota"},
        {"error": {"code": "insufficient_user_quota", "message": "user quota is not enough", "type": "one_api_error"}},
        {"error": {"message": "Your credit balance is too low to access the API", "type": "invalid_request_error"}},
        {"type": "error", "error": {"type": "billing_error", "message": "x"}},
        {"error": {"message": "Insufficient Balance", "type": "unknown_error", "code": "invalid_request_error"}},
        {"error": {"code": "1113", "message": "您的账户已欠费，请充值后重试"}},
        {
            "error": {
                "message": "This request requires more credits, or fewer max_tokens. You can only afford 1000",
                "code": 402,
            }
        },
        {"error": {"message": "Arrearage", "code": "Arrearage"}},
        {"error": {"message": "该令牌额度已用尽", "code": "pre_consume_token_quota_failed"}},
        {"error": {"message": "Monthly spending limit reached", "code": "spend_limit"}},
        {
            "error": {
                "message": "ExceededBudget: Current cost: 10, Max budget: 10",
                "type": "budget_exceeded",
                "code": "400",
            }
        },
        {"error": {"message": "You have run out of funds. Top up your balance"}},
        {"error": {"message": "Sorry, your account balance is insufficient", "code": 30001}},
        {"error": {"code": "AccountOverdueError", "message": "The request failed: overdue balance."}},
        {"error": {"message": "You have depleted your monthly included credits."}},
        {"error": {"message": "Add a card", "type": "payment_required"}},
        {"error": "Your newly created team doesn't have any credits or licenses yet."},
        {"choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
    ],
    "RATELIMITED": [
        {"error": {"message": "Too many tokens, please wait before trying again."}},
        {"error": {"code": "rate_limit_exceeded", "message": "slow"}},
        {"error": {"status": "RESOURCE_EXHAUSTED", "message": "Resource has been exhausted (e.g. check quota)."}},
        {"error": {"type": "ThrottlingException", "message": "Too many tokens, please wait before trying again."}},
        {"message": "Too many requests, please wait before trying again.", "__type": "ThrottlingException"},
        {"error": {"code": "1302", "message": "您当前使用该API的并发数过高"}},
        {"error": {"code": "Throttling.RateQuota", "message": "Requests rate limit exceeded, please try again later."}},
        {"error": {"type": "too_many_requests", "message": "x"}},
        {"choices": None, "base_resp": {"status_code": 1002, "status_msg": "rate limit, please retry later"}},
        {"error": {"code": 429, "message": "Provider returned error", "metadata": {"raw": "rate-limited upstream."}}},
    ],
    "AUTHFAILED": [
        {"error": {"code": "invalid_api_key", "message": "Incorrect API key provided: x."}},
        {"error": {"type": "authentication_error", "message": "invalid x-api-key"}},
        {"error": {"status": "UNAUTHENTICATED", "message": "Request had invalid authentication credentials"}},
        {"error": {"status": "PERMISSION_DENIED", "message": "The caller does not have permission"}},
        {"error": {"type": "permission_error", "message": "Your key lacks permission"}},
        {"error": {"type": "AccessDeniedException", "message": "You are not authorized"}},
        {"error": "Unauthorized"},
        {"error": {"message": "无效的令牌", "type": "one_api_error"}},
        {"error": {"message": "Forbidden", "code": "forbidden"}},
        {
            "error": {
                "message": "The security token included in the request is expired",
                "type": "ExpiredTokenException",
            }
        },
        {"error": {"message": "No auth credentials found"}},
        {"error": {"message": "Invalid token"}},
        {"base_resp": {"status_code": 1004, "status_msg": "login fail: Please carry the API secret key"}},
        {"error": {"message": "The security token included in the request is invalid."}},
    ],
    "MODELNOTFOUND": [
        {"error": {"code": "model_not_found", "message": "The model `m` does not exist"}},
        {"error": "model 'm' not found, try pulling it first"},
        {"error": {"type": "not_found_error", "message": "model: m"}},
        {"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}},
        {
            "error": {
                "message": "No models loaded. Please load a model in the developer page or use the `lms load` command.",
                "type": "invalid_request_error",
            }
        },
        {"error": {"message": "当前分组 default 下对于模型 m 无可用渠道"}},
    ],
    "LONG": [
        {"error": {"code": "context_length_exceeded", "message": "This model's maximum context length is 10 tokens."}},
        {
            "error": {
                "message": "the request exceeds the available context size, try increasing it",
                "type": "exceed_context_size_error",
                "code": 400,
            }
        },
        {"error": {"message": "the request exceeds the available context size", "type": "invalid_request_error"}},
        {"error": "The number of tokens to keep from the initial prompt is greater than the context length."},
        {"error": {"message": "Trying to keep the first 6269 tokens when context the overflows."}},
        {"error": {"message": "Reached context length of 4096 tokens with this model"}},
        {
            "error": {
                "object": "error",
                "message": "The input (100 tokens) is longer than the model's context length (10 tokens).",
                "type": "BadRequestError",
                "code": 400,
            }
        },
        {
            "error": {
                "code": "server_error",
                "message": "unable to process request: the context window is full. Please reduce the input size",
            }
        },
        {"error": {"type": "ValidationException", "message": "Input is too long for requested model."}},
        {
            "error": {
                "message": "Please reduce the length of the messages or completion.",
                "type": "invalid_request_error",
            }
        },
        {
            "error": {
                "message": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000",
                "type": "Input validation error",
            }
        },
        {
            "error": {
                "status": "INVALID_ARGUMENT",
                "message": "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
            }
        },
        {"error": {"message": "Range of input length should be [1, 30720]", "code": "InvalidParameter"}},
        {"error": {"message": "context shift is disabled", "type": "server_error", "code": 500}},
        {"error": {"message": "max_tokens must be at least 1, got -100.", "type": "BadRequestError", "code": 400}},
        {
            "error": {
                "message": "Requested token count exceeds the model's maximum context length of 196608 tokens.",
                "type": "BadRequestError",
                "code": 400,
            }
        },
        {"error": "Input validation error: `inputs` tokens must be <= 16384.", "error_type": "validation"},
        {"error": {"code": "string_above_max_length", "message": "Invalid 'messages[0].content': string too long."}},
    ],
    "FILTERED": [
        {"error": {"code": "content_filter", "message": "x"}},
        {"error": {"code": "data_inspection_failed", "message": "x"}},
        {
            "error": {
                "message": "The response was filtered by Azure OpenAI's content management policy.",
                "code": None,
            }
        },
        {"error": {"code": 403, "message": "Input was flagged", "metadata": {"reasons": ["violence"]}}},
    ],
    "PROVIDERAWAY": [
        {"error": {"code": "1305", "message": "该模型当前访问量过大，请您稍后再试"}},
        {"error": {"message": "当前分组上游负载已饱和，请稍后再试", "type": "new_api_error", "code": None}},
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        {"error": {"status": "UNAVAILABLE", "message": "The model is overloaded. Please try again later."}},
        {"error": {"message": "upstream error", "code": 502}},
        {"error": {"type": "serviceUnavailableException", "message": "Bedrock is unable to process your request"}},
        {"error": {"type": "ModelNotReadyException", "message": "Model is not ready for inference."}},
        {"error": {"message": "The server is busy, please try again later"}},
        {"error": {"message": "no slots available"}},
        {"choices": [], "error": {"code": 502, "message": "Worker local total request limit reached (33/32)"}},
        {"error": "Model is overloaded", "error_type": "overloaded"},
        {"error": {"message": "Model is over capacity", "type": "internal_server_error"}},
    ],
    "PROVIDERUNAVAILABLE": [
        {"error": {"type": "server_error", "message": "The server had an error"}},
        {"error": {"message": "an error was encountered while running the model"}},
        {
            "error": {
                "message": "The model has crashed without additional information. (Exit code: 18446744072635812000)"
            }
        },
        {"error": "Incomplete generation", "error_type": "incomplete_generation"},
        {"error": {"type": "ModelStreamErrorException", "message": "x"}},
        {"error": {"type": "internalServerException", "message": "x"}},
        {
            "error": {
                "type": "BadRequestError",
                "message": "EngineCore encountered an issue. See stack trace",
                "code": 500,
            }
        },
    ],
    "REFUSED": [
        {"error": {"type": "invalid_request_error", "message": "temperature must be below 2"}},
        {"error": {"status": "INVALID_ARGUMENT", "message": "bad field"}},
        {"error": {"type": "ValidationException", "message": "malformed input"}},
        {"error": {"type": "BadRequestError", "message": "x"}},
    ],
}


async def answers(payload: dict[str, Any], *before: bytes, **options: Any) -> list[Answered]:
    """What comes of it as an event, and as the whole answer."""
    replies: list[Reply] = [[HEAD, *before, event(payload)], http(json.dumps(payload).encode())]
    answered = []
    for reply in replies[: 1 if before else 2]:
        async with facing(reply, api_key="a-key", **options) as (_, provider):
            answered.append(await call(provider, model="m"))
    return answered


@pytest.mark.parametrize(
    ("kind", "payload"), [(kind, one) for kind, several in REPORTS.items() if kind != "FILTERED" for one in several]
)
async def test_error_with_status_200_is_its_twin(kind, payload):
    kind_of_error, sentence = SENTENCES[kind]
    for answered in await answers(payload):
        assert type(answered.error) is kind_of_error
        assert sentence in answered.error.detail
        assert "answered" not in answered.error.detail  # no status that never came


@pytest.mark.parametrize("payload", REPORTS["FILTERED"])
async def test_filter_with_status_200_is_filtered(payload):
    for answered in await answers(payload):
        assert answered.finish.reason is FinishReason.FILTERED


@pytest.mark.parametrize(
    ("words", "seconds"),
    [("You exceeded your current quota, check your plan and billing. Please retry in 5.4s.", 5.4), ("in 40s", None)],
)
async def test_named_wait_wins_over_words_of_no_credit_with_status_200_too(words, seconds):
    for answered in await answers({"error": {"message": words, "type": "insufficient_quota"}}):
        assert type(answered.error) is (RateLimited if seconds else ProviderRefused)
        assert answered.error.retry_after_s == seconds


@pytest.mark.parametrize("payload", [*REPORTS["LONG"], *REPORTS["REFUSED"]])
async def test_request_that_brought_text_was_right_so_the_rest_is_asked_for(payload):
    (answered,) = await answers(payload, says("Some text. "))
    assert answered.text == "Some text. "
    assert type(answered.error) is ProviderUnavailable


@pytest.mark.parametrize("kind", ["CREDIT", "AUTHFAILED", "RATELIMITED", "PROVIDERAWAY", "MODELNOTFOUND"])
async def test_error_behind_text_that_is_not_about_the_request_stays_what_it_is(kind):
    (answered,) = await answers(REPORTS[kind][0], says("Some text. "))
    if kind != "MODELNOTFOUND":
        assert type(answered.error) is SENTENCES[kind][0]


@pytest.mark.parametrize(
    ("words", "kind"),
    [("Streaming is not supported for this model.", StreamRefused), ("prefill is not supported", PrefillRefused)],
)
async def test_what_is_refused_inside_an_answer_is_learned(words, kind):
    payload = {"error": {"message": words, "type": "invalid_request_error"}}
    async with facing([HEAD, event(payload)], continuation="prefill") as (_, provider):
        begun = {"role": "assistant", "content": "Begun "}
        answered = await call(provider, model="m", messages=[{"role": "user", "content": "Write."}, begun])
        assert type(answered.error) is kind
        if kind is StreamRefused:
            assert not provider.streams("m")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Please try again in 90s.", '"Please try again in 90s."'),
        ("Please try again in 90s", '"Please try again in 90s."'),
        ("Slow down!", '"Slow down!"'),
        ("请稍后再试。", '"请稍后再试。"'),
    ],
)
async def test_quoted_sentence_ends_once(words, told):
    for answered in await answers({"error": {"message": words, "code": 429}}):
        assert answered.error.detail.endswith(f" It says: {told}")


@pytest.mark.parametrize(
    ("status", "words", "kind", "told"),
    [
        ("400 Bad Request", "Model unloaded.", ProviderUnavailable, "only time helps"),
        ("400 Bad Request", "The model has crashed without additional information.", ProviderUnavailable, "only time"),
        ("500 E", "llama runner process has terminated: exit status 2", ProviderUnavailable, "only time helps"),
        ("500 E", "model requires more system memory (5 GiB) than is available (2 GiB)", ProviderRefused, "a smaller"),
        ("500 E", "error loading model: unable to allocate CUDA0 buffer", ProviderRefused, "not enough memory"),
        ("403 F", "Your team doesn't have any credits or licenses yet.", ProviderRefused, "no credit left"),
        ("503 E", "No capacity available for model m on the server", ProviderAway, "only time helps"),
    ],
)
async def test_what_only_the_words_tell_is_read_from_them(status, words, kind, told):
    async with facing(error(status, words), api_key="a-key") as (_, provider):
        answered = await call(provider, model="m")
    assert type(answered.error) is kind
    assert told in answered.error.detail
    assert words.rstrip(".") in answered.error.detail


async def test_model_that_only_streams_is_told_with_the_setting():
    words = "This model only support stream mode, please enable the stream parameter to access the model."
    async with facing(error("400 Bad Request", words)) as (_, provider):
        answered = await call(provider, model="m", delivery="turns")
    assert type(answered.error) is ProviderRefused
    assert "Set STREAMGEN_DELIVERY=stream." in answered.error.detail


@pytest.mark.parametrize(
    "raw", ["The lamp is out.", '{"error": {"message": "The lamp is out."}}', '[{"error": "The lamp is out."}]']
)
async def test_endpoint_behind_a_gateway_is_quoted(raw):
    payload = {"error": {"message": "Provider returned error", "code": 502, "metadata": {"raw": raw}}}
    for answered in await answers(payload):
        assert answered.error.detail.endswith('It says: "The lamp is out."')


@pytest.mark.parametrize(
    "words",
    [
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 50 `inputs` tokens and "
        "8000 `max_new_tokens`",
        "Requested generation length 8000 is not possible! The prompt is 400 tokens long, and 4096 is the most",
    ],
)
async def test_limit_that_is_too_large_under_another_name_is_lowered(words):
    fine: Reply = [HEAD, says("Hi."), says("", "stop"), b"data: [DONE]\n\n"]
    async with facing(error("422 Unprocessable Entity", words), fine) as (server, provider):
        assert (await call(provider, model="m", max_tokens=8_000)).text == "Hi."
        assert [body["max_tokens"] for body in server.bodies] == [8_000, 4_000]


@pytest.mark.parametrize(
    "words",
    [
        "extra_forbidden: Extra inputs are not permitted: forbidden field 'foo'",
        "thinking: the budget exceeds the limit of 8192",
        "frequency_penalty (频率惩罚) must be below 2",
        "invalid token in the grammar",
    ],
)
async def test_field_that_is_refused_is_no_key_no_credit_and_no_limit(words):
    payload = {"error": {"message": words, "type": "invalid_request_error"}}
    async with facing(error("400 Bad Request", payload), api_key="a-key") as (_, provider):
        refused = await call(provider, model="m")
    for answered in [refused, *await answers(payload)]:
        assert type(answered.error) is ProviderRefused
        assert "does not accept the request" in answered.error.detail
