"""Recognises a cumulative stream, whose every piece holds all the text so far, and takes what is new of each; pure.

A text may repeat itself, so one piece that begins with the last proves nothing: it is held back until more is known.
"""

from __future__ import annotations

import re

from generation.providers.openai_compatible.call_errors import SaidAnew

SURE_STEPS = 3
"""So many pieces in a row, each longer than the last and beginning with it, are no chance."""
GROWN_CHARS = 16
LONG_STEPS = 2
"""Fewer are enough where what is repeated is long."""
LAST_CHARS = 16
"""At the end of an answer, one repetition of so much is enough."""
MOST_HELD = 12
LEAST_WHOLE_CHARS = 30
"""A last piece that is all the text so far, and so long, is the whole once more."""
LEAST_AGAIN_CHARS = 100
"""So is any piece, where that is so long: a gateway that sends its last state again."""
_SOURCE = re.compile(r"\[[^\]\n]{0,40}\]|【[^】\n]{0,40}】|<sup>[^<\n]{0,40}</sup>")


def may_be_whole(piece: str, length: int) -> bool:
    """Whether a piece in the middle of an answer is to be looked at: it is as long as all the `length` before it."""
    return length >= LEAST_AGAIN_CHARS and 10 * len(piece) >= 9 * length


def news_in(piece: str, pieces: list[str], length: int, *, is_beside: bool) -> str:
    """What a piece brings that may be the whole text: it comes with the end, again, or where the message stands."""
    is_again = may_be_whole(piece, length)
    if not pieces or not (is_again or is_beside or len(piece) == length):
        return piece
    so_far = "".join(pieces)
    if is_again or is_beside:
        if piece.startswith(so_far):
            return piece[len(so_far) :]
        if is_again and _letters_of(piece) == _letters_of(so_far):
            return ""
        # It may lack white space or the thoughts. What is much shorter is a piece in an odd place.
        return "" if is_beside and (piece.strip() in so_far or 2 * len(piece) >= len(so_far)) else piece
    return "" if piece == so_far and len(piece) >= LEAST_WHOLE_CHARS else piece


def _letters_of(text: str) -> str:
    """What stays the same where a gateway sends the whole text once more, with its sources named or tidied up."""
    return "".join(filter(str.isalpha, _SOURCE.sub("", text)))


class Cumulative:
    """`feed` gives the text that is new and certain, `rest` what was held back when the answer has ended."""

    def __init__(self) -> None:
        self._last = ""  # the last piece, while it is open how they are meant
        self._held: list[str] = []
        self._steps = 0
        self._repeats = False  # the first piece came twice: a text that repeats itself, perhaps
        self._given = ""  # all of it, once the pieces are known to grow
        self._is_open = True
        self.grows = False

    def feed(self, piece: str) -> str:
        if not self._is_open:
            return self._news(piece) if self.grows else piece
        if not self._last:
            self._last = piece
            return piece
        if not piece.startswith(self._last) or len(self._held) >= MOST_HELD:
            self._is_open = False
            return "".join([*self.take(), piece])
        if len(piece) == len(self._last):
            self._repeats = self._repeats or not self._steps
        else:
            self._steps += 1
        if not self._held:
            self._given = self._last
        repeated = len(self._last)
        self._last = piece
        self._held.append(piece)
        is_long = repeated >= GROWN_CHARS and self._steps >= LONG_STEPS and not self._repeats
        says_something = any(map(str.isalnum, self._given))  # a rule may come dash by dash, each more than the last
        return self._decide() if says_something and (self._steps >= SURE_STEPS or is_long) else ""

    def rest(self) -> str:
        if not self._held:
            return ""
        if self._steps and not self._repeats and len(self._given) >= LAST_CHARS and any(map(str.isalnum, self._given)):
            return self._decide()
        return "".join(self.take())

    @property
    def is_plain(self) -> bool:
        """The pieces are known to be no more than what is new in each."""
        return not self._is_open and not self.grows

    @property
    def held(self) -> str:
        return "".join(self._held)

    def take(self) -> list[str]:
        """What is held back, as pieces like any other."""
        held, self._held = self._held, []
        self._is_open = False
        return held

    def _decide(self) -> str:
        self.grows, self._is_open, self._held = True, False, []
        return self._news(self._last)

    def _news(self, piece: str) -> str:
        """What a piece holds beyond all that was given. One that holds less says nothing."""
        if self._given.startswith(piece):
            return ""
        if not piece.startswith(self._given):
            raise SaidAnew("the text was taken back")
        # A character that is not whole yet comes as U+FFFD, and as itself in the next piece.
        news = piece[len(self._given) :].rstrip("\ufffd")
        self._given += news
        return news
