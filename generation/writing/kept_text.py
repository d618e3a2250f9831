"""What of an answer that its endpoint keeps became text of the section: where to read on, and what is there already.

Pure. The pieces of the answer come in at one end (`note`), the section's own text goes out at the other (`fresh`); what
lies between (the joint, a heading that is dropped, a word held back) is redone the same way by whoever reads on.
"""

from __future__ import annotations

from collections import deque

from artifacts.answer_place import NO_ANSWER, AnswerPlace
from generation.errors import AnswerDiffers, AnswerGone, ProviderError
from generation.providers.base import Begun, Finish, Item, Life, Piece

MOST_LOSSES = 2
"""So many answers of a section may be gone, or stay in the queue: then its rest is asked for in the ordinary way."""


class KeptText:
    """The kept answer of one section. `place` is where it stood when the section was written last, if it was.

    `tokens` tells what was spent on the section so far, whenever a new answer begins.
    """

    def __init__(self, place: AnswerPlace = NO_ANSWER, *, tokens: int = 0) -> None:
        self._place = place
        self.tokens = tokens
        self._own_chars = 0
        self._due = ""  # committed text that the answer, read once more, has yet to become
        self._pieces: list[str] = []
        self._chars = 0  # of the answer, so far
        self._became_chars = 0  # of the section's text that it became, what was committed before included
        self._on_the_way = ""  # of the answer, not yet text
        self._is_verbatim = True
        self._borders: deque[tuple[int, int]] = deque()
        self._last_event: int | None = None
        self.is_over = True
        """Nothing more comes of the answer: it ended, failed, is gone, or there is none."""
        self._is_left = False
        self._losses = 0
        self._gives_known = False

    @property
    def place(self) -> AnswerPlace:
        """Where the answer stands when all text given out so far is committed."""
        return self._place

    # Where to begin

    def take_up(self, own: str) -> str:
        """The committed text of the section, up to where the answer begins that is to be read on; else all of it."""
        place = self._place
        known = own[place.after : place.after + place.chars]
        if not place.id or place.after > len(own) or (place.event is not None and len(known) < place.chars):
            self._forget(len(own))
            return own
        self._own_chars = place.after
        self._due = own[place.after :]
        if place.event is not None:
            self._last_event = place.event
            self._receive(known, place.event)
        self.is_over, self._gives_known = False, True
        return own[: place.after]

    def give_up(self, own: str) -> None:
        """The answer cannot be read on: `own` is the section's text, and what follows it is asked for."""
        self._forget(len(own))

    def _forget(self, own_chars: int) -> None:
        self._place = NO_ANSWER
        self._begin(own_chars)
        self.is_over, self._due = True, ""

    def _begin(self, own_chars: int) -> None:
        self._own_chars = own_chars
        self._pieces, self._chars, self._became_chars = [], 0, 0
        self._on_the_way, self._is_verbatim = "", True
        self._borders.clear()
        self._last_event = None
        self._is_left = self._gives_known = False

    # Calls

    @property
    def is_unread(self) -> bool:
        """The next call reads the answer on."""
        return not self.is_over and not self._is_left

    def to_cancel(self) -> str:
        """The answer that goes on by itself and that nobody will read on; "" for none. It is over from now on."""
        answer, self.is_over = "" if self.is_over else self._place.id, True
        return answer

    def leave(self) -> None:
        """Whatever may come of the answer is not taken any more."""
        self._is_left = True

    def begun(self) -> Begun | None:
        """The answer to read on in the next call; None to ask for a new one. Raises `AnswerDiffers`."""
        if self.is_unread:
            return Begun(answer=self._place.id, event=self._last_event, text="".join(self._pieces))
        if self._due:
            raise AnswerDiffers
        return None

    def known(self) -> str:
        """What is known of the answer from the committed text: to be taken once, before it is read on."""
        known = "".join(self._pieces) if self._gives_known else ""
        self._gives_known = False
        return known

    @property
    def is_worth_asking(self) -> bool:
        """Whether the rest is asked for as an answer that is kept."""
        return self._losses < MOST_LOSSES

    def ask_ordinarily(self) -> None:
        """What follows is no part of a kept answer."""
        self._forget(self._own_chars + self._became_chars)

    def note(self, item: Item) -> None:
        """This came of the answer."""
        match item:
            case Life() if item.at is not None and item.at.answer != self._place.id:
                self._begin(self._own_chars + self._became_chars)
                self._place = AnswerPlace(id=item.at.answer, after=self._own_chars, tokens=self.tokens)
                self.is_over, self._last_event = False, item.at.event
                self._border(item.at.event)
            case Piece() if item.at is not None:
                self._receive(item.text, item.at.event)
            case Finish():
                self.is_over = True

    def note_trouble(self, trouble: ProviderError) -> None:
        if trouble.ends_answer:
            self.is_over = True
            self._losses += isinstance(trouble, AnswerGone)

    def _receive(self, text: str, event: int | None) -> None:
        self._pieces.append(text)
        self._chars += len(text)
        self._last_event = event
        if self._is_verbatim:
            self._on_the_way += text
        self._border(event)

    def _border(self, event: int | None) -> None:
        if event is not None and self._is_verbatim:
            self._borders.append((event, self._chars))
            self._settle()

    # Text

    def fresh(self, text: str) -> str:
        """Of the section's own text what is not committed yet. Raises `AnswerDiffers`."""
        self._became_chars += len(text)
        self._is_verbatim = self._is_verbatim and self._on_the_way.startswith(text)
        self._on_the_way = self._on_the_way[len(text) :] if self._is_verbatim else ""
        self._settle()
        due, self._due = self._due[: len(text)], self._due[len(text) :]
        if not text.startswith(due):
            raise AnswerDiffers
        return text[len(due) :]

    @property
    def chars(self) -> int:
        """So much of the answer has come."""
        return self._chars

    @property
    def due_chars(self) -> int:
        """So many characters of committed text the answer has not become yet."""
        return len(self._due)

    def _settle(self) -> None:
        """Move the place to the last event whose text was given out whole."""
        if not self._place.id:
            return
        event, chars = self._place.event, self._place.chars
        while self._borders and self._borders[0][1] <= self._became_chars:
            event, chars = self._borders.popleft()
        if not self._is_verbatim:
            event, chars = None, 0
            self._borders.clear()
        if (event, chars) != (self._place.event, self._place.chars):
            self._place = AnswerPlace(
                id=self._place.id, after=self._place.after, tokens=self._place.tokens, event=event, chars=chars
            )
