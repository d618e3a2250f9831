"""Joins two turns of a model: what of the answer is to be appended to the text before it, or that nothing may be; pure.

In prefill mode an answer goes on exactly and is never touched. In reprompt mode the model is asked to begin by copying
the last words: what stands behind the copy is appended exactly, white space included. Nothing is guessed without one.
"""

from __future__ import annotations

import re
from typing import Literal

from generation.seams.characters import certain
from generation.seams.copies import HEAD_CHARS, Found, Reading, behind_space
from generation.seams.errors import BadSeam
from generation.seams.fences import FirstFence, Unfenced, open_fence
from generation.seams.folding import fold, weight

__all__ = ["BadSeam", "FirstFence", "Mode", "Seam", "certain", "join"]

Mode = Literal["prefill", "reprompt"]

ECHO_CHARS = 8
"""A beginning of the answer that equals the whole text before it is an echo, unless the text is shorter than this."""
SOUGHT_CHARS = 1_500
"""An answer without a copy in so much of its beginning is given up, unless all of it repeats the text before."""

_GOES_ON = re.compile(r"[,;.!?:)\]}](?=\s|\Z)|[，。、；：！？）」』](?!\Z)")
"""A mark that ends or parts a sentence: with it begins only what goes on."""
_MARKDOWN_FENCE = re.compile(r"\s*(`{3,}|~{3,})[ \t]*(?:markdown|md)?[ \t]*\n(?=[^\n])", re.IGNORECASE)


def join(previous: str, answer: str, *, mode: Mode, copied: str = "") -> str:
    """The text to append after `previous`; "" when the answer brings nothing new.

    `copied` are the words at the end of `previous` that the model was asked to begin with. Raises `BadSeam` when the
    answer must not be appended; never in prefill mode.
    """
    if len(previous) >= ECHO_CHARS and answer.startswith(previous):
        return answer[len(previous) :]
    if mode == "prefill" or not previous:
        return answer
    return Seam(previous, copied).join(answer)


class Seam:
    """The end of a text that an answer is to go on from; it may be asked again while the answer grows."""

    def __init__(self, previous: str, copied: str = "") -> None:
        self._previous = previous
        self._readings = [Reading(previous, copied, keeps_marks=keeps) for keeps in (True, False)]

    def join(self, answer: str) -> str:
        """What a whole answer brings. Raises BadSeam."""
        if not answer.strip():
            return ""
        return self.unfenced(self._found(answer) or self._going_on(answer))

    def settled(self, head: str, *, is_all: bool = False) -> Found | None:
        """What stands behind the copy in an answer that has come so far; None while that is open.

        Raises BadSeam when nothing that may follow can help.
        """
        if len(head) >= HEAD_CHARS or is_all:
            return self._found(head) or self._going_on(head)
        try:
            found = self._found(head)
        except BadSeam:
            found = None
        if found is not None:
            behind = fold(found.rest).text
            return found if behind and not self._may_come_again(behind) else None
        if len(head) >= SOUGHT_CHARS and not any(reading.goes_on_repeating(head) for reading in self._readings):
            return self._going_on(head)
        return None

    def copied(self, head: str) -> Found | None:
        """What stands behind the copy in an answer that broke off; None where there is none."""
        try:
            return self._found(head)
        except BadSeam:
            return None

    def unfenced(self, found: Found) -> str:
        if not found.fence:
            return found.rest
        inside = self.inside(found)
        return inside.feed(found.rest) + inside.end()

    def inside(self, found: Found) -> Unfenced:
        fence = open_fence(self._previous)
        return Unfenced(found.fence, fence, keeps_blocks=found.is_reopened and bool(fence))

    def _found(self, answer: str) -> Found | None:
        return next((found for reading in self._readings if (found := reading.find(answer)) is not None), None)

    def _may_come_again(self, behind: str) -> bool:
        """Whether what stands behind the copy may be the beginning of the same words or of a longer repetition."""
        behind = behind.lstrip("\"'*_>`.:-")
        exact = self._readings[0]
        return exact.words.startswith(behind) or (not exact.words and behind in exact.tail.text)

    def _going_on(self, answer: str) -> Found:
        """What an answer without a copy brings, where it cannot be anything but the next words of the sentence."""
        fence = _MARKDOWN_FENCE.match(answer)
        said = answer[fence.end() :] if fence else answer
        last = self._previous.rstrip()[-1:]
        space = self._previous[len(self._previous.rstrip()) :]
        word = said[1:] if said.startswith(" ") else said
        is_small = word[:1].islower() and len(space) <= 1 and (space == " " or word is not said)
        is_mark = not space and said[:1] != " " and _GOES_ON.match(said) is not None
        if not (last.isalnum() or last in ",-*)`\"'") or space not in ("", " ") or not (is_small or is_mark):
            raise BadSeam("the answer does not begin with the last words")
        if self._is_copied_in_part(said) or self._is_from_before(said) or (is_small and open_fence(self._previous)):
            raise BadSeam("the answer repeats an earlier part of the text")
        return Found(rest=behind_space(space, said), fence=fence[1] if fence else "")

    def _is_copied_in_part(self, said: str) -> bool:
        """Whether the answer begins with a few of the last words, too few to be sure of."""
        tail = self._readings[-1].tail.text
        ends = [found.end() for found in re.finditer(r"\S+", said[:200])]
        return any((key := fold(said[:end], keeps_marks=False).text) and tail.endswith(key) for end in ends)

    def _is_from_before(self, said: str) -> bool:
        key = fold(said[:80]).text[:24]
        return (weight(key) >= 12 or len(said) < 40) and key in self._readings[0].tail.text
