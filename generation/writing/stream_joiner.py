"""Takes the pieces of one answer and gives out the text that is certain; pure, it keeps no more than the seam needs."""

from __future__ import annotations

from generation.errors import AnsweredAnew, BadSeam
from generation.markdown.farewell import Farewell, has_ended, says_farewell
from generation.markdown.fences import FirstFence, Unfenced
from generation.seams import Mode, Seam, join
from generation.writing.restarts import BegunText

CHECK_CHARS = 40
"""In reprompt mode a growing head is looked at each time it has grown by so much, and by a tenth: a look costs time."""

WAY_OUT = (
    "Resume asks it again, and another model may copy better. Where the endpoint continues a begun answer, set "
    "STREAMGEN_CONTINUATION=prefill."
)
"""What a person can do where a model does not copy the last words."""
SALVAGE_CHARS = 24
"""Of an answer that broke off before its seam was found, less than this says too little to be joined."""


class StreamJoiner:
    """One answer. `previous` is the text it goes on from, `shown` the part of it that the model may echo.

    `copied` are the words at the end of `previous` that a model that is asked anew was asked to begin with. An answer
    that only says that nothing is left brings nothing, where the text has ended and `may_end`.
    """

    def __init__(self, previous: str, *, mode: Mode, shown: str, copied: str = "", may_end: bool = True) -> None:
        self._previous = shown if mode == "prefill" else previous
        self._seam = Seam(previous, copied) if previous and mode == "reprompt" else None
        self._begun = BegunText(shown)
        self._head = ""
        self._looked_at = 0  # the length of the head when it was looked at last
        self._inside: FirstFence | Unfenced | None = None if previous else FirstFence()
        self._is_open = not self._previous  # nothing to join with
        self._farewell = Farewell() if may_end and has_ended(previous) else None

    def feed(self, piece: str) -> str:
        """Text that is certain now. Raises BadSeam or AnsweredAnew when the answer must not be appended."""
        text = piece
        if not self._is_open:
            self._head += piece
            text = self._sought()
        elif self._inside is not None:
            text = self._inside.feed(piece)
            if self._inside.is_past:
                self._inside = None
        return text if self._farewell is None else self._farewell.feed(text)

    def end(self, *, is_truncated: bool = False) -> str:
        """The rest, when the answer has ended. Raises BadSeam or AnsweredAnew."""
        if self._farewell is None:
            return self._rest(is_truncated=is_truncated)
        head = "" if self._is_open or is_truncated else self._head
        try:
            text = self._rest(is_truncated=is_truncated)
        except BadSeam:
            if says_farewell(head):
                return ""
            raise
        return self._farewell.feed(text) + self._farewell.end()

    def _rest(self, *, is_truncated: bool) -> str:
        if self._is_open:
            return self._ended(is_whole=not is_truncated)
        head = self._head
        if self._seam is not None:
            return self._opened(self._seam.join(head))
        # Who was cut off has written something: a text that repeats itself, and no echo.
        is_text = is_truncated and head == self._previous
        return self._gone_on(head if is_text else join(self._previous, head, mode="prefill"), is_whole=True)

    def salvage(self) -> str:
        """What may be kept of an answer that broke off; what a whole one may bring."""
        text = self._salvaged()
        return text if self._farewell is None else self._farewell.feed(text) + self._farewell.end()

    def _salvaged(self) -> str:
        if self._is_open:
            return self._ended(is_whole=False)
        if self._seam is not None:
            try:
                return self._rest(is_truncated=False) if len(self._head) >= SALVAGE_CHARS else ""
            except BadSeam:
                return ""
        if self._previous.startswith(self._head):
            return ""  # an echo, as far as it goes
        try:
            return self._rest(is_truncated=False)
        except AnsweredAnew:
            return ""

    def _ended(self, *, is_whole: bool) -> str:
        if isinstance(self._inside, FirstFence):
            return self._inside.end(is_whole=is_whole)
        return "" if self._inside is None else self._inside.end()

    def _gone_on(self, rest: str, *, is_whole: bool = False) -> str:
        """What an endpoint that goes on with the text has brought, `rest` without an echo; "" while it may do not."""
        is_left = rest == self._head and self._begun.is_left(rest, is_whole=is_whole)
        if is_left:
            raise AnsweredAnew("the endpoint does not go on with the begun answer")
        return "" if is_left is None else self._opened(rest)

    def _sought(self) -> str:
        """What is certain of a head that grows, once it is known where it goes on."""
        if self._seam is None:
            is_echo = self._previous.startswith(self._head)  # so far
            return "" if is_echo else self._gone_on(join(self._previous, self._head, mode="prefill"))
        if len(self._head) < self._looked_at + max(CHECK_CHARS, self._looked_at // 10):
            return ""
        self._looked_at = len(self._head)
        settled = self._seam.settled(self._head)
        if settled is None:
            return ""
        rest, self._inside = settled
        return self._opened(self._inside.feed(rest))

    def _opened(self, text: str) -> str:
        self._head, self._is_open = "", True
        return text
