"""What happened while one claim's document was written: noted as it happens, bounded, and without a word of the text;
pure. Prompts are kept beside it, for whoever may read those.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from generation.errors import BadSeam, CallEnded, DeadlinePassed, ProviderError, Stopped
from generation.providers.base import Finish, Message

FIRST_KEPT, LAST_KEPT = 60, 240
"""Of a long claim so many of the first events stay, and so many of the last."""
DETAIL_CHARS = 200
SLOW_COMMIT_S = 2.0
"""A commit that took longer is told: meanwhile no text came to viewers."""

JournalEvent = dict[str, Any]
"""`t` milliseconds since the claim, `k` what happened, `s` the section's position where it is one's, and facts:

begin, end   of a section
call         `n` its number, `delivery`, `mode`, `chars` of the prompt, `max_tokens`
text, seam   the first text of call `n` after `ms`; `seam` where it was joined to text of the section
answer       call `n` is over after `ms`: `end`, and where they are known `tokens`, `chars`, `status`, `detail`
retry        the next attempt waits: `wait_s`, `reason`, `status`, `attempt`, `of` (0: time decides)
thinking     the model reasons, for `seconds` so far
database     a commit came through only after `ms`
stop         the claim is over: `status`, `reason`
"""


@dataclass(frozen=True, kw_only=True)
class KeptPrompt:
    """What was asked with call `number`."""

    number: int
    at_ms: int
    section: str
    model: str
    messages: tuple[Message, ...]


@dataclass(kw_only=True)
class Sums:
    """Of the whole claim, also of what is left out of its events. Times in milliseconds."""

    calls: int = 0
    calls_ms: int = 0
    longest_ms: int = 0
    first_texts: int = 0
    first_texts_ms: int = 0
    retries: int = 0
    flushes: int = 0
    chars: int = 0


@dataclass(frozen=True, kw_only=True)
class JournalState:
    """All that is to be stored of a journal; `changes` says how far it had come."""

    events: list[JournalEvent]
    left_out: int
    sums: Sums
    ending: str
    ended_ms: int | None
    endpoint: str
    model: str
    prompts: tuple[KeptPrompt, ...]
    changes: int


@dataclass
class _OpenCall:
    number: int
    began_ms: int
    has_before: bool


@dataclass
class Journal:
    """Of one claim. `now_ms` is the time since the claim; so many prompts wait at most to be stored."""

    now_ms: Callable[[], int]
    kept_prompts: int = 0
    endpoint: str = ""
    model: str = ""
    sums: Sums = field(default_factory=Sums)
    ending: str = ""
    ended_ms: int | None = None

    def __post_init__(self) -> None:
        self._first: list[JournalEvent] = []
        self._last: deque[JournalEvent] = deque(maxlen=LAST_KEPT)
        self._noted = self._changes = 0
        self.has_events = False
        """Something happened that is not saved yet, and not only flushes."""
        self._flushes_saved = 0
        self._calls: dict[int, _OpenCall] = {}
        self._prompts: deque[KeptPrompt] = deque(maxlen=max(1, self.kept_prompts))

    def begin_section(self, position: int) -> None:
        self._note("begin", position)

    def end_section(self, position: int, *, tokens: int) -> None:
        self._note("end", position, tokens=tokens)

    def begin_call(
        self,
        position: int,
        *,
        section: str,
        messages: Sequence[Message],
        max_tokens: int,
        delivery: str,
        mode: str,
        has_before: bool,
    ) -> None:
        """A call is made; `has_before`: it goes on with text of the section."""
        self.sums.calls += 1
        number, chars = self.sums.calls, sum(len(message["content"]) for message in messages)
        self._calls[position] = _OpenCall(number, self.now_ms(), has_before)
        self._note("call", position, n=number, delivery=delivery, mode=mode, chars=chars, max_tokens=max_tokens)
        if self.kept_prompts:
            self._prompts.append(
                KeptPrompt(
                    number=number, at_ms=self.now_ms(), section=section, model=self.model, messages=tuple(messages)
                )
            )

    def text_came(self, position: int) -> None:
        """The first text of the call."""
        call = self._calls.get(position)
        if call is not None:
            after_ms = self.now_ms() - call.began_ms
            self.sums.first_texts += 1
            self.sums.first_texts_ms += after_ms
            self._note("seam" if call.has_before else "text", position, n=call.number, ms=after_ms)

    def end_call(self, position: int, finish: Finish, why: CallEnded | None, *, chars: int = 0) -> str:
        """The answer is over, however, and brought so much text; `why` where not as it should be. A word for how."""
        ending, call = _ending_word(finish, why), self._calls.pop(position, None)
        if call is None:
            return ending
        took_ms = self.now_ms() - call.began_ms
        self.sums.calls_ms += took_ms
        self.sums.longest_ms = max(self.sums.longest_ms, took_ms)
        facts: dict[str, Any] = {"n": call.number, "ms": took_ms, "end": ending, "chars": chars}
        if finish.usage is not None:
            facts["tokens"] = finish.usage.completion_tokens
        if isinstance(why, ProviderError) and why.status is not None:
            facts["status"] = why.status
        if isinstance(why, BadSeam | ProviderError) and str(why):
            facts["detail"] = str(why)[:DETAIL_CHARS]
        self._note("answer", position, **facts)
        return ending

    def retry(self, position: int, error: ProviderError, *, wait_s: float, attempt: int, of: int) -> None:
        self.sums.retries += 1
        facts: dict[str, Any] = {"wait_s": round(wait_s, 1), "reason": error.reason, "attempt": attempt, "of": of}
        if error.status is not None:
            facts["status"] = error.status
        self._note("retry", position, **facts, cause=error.cause)

    def thinks(self, position: int, seconds: float) -> None:
        """Told now and then while it lasts: the last time stands."""
        newest = self._last[-1] if self._last else self._first[-1] if self._first else {}
        if newest.get("k") == "thinking" and newest.get("s") == position:
            newest["seconds"] = int(seconds)
            self._changes, self.has_events = self._changes + 1, True
        else:
            self._note("thinking", position, seconds=int(seconds))

    def commit_waited(self, seconds: float) -> None:
        """A commit took so long, with all attempts."""
        self._note("database", None, ms=int(seconds * 1000))

    def end(self, status: str, reason: str = "") -> None:
        self.ending = f"{status}: {reason}" if reason else status
        self.ended_ms = self.now_ms()
        self._note("stop", None, status=status, reason=reason)

    @property
    def is_unsaved(self) -> bool:
        return self.has_news or self.sums.flushes != self._flushes_saved

    @property
    def has_news(self) -> bool:
        """Something happened, or a prompt waits to be stored."""
        return self.has_events or bool(self._prompts)

    def state(self) -> JournalState:
        """What there is to be stored, as of now."""
        return JournalState(
            events=[dict(event) for event in (*self._first, *self._last)],
            left_out=self._noted - len(self._first) - len(self._last),
            sums=replace(self.sums),
            ending=self.ending,
            ended_ms=self.ended_ms,
            endpoint=self.endpoint,
            model=self.model,
            prompts=tuple(self._prompts) if self.kept_prompts else (),
            changes=self._changes,
        )

    def saved(self, state: JournalState) -> None:
        """So much of it is stored."""
        self.has_events, self._flushes_saved = state.changes != self._changes, state.sums.flushes
        while self._prompts and state.prompts and self._prompts[0].number <= state.prompts[-1].number:
            self._prompts.popleft()

    def _note(self, kind: str, position: int | None, **facts: Any) -> None:
        event: JournalEvent = {"t": self.now_ms(), "k": kind}
        if position is not None:
            event["s"] = position
        event.update((name, fact) for name, fact in facts.items() if fact != "")
        self._noted += 1
        self._changes, self.has_events = self._changes + 1, True
        (self._first if len(self._first) < FIRST_KEPT else self._last).append(event)


def _ending_word(finish: Finish, why: CallEnded | None) -> str:
    match why:
        case None:
            return finish.reason.value
        case Stopped():
            return "stopped"
        case DeadlinePassed():
            return "deadline"
        case BadSeam():
            return "bad_seam"
        case ProviderError():
            return why.reason
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(why).__name__).lower()
