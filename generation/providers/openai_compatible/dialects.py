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

RequestFields = dict[str, Any]
ContinuationSetting = Literal["auto", "prefill", "reprompt"]
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

_UNKNOWN_KINDS = (Prefill.FINAL_MESSAGE, Prefill.PREFIX, Prefill.PLAIN)
"""What is tried, in this order, where it is to be continued and nobody knows how. Who takes no notice of the first
takes the last, and who does not know a parameter says so."""

_NO_SYSTEM = re.compile(
    r"system.{0,20}(role|message|prompt|instruction)s?.{0,60}(support|allow|enabled|permit|invalid|accept)"
    r"|(support|allow|permit|accept|invalid|unknown|unexpected|unsupported).{0,80}(\bsystem\b|developer)"
    r"|system.{0,20}not (support|allow|permit|accept)|roles?['\"`:\]\[. ]{0,6}.{0,40}\bsystem\b"
    r"|developer (instruction|role|message)"
    r"|messages\W{0,4}0\W{1,4}role.{0,80}(enum|permitted|expected|one of|should be)(?!.{0,200}\bsystem\b)"
    r"|不支持.{0,10}system|system.{0,10}(不支持|角色)"
)
_NO_ORDER = re.compile(
    r"alternat|(start|begin)s? with .{0,20}user|first message.{0,40}user"
    r"|role.{0,60}(should be|must be|one of|expected|only).{0,60}user"
    r"|should be 'user'|only (support )?.{0,20}user.{0,10}assistant"
)
_UNKNOWN_TO_IT = re.compile(
    r"unsupported|not supported|unrecognized|unknown|unexpected|extra inputs|extra_forbidden|not permitted|not allowed"
    r"|max_completion_tokens['\"` ]* instead"
)

_WITH_PROMPT = re.compile(r"inputs?\W{0,2} tokens|in the messages|prompt|your request has")
_OTHER_NAMES = re.compile(
    r"max_new_tokens|generation length|context(?=.*completion)|completion(?=.*context)", re.DOTALL
)
"""How endpoints call the limit beside the name that they were asked by."""
_TOO_LARGE = re.compile(r"\d{4}|large|exceed|maximum|range|at most|less than")


def host_of(base_url: str) -> str:
    return (urlsplit(base_url).hostname or "").lower()


def address_for(base_url: str, continuation: ContinuationSetting) -> str:
    """The address to call: DeepSeek continues a begun answer only under /beta."""
    parts = urlsplit(base_url)
    if parts.hostname == "api.deepseek.com" and continuation != "reprompt" and parts.path in ("", "/", "/v1", "/v1/"):
        return urlunsplit(parts._replace(path="/beta"))
    return base_url


class Dialect:
    """What is known about one endpoint. It starts with a guess from the address and learns from refusals."""

    def __init__(self, base_url: str, continuation: ContinuationSetting) -> None:
        self._host = host_of(base_url)
        self._continuation = continuation
        self.prefill = None if continuation == "reprompt" else _PREFILL_BY_HOST.get(self._host)
        self.must_probe = continuation != "reprompt" and self.prefill is None and self._host != host_of(OPENAI_URL)
        """Whether the list of models could tell more about prefill."""
        if continuation == "prefill" and self.prefill is None:
            self.prefill = _UNKNOWN_KINDS[0]
        self._asks_usage = True
        self._tokens_word = "max_completion_tokens" if self._is_openai else "max_tokens"
        self._prefill_of: dict[str, Prefill | None] = {}
        self._proven: set[str] = set()
        self._no_stream: set[str] = set()
        self._no_system: set[str] = set()
        self._opens_thoughts: dict[str, bool] = {}
        self._swapped: dict[str, str] = {}
        self._most_tokens: dict[str, int] = {}

    @property
    def _is_openai(self) -> bool:
        return self._host == host_of(OPENAI_URL) or self._host.endswith(".openai.azure.com")

    def request_body(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int,
        streamed: bool,
        extra: Mapping[str, Any],
    ) -> RequestFields:
        """The request; a last assistant message is marked as the beginning of the answer."""
        sent = _without_system(messages) if model in self._no_system else [dict(message) for message in messages]
        body: RequestFields = {**extra, "model": model, "messages": sent, "stream": streamed}
        body[self._tokens_word_for(model)] = min(max_tokens, self._most_tokens.get(model, max_tokens))
        if streamed and self._asks_usage:
            body["stream_options"] = {"include_usage": True}
        if messages and messages[-1]["role"] == "assistant":
            kind = self._prefill(model)
            if kind is Prefill.FINAL_MESSAGE:
                body |= {"continue_final_message": True, "add_generation_prompt": False}
            elif kind is Prefill.PREFIX:
                body["messages"][-1]["prefix"] = True
        return body

    def limit_in(self, body: RequestFields) -> int:
        return int(body[self._word_in(body)])

    def _tokens_word_for(self, model: str) -> str:
        return self._swapped.get(model, self._tokens_word)

    @staticmethod
    def _word_in(body: RequestFields) -> str:
        return "max_tokens" if "max_tokens" in body else "max_completion_tokens"

    def learn(self, said: str, body: RequestFields) -> bool:
        """Learn from a refused request (400 or 422); `said` are the words of the refusal. True: asking again may work.

        Compares with the body that was sent, because another call may have learned the same meanwhile.
        """
        if "stream_options" in said and "stream_options" in body:
            self._asks_usage = False
            return True
        if self._is_about_system(said, body):
            self._no_system.add(body["model"])
            return True
        refused, model = self._word_in(body), body["model"]
        if refused not in said or self._is_too_large(said, refused):
            return False
        if self._tokens_word_for(model) == refused:
            if model in self._swapped:
                return False
            self._swapped[model] = "max_tokens" if refused == "max_completion_tokens" else "max_completion_tokens"
        return True

    def lowered(self, said: str, body: RequestFields) -> int | None:
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
        is_about_it = word in said or _OTHER_NAMES.search(said)
        return bool(is_about_it and not _UNKNOWN_TO_IT.search(said) and _TOO_LARGE.search(said.replace(word, "")))

    @staticmethod
    def _is_about_system(said: str, body: RequestFields) -> bool:
        """Whether a system message was refused. A begun answer breaks the order of roles too, and is dropped first."""
        roles = [message["role"] for message in body["messages"]]
        if "system" not in roles:
            return False
        return bool(_NO_SYSTEM.search(said) or (roles[-1] == "user" and _NO_ORDER.search(said)))

    def probe(self, owners: Mapping[str, str], other: str = "") -> None:
        """Learn from the names of the software that runs each model; `other` is that of models not listed."""
        self.must_probe = False
        if self._continuation == "reprompt":
            return
        if known := _PREFILL_BY_OWNER.get(other):
            self.prefill = known
        for model, owner in owners.items():
            if (known := _PREFILL_BY_OWNER.get(owner)) or self._continuation == "auto":
                self._prefill_of.setdefault(model, known)

    def _prefill(self, model: str) -> Prefill | None:
        return self._prefill_of.get(model, self.prefill)

    def prefills(self, model: str) -> bool:
        return self._prefill(model) is not None

    def prefill_refused(self, model: str) -> bool:
        """True: there is another way to ask for it. Which one a gateway takes depends on what stands behind it."""
        kind = self._prefill(model)
        is_open = self._continuation == "prefill" and model not in self._proven and kind in _UNKNOWN_KINDS
        others = _UNKNOWN_KINDS[_UNKNOWN_KINDS.index(kind) + 1 :] if is_open and kind is not None else ()
        self._prefill_of[model] = others[0] if others else None
        return bool(others)

    def prefill_worked(self, model: str) -> None:
        """Remember how this model continued a begun answer."""
        self._prefill_of[model] = self._prefill(model)
        self._proven.add(model)

    def prefill_ignored(self, model: str) -> None:
        """A begun answer was taken and not continued; another way to ask for it may be left."""
        self._proven.discard(model)
        self.prefill_refused(model)

    def is_prefill_proven(self, model: str) -> bool:
        return model in self._proven

    def streams(self, model: str) -> bool:
        return model not in self._no_stream

    def stream_refused(self, model: str) -> None:
        self._no_stream.add(model)

    def opens_thoughts(self, model: str) -> bool | None:
        """Whether this model's thoughts have an opening where they come as text; None where that is not known."""
        return self._opens_thoughts.get(model)

    def heard_thoughts(self, model: str, *, are_opened: bool) -> None:
        if not are_opened or model not in self._opens_thoughts:
            self._opens_thoughts[model] = are_opened


def _without_system(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The messages with what the system ones say at the head of the first of the user."""
    told = [message["content"] for message in messages if message["role"] == "system"]
    sent: list[dict[str, Any]] = [dict(message) for message in messages if message["role"] != "system"]
    first = next((message for message in sent if message["role"] == "user"), None)
    if first is None:
        return [{"role": "user", "content": "\n\n".join(told)}, *sent]
    first["content"] = "\n\n".join([*told, first["content"]])
    return sent
