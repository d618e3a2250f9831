"""The interface between the continuation loop and whatever writes the text; pure.

A provider answers one call with a stream of `Piece`s (and `Life`), then exactly one `Finish`. It never retries, never
stores and never decides what comes next: retries and continuation belong to the callers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol, TypedDict, runtime_checkable


class Message(TypedDict):
    """One chat message, as the chat-completions format has it."""

    role: Literal["system", "user", "assistant"]
    content: str


class FinishReason(StrEnum):
    """Why a call ended, normalised from the many words providers use."""

    COMPLETE = "complete"
    TRUNCATED = "truncated"
    FILTERED = "filtered"
    TOOL = "tool"
    INTERRUPTED = "interrupted"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens a call was billed, as the provider reported them; `cached_tokens` are those of the prompt that it had
    already.
    """

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Position:
    """A place in an answer that the endpoint keeps: where the text of its event number `event` ends.

    Without a number nothing can be read from there on; the answer itself can be read again from its beginning.
    """

    answer: str
    event: int | None = None


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of the answer's text, exactly as received; never empty, nor with half of a character that came in two.

    It ends `at` a place of a kept answer.
    """

    text: str
    at: Position | None = None


@dataclass(frozen=True, kw_only=True)
class Life:
    """An event that carries no text but shows that the answer is being worked on.

    `is_thinking` says that the model reasons; that text is never part of the answer. Comments that only keep a
    connection open are no such event. With `at` a kept answer has begun, which can be read on by its id. `is_unseen`
    says that text may be written there which is shown only when the answer is over. `held` is all that is held back
    just now because it may be a thought: who ends the call before the next piece takes it as text. `is_accepted` says
    no more than that the request was: the headers of the answer came.
    """

    is_thinking: bool = False
    is_unseen: bool = False
    at: Position | None = None
    held: str = ""
    is_accepted: bool = False


@dataclass(frozen=True, kw_only=True)
class Finish:
    """The end of one call. A missing or unknown reason is INTERRUPTED, never COMPLETE.

    `reasoned` says that the model spent tokens on hidden reasoning; that text is never part of the answer.
    """

    reason: FinishReason
    usage: Usage | None = None
    model: str = ""
    reasoned: bool = False


Item = Piece | Life | Finish
"""What a call yields."""


class Provider(Protocol):
    """Something that answers chat calls."""

    name: str
    """A label for people, such as "openai" or "scripted (not a model)"."""

    @property
    def default_model(self) -> str:
        """The model that calls without one get; "" while nobody knows it, which may be until `prepare`."""
        ...

    def prefills(self, model: str) -> bool:
        """True where the model continues a last assistant message exactly, so that answers may be joined raw.

        Known after `prepare`; ask before each call, because a call may teach that it is refused. "" is the model that
        calls without one get.
        """
        ...

    def prefill_ignored(self, model: str) -> None:
        """Learn that an answer of this model did not go on with what was begun, although the call was accepted."""
        ...

    def streams(self, model: str) -> bool:
        """False where streaming was refused for this model; the caller then uses turns."""
        ...

    async def prepare(self) -> None:
        """Get ready for calls: start what must run, learn what the endpoint can do. Cheap, bounded, repeatable.

        `stream` prepares by itself; who must know `prefills` before its first call prepares first. Raises
        `ProviderError` only where no call could succeed.
        """
        ...

    def stream(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int,
        delivery: Literal["stream", "turns"] = "stream",
    ) -> AbstractAsyncContextManager[AsyncIterator[Item]]:
        """Open one call; leaving the context closes the connection at once, also in the middle.

        The iterator yields pieces and signs of life, then exactly one `Finish`. `turns` asks for the whole answer
        in one response (one piece). Raises `ProviderError` on entering or while iterating; never retries.
        """
        ...

    async def aclose(self) -> None:
        """Give back what the provider holds for the running event loop; it may be used again afterwards."""
        ...


@dataclass(frozen=True, kw_only=True)
class SectionBrief:
    """What a prompt for a section says, in parts that may stand in a prompt as they are; "" where nothing is said.

    `about` is about the project, `wishes` are those of who asked for the document, `instructions` the section's own.
    """

    project: str
    about: str
    document: str
    wishes: str
    section: str
    instructions: str


@runtime_checkable
class WordsPrompts(Protocol):
    """A provider whose model has to be told of its section in another way than others."""

    def opening(self, brief: SectionBrief) -> tuple[Message, Message]:
        """The messages that ask for the section: what the model is, and what it is to write."""
        ...


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A kept answer that was read in part: `text` is all of it that arrived, `event` the event it ends with.

    Without `event` it is read from its beginning once more, and `text` left out.
    """

    answer: str
    event: int | None = None
    text: str = ""


@runtime_checkable
class KeepsAnswers(Protocol):
    """A provider that knows endpoints which keep an answer: it can be read on by whoever knows its id."""

    def keeps(self, model: str) -> bool:
        """False where the endpoint was found not to keep answers of this model."""
        ...

    def stream_kept(
        self, messages: Sequence[Message], *, model: str, max_tokens: int, begun: Begun | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Item]]:
        """Ask for an answer that is kept, or read on the one that was `begun`; then as `Provider.stream`.

        Leaving the context ends the reading, never the answer. Raises `KeepingRefused` where the endpoint keeps none
        (the call cost nothing: ask with `stream`), `AnswerGone` where a begun one cannot be read on.
        """
        ...

    async def cancel(self, answer: str) -> None:
        """End the answer at the endpoint, if it can be reached now; bounded, and raises nothing."""
        ...


CHARS_PER_TOKEN = 4
"""Tokens of a call whose usage nobody reported are estimated from the text kept: about four characters each."""
