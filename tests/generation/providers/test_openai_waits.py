"""Waits that an endpoint names, wherever they stand, and what else is said by a refusal that passes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from generation.errors import ProviderAway, ProviderRefused, ProviderUnavailable, RateLimited
from generation.providers.openai_compatible.client import OpenAICompatible
from generation.providers.openai_compatible.spans import in_words
from generation.providers.openai_compatible.waits import named_wait_s
from tests.generation.providers.test_openai_compatible import Answered, call
from tests.support.endpoint.openai_raw import HEAD, Reply, error, event, http, raw_server, says

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC).timestamp()
LIMIT = "429 Too Many Requests"
GEMINI = (
    "You exceeded your current quota, please check your plan and billing details. "
    "Quota exceeded for metric: requests, limit: 10. Please retry in 5.4s."
)


async def answer(reply: Reply, **options: Any) -> Answered:
    async with raw_server(reply) as server:
        provider = OpenAICompatible(base_url=server.base_url, continuation="reprompt", now=lambda: NOW)
        try:
            return await call(provider, **options)
        finally:
            await provider.aclose()


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Please try again in 40s.", 40),
        ("Please retry in 5.4s.", 5.4),
        ("Please retry after 26 seconds.", 26),
        ("Try again in 2 minutes", 120),
        ("try again in about 1 minute", 60),
        ("Please try again in 1m30s. Visit the page", 90),
        ("Please try again in 6m0s.", 360),
        ("Please try again in 1h2m3s.", 3_723),
        ("Please try again in 120ms.", 0.12),
        ("try again after 1 hour and 5 minutes", 3_900),
        ("Limit 10000, Used 9000, Requested 2000. Please try again in 6.06s.", 6.06),
        ("the limit of 5 requests per 60 seconds is reached. Please retry in 12 seconds", 12),
        ("Please wait 30 seconds before trying again", 30),
        ("Your limit resets in 45 seconds", 45),
        ("Retry after: 20", 20),
        ("Retry your request in 3 s", 3),
        ("Please try again at 2026-11-26T12:00:40Z", 40),
        ("请在40秒后重试", 40),
        ("Your quota will reset after 2h13m34s.", 8_014),
        ("Please wait 1 minute(s) and try again", 60),
        ("please try again in one minute", 60),
        ("Please wait a minute and try again", 60),
        ("wait forty-five seconds", 45),
        ("Retry after 00:00:20", 20),
        ("Quota will be replenished in 00:12:30.", 750),
        ("Retry after PT1M30S", 90),
        ("retry_after_ms=1500", 1.5),
        (r'VertexAIException - b\'{\n  "error": {"details": [{"retryDelay": "44s"}]}}\'', 44),
        (r"{\"retry_after\": 7}", 7),
        ("Limit resets at: 2026-11-26 12:01:00 UTC", 60),
        ("Try again after 2026-11-26 12:00:40", 40),
        ("Rate limit resets on Thu, 26 Nov 2026 12:00:40 GMT", 40),
        ("Try again at 12:01 UTC", 60),
        ("You've hit your limit · resets 11:50am (UTC)", 85_800),
        ("reset time: 1795694440", 40),
        ("Bitte versuchen Sie es in 20 Sekunden erneut", 20),
        ("Veuillez réessayer dans 20 secondes", 20),
        ("Inténtelo de nuevo en 20 segundos", 20),
        ("Повторите попытку через 20 секунд", 20),
        ("20秒後に再試行してください", 20),
        ("20초 후에 다시 시도하세요", 20),
        ("请求过于频繁,请 20 秒后再试", 20),
        ("The answer took longer than allowed in 30 seconds", None),
        ("Please try again in a few seconds", None),
        ("One request per minute is allowed", None),
        ("60 requests per 1 minute are allowed", None),
        ("limit 20 requests per minute", None),
        ("slow down and retry later", None),
        ("The request needs 40s of audio", None),
    ],
)
def test_wait_is_read_from_words(words, seconds):
    assert in_words(words.lower(), NOW) == seconds


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Sorry, your request is rate-limited. Please wait 8 hours 24 minutes and try again", 30_240),
        ("Your next request is allowed in 40 seconds", 40),
        ("Quota renews in 40 seconds", 40),
        ("Too many requests. You are blocked for 40 seconds.", 40),
        ("model is cooling down (40s remaining)", 40),
        ("40 seconds until reset", 40),
        ("It was dropped from the rate-limit queue maxWaitMs (15000ms): timed out after 15000 ms (reset after 3s)", 3),
        ("usage limit reached|1795694440", 40),
        ("You've hit your usage limit. Try again at Nov 26th, 2026 12:01 PM.", 60),
        ("Limit resets at 2026/11/26 12:00:40", 40),
        ("limit resets on 26 Nov 2026 12:00:40 GMT", 40),
        ("Quota will reset at midnight UTC", 43_200),
        ("Try again in 1,5 seconds", 1.5),
        ("Try again in 1,000 seconds", 1_000),
        ("已达到 5小时的使用上限。您的限额将在 2026-11-26 20:00:40 重置。", 40),
        ("请求过于频繁，请稍后（40秒）再试", 40),
        ("40秒お待ちください。", 40),
        ("40초 동안 기다려 주세요", 40),
        ("Bitte warten Sie 40 Sekunden", 40),
        ("Veuillez patienter 40 secondes", 40),
        ("Подождите 40 секунд", 40),
        ("Spróbuj ponownie za 40 sekund", 40),
        ("40 saniye sonra tekrar deneyin", 40),
        ("Vui lòng thử lại sau 40 giây", 40),
        ("Probeer het over 40 seconden opnieuw", 40),
        ("حاول مرة أخرى بعد 40 ثانية", 40),
        ("ลองใหม่ในอีก 40 วินาที", 40),
        ("limit 100 requests within 60 seconds", None),
        ("Limit: 10 RPM (window 60s)", None),
        ("rate limit of 200 tokens/60s exceeded", None),
        ("Rate limit exceeded: limit per 60 seconds", None),
        ("the 5 hour limit is reached", None),
        ("每60秒最多10次请求", None),
        ("You exceeded your current quota. Plans last 30 days.", None),
    ],
)
def test_span_alone_is_a_wait_where_there_were_too_many_calls(words, seconds):
    assert named_wait_s({}, None, words.lower(), now=NOW, is_limit=True) == seconds


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"resumes_in_seconds": 40}, 40),
        ({"retry_after_msec": 4_000}, 4),
        ({"secondsUntilReset": "40"}, 40),
        ({"time_until_reset": 40}, 40),
        ({"next_retry_at": "2026-11-26T12:00:40Z"}, 40),
        ({"nextResetTime": int(NOW + 40) * 1_000}, 40),
        ({"available_in": 40}, 40),
        ({"rateLimit": {"limit": 10, "remaining": 0, "reset": int(NOW) + 40}}, 40),
        ({"queue": {"position": 3, "eta": 40}}, 40),
        ({"estimated_wait": 40}, 40),
        ({"estimatedTimeRemaining": 40}, 40),
        ({"totalRetryDelay": 1_280, "attempts": 3, "estimated_tokens": 9, "available_models": 2, "retry": 5}, None),
        ({"x-codex-primary-reset-after-seconds": "40", "x-codex-secondary-reset-after-seconds": "0"}, 40),
        ({"x-a-5h-reset": "40", "x-a-5h-status": "rejected", "x-a-7d-reset": "400", "x-a-7d-status": "allowed"}, 40),
        ({"x-ratelimit-reset-ms": "2500"}, 2.5),
        ({"retry-after": '"30"'}, 30),
        ({"x-retry-in": "40"}, 40),
    ],
)
def test_wait_is_read_by_the_kind_of_its_name(body, seconds):
    headers = {name: value for name, value in body.items() if "-" in name}
    assert named_wait_s(headers, body, "too many requests", now=NOW, is_limit=True) == seconds


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "1m30s"}, 90),
        ({"Retry-After-Ms": "1500", "Retry-After": "7"}, 1.5),
        ({"Retry-After": "Thu, 26 Nov 2026 12:00:38 GMT"}, 38),
        ({"Retry-After": "2026-11-26T12:00:38Z"}, 38),
        ({"Retry-After": str(int(NOW) + 38)}, 38),
        ({"Retry-After": "30, 30"}, 30),
        ({"X-Ms-Retry-After-Ms": "1500"}, 1.5),
        ({"X-RateLimit-Retry-After": "12"}, 12),
        ({"RateLimit": '"burst";r=0;t=5, "daily";r=100;t=5000'}, 5),
        ({"X-RateLimit-Reset-Requests": "40s"}, 40),
        ({"X-RateLimit-Reset-Requests": "1m30s", "X-RateLimit-Remaining-Requests": "0"}, 90),
        ({"X-RateLimit-Reset-Tokens": "6m0s", "X-RateLimit-Remaining-Tokens": "0",
          "X-RateLimit-Reset-Requests": "12ms", "X-RateLimit-Remaining-Requests": "99"}, 360),
        ({"X-RateLimit-Reset-Requests-Day": "80000s", "X-RateLimit-Remaining-Requests-Day": "900",
          "X-RateLimit-Reset-Tokens-Minute": "20", "X-RateLimit-Remaining-Tokens-Minute": "0"}, 20),
        ({"X-RateLimit-Reset": str(int(NOW) + 45)}, 45),
        ({"X-RateLimit-Reset": str((int(NOW) + 45) * 1000)}, 45),
        ({"Anthropic-RateLimit-Requests-Reset": "2026-11-26T12:00:25Z"}, 25),
        ({"RateLimit": "limit=10, remaining=0, reset=30"}, 30),
        ({"RateLimit-Reset": "30", "RateLimit-Remaining": "0"}, 30),
        ({"X-RateLimit-Reset-Requests": "soon"}, None),
    ],
)  # fmt: skip
async def test_wait_is_read_from_headers(headers, seconds):
    answered = await answer(
        error(LIMIT, "slow down", **{name.replace("-", "_"): value for name, value in headers.items()})
    )
    assert isinstance(answered.error, RateLimited)
    assert answered.error.retry_after_s == seconds


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"X_RateLimit_Reset_Requests": "40s", "X_RateLimit_Remaining_Requests": "9"}, None),
        ({"X_RateLimit_Reset_Requests": "40s"}, None),
        ({"X_RateLimit_Reset_Requests": "40s", "X_RateLimit_Remaining_Requests": "0"}, 40),
        ({"Retry_After": "9", "X_RateLimit_Reset_Requests": "40s"}, 9),
    ],
)
async def test_reset_counts_beside_other_trouble_only_for_what_is_used_up(headers, seconds):
    assert (await answer(error("503 Busy", "busy", **headers))).error.retry_after_s == seconds


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"error": {"message": "x", "details": [{"@type": "a/google.rpc.RetryInfo", "retryDelay": "38s"}]}}, 38),
        ([{"error": {"message": "x", "details": [{"retryDelay": "38.5s"}]}}], 38.5),
        ({"error": {"message": "x", "details": [{"retryDelay": {"seconds": "38", "nanos": 0}}]}}, 38),
        ({"error": {"message": "x", "metadata": {"headers": {"X-RateLimit-Reset": f"{int(NOW) + 65}000"}}}}, 65),
        ({"message": "x", "retry_after": 12.5}, 12.5),
        ({"error": {"message": "x", "retry_after_ms": 2500}}, 2.5),
        ({"error": {"message": "x", "reset_at": "2026-11-26T12:00:40Z"}}, 40),
        ({"error": {"message": "x", "resets_at": int(NOW) + 40}}, 40),
        ({"error": {"message": "x", "resets_in_seconds": 40}}, 40),
        ({"error": {"message": "x", "retry_in": "40s"}}, 40),
        ({"error": {"message": "x", "details": [{"metadata": {"quotaResetDelay": "1m2.5s"}}]}}, 62.5),
        ({"error": {"message": "x", "retry_count": 3, "reset": True}}, None),
        ({"error": {"message": "Requests have exceeded the limit. Please retry after 26 seconds."}}, 26),
        ({"error": {"message": "no hint"}}, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("in_stream", [False, True])
async def test_wait_is_read_from_the_error_and_from_one_in_the_stream(body, seconds, in_stream):
    if in_stream and isinstance(body, dict):
        inner = body.get("error")
        coded = {**body, "error": {**(inner if isinstance(inner, dict) else {"message": "x"}), "code": 429}}
        answered = await answer([HEAD, says("Hi"), event(coded)])
        assert answered.text == "Hi"
    else:
        answered = await answer(
            error(LIMIT, body) if isinstance(body, dict) else http(str(body).replace("'", '"').encode(), LIMIT)
        )
    assert isinstance(answered.error, RateLimited)
    assert answered.error.retry_after_s == seconds


@pytest.mark.asyncio
async def test_named_wait_wins_over_words_that_look_like_no_credit():
    behind_a_gateway = 'VertexAIException - You exceeded your current quota, check billing. "retryDelay": "5.4s"'
    azure = "Out of call volume quota. Quota will be replenished in 5.4 seconds"
    for reply in (
        error(LIMIT, GEMINI),
        error(LIMIT, "insufficient_quota", Retry_After="5.4"),
        error(LIMIT, behind_a_gateway),
        error("403 Forbidden", azure),
    ):
        answered = await answer(reply)
        assert (type(answered.error), answered.error.retry_after_s) == (RateLimited, 5.4)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "reply",
    [
        error(LIMIT, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}),
        error(LIMIT, "Insufficient Balance"),
        error("402 Payment Required", "x", Retry_After="5"),
        error("403 Forbidden", "Your account is out of credits"),
        [HEAD, event({"error": {"message": "x", "code": "insufficient_quota"}})],
        http(b'{"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}, "choices": null}'),
    ],
)
async def test_no_credit_stops_at_once(reply):
    answered = await answer(reply)
    assert type(answered.error) is ProviderRefused
    assert "credit" in answered.error.detail


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("reply", "seconds"),
    [
        (
            error(
                "503 Service Unavailable",
                {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}},
            ),
            None,
        ),
        (error("503 Service Unavailable", {"error": "Model m is currently loading", "estimated_time": 20.5}), 20.5),
        (http(b"<html><title>502 Bad Gateway</title></html>", "502 Bad Gateway"), None),
        (http(b"", "504 Gateway Timeout", Retry_After="30"), 30),
        (http(b"error code: 521", "521 Down"), None),
        (error("500 Error", "litellm.APIConnectionError: Connection error."), None),
        (error("500 Error", "dial tcp 10.0.0.1: connect: connection refused"), None),
        ([HEAD, event({"error": {"message": "upstream", "code": 502}})], None),
    ],
)
async def test_endpoint_that_is_away_is_told_apart(reply, seconds):
    answered = await answer(reply)
    assert (type(answered.error), answered.error.retry_after_s) == (ProviderAway, seconds)


@pytest.mark.asyncio
async def test_model_that_loads_is_said_to():
    loads, away = await answer(error("503 Unavailable", "Loading model")), await answer(http(b"", "503 Unavailable"))
    assert (loads.error.cause, away.error.cause) == ("the model is loading", "the endpoint does not answer")


@pytest.mark.asyncio
async def test_endpoint_in_trouble_is_not_away():
    for reply in (
        error("500 Error", "out of memory"),
        [HEAD, event({"error": "the model crashed"})],
    ):
        assert type((await answer(reply)).error) is ProviderUnavailable
    assert type((await answer(error("403 Forbidden", "Rate limit exceeded"))).error) is RateLimited
