"""What an OpenAI-compatible endpoint says in an answer: its bytes in, the text and the finish out; pure.

Takes both forms of an answer, a stream of events and one JSON document, whichever was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from generation.errors import ProviderError
from generation.markdown.farewell import stops_within
from generation.providers.base import CHARS_PER_TOKEN, Finish, FinishReason, Life, Piece, Usage
from generation.providers.openai_compatible import call_errors, filters
from generation.providers.openai_compatible.answer import events, shapes
from generation.providers.openai_compatible.answer.choices import Choosing
from generation.providers.openai_compatible.answer.cumulative import may_be_whole, news_in
from generation.providers.openai_compatible.answer.damage import damage_in
from generation.providers.openai_compatible.answer.finishes import reason_of
from generation.providers.openai_compatible.answer.repeats import LEAST_PARAGRAPH_CHARS, Repeats, Sign
from generation.providers.openai_compatible.answer.shapes import Json, Shapeless
from generation.providers.openai_compatible.answer.thoughts import Thoughts
from generation.providers.openai_compatible.call_errors import Asked, Said

MAX_CHARS_PER_TOKEN = 6
SLACK_CHARS = 1_000
"""An answer longer than the limit in tokens allows is cut here: some endpoints ignore the limit and write for ever.
Text has 1 to 5 characters a token; what is cut too soon is gone on with.
"""
LAST_PIECES = 40
"""In so many of them it shows whether the text stops within a sentence."""
_LIFE, _THINKING = Life(), Life(is_thinking=True)
Items = Sequence[Piece | Life]


class Answer:
    """One answer, read portion by portion. `feed` and `close` give what it brings; `finish` says how it ended.

    `said` takes from an error what it says; `begun` is the text it goes on from; `opens` is what is known of the
    model's thoughts (see `Thoughts`). Raises `ProviderError` where what comes is not an answer.
    """

    def __init__(
        self,
        asked: Asked,
        limit_tokens: int,
        *,
        said: Callable[[object], Said],
        begun: str = "",
        opens: bool | None = None,
        now_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._asked, self._said, self._limit_tokens = asked, said, limit_tokens
        self._begun, self._opens = begun, opens
        self._chars_left = limit_tokens * MAX_CHARS_PER_TOKEN + SLACK_CHARS
        self._chars_beyond = limit_tokens * (MAX_CHARS_PER_TOKEN - CHARS_PER_TOKEN) + SLACK_CHARS
        self.events: events.Events | None = None
        self._start = b""
        self._may_be_lines = True
        self._choosing = Choosing()
        self._repeats = Repeats()
        self._form: shapes.Form | None = None  # of the event before, where that was a plain one
        self.thoughts = Thoughts(begun=begun, opens=opens, goes_on=asked.prefilled, now_s=now_s)
        self._pieces: list[str] = []  # all that came as text, thoughts included
        self._length = 0  # the characters of these
        self._half_character = ""
        self._reason: FinishReason | None = None
        self._worded = 0  # events that brought text and said that it ends
        self._text_events = 0
        self._last: Json | None = None  # a choice that ended the text with text
        self._usage: Usage | None = None
        self._reasoning_tokens = 0
        self._model = ""
        self._reasoned = self._refused = self._called_tool = self._heard = self._is_done = False
        self._has_deltas = self._ends_with_text = False
        self._is_foreign = False  # events came, and none in a form that is known
        self._waiting: list[str] = []  # pieces that are not certain yet
        self.is_over = False
        """Nothing more is to be read."""
        self.is_whole = False
        """It came as one JSON document."""

    def feed(self, chunk: bytes) -> Iterator[Piece | Life]:
        """The text that comes together is one piece."""
        if self.events is None:
            begun = self._begin(chunk)
            if begun is None:
                return
            self.events, chunk, self._start = events.Events(), begun, b""
        if text := self._together(chunk):
            yield Piece(text=text)
            return
        texts: list[str] = []
        try:
            for data in self.events.feed(chunk):
                if text := self._formed(data):
                    texts.append(text)
                    continue
                for item in self._event(data):
                    if isinstance(item, Piece):
                        texts.append(item.text)
                    else:
                        yield from _taken(texts)
                        yield item
        except (ProviderError, ValueError) as err:
            yield from _taken(texts)
            raise err if isinstance(err, ProviderError) else call_errors.malformed(self._asked, err) from None
        yield from _taken(texts)

    def close(self) -> Iterator[Piece | Life]:
        """The body has ended, or what follows is not waited for."""
        if self.is_whole:
            yield from self._whole()
        elif self.events is not None and not self.is_over:
            for data in self.events.finish():
                # A last event that is cut is no fault of the format: the missing finish says that it was cut.
                if events.is_done_mark(data) or events.is_json(data):
                    yield from self._event(data)
        if not self._heard:
            raise call_errors.empty(self._asked)
        if self._is_foreign:
            raise call_errors.malformed(self._asked)
        if (damage := damage_in(self._pieces, is_whole=self.is_whole)) is not None:
            raise call_errors.damaged(self._asked, damage)
        try:
            for choice in self._choosing.rest():
                yield from self._choice(choice, {})
            text = self._text(self._repeats.rest())
        except ValueError as err:
            raise call_errors.malformed(self._asked, err) from None
        ended = self._ended()
        is_cut, is_broken = ended is FinishReason.TRUNCATED, ended is FinishReason.INTERRUPTED
        if rest := text + self.thoughts.rest(is_cut=is_cut, is_broken=is_broken) + self._half_character:
            yield Piece(text=rest)

    def salvage(self) -> Iterator[Piece]:
        """It broke off: what was held back and is text."""
        if not self.is_whole and not self.thoughts.is_lost:
            text = self._repeats.take() + self.thoughts.rest(is_broken=True)
            if text:
                yield Piece(text=text)

    @property
    def has_reason(self) -> bool:
        """The endpoint said why it ended; only the usage may follow."""
        return self._reason not in (None, FinishReason.INTERRUPTED)

    @property
    def is_sure(self) -> bool:
        """Its reason is an end, and no word that comes with every event."""
        return self.has_reason and self._worded <= 1

    @property
    def is_ended_apart(self) -> bool:
        """Its end was said in an event of its own, after the text."""
        return self.is_sure and self._text_events > 0 and not self._ends_with_text

    def finish(self) -> Finish:
        reasoned = self._reasoned or self.thoughts.found
        # Some count nothing and report 0, whatever was written.
        usage = None if self._pieces and self._usage and not self._usage.completion_tokens else self._usage
        return Finish(reason=self._ended(), usage=usage, model=self._model, reasoned=reasoned)

    def break_off(self) -> None:
        """It went silent after a word that came with every event, which is no end."""
        self._reason = FinishReason.INTERRUPTED

    def _ended(self) -> FinishReason:
        if self._refused:
            return FinishReason.FILTERED
        if self._chars_left <= 0:
            return FinishReason.TRUNCATED
        reason = FinishReason.INTERRUPTED if self.thoughts.is_cut else self._reason
        used = self._usage.completion_tokens if self._usage else 0
        if self.thoughts.ends_turn or (reason is FinishReason.TRUNCATED and not self.is_sure and used > 0):
            reason = FinishReason.COMPLETE  # the limit, said from the first event on, is told by the usage alone
        if reason is None:
            reason = self._ended_without_a_word()
        if reason is FinishReason.COMPLETE and self._called_tool:
            return FinishReason.TOOL
        # Some servers say "stop" where the limit cut them off; to others it is no limit for what was thought.
        if reason is FinishReason.COMPLETE and used - self._reasoning_tokens >= self._limit_tokens:
            return FinishReason.TRUNCATED
        return reason

    def _ended_without_a_word(self) -> FinishReason:
        """The end was marked and not explained. It may be a cut: the limit is reached, or the text stops too soon."""
        if not self._pieces or not (self._is_done or (self.is_whole and self._usage)):
            return FinishReason.TOOL if self._called_tool and self._is_done else FinishReason.INTERRUPTED
        if stops_within("".join(self._pieces[-LAST_PIECES:])):
            return FinishReason.INTERRUPTED
        is_at_limit = self._usage is None and self._text_events >= self._limit_tokens
        return FinishReason.TRUNCATED if is_at_limit else FinishReason.COMPLETE

    # What comes

    def _begin(self, chunk: bytes) -> bytes | None:
        """The body from its first byte that says something, once it shows to be a stream."""
        self._start += chunk
        if len(self._start) > events.MAX_EVENT_BYTES:
            raise call_errors.malformed(self._asked)
        begun = self._start.lstrip(b" \t\r\n\xef\xbb\xbf")
        if not begun:
            return None
        if begun.startswith(b"<"):
            raise call_errors.web_page(self._asked)
        if not begun.startswith((b"{", b"[")):
            return begun
        self.is_whole = True
        if self._may_be_lines and b"\n" in begun:
            self._may_be_lines = False
            self.is_whole = not events.are_lines(begun)
        return None if self.is_whole else begun

    def _whole(self) -> Items:
        try:
            payload = events.document_in(self._start)
        except (ValueError, RecursionError):
            raise call_errors.malformed(self._asked) from None
        payload = shapes.unwrapped(payload)  # Gemini wraps an error into a list
        self.thoughts = Thoughts(begun=self._begun, opens=self._opens, is_whole=True, goes_on=self._asked.prefilled)
        items = self._payload(payload)
        says_nothing = not (self._text_events or self._reason or self._refused or self._called_tool)
        if says_nothing and not (isinstance(payload, dict) and payload.get("choices")):
            is_known = isinstance(payload, dict) and (
                "choices" in payload or payload.get("object") == "chat.completion"
            )
            raise (call_errors.no_choices if is_known else call_errors.malformed)(self._asked)
        return items

    def _event(self, data: bytes) -> Items:
        if self.is_over:
            return ()
        if events.is_done_mark(data):
            self.is_over = self._heard = self._is_done = True
            return ()
        if not data.lstrip().startswith((b"{", b"[{")):
            return self._word(data)
        try:
            payloads = events.objects_in(data)
        except (ValueError, RecursionError):  # broken JSON, bytes that are not UTF-8, or nested without end
            return self._unread()
        if len(payloads) == 1 and (choice := shapes.plain_event(payloads[0])) and self._is_plain(choice, payloads[0]):
            self._form = shapes.form_of(data, choice["delta"]["content"]) or self._form
            return (Piece(text=self._plain(choice["delta"]["content"])),)
        self._form = None
        items = [item for payload in payloads if not self.is_over for item in self._payload(payload)]
        if items:
            return items
        if self.is_over:
            return ()
        if held := self.thoughts.suspected + self._repeats.held:
            return (Life(is_thinking=self.thoughts.is_thinking, held=held),)
        return (_THINKING if self.thoughts.is_thinking else _LIFE,)

    def _is_plain(self, choice: Json, payload: Any) -> bool:
        """Whether its text is taken just as it is; all that is taken otherwise goes the long way."""
        return (
            self._choosing.is_ours(choice)
            and self._repeats.is_plain(payload.get("id"))
            and not (self._waiting or self._half_character or self._reason)
            and not may_be_whole(choice["delta"]["content"], self._length)
            and not self._repeats.head.startswith(choice["delta"]["content"])
            and payload.get("model", self._model) == self._model
            and not "\ud800" <= choice["delta"]["content"][-1] <= "\udbff"
            and self.thoughts.passes(choice["delta"]["content"])
        )

    def _formed(self, data: bytes) -> str:
        """The text of an event that is the last plain one but for it; "" where it has to be read."""
        if self._form is None or self.is_over:
            return ""
        text = self._form.text_in(data)
        is_new = not (may_be_whole(text, self._length) or self._repeats.head.startswith(text))
        return self._plain(text) if is_new and self.thoughts.passes(text) else ""

    def _together(self, chunk: bytes) -> str:
        """The text of a chunk that holds nothing but such events; "" where they have to be read one by one."""
        if self._form is None or self.is_over or self.events is None or self.events.is_within:
            return ""
        texts = self._form.texts_in(chunk)
        text = "".join(texts)
        # One of them may be the whole once more, where all of them are as long as what was before.
        if len(text) >= min(self._length, self._chars_left):
            return ""
        may_repeat = not text or any(map(self._repeats.head.startswith, texts))
        return "" if may_repeat or not self.thoughts.passes(text) else self._plain(text, len(texts))

    def _plain(self, text: str, number: int = 1) -> str:
        """Text in the middle of an answer: what `_choice` does with it."""
        self._repeats.head += text if self._length < LEAST_PARAGRAPH_CHARS else ""
        self._pieces.append(text)
        self._length, self._chars_left = self._length + len(text), self._chars_left - len(text)
        self._text_events += number
        self._has_deltas, self._ends_with_text = True, False
        self.is_over = self._chars_left <= 0
        return text

    def _word(self, data: bytes) -> Items:
        """An event that is no JSON object."""
        word = data.decode(errors="replace").strip()
        if events.is_idle(word):
            return ()
        if events.tells_trouble(word) and not self.is_sure:
            return self._failed(word)
        return self._unread()

    def _unread(self) -> Items:
        if not self.is_sure:
            raise call_errors.malformed(self._asked) from None
        self.is_over = True  # the text was complete before it
        return ()

    def _payload(self, payload: object) -> Items:
        payload = shapes.unwrapped(payload)
        if not isinstance(payload, dict):
            raise call_errors.malformed(self._asked)
        if not self.is_sure and not payload.get("choices") and filters.is_marked(payload):
            return self._filtered()
        if call_errors.is_error(payload):
            if self.is_sure:
                self.is_over = True  # the answer was complete before it
                return ()
            return self._failed(payload)
        self._heard = True
        if isinstance(model := payload.get("model"), str):
            self._model = model[:200]
        try:
            choices = shapes.choices_in(payload)
            usage, reasoned = shapes.usage_in(payload, choices[0] if choices else None)
            self._usage, self._reasoned = usage or self._usage, self._reasoned or reasoned > 0
            self._reasoning_tokens = reasoned or self._reasoning_tokens
            self._is_foreign = not choices and (
                self._is_foreign or (not self._text_events and "choices" not in payload)
            )
            items = self._choices(choices, payload)
        except Shapeless:
            raise call_errors.malformed(self._asked) from None
        if shapes.is_done(payload):
            self._is_done = self.is_over = True
        return items

    def _failed(self, payload: Json | str) -> Items:
        said = self._said(payload)
        if filters.is_told(said.words):
            return self._filtered()
        raise call_errors.from_event(self._asked, payload, said, has_text=self._text_events > 0)

    def _filtered(self) -> Items:
        self._refused = self._heard = self.is_over = True
        self._is_foreign = False
        return ()

    def _choices(self, choices: list[Json], payload: Json) -> Items:
        if not choices:  # the usage comes with an empty list, or with none
            self._take_words(payload, {})
            return ()
        if self.is_whole:
            ours = next((choice for choice in choices if choice.get("index") in (None, 0, "0")), choices[0])
            return self._choice(ours, payload)
        taken = self._choosing.feed(choices, is_ended=self.has_reason)
        if len(taken) == 1:
            return self._choice(taken[0], payload)
        return [item for choice in taken for item in self._choice(choice, payload)]

    def _choice(self, choice: Json, payload: Json) -> Items:
        if isinstance(choice.get("error"), dict):
            return self._failed(choice)
        message, is_message = (shapes.message_in(choice), False) if self.is_whole else shapes.delta_in(choice)
        content, thinks = shapes.text_of(message)
        self._refused = self._refused or shapes.refuses(message)
        if len(message) > 1 or "content" not in message:
            thinks = thinks or shapes.is_thinking(message)
            self._called_tool = self._called_tool or shapes.calls_tool(message)
        if thinks:
            self._reasoned = True
            self.thoughts.come_apart(shapes.thought_of(message))
        before = self._reason
        has_word = self._take_words(payload, choice)
        if before is FinishReason.TRUNCATED and not content and self._worded < self._text_events:
            self._reason = before  # a gateway's own "stop" behind the model's end
        if has_word and content and self._worded < self._text_events:
            if choice == self._last:
                return ()  # the last event, sent twice
            self._last = choice
        is_again = (is_message or has_word or may_be_whole(content, self._length)) and not self._repeats.grows
        if content and is_again and not self.is_whole:
            content = news_in(content, self._pieces, self._length, is_beside=is_message and self._has_deltas)
        sign = Sign(ident=payload.get("id"), has_role=bool(message.get("role")), mark=payload.get("obfuscation"))
        self._repeats.begins(sign, pieces=self._pieces, length=self._length, events=self._text_events)
        if not content:
            return (_THINKING,) if thinks else ()
        self._text_events += 1
        self._worded += has_word
        self._ends_with_text = has_word
        self._has_deltas = self._has_deltas or not is_message
        if not has_word and self.has_reason and content.strip():
            self._reason = None  # what was said before was not the end
        text = self._text(content if self.is_whole else self._repeats.feed(content))
        if not self.is_whole:  # a whole document may begin with an echo of what was begun
            self._chars_left -= len(text)
            if self._text_events > self._limit_tokens and self._chars_left <= self._chars_beyond:
                self._chars_left = 0  # more events than tokens may be, and these are no parts of tokens
            self.is_over = self._chars_left <= 0 or self.thoughts.is_over
        if not self._waiting and text == content:
            return (Piece(text=text),)
        # What was held back comes in the pieces that it came in, where nothing was taken out of it.
        self._waiting.append(content)
        if not text:
            return ()
        waited, self._waiting = self._waiting, []
        return [Piece(text=one) for one in (waited if text == "".join(waited) else [text])]

    def _take_words(self, payload: Json, choice: Json) -> bool:
        """Take the reason that is given; whether there is one."""
        self._ends_with_text = False
        words = shapes.words_in(payload, choice)
        reasons = [reason_of(word) if isinstance(word, str) else FinishReason.INTERRUPTED for word in words]
        if not (said := [reason for reason in reasons if reason is not None]):
            return False
        # The gateway says "stop", and the model behind it that it was cut off.
        is_worse = said[0] is FinishReason.COMPLETE and said[-1] in (FinishReason.TRUNCATED, FinishReason.FILTERED)
        self._reason = said[-1] if is_worse else said[0]
        return self._reason is not FinishReason.INTERRUPTED

    def _text(self, content: str) -> str:
        if content:
            self._pieces.append(content)
            self._length += len(content)
        text = self.thoughts.feed(self._whole_characters(content))
        if self.thoughts.is_lost:
            raise call_errors.thought_as_text(self._asked)
        return text

    def _whole_characters(self, text: str) -> str:
        """Joins a character whose two halves came in two events (JSON escapes it as two surrogates)."""
        if self._half_character:
            text, self._half_character = shapes.joined(self._half_character + text), ""
        if text and "\ud800" <= text[-1] <= "\udbff" and not self.is_whole:
            text, self._half_character = text[:-1], text[-1]
        return text


def _taken(texts: list[str]) -> Items:
    text = "".join(texts)
    texts.clear()
    return (Piece(text=text),) if text else ()
