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
    """Tokens a call was billed, as the provider reported them."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, kw_only=True)
class Position:
    """A place in an answer that the endpoint keeps: where the text of its event number `event` ends.

    Without a number nothing can be read from there on; the answer itself can be read again from its beginning.
    """

    answer: str
    event: int | None = None


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One text fragment of the answer, exactly as received; never empty. It ends `at` a place of a kept answer."""

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


class ProviderError(Exception):
    """A call failed. `reason` is the code shown to people; `retryable` says whether trying again can help.

    The sentence says what the reader can do and never carries a key, a prompt or an answer. `cause` is said in a few
    words while the next attempt is waited for, such as "the model is loading".

    ProviderError
    ├── RateLimited          429; `retry_after_s` when the server said so
    ├── ProviderUnavailable  5xx, 408, 409, dropped, timed out, malformed
    │   ├── ProviderAway     nobody answers there for now: refused, no such host, 502, 503, 504, a model that loads
    │   └── AnswerGone       a kept answer cannot be read on: ask for the rest of the text
    └── ProviderRefused      another 4xx, or no API at all: nothing to gain by asking the same again
        ├── AuthFailed       401, 403
        ├── ModelNotFound    a 404 or 400 that names the model
        ├── KeepingRefused   the endpoint keeps no answers; ask with `stream`
        ├── StreamRefused    the endpoint does not stream; ask again with delivery "turns"
        └── PrefillRefused   a begun answer is not continued (`prefills(model)` is False from now on): build the
                             call anew for re-prompting, which a retry does by itself
    """

    reason = "provider_error"
    retryable = False
    cause = "the endpoint refuses the call"
    ends_answer = False
    """Nothing more can be had of the kept answer that was being read."""

    def __init__(self, detail: str, *, retry_after_s: float | None = None, cause: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.cause = cause or self.cause


class RateLimited(ProviderError):
    reason = "rate_limited"
    retryable = True
    cause = "rate limited"


class ProviderUnavailable(ProviderError):
    retryable = True
    cause = "the endpoint is in trouble"


class ProviderAway(ProviderUnavailable):
    cause = "the endpoint does not answer"


class AnswerGone(ProviderUnavailable):
    cause = "the endpoint has lost the answer"
    ends_answer = True


class ProviderRefused(ProviderError):
    pass


class KeepingRefused(ProviderRefused):
    pass


class AuthFailed(ProviderRefused):
    reason = "auth"


class ModelNotFound(ProviderRefused):
    reason = "model_not_found"


class StreamRefused(ProviderRefused):
    pass


class PrefillRefused(ProviderRefused):
    retryable = True
    cause = "the endpoint wants to be asked another way"
