"""Joins two turns of a model: what of the answer is to be appended. It knows no section. Pure.

In prefill mode an answer goes on exactly and is never touched. In reprompt mode the model is asked to begin by copying
the last words: what stands behind the copy is appended exactly, white space included. Nothing is guessed without one.
"""

from __future__ import annotations

import re
from typing import Literal

from generation.errors import BadSeam
from generation.markdown.fences import Unfenced, open_fence
from generation.markdown.white_space import SEEN_CHARS
from generation.seams.characters import certain
from generation.seams.copies import ANSWER_HEAD_CHARS, BARE_CHARS, Found, TextEnd
from generation.seams.folding import fold

__all__ = ["BadSeam", "Mode", "Seam", "certain", "join"]

Mode = Literal["prefill", "reprompt"]
ECHO_CHARS = 8  # a beginning of the answer that equals the whole text before it is an echo, unless that is shorter
LEAST_CHARS, NEAR_CHARS, ANNOUNCED_CHARS = 4, 10, 80  # at the head: a part of a copy, one with a fault, an announcement
SOUGHT_CHARS = 1_500  # an answer without a copy in so much of it is given up, unless all of it repeats the text before
_GOES_ON = re.compile(r"[,;.!?:)\]}](?=\s|\Z)|[，。、；：！？）」』](?!\Z)")
"""A mark that ends or parts a sentence: with it begins only what goes on."""
_NO_SENTENCE = re.compile(  # code, talk about the text, an announcement
    r".{,40}[(){}\[\]=;<>|]|(?=.{,80}\Z).*\b(?:nothing|complete|section|finished|done|add)\b|[^\n]{,120}:\s*\n",
    re.IGNORECASE | re.DOTALL,
)
_MARKDOWN_FENCE = re.compile(r"\s*(`{3,}|~{3,})[ \t]*(?:markdown|md)?[ \t]*\n(?=[^\n])", re.IGNORECASE)
_MARKS = "\"'*_`~>.:-"


def join(previous: str, answer: str, *, mode: Mode, copied: str = "") -> str:
    """The text to append after `previous`; "" when the answer brings nothing new.

    `copied` are the last words, which it was asked to begin with. Raises `BadSeam`, but never in prefill mode.
    """
    if not copied and len(previous) >= ECHO_CHARS and answer.startswith(previous):
        return answer[len(previous) :]
    if mode == "prefill" or not previous:
        return answer
    return Seam(previous, copied).join(answer)


class Seam:
    """The end of a text that an answer is to go on from; it may be asked again while the answer grows."""

    def __init__(self, previous: str, copied: str = "") -> None:
        self._previous = previous
        self._readings = [TextEnd(previous, copied, keeps_marks=keeps) for keeps in (True, False)]

    def join(self, answer: str) -> str:
        """What a whole answer brings. Raises BadSeam."""
        if not answer.strip():
            return ""
        rest, inside = self._begun(self._found(answer) or self._going_on(answer))
        return inside.feed(rest) + inside.end()

    def settled(self, head: str) -> tuple[str, Unfenced] | None:
        """What is to be appended of an answer that has come so far, and what all that follows is to pass through.

        None while the seam is open. Raises BadSeam when nothing that may follow can help.
        """
        if len(head) >= ANSWER_HEAD_CHARS:
            return self._begun(self._found(head) or self._going_on(head))
        try:
            found = self._found(head)
        except BadSeam:
            return None
        if found is None:
            is_repetition = fold(head[-200:], keeps_marks=False).text[-BARE_CHARS:] in self._readings[1].tail.text
            return None if len(head) < SOUGHT_CHARS or is_repetition else self._begun(self._going_on(head))
        words, behind, seen = self._readings[0].words, fold(found.rest).text.lstrip(_MARKS), found.rest.strip()
        is_open = self._previous[-1:].isspace() and len(seen) < SEEN_CHARS  # whether a block begins there
        is_open |= found.is_quoted and "\n" not in seen  # whether all of the answer is a quotation
        if found.rest.lstrip(" \t")[:1] in "\r\n":  # whether a line announces the copy, which follows once more
            is_open |= len(seen) < len(words) + ANNOUNCED_CHARS
        if not found.is_whole:  # all may still come: a text that repeats itself is copied from its first line on
            is_open |= len(head) < 2 * (len(words) + BARE_CHARS) or len(behind) < BARE_CHARS
        return None if is_open or behind in words else self._begun(found)

    def _begun(self, found: Found) -> tuple[str, Unfenced]:
        fence = open_fence(self._previous) if found.fence else ""
        is_around = found.fence != fence and found.fence and re.match(rf"\s*{found.fence}+\s*\S", found.rest)
        if is_around or (found.is_quoted and re.match(r"[^\n]*\n\s*>", found.rest)):
            raise BadSeam("the last words stand in a fence or a quotation that the text does not have")
        keeps = found.is_reopened and fence == found.fence
        return found.rest, Unfenced(found.fence, fence, keeps_blocks=keeps, drops_talk=True)

    def _found(self, answer: str) -> Found | None:
        looks = [one.find_whole for one in self._readings] + [one.find_part for one in self._readings]
        return next((found for look in looks if (found := look(answer)) is not None), None)

    def _going_on(self, answer: str) -> Found:
        """What an answer without a copy brings, where it cannot be anything but the next words of the sentence."""
        fence = _MARKDOWN_FENCE.match(answer)
        said = answer[fence.end() :] if fence else answer
        before, word = self._previous.rstrip(), said.removeprefix(" ")
        space = self._previous[len(before) :]
        is_mark = not space and _GOES_ON.match(said) is not None
        is_parted = space == " " or (not space and said != word)
        is_small = word[:1].islower() and not "ა" <= word[:1] <= "ჿ"  # in Georgian a sentence begins so too
        is_word = is_small and is_parted and not open_fence(self._previous)
        is_open = before[-1:].isalnum() or before[-1:] in ",-*)`\"'"
        if not is_open or not (is_mark or is_word) or (is_word and _NO_SENTENCE.match(word)):
            raise BadSeam("the answer does not begin with the last words")
        if self._repeats(said, is_sure=is_word and said == word):
            raise BadSeam("the answer begins with words that the text has already, and may be copying them")
        return Found(rest=said.lstrip() if space else said, fence=fence[1] if fence else "")

    def _repeats(self, said: str, *, is_sure: bool) -> bool:
        """Whether the answer begins with a few of the last words, too few to be sure of, or with words from before."""
        tail, words = self._readings[-1].tail.text, self._readings[-1].words
        begun = fold(said[:SOUGHT_CHARS], keeps_marks=False).text
        lasts = [words[at : at + NEAR_CHARS] for at in range(len(words) - NEAR_CHARS + 1)]
        is_near = begun[:24] in tail or any(last in begun[: len(words) + NEAR_CHARS] for last in lasts)
        parts = [fold(said[: found.end()], keeps_marks=False).text for found in re.finditer(r"\S+", said[:200])]
        firsts = [*parts, *(begun[:size] for size in range(LEAST_CHARS, min(200, len(begun)) + 1))]
        return (is_sure and is_near) or any(first and tail.endswith(first) for first in firsts)
