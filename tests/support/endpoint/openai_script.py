"""What the tests' OpenAI-compatible server would write, how it answers and misbehaves, and what it remembers; pure.

The texts (`Script.texts`) are apart from the answering (`Behaviour`), so that any fault can meet any text.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
AUTO = "auto"
ABSENT = "absent"
SEAM_CHARS = 48
MIN_SEAM_CHARS = 12
_TOKEN = re.compile(r"\s*\S{1,6}|\s+\Z")


def tokens(text: str, chars: int = 0) -> list[str]:
    """The server's tokeniser: words and their white space, at most six letters, or so many characters each; joined they
    are the text.
    """
    return [text[at : at + chars] for at in range(0, len(text), chars)] if chars else _TOKEN.findall(text)


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """How one call is answered. Without arguments: as it should be."""

    # Instead of an answer
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    """Sent as it is, with `content_type`."""
    content_type: str = "application/json"
    hang_up: bool = False
    """Close the connection without a byte."""

    # What is said
    text: str | None = None
    """Instead of the section's text; the position in it is 0."""
    finish: str | None = AUTO
    """AUTO is "stop", or "length" where `max_tokens` cut it; None is null; ABSENT leaves the field out."""
    usage: Any = AUTO
    """AUTO counts tokens; ABSENT leaves it out; anything else is sent as it is."""
    refusal: str = ""
    tool_call: bool = False
    reasoning: str = ""
    reasoning_field: str = "reasoning_content"
    """Or "tag": as a `<think>` block that opens the content."""
    think_pause_s: float = 0.0
    """Before each piece of the reasoning."""
    content: Literal["text", "parts"] = "text"
    ignores_limit: bool = False

    # How it is sent
    token_chars: int = 0
    """How long a token is; 0: a word, or a part of one."""
    piece_tokens: int = 1
    pause_s: float = 0.0
    """Before each piece."""
    newline: str = "\n"
    done: bool = True
    comments: bool = False
    chunk_bytes: int | None = None
    """Send the body in portions of so many bytes, whatever the events."""
    insert: Mapping[int, str] = field(default_factory=dict)
    """Raw text (Latin-1) to send before the piece of that number."""
    ignores_stream: bool = False
    """Answer with one JSON document although a stream was asked for."""

    # Where it stops
    stall: Literal["", "headers", "first_piece", "pieces"] = ""
    stall_after: int = 3
    """Pieces sent before the stall "pieces"."""
    cut_after_bytes: int | None = None
    """Break the connection after so many bytes of the body."""
    cut_after_pieces: int | None = None
    cut: Literal["close", "reset", "end"] = "close"
    """How it breaks: the connection closed, reset, or the body ended as if it were whole."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """What the server would write, and how. Behaviours go to the calls in order; then comes `default`."""

    texts: Mapping[str, str] = field(default_factory=dict)
    """What it would write, by section: see `section_in`."""
    replies: Sequence[str] = ("Hello, world.",)
    """For prompts without a section: one reply a call, in order, the last one for ever."""
    behaviours: Sequence[Behaviour] = ()
    by_section: Mapping[str, Sequence[Behaviour]] = field(default_factory=dict)
    """Behaviours for the calls of one key, before those for all."""
    default: Behaviour = field(default_factory=Behaviour)
    prefill: Literal["plain", "vllm", "prefix", "none", "refused", "ignored"] = "plain"
    """How it has to be told to continue the last assistant message; "none" takes it as a message like any other, and
    "ignored" answers with `says_first` and what follows, or without that with its text from the beginning."""
    says_first: str = ""
    reprompt: Literal["copies", "goes on", "restarts"] = "copies"
    """Where it goes on when asked anew: at the words of its text that the last message holds, after them, or at 0."""
    echoes_prefix: bool = True
    """Whether an answer in one document begins with the continued text (llama.cpp does so)."""
    software: str = "llamacpp"
    models: Sequence[str] = ()
    """The models it has; empty takes any."""
    key: str = ""
    refuses: Sequence[str] = ()
    """Parameters it does not know: max_tokens, stream_options, stream, ..."""
    most_tokens: int | None = None
    """The longest answer it takes a request for."""
    context_tokens: int | None = None
    """What a prompt and the limit of its answer may be together."""

    @classmethod
    def from_json(cls, source: Json) -> Script:
        def behaviour(fields: Json) -> Behaviour:
            insert = {int(at): raw for at, raw in fields.get("insert", {}).items()}
            return Behaviour(**{**fields, "insert": insert})

        source = dict(source)
        source["behaviours"] = [behaviour(one) for one in source.get("behaviours", [])]
        source["by_section"] = {
            key: [behaviour(one) for one in several] for key, several in source.get("by_section", {}).items()
        }
        source["default"] = behaviour(source.get("default", {}))
        return cls(**source)

    def to_json(self) -> Json:
        return asdict(self)


@dataclass(kw_only=True)
class Request:
    """One call, as the server saw it."""

    number: int
    body: Json
    authorization: str | None
    peer: str = ""
    """The client's address and port: the same for calls on one connection."""
    section: str = ""
    position: int = 0
    """Where in the text the answer begins."""
    problem: str = ""
    """What was wrong with the call, such as a begun answer that this server never wrote."""
    state: Literal["open", "answered", "refused", "cut", "gone"] = "open"
    """`gone`: the client went away before the answer was whole."""
    sent: str = ""
    """The text that was sent."""
    began_at: float = field(default_factory=time.monotonic)
    ended_at: float | None = None

    @property
    def streamed(self) -> bool:
        return bool(self.body.get("stream"))

    @property
    def begun(self) -> str | None:
        """The last assistant message, where it is the last message."""
        last = self.body["messages"][-1]
        return str(last["content"]) if last["role"] == "assistant" else None

    @property
    def prompt(self) -> str:
        return "\n".join(str(message["content"]) for message in self.body["messages"])


@dataclass(frozen=True, kw_only=True)
class Written:
    """What an answer says: its pieces, how it ends, what it cost."""

    pieces: list[str]
    finish: str | None
    usage: Any

    @classmethod
    def up_to(cls, rest: str, call: Request, behaviour: Behaviour) -> Written:
        every = tokens(rest, behaviour.token_chars)
        kept = every if behaviour.ignores_limit else every[: limit_of(call.body)]
        finish = behaviour.finish
        if finish == AUTO:
            finish = "length" if len(kept) < len(every) else "tool_calls" if behaviour.tool_call else "stop"
        usage = behaviour.usage
        if usage == AUTO:
            asked = len(tokens(call.prompt))
            usage = {"prompt_tokens": asked, "completion_tokens": len(kept), "total_tokens": asked + len(kept)}
        step = behaviour.piece_tokens
        return cls(
            pieces=["".join(kept[at : at + step]) for at in range(0, len(kept), step)], finish=finish, usage=usage
        )


def limit_of(body: Json) -> int:
    limit = body.get("max_tokens") or body.get("max_completion_tokens")
    return int(limit) if limit else 1_000_000


_ASKED = re.compile(r"^Section to write now\b.*?: (.+)$", re.MULTILINE)


def section_in(call: Request, texts: Mapping[str, str]) -> str:
    """The section that is asked for: by the line that names it, else the key that the prompt names last."""
    asked = "\n".join(str(message["content"]) for message in call.body["messages"] if message["role"] != "assistant")
    if (line := _ASKED.search(asked)) and line[1] in texts:
        return line[1]
    at, key = max(((asked.rfind(key), key) for key in texts), default=(-1, ""))
    return key if at >= 0 else ""


def position_in(text: str, call: Request, reprompt: str) -> int:
    """Where in the text a re-prompted answer begins."""
    messages = [str(message["content"]) for message in call.body["messages"]]
    end = 0 if reprompt == "restarts" else after_tail(text, "\0".join(messages))
    start = end
    if reprompt == "copies":
        last = messages[-1]
        while start and text[start - 1 : end] in last:
            start -= 1
    return start


def after_tail(text: str, prompt: str) -> int:
    """The furthest position in the text whose last characters stand in the prompt: re-prompted, it goes on there."""
    known = {prompt[at : at + SEAM_CHARS] for at in range(len(prompt) - SEAM_CHARS + 1)}
    for end in range(len(text), SEAM_CHARS - 1, -1):
        if text[end - SEAM_CHARS : end] in known:
            return end
    for end in range(min(len(text), SEAM_CHARS - 1), MIN_SEAM_CHARS - 1, -1):
        if text[:end] in prompt:
            return end
    return 0
