"""Finds in an answer the copy of the words that it was asked to begin with, and what stands behind it; pure.

The copy may come after a preface, in a fence or quotes, with other white space, quotes, dashes, marks or capitals, and
begin earlier or later than it was asked to. Where the place behind it is in doubt nothing is found.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, takewhile

from generation.markdown.fences import open_fence
from generation.seams.characters import UNSPACED
from generation.seams.folding import SAME, Folded, fold, weight

TAIL_CHARS = 8_000  # so much of the text before is compared: all that the model was shown of it
HEAD_CHARS = 8_500  # the end of the text is sought in so much of an answer: a restart may reach it so late
PREFACE_CHARS = 400
PREFACE_LINES = 4
LEAST_WEIGHT = 14
ASKED_WEIGHT = 8  # so little is enough for a part of the words asked for
SURE_WEIGHT = 20  # and this for a repetition that begins within a word
LEAST_COPY_CHARS = 5  # of the words below a preface, white space aside
BARE_CHARS = 60  # of marks and quotes before a copy
ANCHOR_CHARS = 100
PLACES = 30  # where a text repeats itself more often, only a copy at the head is sure
LONG_CHARS = 100  # a repetition of more, other than the words asked for, is a restart: exact, or with something new

_OPENING_FENCE = re.compile(r"(?:\A|\n)[ \t]*(`{3,}|~{3,})[ \t]*([\w+#.-]*)[ \t]*\r?\n\s*(?=[^\n]*\Z)")
_MARK = re.compile(r"\*\*|__|~~|[*`\"]|(?<!\w)[_']|[_'](?!\w)")
_BULLET = re.compile(r"^[ \t]*[*+-][ \t]", re.MULTILINE)
_ANNOUNCES = re.compile(r"[:：][*_)\]\s]*\Z|(?:\A|\n)[(（\[【][^\n]+[)）\]】]\s*\Z")
_HEADING = re.compile(r"(?:\A|\n)[ ]{0,3}#{1,6}[ \t][^\n]*\Z")


class BadSeam(ValueError):
    """The answer must not be appended; the message says why, without quoting it."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """`rest` is to be appended; `fence` is the run of the fence that stands around the whole answer."""

    rest: str
    fence: str = ""
    is_reopened: bool = False  # it is the fence of the document, opened once more
    is_whole: bool = False  # all the words that were asked for stand before it


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Up to `end` the answer's folded text ends as the text before does: in `size` characters, behind `lead`."""

    answer: str
    head: Folded
    end: int
    size: int

    @property
    def lead(self) -> str:
        return self.answer[: self.head.starts[self.end - self.size]]


class Reading:
    """The end of the text before, folded in one way, and the words that were asked for in it."""

    def __init__(self, previous: str, copied: str, *, keeps_marks: bool) -> None:
        self.keeps_marks = keeps_marks
        self.source = previous[-TAIL_CHARS:]
        self.tail = fold(self.source, keeps_marks=keeps_marks)
        words = fold(copied, keeps_marks=keeps_marks).text
        self.words = words if words and self.tail.text.endswith(words) else ""
        # Without their marks the words may stand there twice: a list and a sentence may say the same.
        self.is_blurred = not keeps_marks and bool(words) and self.tail.text.count(words) > 1
        self.is_repeating = any(words.startswith(words[at:]) for at in range(1, len(words) // 2 + 1))

    @cached_property
    def anchor(self) -> str:
        """The shortest end of the text that says enough to be sought."""
        text, least = (self.words or self.tail.text)[-ANCHOR_CHARS:], ASKED_WEIGHT if self.words else LEAST_WEIGHT
        return next((text[-size:] for size in range(least // 3, len(text)) if weight(text[-size:]) >= least), text)

    def find(self, answer: str) -> Found | None:
        """What stands behind the copy; None where there is none. Raises BadSeam where it could be either of two."""
        places = [] if self.is_blurred else list(islice(self._places(answer), PLACES))
        asked = [replace(place, size=min(place.size, len(self.words) or place.size)) for place in places]
        whole = [place for place in asked if place.size == len(self.words)]
        copies = [place for place in whole if _is_bare(place.lead)]
        overlaps = [] if copies else [place for place in places if _is_bare(place.lead) and self._is_sure(place)]
        if len(overlaps) > 1:
            raise BadSeam("the answer repeats the end of the text in more than one way")
        place = next(iter(copies or overlaps or filter(self._is_prefaced, [*whole, *asked])), None)
        return None if place is None else self._behind(self._last_copy(place))

    def goes_on_repeating(self, answer: str) -> bool:
        """Whether the answer, but for a preface, is so far only a repetition of the text before."""
        return fold(answer[-200:], keeps_marks=self.keeps_marks).text[-4 * LEAST_WEIGHT :] in self.tail.text

    def _places(self, answer: str) -> Iterator[_Place]:
        """Where the answer has the end of the text, and how much of it."""
        head = fold(answer[:HEAD_CHARS], keeps_marks=self.keeps_marks)
        at = head.text.find(self.anchor) if self.anchor else -1
        while at >= 0:
            end = at + len(self.anchor)
            if head.is_border(end):
                yield _Place(answer=answer, head=head, end=end, size=_common_end(self.tail.text, head.text[:end]))
            at = head.text.find(self.anchor, at + 1)

    def _is_sure(self, place: _Place) -> bool:
        """Whether so much of the end, from the beginning of a word, is no accident."""
        repeated = self.tail.text[-place.size :]
        if place.size < len(self.words) or not self.words:
            # Of the words asked for, a part that stands there twice may be copied from above, or be what follows.
            if self.tail.text.count(repeated) > 1 and (self.words or weight(repeated) < LEAST_WEIGHT):
                return False
            at = self.tail.starts[-place.size]
            before, after = self.source[at - 1 : at], self.source[at]
            is_inside_word = before.isalnum() and after.isalnum() and not UNSPACED.match(after)
            return not is_inside_word or weight(repeated) >= SURE_WEIGHT
        return True

    def _is_prefaced(self, place: _Place) -> bool:
        """The copy stands below a few lines that are nowhere in the text, or behind a colon."""
        if len(place.lead) > PREFACE_CHARS:
            return False
        fence = _OPENING_FENCE.search(place.lead)
        said = place.lead[: fence.start()] if fence else place.lead
        lines = [line for line in said.split("\n") if line.strip()]
        own = said[said.rfind("\n") + 1 :].strip(" \t*_>#\"'“„«‘")
        is_whole = place.size == len(self.words) >= LEAST_COPY_CHARS
        if not is_whole and not (_ANNOUNCES.search(said) and self._is_sure(place)):
            return False
        if len(lines) > PREFACE_LINES or open_fence(said) or "|" in said:
            return False
        keys = [fold(line, keeps_marks=self.keeps_marks).text for line in lines]
        is_restart = any(weight(key) >= LEAST_WEIGHT and key in self.tail.text for key in keys)
        return not is_restart and (not own or own.endswith((":", "：", "—")))

    def _last_copy(self, place: _Place) -> _Place:
        """The place of the last of several copies in a row. Words that repeat themselves are copied once."""
        text, words = place.head.text, self.words
        at = text.find(words, place.end, place.end + len(words) + BARE_CHARS) if words else -1
        is_again = at >= 0 and not any(map(str.isalnum, text[place.end : at])) and weight(words) >= LEAST_WEIGHT
        if not is_again or self.is_repeating or self.tail.text.count(words) > 1:
            return place
        if _is_bare(place.lead):
            raise BadSeam("the answer repeats the last words twice")
        return self._last_copy(replace(place, end=at + len(words), size=len(words)))

    def _behind(self, place: _Place) -> Found:
        """What stands behind the place. Raises BadSeam where marks or quotes that are open there differ."""
        behind = self._behind_marks(place)
        rest = place.answer[behind:]
        ours = _open_marks(self.source[self.tail.starts[-place.size] :])
        theirs = ours if self.keeps_marks else _open_marks(place.answer[len(place.lead) : behind])
        before = _open_marks(place.lead[len(place.lead.rstrip("*_`~\"'“„«「『‘")) :])
        for mark in sorted((theirs ^ before) - ours, key=len):
            if not rest.translate(SAME).startswith(mark):
                raise BadSeam("the answer puts the last words in marks that it does not close")
            rest = rest[len(mark) :]
        if ours - (theirs ^ before):
            raise BadSeam("the answer lacks a mark that the text has opened")
        if not rest.strip(" \t\r\n.…"):
            is_literal = self.source.casefold().endswith(place.answer[len(place.lead) :].casefold())
            if place.size > LONG_CHARS and place.size != len(self.words) and not is_literal:
                raise BadSeam("the answer starts the text again")
            return Found(rest="" if rest.strip() in ("", "...", "…") else rest, is_whole=place.size >= len(self.words))
        is_title = _HEADING.search(self.source.rstrip()) and "#" not in place.answer[:behind]
        if is_title and rest.lstrip(" \t")[0] not in "\r\n":
            raise BadSeam("the answer begins with the words of the heading")
        fence = _OPENING_FENCE.search(place.lead)
        space = self.source[len(self.source.rstrip()) :]
        return Found(
            rest=behind_space(space, rest),
            fence=fence[1] if fence else "",
            is_reopened=fence is not None and fence[2].lower() not in ("markdown", "md"),
            is_whole=place.size >= len(self.words),
        )

    def _behind_marks(self, place: _Place) -> int:
        """Where the marks end that follow the place and that the text ends with already."""
        at = place.head.ends[place.end - 1]
        for mark in self.source[self.tail.ends[-1] :].split():
            begins = len(place.answer) - len(place.answer[at:].lstrip())
            if place.answer.startswith(mark, begins):
                at = begins + len(mark)
            elif mark.strip("*_`~\u200d\ufe0f"):
                raise BadSeam("the answer lacks a mark that the text ends with")
        return at


def behind_space(space: str, rest: str) -> str:
    """`rest` without the white space at its beginning that the text, ending in `space`, has already."""
    own = rest[: len(rest) - len(rest.lstrip())]
    if rest.startswith(space):
        return rest[len(space) :]
    if "\n" not in space:
        return rest[_common_start(space, own) :] if "\n" in own else rest[len(own) :]
    if "\n" not in own:
        return rest[1:] if own == " " else rest
    breaks = [found.end() for found in re.finditer("\n", own)][: space.count("\n")]
    rest = rest[breaks[-1] :]
    if len(breaks) < space.count("\n"):
        return rest.lstrip()
    return rest[_common_start(space[space.rfind("\n") + 1 :], rest) :]


def _is_bare(lead: str) -> bool:
    """Whether nothing stands there but marks, quotes, or the line of an opening fence."""
    if len(lead) > 2 * BARE_CHARS:
        return False
    fence = _OPENING_FENCE.search(lead)
    rest = lead[: fence.start()] + lead[fence.end() :] if fence else lead
    return len(rest) <= BARE_CHARS and not any(map(str.isalnum, rest)) and "|" not in rest


def _open_marks(text: str) -> set[str]:
    counted = Counter(_MARK.findall(_BULLET.sub("", text.translate(SAME))))
    return {mark for mark, times in counted.items() if times % 2}


def _common_end(one: str, other: str) -> int:
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[-middle:] == other[-middle:] else (low, middle - 1)
    return low


def _common_start(one: str, other: str) -> int:
    same = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in same)
