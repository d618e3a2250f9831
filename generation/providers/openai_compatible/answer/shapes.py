"""Where the parts of an answer stand in the JSON that endpoints send: text, thought, finish word, usage; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from generation.providers.base import Usage

Json = dict[str, Any]
MOST_TOKENS = 100_000_000
"""A count above it is no count; what is summed must fit into a column."""
MOST_TEXT_CHARS = 250_000
"""No part of an answer has more text: 32 000 tokens are half of that."""
_THOUGHT_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_details", "thinking_blocks", "thought")
_WORDS = ("finish_reason", "finishReason", "stop_reason", "done_reason", "native_finish_reason", "stop_type")
_WORD_FIELDS = frozenset({*_WORDS, "finish_details", "stopped_limit", "truncated"})
_OTHER_FIELDS = _WORD_FIELDS - {"finish_reason"}
_PLAIN_FIELDS = frozenset(
    {"id", "object", "created", "model", "choices", "system_fingerprint", "service_tier", "usage", "obfuscation"}
)
_PLAIN_CHOICE_FIELDS = frozenset({"index", "delta", "finish_reason", "logprobs"})
_DONE_FIELDS = frozenset({"done", "is_finished", "stop"})
_NOT_TEXT = ("think", "reason", "thought", "redacted", "summary")
"""How the types of parts begin that are no text."""
_KINDS = frozenset({"role", "type", "content_type", "channel", "is_reasoning", "is_thinking", "is_thought"})
"""Fields of a message that may say that its text is a thought."""
_KEEP_ALIVE = re.compile(r"(?:sse[-_ ]?)?(?:keep-?alive|heartbeat)", re.IGNORECASE)
"""How gateways name an event, with a text of no width, that only shows that they live."""
_WRAPPERS = ("data", "result", "response", "body")


class Shapeless(ValueError):
    """It is not in any form that is known."""


def unwrapped(payload: object) -> object:
    """The answer in what a gateway puts around it, such as `{"code": 200, "data": {...}}`, or in a list of one."""
    if isinstance(payload, list) and len(payload) == 1:
        payload = payload[0]
    if not isinstance(payload, dict):
        return payload
    for name, inner in payload.items():
        if name.startswith("x_") and isinstance(inner, dict) and inner.get("error"):  # Groq: a field of its own
            return inner
    if not payload.get("choices"):
        for name in _WRAPPERS:
            if isinstance(inner := payload.get(name), dict) and inner.get("choices"):
                return inner
    return payload


def refuses(message: Json) -> bool:
    """Whether the model says in the message that it will not write."""
    content = message.get("content")
    parts = content if isinstance(content, list) else ()
    return bool(message.get("refusal")) or any(isinstance(p, dict) and p.get("type") == "refusal" for p in parts)


def calls_tool(message: Json) -> bool:
    """Whether it asks for a tool. Some gateways put an empty call into every message."""
    calls = message.get("tool_calls")
    functions = [message.get("function_call"), *(calls if isinstance(calls, list) else [calls])]
    return any(_names_something(function) for function in functions)


def _names_something(call: object) -> bool:
    if isinstance(call, dict):
        return any(_names_something(value) for key, value in call.items() if key not in ("index", "type"))
    return bool(call)


def thought_of(message: Json) -> str:
    """The thought that stands in a field of its own, where that is a text."""
    fields = (message.get(field) for field in _THOUGHT_FIELDS)
    return next((thought[:MOST_TEXT_CHARS] for thought in fields if isinstance(thought, str) and thought), "")


def choices_in(payload: Json) -> list[Json]:
    """The choices of an event or a document; those of other APIs in the same form. None: it brings nothing."""
    choices = payload.get("choices")
    if any(_KEEP_ALIVE.match(str(name)[:20]) for name in (payload.get("id"), *payload)):
        return []
    if choices:
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise Shapeless
        return choices
    result = payload.get("result")
    inner = result if isinstance(result, dict) else payload  # Cloudflare wraps it
    if isinstance(message := inner.get("message"), dict) and "content" in message:  # Ollama's chat
        return [{"delta": message}]
    if isinstance(delta := payload.get("delta"), dict):  # Anthropic's events
        thought = {"thinking": delta["thinking"]} if delta.get("thinking") else {}
        return [{"delta": {"content": delta.get("text"), **thought}, "finish_reason": delta.get("stop_reason")}]
    for field in ("response", "content"):  # Ollama's generate, Cloudflare; llama.cpp's completion
        if isinstance(text := inner.get(field), str) and (field == "response" or "stop" in inner):
            return [{"delta": {"content": text}}]
    return []


def plain_event(payload: object) -> Json | None:
    """The choice of an event that brings text and nothing else, as most events of most endpoints do."""
    if not isinstance(payload, dict) or not payload.keys() <= _PLAIN_FIELDS or payload.get("usage") is not None:
        return None
    choices = payload.get("choices")
    if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choice := choices[0], dict):
        return None
    if not choice.keys() <= _PLAIN_CHOICE_FIELDS or choice.get("finish_reason") is not None:
        return None
    delta = choice.get("delta")
    is_plain = isinstance(delta, dict) and len(delta) == 1 and isinstance(text := delta.get("content"), str) and text
    return choice if is_plain else None


@dataclass(frozen=True, kw_only=True)
class Form:
    """What stands before and behind the text of a plain event: most events of an answer differ in nothing else."""

    before: bytes
    after: bytes

    def texts_in(self, chunk: bytes) -> list[str]:
        """The texts of whole events that are all of this form; [] where one of them may be another."""
        begin, end = b"data: " + self.before, self.after + b"\n\n"
        if not (chunk.startswith(begin) and chunk.endswith(end)):
            return []
        try:  # the parts of a whole text are whole: what stands between them is ASCII
            texts = chunk[len(begin) : -len(end)].decode().split((end + begin).decode())
        except UnicodeDecodeError:
            return []
        joined = "".join(texts)
        if "\n" in joined or "\r" in joined or not all(texts):
            return []
        if '"' not in joined and "\\" not in joined:
            return texts
        return _unescaped(texts)

    def text_in(self, data: bytes) -> str:
        """The text of an event of this form; "" for any other, and where the text is not written just as it is."""
        if not (data.startswith(self.before) and data.endswith(self.after)):
            return ""
        text = data[len(self.before) : len(data) - len(self.after)]
        if b'"' in text or b"\\" in text:
            return ""
        try:
            return text.decode()
        except UnicodeDecodeError:
            return ""


def _unescaped(texts: list[str]) -> list[str]:
    """Of so many JSON strings what they say; [] where one is none, or halves of characters may be in it."""
    if any("\\u" in text or text.endswith("\\") for text in texts):
        return []
    try:
        found: list[str] = json.loads('["' + '","'.join(texts) + '"]', strict=False)
    except (ValueError, RecursionError):
        return []
    # A string that ends early makes more of them, and none can go beyond its end.
    return found if len(found) == len(texts) else []


def form_of(data: bytes, text: str) -> Form | None:
    """The form of a plain event with this text; None where that does not stand there once, as it is."""
    before, quote, after = data.partition(b'"%b"' % text.encode(errors="replace"))
    is_there = quote and data.count(b'"content"') == 1 and before.rstrip().endswith(b'"content":')
    return Form(before=before + b'"', after=b'"' + after) if is_there else None


def message_in(choice: Json) -> Json:
    """What a choice of a whole document says."""
    message = choice.get("message") or choice.get("delta") or {}
    if not isinstance(message, dict):
        raise Shapeless
    return message if message or "text" not in choice else {"content": choice["text"]}


def delta_in(choice: Json) -> tuple[Json, bool]:
    """What an event adds, and whether it stands where the whole message does."""
    delta = choice.get("delta")
    if delta:
        if not isinstance(delta, dict):
            raise Shapeless
        if delta.get("content") is None and isinstance(text := choice.get("text"), str):
            delta = {**delta, "content": text}
        if delta.get("content") or not choice.get("message"):
            return delta, False
    if message := choice.get("message"):
        if not isinstance(message, dict):
            raise Shapeless
        return message, True
    return ({"content": choice["text"]} if isinstance(choice.get("text"), str) else {}), False


def is_thinking(message: Json) -> bool:
    return any(message.get(field) for field in _THOUGHT_FIELDS)


def text_of(message: Json) -> tuple[str, bool]:
    """The text of a message, and whether a thought is among the parts of its content: a string, or a list of parts."""
    content = message.get("content")
    if _is_thought(message):
        return "", True
    if content is None or content is False:
        return "", False
    if isinstance(content, str):
        if len(content) > MOST_TEXT_CHARS:
            raise Shapeless
        return content, False
    if isinstance(content, dict) and isinstance(content.get("text"), str):
        content = [content]
    if not isinstance(content, list):
        raise Shapeless
    texts, thinks = [], False
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif not isinstance(part, dict):
            raise Shapeless
        elif _is_thought(part) or str(part.get("type") or "").startswith(_NOT_TEXT):
            thinks = True
        elif isinstance(text := part.get("text"), str):
            texts.append(text)
        elif isinstance(text, dict) and isinstance(value := text.get("value"), str):
            texts.append(value)
    if sum(map(len, texts)) > MOST_TEXT_CHARS:
        raise Shapeless
    return "".join(texts), thinks


def _is_thought(message: Json) -> bool:
    """Whether a field beside the text says that this is none."""
    if len(message) < 2:
        return False
    extra = message.get("extra_content")  # Gemini: {"google": {"thought": true}}
    said = (
        [message, *(inner for inner in extra.values() if isinstance(inner, dict))]
        if isinstance(extra, dict)
        else [message]
    )
    if any(one.get("thought") is True for one in said):
        return True
    if _KINDS.isdisjoint(message) or message.get("content") is None:
        return False
    kinds = [str(message[name]).lower() for name in _KINDS if name in message]
    return any(kind.startswith(_NOT_TEXT) or kind in ("analysis", "true") for kind in kinds)


def words_in(payload: Json, choice: Json) -> Sequence[object]:
    """What may say why the answer ended, the likeliest first."""
    delta = choice.get("delta")
    if _OTHER_FIELDS.isdisjoint(choice) and _WORD_FIELDS.isdisjoint(payload) and _WORD_FIELDS.isdisjoint(delta or ()):
        word = choice.get("finish_reason")  # as it should be
        return () if word is None else (word,)
    holders = [one for one in (choice, delta, payload) if isinstance(one, dict) and not _WORD_FIELDS.isdisjoint(one)]
    words: list[object] = []
    for holder in holders:
        if isinstance(details := holder.get("finish_details"), dict):
            words.append(details.get("type"))
        words += [holder[field] for field in _WORDS if holder.get(field) is not None]
        words += ["length"] if holder.get("stopped_limit") is True or holder.get("truncated") is True else []
    return words


def is_done(payload: Json) -> bool:
    """Whether an event says that it is the last one."""
    return not _DONE_FIELDS.isdisjoint(payload) and any(payload.get(field) is True for field in _DONE_FIELDS)


def usage_in(payload: Json, choice: Json | None = None) -> tuple[Usage | None, int]:
    """The usage that is reported, and how many of its tokens are hidden reasoning."""
    for holder in (payload, choice, payload.get("x_groq")):
        if isinstance(holder, dict) and isinstance(usage := holder.get("usage"), dict):
            details = usage.get("completion_tokens_details")
            reasoned = details.get("reasoning_tokens") if isinstance(details, dict) else None
            counted = _usage(usage, ("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens"))
            return counted, reasoned if is_count(reasoned) else 0
    if "eval_count" in payload or "tokens_predicted" in payload:
        return _usage(payload, ("prompt_eval_count", "tokens_evaluated"), ("eval_count", "tokens_predicted")), 0
    return None, 0


def _usage(source: Json, prompt_names: tuple[str, str], completion_names: tuple[str, str]) -> Usage | None:
    prompt, completion = (
        next((source[name] for name in names if name in source), None) for names in (prompt_names, completion_names)
    )
    if prompt is None and "eval_count" in source:
        prompt = 0  # Ollama leaves it out where it knew the prompt already
    if not is_count(prompt) or not is_count(completion):
        return None
    return Usage(prompt_tokens=prompt, completion_tokens=completion, cached_tokens=cached_in(source))


def cached_in(usage: Json) -> int:
    """How many tokens of the prompt the endpoint had already, wherever it says so."""
    for name in ("prompt_tokens_details", "input_tokens_details"):
        details = usage.get(name)
        if isinstance(details, dict) and is_count(cached := details.get("cached_tokens")):
            return cached
    cached = usage.get("prompt_cache_hit_tokens")  # DeepSeek
    return cached if is_count(cached) else 0


def is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS


def joined(text: str) -> str:
    """The text with its characters whole that came in two halves."""
    return re.sub(
        "[\ud800-\udbff][\udc00-\udfff]", lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text
    )
