"""Takes the pieces of one answer and gives out the text that is certain; pure, it keeps no more than the seam needs."""

from __future__ import annotations

from generation.seams import BadSeam, Mode, UnsureSpace, is_settled, join
from generation.seams.overlaps import is_inside

CHECK_CHARS = 100
"""In reprompt mode a growing head is looked at each time it has grown by so much: a look costs milliseconds."""
SALVAGE_CHARS = 24
"""Of an answer that broke off before its seam was found, less than this says too little to be joined."""


class Intake:
    """One answer. `previous` is the text it goes on from, `shown` the part of it that the model may echo.

    `guesses_space` takes the likelier white space where only that is in doubt: for who has asked once more already.
    """

    def __init__(self, previous: str, *, mode: Mode, shown: str, guesses_space: bool = False) -> None:
        self._previous = shown if mode == "prefill" else previous
        self._mode = mode
        self._guesses_space = guesses_space
        self._head = ""
        self._looked_at = 0  # the length of the head when it was looked at last
        self._open = not self._previous  # nothing to join with: every piece is certain at once

    def feed(self, piece: str) -> str:
        """Text that is certain now. Raises BadSeam when the answer must not be appended."""
        if self._open:
            return piece
        self._head += piece
        if self._mode == "reprompt" and len(self._head) < self._looked_at + CHECK_CHARS:
            return ""
        self._looked_at = len(self._head)
        return self.end() if is_settled(self._previous, self._head, mode=self._mode) else ""

    def end(self, *, is_truncated: bool = False) -> str:
        """The rest, when the answer has ended. Raises BadSeam."""
        head, self._head = self._head, ""
        if self._open:
            return head
        self._open = True
        if is_truncated and self._mode == "prefill" and head == self._previous:
            return head  # who was cut off has written something: a text that repeats itself, and no echo
        try:
            return join(self._previous, head, mode=self._mode)
        except UnsureSpace as unsure:
            if self._guesses_space:
                return unsure.likely
            raise

    def salvage(self) -> str:
        """What may be kept of an answer that broke off while its seam was still sought; "" at any other time."""
        if self._mode == "reprompt" and (len(self._head) < SALVAGE_CHARS or is_inside(self._previous, self._head)):
            return ""  # it says too little, or it broke off while it still copied the last words
        if self._mode == "prefill" and self._previous.startswith(self._head):
            return ""  # an echo, as far as it goes
        try:
            return self.end()
        except BadSeam:
            return ""
