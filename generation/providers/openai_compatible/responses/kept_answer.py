"""What the Responses API says of an answer that the endpoint keeps: its events and whole states in, the text out; pure.

The text read so far is compared with whatever the endpoint sends again (repeated events, a state that begins anew, the
text of a finished part), so that nothing comes twice and nothing that was left out on the way is missed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from typing import Any, TypeGuard

from generation.errors import AnswerGone, ProviderError
from generation.providers.base import Begun, Finish, FinishReason, Item, Life, Piece, Position, Usage
from generation.providers.openai_compatible import call_errors, filters
from generation.providers.openai_compatible.answer.answers import MAX_CHARS_PER_TOKEN, SLACK_CHARS
from generation.providers.openai_compatible.answer.finishes import reason_of
from generation.providers.openai_compatible.answer.shapes import MOST_TEXT_CHARS, MOST_TOKENS, Json, cached_in
from generation.providers.openai_compatible.answer.thoughts import Thoughts
from generation.providers.openai_compatible.call_errors import Asked, Said

MAX_ID_CHARS = 1_000
"""Gateways pack their own routing into an id; a longer one is not kept, and the answer then read like any other."""
WAITING_STATUSES = frozenset({"queued", "in_progress"})
_ENDS = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
}
_ENDLESS = "endless"
_HALVES = re.compile("[\ud800-\udbff][\udc00-\udfff]")


class KeptAnswer:
    """One answer as it is read, over any number of connections. `feed` takes an event, `see` a whole state.

    `said` takes from an error what it says, `prior` is the text that the answer goes on from, `opens` what is known of
    the model's thoughts (see `Thoughts`).
    Both give pieces and signs of life; they raise `ProviderError` where the answer failed, and `AnswerGone` where what
    comes is not what was begun. Once `is_over`, `rest` gives what was held back and `finish` says how it ended.
    """

    def __init__(
        self,
        asked: Asked,
        *,
        limit_tokens: int,
        said: Callable[[object], Said],
        begun: Begun | None = None,
        prior: str = "",
        opens: bool | None = None,
        now_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._asked = asked
        self._said = said
        self._limit_tokens = limit_tokens
        self.id = begun.answer if begun else ""
        self.status = ""
        self.is_over = False
        self.is_kept: bool | None = True if begun else None
        """Whether the endpoint keeps it, as far as it said so."""
        self.last_event = begun.event if begun else None
        self.has_hole = False
        """The number of an event skipped some: they may have been lost. The event was not taken."""
        self._minds_holes = True
        self._known_event = self.last_event
        self._seen: dict[int, int] = {}
        self._is_numbered = True
        self._text = begun.text if begun and begun.event is not None else ""  # as it came
        self._text_of_part: dict[tuple[object, object], str] = {}  # of parts that were read from their beginning
        self._is_from_beginning = not self._text
        self._state_begins_anew = False
        self._is_next_message = False  # what begins anew is a message behind another: it may hold all of that one again
        self._is_ahead_of: int | None = None  # the number of a state that brought text, while no piece came since
        self._said_again = ""  # what came since, as long as it may be what was said before
        self._again_from = 0
        self._is_certainly_again = False
        self._asides: set[object] = set()
        self._half = ""
        self.thoughts = Thoughts(begun=prior, opens=opens, now_s=now_s)
        self._given = len(self.thoughts.feed(self._text))
        self._left_out = begun.text if begun and begun.event is None else ""
        self._end = self._detail = self._model = ""
        self._error: Mapping[str, Any] = {}
        self._usage: Usage | None = None
        self._reasoned = self._refused = self._called_tool = False

    # What arrives

    def feed(self, event: Json) -> Iterator[Item]:
        """One event of the stream."""
        if self.is_over or self._was_here(event):
            return
        kind = event.get("type")
        kind = kind if isinstance(kind, str) else ""
        state, key = event.get("response"), (event.get("output_index"), event.get("content_index"))
        if kind == "error" or (not kind and event.get("error")):
            self._error = event["error"] if isinstance(event.get("error"), Mapping) else event
            yield Life()
            return  # the answer itself may go on; whether it failed is said by its state
        self.status = self.status if isinstance(state, dict) else "in_progress"
        if isinstance(state, dict):
            yield from self._state(state, _ENDS.get(kind, ""), event.get("sequence_number"))
        elif kind == "response.output_text.delta" and not self._is_aside(event):
            if self._is_ahead_of is not None and not _falls(event.get("sequence_number"), self._is_ahead_of):
                self._state_begins_anew = False  # it goes on behind the state
            self._is_ahead_of = None
            yield from self._delta(event.get("delta"), key)
        elif kind in ("response.output_text.done", "response.content_part.done") and not self._is_aside(event):
            yield from self._part_done(event, key)
        else:
            if kind == "response.content_part.added":
                self._text_of_part[key] = ""
            self._refused = self._refused or "refusal" in kind
            self._reasoned = self._reasoned or "reasoning" in kind
            self._note_item(event.get("item"), event.get("output_index"))
            if kind == "response.output_item.added" and self._text and _is_message(event.get("item")):
                self._begin_anew(0, is_next_message=True)
            yield Life(is_thinking="reasoning" in kind or _is_thought(event.get("item")) or self._is_aside(event))

    def apply(self, state: Json) -> Iterator[Item]:
        """The answer as it stands, asked for as a whole."""
        if state.get("error") and not isinstance(state.get("status"), str):
            raise self._trouble(state["error"])
        self._state_begins_anew = False
        yield from self._note_state(state)
        text = _text_of(state)
        if text.startswith(self._text):
            yield from self._take(text[len(self._text) :])
        elif self.status == "completed" and text.strip() != self._text.strip():
            raise self._gone("is not the one that was begun")
        # Else it holds less than what came of it: it is not over, was cut off, or its states hold no text.
        if self.status not in WAITING_STATUSES:
            self._ends(state)

    def accept_holes(self) -> None:
        """The events were asked for once more and the numbers still skip: that is how this endpoint counts."""
        self.has_hole = self._minds_holes = False

    def rest(self) -> Iterator[Item]:
        """What was held back and is text after all."""
        held = self.thoughts.rest(is_cut=self._end == "incomplete") + self._half
        self._half = ""
        if given := self._not_left_out(held):
            yield Piece(text=given, at=self._at(None))
        if self._left_out.strip() and self._end == "completed":
            raise self._gone("is not the one that was begun")

    def finish(self) -> Finish:
        if self._error and not self.is_over:
            raise self._trouble(self._error)
        return Finish(reason=self._reason(), usage=self._usage, model=self._model, reasoned=self._reasoned)

    @property
    def says_nothing(self) -> bool:
        """Whatever came has neither an id, nor text, nor an error in it."""
        return not (self.id or self._text or self._error)

    @property
    def goes_on(self) -> bool:
        """It is not read to its end: it passed its limit, or the end of its turn."""
        return self.is_over and self.status in WAITING_STATUSES and self.is_kept is not False

    @property
    def progress(self) -> object:
        """Equal as long as nothing new came."""
        return self.last_event, self.status, len(self._text)

    # The numbers of events

    def _was_here(self, event: Json) -> bool:
        """Whether this event is not to be taken: it was here before, or comes after a hole."""
        number, last = event.get("sequence_number"), self.last_event
        if not isinstance(number, int) or isinstance(number, bool):
            self._is_numbered = False
            return False
        mark = hash(json.dumps(event, sort_keys=True))
        if self._seen.get(number) == mark or (self._known_event is not None and number <= self._known_event):
            return True
        if last is not None and number > last + 1 and self._minds_holes and self._is_numbered and self.id:
            self.has_hole = True
            return True
        if last is not None and number <= last:
            self._is_numbered = False  # two events share a number, or they fall: no place to go on from
        self._seen[number] = mark
        self.last_event = number if last is None else max(last, number)
        return False

    def _at(self, event: int | None) -> Position | None:
        return Position(answer=self.id, event=event) if self.id and self.is_kept is not False else None

    @property
    def _border(self) -> int | None:
        """The number of the last event, where what was given ends with its text and is the text as it came."""
        is_whole = self._given == len(self._text) and not self._half and not self._state_begins_anew
        return self.last_event if is_whole and self._is_numbered else None

    # States

    def _state(self, state: Json, end: str, number: object) -> Iterator[Item]:
        """An event that carries the whole answer as it stands; `end` is the status where it is the last one."""
        yield from self._note_state(state | {"status": end} if end else state)
        text, known = _text_of(state), len(self._text)
        if text.startswith(self._text):
            self._state_begins_anew = False
            if not end and len(text) > known:
                # The pieces of what it brings may still come, under numbers that the state has overtaken.
                self._is_numbered, self._is_ahead_of = False, number if isinstance(number, int) else -1
                self._begin_anew(known)
            yield from self._take(text[known:])
        elif not self._text.startswith(text) and not end:
            raise self._gone("was begun anew there")
        elif not end:
            # It is behind what came already. What follows is said again from there, or goes on as if nothing had been.
            self._begin_anew(len(text), is_certain=bool(text))
        if end:  # all that came in pieces was written, whatever the last state says
            self._ends(state)

    def _begin_anew(self, at: int, *, is_certain: bool = False, is_next_message: bool = False) -> None:
        """What follows may be said again from this place on."""
        self._state_begins_anew, self._said_again, self._again_from = True, "", at
        self._is_certainly_again, self._is_next_message = is_certain, is_next_message

    def _note_state(self, state: Json) -> Iterator[Item]:
        status, answer, limit = state.get("status"), state.get("id"), state.get("max_output_tokens")
        self.status = status if isinstance(status, str) else self.status
        if isinstance(model := state.get("model"), str) and model:
            self._model = model[:200]
        if _is_count(limit) and limit:
            self._limit_tokens = limit
        if state.get("background") is False:
            self.is_kept = False
        if not self.id and isinstance(answer, str) and 0 < len(answer) <= MAX_ID_CHARS:
            self.id = answer
            yield Life(at=self._at(self._border))
        elif self.status == "in_progress":
            yield Life()

    def _ends(self, state: Json) -> None:
        self.is_over, self._end = True, self.status
        details = state.get("incomplete_details")
        self._detail = str(details.get("reason") or "") if isinstance(details, Mapping) else ""
        for item in _items(state):
            self._note_item(item, None)
            self._refused = self._refused or any(part.get("type") == "refusal" for part in _content(item))
        self._read_usage(state.get("usage"))
        if self.status == "failed":
            error = state.get("error") or self._error
            if not filters.is_marked(error) and not filters.is_told(call_errors.words(error)):
                raise self._trouble(error or "failed")
            self._refused = True

    def _reason(self) -> FinishReason:
        if self._refused or reason_of(self._detail) is FinishReason.FILTERED:
            return FinishReason.FILTERED
        if self._end == "completed":
            if self._called_tool and not self._text:
                return FinishReason.TOOL
            used = self._usage.completion_tokens if self._usage else 0
            # Some servers call an answer completed where the limit cut it off.
            return FinishReason.TRUNCATED if used >= self._limit_tokens else FinishReason.COMPLETE
        if self._end in ("incomplete", "cancelled", _ENDLESS):
            return FinishReason.TRUNCATED
        return FinishReason.INTERRUPTED

    # The text

    def _delta(self, delta: object, key: tuple[object, object]) -> Iterator[Item]:
        if not isinstance(delta, str):
            raise call_errors.malformed(self._asked)
        if self._is_from_beginning or key in self._text_of_part:
            self._text_of_part[key] = self._text_of_part.get(key, "") + delta
        if not self._state_begins_anew:
            yield from self._take(delta)
            return
        self._said_again += delta
        before = self._text[self._again_from :]
        if before.startswith(self._said_again):
            yield Life()
            return
        if self._said_again.startswith(before):
            self._said_again = self._said_again[len(before) :]
        elif self._is_certainly_again:
            raise self._gone("was begun anew there")
        self._state_begins_anew = False
        yield from self._take(self._said_again)

    def _part_done(self, event: Json, key: tuple[object, object]) -> Iterator[Item]:
        """A part of the text is over: what of it did not come in pieces comes now."""
        part = event.get("part")
        holder = part if isinstance(part, Mapping) else event
        self._refused = self._refused or holder.get("type") == "refusal"
        text = holder.get("text")
        is_again = self._state_begins_anew and not self._is_next_message
        if not isinstance(text, str) or is_again or holder.get("type") in ("refusal", "reasoning_text"):
            yield Life()
            return
        known = self._text_of_part.get(key, "" if self._is_from_beginning else None)
        if self._state_begins_anew:
            if known is not None and text.startswith(known) and text != known:
                yield from self._delta(text[len(known) :], key)
            return
        if known is None and text.startswith(self._text):  # the only part, begun in an earlier call
            known = self._text
        if known is not None and text.startswith(known):
            yield from self._take(text[len(known) :])
        if known is not None:
            self._text_of_part[key] = text

    def _take(self, text: str) -> Iterator[Item]:
        """New text of the answer."""
        if len(text) > MOST_TEXT_CHARS:
            raise call_errors.malformed(self._asked)
        text, self._half = _HALVES.sub(_joined, self._half + text), ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        self._text += text
        if len(self._text) > self._limit_tokens * MAX_CHARS_PER_TOKEN + SLACK_CHARS:
            self.is_over, self._end = True, _ENDLESS
        given = self.thoughts.feed(text)
        if self.thoughts.is_lost:
            raise call_errors.thought_as_text(self._asked)
        if self.thoughts.is_over:  # it wrote the mark that ends its turn, and goes on
            self.is_over, self._end = True, "completed"
        self._given += len(given)
        self._reasoned = self._reasoned or self.thoughts.found
        if new := self._not_left_out(given):
            yield Piece(text=new, at=self._at(self._border))
        elif text:
            held = "" if self._left_out else self.thoughts.suspected
            yield Life(is_thinking=self.thoughts.is_thinking, held=held)

    def _not_left_out(self, given: str) -> str:
        """The text without what an earlier call gave already, which must be what comes."""
        known = self._left_out[: len(given)]
        if not given.startswith(known):
            raise self._gone("is not the one that was begun")
        self._left_out = self._left_out[len(known) :]
        return given[len(known) :]

    # Small things

    def _note_item(self, item: object, index: object) -> None:
        if not isinstance(item, Mapping):
            return
        kind = item.get("type")
        self._called_tool = self._called_tool or (isinstance(kind, str) and kind.endswith("_call"))
        self._reasoned = self._reasoned or _is_thought(item)
        if _is_comment(item):
            self._asides |= {mark for mark in (item.get("id"), index) if mark is not None}

    def _is_aside(self, event: Json) -> bool:
        return event.get("item_id") in self._asides or event.get("output_index") in self._asides

    def _read_usage(self, usage: object) -> None:
        if not isinstance(usage, Mapping):
            return
        prompt, completion = usage.get("input_tokens"), usage.get("output_tokens")
        if _is_count(prompt) and _is_count(completion):
            cached = cached_in(dict(usage))
            self._usage = Usage(prompt_tokens=prompt, completion_tokens=completion, cached_tokens=cached)
        details = usage.get("output_tokens_details")
        if isinstance(details, Mapping) and _is_count(thought := details.get("reasoning_tokens")) and thought:
            self._reasoned = True

    def _trouble(self, error: object) -> ProviderError:
        """The answer failed: nothing more of it can be had."""
        payload = {"error": error}
        trouble = call_errors.from_event(self._asked, payload, self._said(payload))
        trouble.ends_answer = True
        return trouble

    def _gone(self, why: str) -> AnswerGone:
        return AnswerGone(f"The answer that {self._asked.place} keeps {why}; the rest is asked for anew.")


def _falls(number: object, last: int) -> bool:
    """Whether an event's number is not above the last one; so it is where there are no numbers."""
    return not isinstance(number, int) or last < 0 or number <= last


def _items(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    output = state.get("output")
    return [item for item in output if isinstance(item, Mapping)] if isinstance(output, list) else []


def _content(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = item.get("content")
    return [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []


def _is_comment(item: Mapping[str, Any]) -> bool:
    """What a model says about its work, beside the answer."""
    return item.get("phase") == "commentary"


def _is_message(item: object) -> bool:
    return isinstance(item, Mapping) and item.get("type") == "message" and not _is_comment(item)


def _is_thought(item: object) -> bool:
    return isinstance(item, Mapping) and item.get("type") == "reasoning"


def _text_of(state: Mapping[str, Any]) -> str:
    """The text of a whole answer: every text part of every message, in order.

    A message that the next one begins with is left out: a gateway that hands on an answer as it grows sends each stage
    as one more message.
    """
    texts = [
        "".join(
            part["text"]
            for part in _content(item)
            if part.get("type") in ("output_text", "text") and isinstance(part.get("text"), str)
        )
        for item in _items(state)
        if item.get("type") in (None, "message") and not _is_comment(item)
    ]
    return "".join(
        text
        for text, follows in zip_longest(texts, texts[1:])
        if not (text.strip() and (follows or "").startswith(text))
    )


def _joined(halves: re.Match[str]) -> str:
    return halves[0].encode("utf-16", "surrogatepass").decode("utf-16")


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS
