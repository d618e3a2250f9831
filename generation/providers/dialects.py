"""The dialects of OpenAI-compatible endpoints: the parameters of a request, and how each continues a begun answer.

Pure: knows request bodies and what refusals taught about them, never the network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from generation.providers.base import Message

Body = dict[str, Any]
Continuation = Literal["auto", "prefill", "reprompt"]
OPENAI_URL = "https://api.openai.com/v1"
OPENAI_MODEL = "gpt-4.1-mini"
MIN_TOKENS = 256
"""A limit that the endpoint finds too large is halved down to this, not further."""


class Prefill(Enum):
    """How an endpoint is told to continue the last assistant message."""

    PLAIN = "plain"  # llama.cpp: the message alone
    FINAL_MESSAGE = "final message"  # vLLM: two parameters of the request
    PREFIX = "prefix"  # DeepSeek (its beta), Mistral: a flag on the message


_PREFILL_BY_HOST = {
    "api.deepseek.com": Prefill.PREFIX,
    "api.mistral.ai": Prefill.PREFIX,
    "codestral.mistral.ai": Prefill.PREFIX,
}
_PREFILL_BY_OWNER = {"llamacpp": Prefill.PLAIN, "vllm": Prefill.FINAL_MESSAGE}
"""By `owned_by` in the list of models: how the endpoint's software names itself."""

_UNKNOWN_TO_IT = re.compile(
    r"unsupported|not supported|unrecognized|unknown|unexpected|extra inputs|extra_forbidden|not permitted|not allowed"
    r"|max_completion_tokens['\"` ]* instead"
)

_WITH_PROMPT = re.compile(r"input tokens|in the messages|prompt|your request has")
_TOO_LARGE = re.compile(r"\d{4}|large|exceed|maximum|range|at most|less than")


def host_of(base_url: str) -> str:
    return (urlsplit(base_url).hostname or "").lower()


def address_for(base_url: str, continuation: Continuation) -> str:
    """The address to call: DeepSeek continues a begun answer only under /beta."""
    parts = urlsplit(base_url)
    if parts.hostname == "api.deepseek.com" and continuation != "reprompt" and parts.path in ("", "/", "/v1", "/v1/"):
        return urlunsplit(parts._replace(path="/beta"))
    return base_url


class Dialect:
    """What is known about one endpoint. It starts with a guess from the address and learns from refusals."""

    def __init__(self, base_url: str, continuation: Continuation) -> None:
        self._host = host_of(base_url)
        self._continuation = continuation
        self.prefill = None if continuation == "reprompt" else _PREFILL_BY_HOST.get(self._host)
        self.must_look = continuation != "reprompt" and self.prefill is None and self._host != host_of(OPENAI_URL)
        """Whether the list of models could tell more about prefill."""
        if continuation == "prefill" and self.prefill is None:
            self.prefill = Prefill.PLAIN
        self._asks_usage = True
        self._tokens_word = "max_completion_tokens" if self._is_openai else "max_tokens"
        self._no_prefill: set[str] = set()
        self._no_stream: set[str] = set()
        self._swapped: dict[str, str] = {}
        self._most_tokens: dict[str, int] = {}

    @property
    def _is_openai(self) -> bool:
        return self._host == host_of(OPENAI_URL) or self._host.endswith(".openai.azure.com")

    def body(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int,
        streamed: bool,
        extra: Mapping[str, Any],
    ) -> Body:
        """The request; a last assistant message is marked as the beginning of the answer."""
        body: Body = {**extra, "model": model, "messages": [dict(message) for message in messages], "stream": streamed}
        body[self._tokens_word_for(model)] = min(max_tokens, self._most_tokens.get(model, max_tokens))
        if streamed and self._asks_usage:
            body["stream_options"] = {"include_usage": True}
        if messages and messages[-1]["role"] == "assistant":
            if self.prefill is Prefill.FINAL_MESSAGE:
                body |= {"continue_final_message": True, "add_generation_prompt": False}
            elif self.prefill is Prefill.PREFIX:
                body["messages"][-1]["prefix"] = True
        return body

    def limit_in(self, body: Body) -> int:
        return int(body[self._word_in(body)])

    def _tokens_word_for(self, model: str) -> str:
        return self._swapped.get(model, self._tokens_word)

    @staticmethod
    def _word_in(body: Body) -> str:
        return "max_tokens" if "max_tokens" in body else "max_completion_tokens"

    def learn(self, said: str, body: Body) -> bool:
        """Learn from a refused request (400 or 422); `said` are the words of the refusal. True: asking again may work.

        Compares with the body that was sent, because another call may have learned the same meanwhile.
        """
        if "stream_options" in said and "stream_options" in body:
            self._asks_usage = False
            return True
        refused, model = self._word_in(body), body["model"]
        if refused not in said or self._is_too_large(said, refused):
            return False
        if self._tokens_word_for(model) == refused:
            if model in self._swapped:
                return False
            self._swapped[model] = "max_tokens" if refused == "max_completion_tokens" else "max_completion_tokens"
        return True

    def lowered(self, said: str, body: Body) -> int | None:
        """A smaller limit to ask for, where the refusal says that this one is too large; a refused call costs nothing.

        Models differ in the longest answer they allow, and say it in many ways. It is remembered, unless it was too
        large only together with this prompt.
        """
        limit = self.limit_in(body)
        if limit <= MIN_TOKENS or not self._is_too_large(said, self._word_in(body)):
            return None
        lower = max(MIN_TOKENS, limit // 2)
        if not _WITH_PROMPT.search(said):
            self._most_tokens[body["model"]] = min(self._most_tokens.get(body["model"], lower), lower)
        return lower

    @staticmethod
    def _is_too_large(said: str, word: str) -> bool:
        is_about_it = word in said or ("context" in said and "completion" in said)
        return bool(is_about_it and not _UNKNOWN_TO_IT.search(said) and _TOO_LARGE.search(said.replace(word, "")))

    def look(self, owner: str) -> None:
        """Learn from the name of the endpoint's software."""
        self.must_look = False
        if self._continuation != "reprompt" and (known := _PREFILL_BY_OWNER.get(owner)):
            self.prefill = known

    def prefills(self, model: str) -> bool:
        return self.prefill is not None and model not in self._no_prefill

    def prefill_refused(self, model: str) -> None:
        self._no_prefill.add(model)

    def streams(self, model: str) -> bool:
        return model not in self._no_stream

    def stream_refused(self, model: str) -> None:
        self._no_stream.add(model)
