"""A filter that stops a prompt or an answer is told as that and not asked again, in whatever form it is said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from generation.errors import AuthFailed, ProviderRefused, RateLimited
from generation.providers.base import FinishReason
from generation.providers.openai_compatible import filters
from generation.providers.openai_compatible.client import OpenAICompatible
from tests.generation.providers.test_openai_compatible import Answered, call
from tests.support.endpoint.openai_raw import DONE, HEAD, Reply, error, event, http, raw_server, says

pytestmark = pytest.mark.asyncio

SAFE = {"hate": {"filtered": False, "severity": "safe"}}
CAUGHT = {**SAFE, "violence": {"filtered": True, "severity": "medium"}}
AZURE = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."


def prompt_results(results: object) -> dict[str, Any]:
    return {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": results}]}


BODIES: dict[str, dict[str, Any]] = {
    "Gemini": {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 9}},
    "Gemini, other": {"prompt_feedback": {"block_reason": "OTHER"}, "choices": None},
    "Gemini, armor": {"choices": [], "promptFeedback": {"blockReason": "MODEL_ARMOR"}},
    "Azure": {"choices": [], **prompt_results(CAUGHT)},
    "Azure, null": {"choices": None, "prompt_annotations": [{"content_filter_results": CAUGHT}]},
    "Azure, error": {"error": {"message": AZURE, "type": None, "param": "prompt", "code": "content_filter"}},
    "Azure, inner": {"error": {"message": "x", "code": "400", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
    "OpenAI": {"error": {"message": "x", "type": "invalid_request_error", "code": "content_policy_violation"}},
    "OpenAI, prompt": {"error": {"message": "your prompt was flagged as violating", "code": "invalid_prompt"}},
    "OpenAI, system": {"error": {"message": "Your request was rejected as a result of our safety system."}},
    "Zhipu": {"error": {"code": "1301", "message": "x"}, "contentFilter": [{"level": 1, "role": "user"}]},
    "Zhipu, bare": {"code": 1301, "message": "x"},
    "Zhipu, field": {"contentFilter": [{"level": 0, "role": "assistant"}]},
    "z.ai": {"error": {"message": "System detected potentially unsafe or sensitive content in input or generation."}},
    "DashScope": {"error": {"message": "x", "type": "data_inspection_failed", "code": "data_inspection_failed"}},
    "DashScope, own": {"code": "DataInspectionFailed", "message": "x", "request_id": "1"},
    "Moonshot": {"error": {"message": "The request was rejected because it was considered high risk", "code": 400}},
    "MiniMax": {"base_resp": {"status_code": 1026, "status_msg": "input new_sensitive"}, "choices": None},
    "MiniMax, output": {"output_sensitive": True, "choices": None, "base_resp": {"status_code": 0}},
    "Spark": {"code": 10013, "message": "input content audit failed", "sid": "1"},
    "Ark": {"error": {"code": "InputTextSensitiveContentDetected", "message": "x", "type": "BadRequest"}},
    "StepFun": {"error": {"message": "The content you provided or machine outputted is blocked", "type": "censorship"}},
    "Cloudflare": {"success": False, "error": [{"code": 2016, "message": "Prompt blocked due to security"}]},
    "Portkey": {"error": {"message": "The guardrail checks defined in the config failed.", "type": "hooks_failed"}},
    "LiteLLM": {"error": {"message": "litellm.ContentPolicyViolationError: AzureException", "code": "400"}},
    "Anthropic": {"type": "error", "error": {"message": "Output blocked by content filtering policy"}},
    "xAI": {"code": "denied", "error": "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE"},
    "OpenRouter": {"error": {"code": 403, "message": "x", "metadata": {"raw": "your input was flagged"}}},
}  # fmt: skip
WORDS = [
    "content_filter",
    "content_filter: PROHIBITED_CONTENT",
    "SAFETY",
    "RECITATION",
    "PROHIBITED_CONTENT",
    "BLOCKLIST",
]
WORDS += ["SPII", "sensitive", "refusal", "MODEL_ARMOR", "IMAGE_SAFETY", "guardrail_intervened", "content_filtered"]
WORDS += ["ERROR_TOXIC", "JAILBREAK", "FINISH_REASON_SAFETY"]


async def answered(reply: Reply, *, calls: int = 1, **options: Any) -> Answered:
    async with raw_server(reply) as server:
        provider = OpenAICompatible(base_url=server.base_url, continuation="reprompt", model="m")
        answer = await call(provider, **options)
        await provider.aclose()
        assert len(server.bodies) == calls
    return answer


@pytest.mark.parametrize("name", BODIES)
async def test_filter_is_told_in_any_form(name):
    body = json.dumps(BODIES[name]).encode()
    ways: dict[str, tuple[Reply, str]] = {
        "whole": (http(body), "turns"),
        "a list": (http(b"[" + body + b"]"), "turns"),
        "whole, though a stream was asked for": (http(body), "stream"),
        "the only event": ([HEAD, event(BODIES[name]), DONE], "stream"),
        "after an event": ([HEAD, says(""), event(BODIES[name])], "stream"),
        **{
            f"status {status}": (http(body, f"{status} Refused"), "stream") for status in (400, 403, 422, 424, 446, 451)
        },
    }
    for way, (reply, delivery) in ways.items():
        answer = await answered(reply, delivery=delivery)
        assert answer.error is None, f"{way}: {answer.error}"
        assert answer.finish.reason is FinishReason.FILTERED, way


async def test_filter_in_the_middle_of_a_text_keeps_it():
    answer = await answered([HEAD, says("The lamp"), event(BODIES["Azure, error"]), says(" and more")])
    assert (answer.text, answer.finish.reason) == ("The lamp", FinishReason.FILTERED)


async def test_error_of_a_filter_within_a_choice_is_one():
    choice = {"index": 0, "delta": {}, "error": {"code": 403, "message": "The output was flagged."}}
    answer = await answered([HEAD, says("The lamp"), event({"choices": [choice]})])
    assert (answer.text, answer.finish.reason) == ("The lamp", FinishReason.FILTERED)


@pytest.mark.parametrize("word", WORDS)
async def test_word_of_a_filter_is_one(word):
    answer = await answered([HEAD, says("The lamp"), says("", word), DONE])
    assert answer.finish.reason is FinishReason.FILTERED


async def test_results_of_a_filter_that_let_all_pass_are_none():
    passed = [event({"choices": [], **prompt_results(SAFE)}), says("The lamp.", prompt_filter_results=CAUGHT)]
    answer = await answered([HEAD, *passed, event({"choices": [], "promptFeedback": {}}), says("", "stop"), DONE])
    assert (answer.text, answer.finish.reason) == ("The lamp.", FinishReason.COMPLETE)


async def test_answer_with_no_choice_and_no_word_says_what_it_may_be():
    for body in ({"object": "chat.completion", "model": "m", "usage": {}}, {"choices": None}, {"choices": []}):
        answer = await answered(http(json.dumps(body).encode()), delivery="turns")
        assert "filter" in answer.error.detail


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        ("401 Unauthorized", "Key blocked by our safety team for a violation of the content policy", AuthFailed),
        ("429 Slow", "Your requests were flagged; too many requests", RateLimited),
        ("403 Forbidden", "Your access was terminated due to violation of our policies", AuthFailed),
        ("403 Forbidden", "您的账号正在审核中", AuthFailed),
        ("400 Bad", "Blocked by the network policy of your organization", ProviderRefused),
        ("400 Bad", "The request violates the schema", ProviderRefused),
    ],
)  # fmt: skip
async def test_refusal_that_only_sounds_like_a_filter_is_none(status, words, kind):
    assert type((await answered(error(status, words))).error) is kind


async def test_number_of_a_filter_counts_only_as_a_code():
    assert filters.is_marked({"error": {"code": "1301"}})
    assert not filters.is_marked({"error": {"message": "1301", "param": "1301"}})
    assert not filters.is_marked({"created": 1301, "choices": [], "usage": {"total_tokens": 1301}})
