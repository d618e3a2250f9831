"""Takes thoughts and the marks of chat templates out of a text that comes in portions; pure.

A model's server should do that, and often does not. What stands in code stays: a document may be about such marks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum

from generation.markdown.places import Place
from generation.providers.openai_compatible.answer import marks, template_marks
from generation.providers.openai_compatible.answer.turn_marks import Move, TurnMarks

SUSPECTED_S, SUSPECTED_CHARS = 4.0, 1_500
"""Who only begins like a thought is held back for so long, or up to so much text."""
MOST_SUSPECTED_S, MOST_SUSPECTED_CHARS = 30.0, 40_000
"""The same while it goes on talking to itself. A text that is none is seen after this, and a crash loses no more."""
SLICE_CHARS = 8_000
"""Of a piece so much is looked at at a time: with every mark the rest is cut anew."""
MOST_THOUGHT_CHARS = 400_000
LATELY_CHARS = 1_000
DELIBERATES_EVERY_CHARS = 200
"""Who talks to himself says something of that kind so often; measured over the last `LATELY_CHARS`."""
_FEW_WORDS = 3
_MOST_LINE_CHARS = 2_000
_OPENED = re.compile("<think", re.IGNORECASE)
_NO_WIDTH = re.compile("^\\s*[\u200b\ufeff]+")
"""What some gateways send while there is no text; in front of it, a heading would be none."""


class _Mode(Enum):
    START = "start"
    TEXT = "text"
    THOUGHT = "thought"
    UNOPENED = "unopened"


class Thoughts:
    """`feed` gives the text that is certain, `rest` what was held back.

    `begun` is the text that the answer goes on from. `opens` says whether the model's thoughts have an opening: where
    that is not known (None), a text that begins like a thought is held back until its `</think>`, or its end, within
    bounds. `is_whole` says that all of the text comes at once, `goes_on` that it stands right behind `begun`.
    """

    def __init__(
        self,
        *,
        begun: str = "",
        opens: bool | None = None,
        is_whole: bool = False,
        goes_on: bool = False,
        now_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._now_s = now_s
        self._suspected_at_s: float | None = None
        self._place = Place(begun)
        self._turns = TurnMarks(begun, self._place)
        self._has_begun = bool(begun)
        self._goes_on = goes_on and self._has_begun
        self._opens = opens
        self._is_whole = is_whole
        self._state = _Mode.START
        self.held = ""
        self._end = marks.CHANNEL_END
        self._has_given = False
        self._after = False  # a thought or a mark has ended: the white space behind it belongs to it
        self._mentions = False  # an opening stood in the text, so an end may too
        self._was_alone = False  # the opening that waits came as a piece of its own
        self._behind: str | None = None  # what stands behind a thought that has ended, while it is not looked at
        self._before_end, self._judged_at = Place(), 0  # up to the last end that a text which is held back has
        self._names_opening = False  # in that text
        self._gap = ""
        self._answer_end = ""  # of the element around the answer
        self._apart = ""  # the thoughts that came in fields of their own
        self.found = False
        """A thought was in it."""
        self.was_unopened = False
        self.is_lost = False
        """What was given already turns out to be a thought."""
        self.is_over = False
        """The model ended its turn; what follows is not its answer."""
        self.is_cut = False
        """It is over because the model answers once more, though nobody spoke: the answer before may lack something."""

    @property
    def is_thinking(self) -> bool:
        return self._state in (_Mode.THOUGHT, _Mode.UNOPENED)

    @property
    def ends_turn(self) -> bool:
        return self.is_over and not self.is_cut

    @property
    def suspected(self) -> str:
        """What is held back and is text, unless the answer goes on and says otherwise."""
        if self._is_said_again(self.held):
            return ""
        is_suspected = self._state is _Mode.START or (self._state is _Mode.UNOPENED and self._opens is not False)
        return self.held if is_suspected and marks.MARKS.match(self.held) is None else ""

    def feed(self, text: str) -> str:
        if self.is_over:
            return ""
        if self.passes(text):
            return text
        if self._is_whole or len(text) <= SLICE_CHARS:
            return self._go_on(text)
        return "".join(self.feed(text[at : at + SLICE_CHARS]) for at in range(0, len(text), SLICE_CHARS))

    def passes(self, text: str) -> bool:
        """Take the text where nothing in it can be a thought or a mark; False where that has to be looked at."""
        if self._state is not _Mode.TEXT or self.held or self._after or self.is_over:
            return False
        if marks.MAY_BE_MARK.search(text) is not None or (
            text[:1] == "a" and self._place.last in template_marks.STICKY
        ):
            return False
        self._place.add(text)
        return True

    def come_apart(self, thought: str) -> None:
        """A thought came in a field of its own: a text that begins like one is none, unless it says the same again."""
        if self._opens is None:
            self._opens = True
        self._apart = (self._apart + thought)[: MOST_SUSPECTED_CHARS + 1]

    def _is_said_again(self, text: str) -> bool:
        """Whether a text is, so far, the thoughts that came apart. Where the limit cut a thought, some servers hand all
        of it on once more as the text.
        """
        is_held = self._state is _Mode.START and len(text) <= MOST_SUSPECTED_CHARS
        return bool(is_held and text.strip()) and self._apart.lstrip().startswith(text.strip())

    def rest(self, *, is_cut: bool = False, is_broken: bool = False) -> str:
        """What was held back and is text after all. `is_cut`: it ended at its limit; `is_broken`: it broke off."""
        held, self.held = self.held, ""
        if (is_cut or is_broken) and self._is_said_again(held):
            self.found = True
            return ""
        if self._state is _Mode.UNOPENED:
            if (is_broken or is_cut) and self._opens is False:
                self.found = True
                return ""
            self._state = _Mode.TEXT
            return self._text(held, "") + self._behind_thoughts() + self.rest()
        if self._state is _Mode.THOUGHT or self.is_over:
            return ""
        return self._last(held, is_whole=not (is_cut or is_broken))

    def _last(self, held: str, *, is_whole: bool) -> str:
        """What an answer ends with, where that was held back."""
        found = marks.MARK.match(held)
        if found is None or (found[0].lower() == template_marks.SPEAKER and not self._has_given):
            return "" if self._has_given and template_marks.HALF.match(held) else self._give(held)
        mark, following = found[0].lower(), held[found.end() :]
        if marks.is_thought(mark):
            return "" if mark == marks.CHANNEL else self._give(held)
        if self._has_given:
            return "" if self._turns.is_last(mark, following, is_whole=is_whole) else self._give(held)
        role = template_marks.ROLE_MARK.match(following) if mark in template_marks.HEADS else None
        self._after = True
        text = self._text(following[role.end() :] if role else following, "") + self._behind_thoughts()
        return text + self.rest(is_cut=not is_whole)

    def _go_on(self, text: str) -> str:
        pending, self.held = self.held + text, ""
        match self._state:
            case _Mode.START:
                return self._start(pending, text) + self._behind_thoughts()
            case _Mode.TEXT:
                return self._text(pending, text) + self._behind_thoughts()
            case _Mode.UNOPENED:
                return self._unopened(pending, len(text)) + self._behind_thoughts()
            case _Mode.THOUGHT:
                return self._thought(pending) + self._behind_thoughts()

    def _behind_thoughts(self) -> str:
        """The text behind each thought that has ended: many of them may come at once."""
        given = ""
        while self._behind is not None:
            pending, self._behind = self._behind, None
            given += self._text(pending, "")
        return given

    # The beginning

    def _start(self, pending: str, piece: str) -> str:
        if not self._has_begun:
            pending = _NO_WIDTH.sub("", pending)
        if self._is_said_again(pending):
            self.held = pending
            return ""
        begun = pending.lstrip().lower()
        if not self._has_begun and (name := template_marks.NAME_LEFT.match(pending.lstrip())):
            pending, self._after = pending.lstrip()[name.end() :], True
            begun = pending.lstrip().lower()
        is_name = not self._has_begun and any(map(str.startswith, template_marks.NAMES_LEFT, [pending.lstrip()] * 2))
        if not begun or is_name or (marks.may_open(begun) and not self._turns.is_copied(begun)):
            self.held = pending
            return ""
        for opening, end in marks.OTHER_OPENINGS:
            opened = opening.match(pending.lstrip())
            if opened and not (opened[0][0] == "<" and self._turns.is_copied(opened[0])):
                return self._think(end, pending)
        if marks.MARKS.match(begun):
            space, pending = pending[: len(pending) - len(pending.lstrip())], pending.lstrip()
            if self._goes_on:
                self._state = _Mode.TEXT
                return self._give(space) + self._text(pending, piece)
        else:
            if self._is_whole or self._opens is False or (begun.startswith(marks.SUSPECTS) and self._may_suspect):
                self._state = _Mode.UNOPENED
                return self._unopened(pending, len(pending))
            if self._may_suspect and any(suspect.startswith(begun) for suspect in marks.SUSPECTS):
                self.held = pending
                return ""
            if marks.mark_begun_at(begun) == 0:
                self.held = pending
                return ""
        self._state = _Mode.TEXT
        return self._text(pending, piece)

    @property
    def _may_suspect(self) -> bool:
        return self._opens is None and not self._has_begun

    def _unopened(self, pending: str, new: int) -> str:
        """Held back: it may be a thought that nothing announced."""
        pattern = marks.ANY_END if self._opens is False else marks.UNOPENED_END
        for end in pattern.finditer(pending, max(0, len(pending) - new - marks.LONGEST)):
            if end.start() < self._judged_at:
                continue
            new_text, self._judged_at = pending[self._judged_at : end.start()], end.start()
            self._before_end.add(new_text)
            if _OPENED.search(new_text):
                self._names_opening = True
            if self._names_opening:
                break
            if not self._before_end.is_code:
                self.found = self.was_unopened = self._after = True
                self._state = _Mode.TEXT
                return self._text(pending[end.end() :], "")
        if len(pending) > MOST_THOUGHT_CHARS or (self._opens is not False and self._is_held_long_enough(pending)):
            self._state = _Mode.TEXT
            return self._text(pending, "")
        self.held = pending
        return ""

    def _is_held_long_enough(self, pending: str) -> bool:
        now_s = self._now_s()
        self._suspected_at_s = now_s if self._suspected_at_s is None else self._suspected_at_s
        held_s = now_s - self._suspected_at_s
        if held_s < SUSPECTED_S and len(pending) <= SUSPECTED_CHARS:
            return False
        if held_s >= MOST_SUSPECTED_S or len(pending) > MOST_SUSPECTED_CHARS:
            return True
        lately = pending[-LATELY_CHARS:].lower()
        return len(marks.DELIBERATES.findall(lately)) * DELIBERATES_EVERY_CHARS < len(lately)

    # The text

    def _text(self, pending: str, piece: str) -> str:
        if len(pending) > 2 * SLICE_CHARS:  # it was held back, or comes as a whole
            given = self._text(pending[:SLICE_CHARS], piece) + self._behind_thoughts()
            parts = (pending[at : at + SLICE_CHARS] for at in range(SLICE_CHARS, len(pending), SLICE_CHARS))
            return given + "".join(map(self.feed, parts))
        given = ""
        while (found := marks.MARK.search(pending)) is not None:
            given += self._give(pending[: found.start()])
            mark, after = found[0], pending[found.end() :]
            self._turns.skipped = 0
            match self._judge(mark.lower(), after, is_alone=piece.strip() == mark):
                case Move.WAIT:
                    self.held = mark + after
                    return given
                case Move.OVER:
                    self.is_over, self.is_cut = True, self._turns.asks_anew
                    return given
                case Move.THINK:
                    return given + self._think(self._end, after)
                case Move.DROP:
                    self._after = True
                case Move.KEEP:
                    given += self._give(mark)
            self._was_alone = False
            pending = after[self._turns.skipped :]
        before = self._place.last
        cut = max(0, marks.mark_begun_at(before + pending) - len(before))
        self.held = pending[cut:]
        return given + self._give(pending[:cut])

    def _judge(self, mark: str, after: str, *, is_alone: bool) -> Move:
        if mark == template_marks.SPEAKER:
            return self._turns.at_name(after)
        if mark in marks.AROUND_ANSWERS or mark in marks.AROUND_ANSWERS.values():
            return self._at_answer(mark)
        if self._has_given and self._place.is_code:
            return Move.KEEP if marks.is_thought(mark) else self._turns.kept(after)
        if mark in marks.PAIRS:
            return self._at_opening(mark, after, is_alone=is_alone)
        if mark == marks.CHANNEL:
            return self._at_channel(after)
        if marks.is_thought(mark):
            return self._at_closing(mark, after)
        if not self._has_given:
            return self._turns.at_first(mark, after)
        if self._after:
            return self._turns.without_role(after) if mark in template_marks.HEADS else Move.DROP
        return self._turns.within(mark, after)

    def _at_answer(self, mark: str) -> Move:
        if mark in marks.AROUND_ANSWERS and not self._has_given and (self.found or self._apart):
            self._answer_end = marks.AROUND_ANSWERS[mark]
            return Move.DROP
        return Move.DROP if mark == self._answer_end and not self._place.is_code else Move.KEEP

    def _at_opening(self, mark: str, after: str, *, is_alone: bool) -> Move:
        self._end = re.compile(re.escape(marks.PAIRS[mark]), re.IGNORECASE)
        is_first_only = mark in marks.FIRST_TAGS
        if (not self._has_given or self._after) and not (is_first_only and self._turns.is_copied(mark)):
            return Move.THINK
        self._mentions = True
        if is_first_only:
            return Move.KEEP
        starts_line = not self._place.line.strip()
        if mark.startswith("<") and mark not in marks.CLEAR_TAGS and not mark.startswith("<|"):
            if starts_line and not after:
                return Move.WAIT
            return Move.THINK if starts_line and after[0] in "\r\n" else Move.KEEP
        if starts_line or after[:1] in ("\r", "\n"):
            return Move.THINK
        # Within a line: a thought of several words, or words about such a tag. Alone in a piece it is mostly a thought.
        self._was_alone = self._was_alone or is_alone
        if closed := self._end.search(after):
            is_near = self._was_alone or "\n" not in after[: closed.start()]
            return Move.THINK if is_near and len(after[: closed.start()].split()) > _FEW_WORDS else Move.KEEP
        if len(after) > _MOST_LINE_CHARS:
            return Move.THINK if self._was_alone else Move.KEEP
        return Move.KEEP if "\n" in after and not self._was_alone else Move.WAIT

    def _at_closing(self, mark: str, after: str) -> Move:
        if not self._has_given:
            self.found = True
            return Move.DROP
        if self._mentions or mark not in ("</think>", "</thinking>", "◁/think▷"):
            return Move.KEEP
        starts_line = not self._place.line.strip()
        if not after and not starts_line:
            return Move.WAIT
        if not starts_line and after[0] not in "\r\n":
            return Move.KEEP
        self.is_lost = not self.found  # else a thought was taken out already, and this is a second end of it
        return Move.DROP

    def _at_channel(self, after: str) -> Move:
        header = marks.CHANNEL_HEADER.match(after)
        if header is None:
            return Move.WAIT if len(after) < marks.CHANNEL_CHARS and "\n" not in after else Move.KEEP
        self._turns.skipped = header.end()
        if header[1].strip().lower().startswith("final"):
            return Move.DROP
        self._end = marks.CHANNEL_END
        return Move.THINK

    def _think(self, end: re.Pattern[str], pending: str) -> str:
        self._state, self._end, self.found = _Mode.THOUGHT, end, True
        return self._thought(pending[self._turns.skipped :])

    def _thought(self, pending: str) -> str:
        if (found := self._end.search(pending)) is None:
            self.held = pending[-marks.LONGEST :]
            return ""
        self._state, self._after, self._behind = _Mode.TEXT, True, pending[found.end() :]
        return ""

    def _give(self, text: str) -> str:
        if self._after and text:
            body = text.lstrip(" \t\r\n")
            self._gap += text[: len(text) - len(body)]
            if not body:
                return ""
            text, self._gap, self._after = self._joint(self._gap) + body, "", False
        if text:
            self._place.add(text)
            self._has_given = self._has_given or bool(text.strip())
        return text

    def _joint(self, gap: str) -> str:
        """Of the white space behind a thought or a mark, what parts the texts on its two sides as they were meant."""
        if not (self._has_given or self._goes_on):
            return ""
        standing, more = self._place.breaks, gap.count("\n")
        if standing or more:
            return "\n" * max(0, more - standing) + (gap[gap.rfind("\n") + 1 :] if more else "")
        return "" if self._place.line.endswith((" ", "\t")) else gap
