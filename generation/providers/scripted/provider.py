"""The shipped fake: writes from a script, with chosen pauses, finish reasons and errors. For demonstrations, tests and
load runs; never a model, and it says so. Everything it writes depends only on what it is asked.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from generation.errors import ProviderError
from generation.providers.base import CHARS_PER_TOKEN, Finish, FinishReason, Item, Message, Piece, Usage
from generation.providers.scripted.sample import section_text

TOKENS_PER_SECOND = 60
NAME = "scripted (not a model)"
SCRIPTED_MODEL = "scripted"

# The lines of a prompt that say what is asked for.
_PROJECT = re.compile(r"^Project: (?P<title>.+)$", re.MULTILINE)
_SECTION = re.compile(r"^Section to write now, number (?P<number>\d+) of \d+: (?P<name>.+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer. `pieces` are sent as they are; `text` is cut into pieces of `piece_chars` characters.

    `pause_s` comes before each piece. `error` is raised after the pieces, instead of a finish. A reply longer than the
    call's `max_tokens` (of four characters) is cut there and finishes as truncated. Without `usage`, it counts them.
    """

    text: str = ""
    pieces: Sequence[str] = ()
    finish: FinishReason = FinishReason.COMPLETE
    pause_s: float = 0.0
    piece_chars: int = CHARS_PER_TOKEN
    usage: Usage | None = None
    error: ProviderError | None = None
    reasoned: bool = False


@dataclass(frozen=True, kw_only=True)
class ScriptedCall:
    """What was asked."""

    messages: tuple[Message, ...]
    model: str
    max_tokens: int
    delivery: Literal["stream", "turns"]


Script = Iterable[Reply] | Callable[[ScriptedCall], Reply]


class ScriptedProvider:
    """A `Provider`. A script is replies in order (past the last one: empty and complete), or a function of the call.

    Without a script it writes the document it is asked for, section by section, at the pace of a model.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        prefills: bool = True,
        streams: bool = True,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        name: str = NAME,
    ) -> None:
        if script is None:
            script = scripted_section
        self._next: Callable[[ScriptedCall], Reply] = script if callable(script) else _in_order(script)
        self._prefills = prefills
        self._streams = streams
        self._sleep = sleep
        self.name = name
        self.calls: deque[ScriptedCall] = deque(maxlen=1_000)
        """The latest calls, oldest first."""
        self.open_calls = 0

    @property
    def default_model(self) -> str:
        return SCRIPTED_MODEL

    def prefills(self, model: str) -> bool:
        return self._prefills

    def prefill_ignored(self, model: str) -> None:
        self._prefills = False

    def streams(self, model: str) -> bool:
        return self._streams

    async def prepare(self) -> None:
        """Nothing to get ready."""

    async def aclose(self) -> None:
        """Nothing to give back."""

    def stream(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int,
        delivery: Literal["stream", "turns"] = "stream",
    ) -> AbstractAsyncContextManager[AsyncIterator[Item]]:
        return self._call(ScriptedCall(messages=tuple(messages), model=model, max_tokens=max_tokens, delivery=delivery))

    @asynccontextmanager
    async def _call(self, call: ScriptedCall) -> AsyncIterator[AsyncIterator[Item]]:
        self.calls.append(call)
        reply = self._next(call)
        self.open_calls += 1
        try:
            async with aclosing(self._pieces(call, reply)) as pieces:
                yield pieces
        finally:
            self.open_calls -= 1

    async def _pieces(self, call: ScriptedCall, reply: Reply) -> AsyncGenerator[Item]:
        texts, is_cut = _within(_pieces_of(reply), call.max_tokens * CHARS_PER_TOKEN)
        if call.delivery == "turns":
            await self._sleep(reply.pause_s * len(texts))
            if texts:
                yield Piece(text="".join(texts))
        else:
            for text in texts:
                # Also without a pause: who waits for nothing lets nobody else run.
                await self._sleep(reply.pause_s)
                yield Piece(text=text)
        if reply.error is not None and not is_cut:
            raise reply.error
        yield Finish(
            reason=FinishReason.TRUNCATED if is_cut else reply.finish,
            usage=reply.usage or _counted(call, sum(map(len, texts))),
            model=call.model or SCRIPTED_MODEL,
            reasoned=reply.reasoned,
        )


def scripted_section(call: ScriptedCall) -> Reply:
    """The default script: the section that the prompt asks for, from where it stands, as fast as a hosted model."""
    asked = "\n".join(message["content"] for message in call.messages if message["role"] == "user")
    section, project = _SECTION.search(asked), _PROJECT.search(asked)
    text = section_text(
        section["name"] if section else "This section",
        project["title"] if project else "",
        says_what_it_is=section is None or section["number"] == "1",
    )
    return Reply(text=text[_written_of(text, call) :], pause_s=1 / TOKENS_PER_SECOND)


def _written_of(text: str, call: ScriptedCall) -> int:
    """Where in the text the answer begins: after what is written, or before the words of it that are to be repeated."""
    written = next((message["content"] for message in reversed(call.messages) if message["role"] == "assistant"), "")
    # What the model is shown of the text may be only its end.
    end = text.rfind(written) + len(written) if written and written in text else 0
    start = end
    if call.messages and call.messages[-1]["role"] == "user":
        while start and text[start - 1 : end] in call.messages[-1]["content"]:
            start -= 1
    return start


def _in_order(replies: Iterable[Reply]) -> Callable[[ScriptedCall], Reply]:
    waiting = iter(replies)
    return lambda call: next(waiting, Reply())


def _pieces_of(reply: Reply) -> list[str]:
    if reply.pieces:
        return [piece for piece in reply.pieces if piece]
    return [reply.text[at : at + reply.piece_chars] for at in range(0, len(reply.text), reply.piece_chars)]


def _within(pieces: list[str], chars: int) -> tuple[list[str], bool]:
    """The pieces up to so many characters, and whether something was cut off."""
    kept: list[str] = []
    for piece in pieces:
        if len(piece) > chars:
            return [*kept, piece[:chars]] if chars else kept, True
        kept.append(piece)
        chars -= len(piece)
    return kept, False


def _counted(call: ScriptedCall, chars: int) -> Usage:
    asked = sum(len(message["content"]) for message in call.messages)
    return Usage(prompt_tokens=asked // CHARS_PER_TOKEN, completion_tokens=-(-chars // CHARS_PER_TOKEN))
