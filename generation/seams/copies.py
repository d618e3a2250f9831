"""Finds in an answer the copy of the words that it was asked to begin with, and what stands behind it; pure.

The copy may come after a preface, in a fence or quotes, with other white space, quotes, dashes, marks or capitals, and
begin earlier or later than it was asked to. Where the place behind it is in doubt nothing is found.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cached_property
from itertools import takewhile

from generation.seams.characters import UNSPACED
from generation.seams.errors import BadSeam
from generation.seams.fences import open_fence
from generation.seams.folding import Folded, fold, weight

TAIL_CHARS = 8_000
"""So much of the text before is compared: all that the model was shown of it."""
HEAD_CHARS = 8_500
"""The end of the text is sought in so much of an answer; what begins the whole text anew may reach it so late."""
PREFACE_CHARS = 400
PREFACE_LINES = 4
LEAST_WEIGHT = 14
SURE_WEIGHT = 20
ASKED_WEIGHT = 8
"""What is repeated of the text's end says at least so much; less where it is a part of the words asked for."""
PREFACED_CHARS = 8
"""After a preface the words are at least so long, white space aside."""
TYPING_CHARS = 6
BARE_CHARS = 60
"""Marks, quotes and a fence before a copy are at most so long."""
LONG_CHARS = 100
"""A repetition of more, other than the words asked for, is a restart: it must be exact or bring something."""
LIKENESS = 0.75
"""A copy may differ at its beginning, when it is so like the words and longer or shorter by few characters."""

_OPENING_FENCE = re.compile(r"(?:\A|\n)[ \t]*(`{3,}|~{3,})[ \t]*([\w+#.-]*)[ \t]*\r?\n\s*(?=[^\n]*\Z)")
_QUOTES = dict(zip("\"“„«「『'‘`*_", ('"', "”", "“”", "»", "」", "』", "'", "’", "`", "*", "_"), strict=True))
_EMPHASIS = re.compile(r"\*\*|__|~~|[*`]|(?<!\w)_|_(?!\w)")
_BULLET = re.compile(r"^[ \t]*[*+-][ \t]", re.MULTILINE)
_ELLIPSIS = re.compile(r"\s*(?:…|\.{3})\s*\Z")


@dataclass(frozen=True, kw_only=True)
class Found:
    """`rest` is to be appended; `fence` is the run of the fence that stands around the whole answer."""

    rest: str
    fence: str = ""
    is_reopened: bool = False
    """The fence is that of the document, opened once more."""


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Up to `end` the answer's folded text ends as the text before does: in `size` characters, behind `lead`."""

    answer: str
    head: Folded
    end: int
    size: int

    @property
    def start(self) -> int:
        return self.end - self.size

    @property
    def lead(self) -> str:
        return self.answer[: self.head.starts[self.start]]


class Reading:
    """The end of the text before, folded in one way, and the words that were asked for in it."""

    def __init__(self, previous: str, copied: str, *, keeps_marks: bool) -> None:
        self.source = previous[-TAIL_CHARS:]
        self.keeps_marks = keeps_marks
        self.tail = fold(self.source, keeps_marks=keeps_marks)
        words = fold(copied, keeps_marks=keeps_marks).text
        self.words = words if words and self.tail.text.endswith(words) else ""
        self.left = self.source[self.tail.ends[-1] :] if self.tail.ends else self.source
        self.space = previous[len(previous.rstrip()) :]

    @cached_property
    def anchor(self) -> str:
        """The shortest end of the text that says enough to be sought."""
        text, least = self.tail.text, ASKED_WEIGHT if self.words else LEAST_WEIGHT
        for size in range(least // 3, len(text)):
            if weight(text[-size:]) >= least:
                return text[-size:]
        return text

    @cached_property
    def is_unique(self) -> bool:
        return self.tail.text.count(self.words) == 1

    def find(self, answer: str) -> Found | None:
        """What stands behind the copy; None where there is none. Raises BadSeam where it could be either of two."""
        head = fold(answer[:HEAD_CHARS], keeps_marks=self.keeps_marks)
        places = list(self._places(answer, head))
        if self.words and (place := self._copy_at_head(answer, head)) is not None:
            return self._behind(place)
        for suits in (self._is_overlap, self._is_prefaced, self._is_typed_anew):
            fitting = [place for place in places if suits(place)]
            if len(fitting) > 1 and suits != self._is_prefaced:
                raise BadSeam("the answer repeats the end of the text in more than one way")
            if fitting:
                return self._behind(self._as_asked(fitting[0]) if suits == self._is_prefaced else fitting[0])
        return None

    def goes_on_repeating(self, answer: str) -> bool:
        """Whether the whole answer, but for a preface, is so far only a repetition of the text before."""
        head = fold(answer[-TAIL_CHARS:], keeps_marks=self.keeps_marks).text
        return head in self.tail.text or (len(head) > 4 * LEAST_WEIGHT and head[-4 * LEAST_WEIGHT :] in self.tail.text)

    def _copy_at_head(self, answer: str, head: Folded) -> _Place | None:
        """The words asked for, with nothing before them but marks, quotes or a fence."""
        at = head.text.find(self.words)
        while 0 <= at <= BARE_CHARS:
            place = _Place(answer=answer, head=head, end=at + len(self.words), size=len(self.words))
            if not _is_bare(place.lead):
                return None
            if head.is_border(place.end):
                return place
            at = head.text.find(self.words, at + 1)
        return None

    def _places(self, answer: str, head: Folded) -> Iterator[_Place]:
        """Where the answer has the end of the text, and how much of it."""
        anchor = self.anchor
        at = head.text.find(anchor) if anchor else -1
        while at >= 0:
            end = at + len(anchor)
            if head.is_border(end):
                size = _common_end(self.tail.text, head.text[:end])
                yield _Place(answer=answer, head=head, end=end, size=size)
            at = head.text.find(anchor, at + 1)

    def _is_overlap(self, place: _Place) -> bool:
        """The answer begins with a repetition of the text's end, longer or shorter than the words asked for."""
        repeated = self.tail.text[-place.size :]
        says_enough = weight(repeated) >= LEAST_WEIGHT or self.tail.text.count(repeated) == 1
        return says_enough and _is_bare(place.lead) and self._begins_word(place.size)

    def _is_typed_anew(self, place: _Place) -> bool:
        """The beginning of the copy differs a little from the words."""
        lead, meant = place.head.text[: place.start], self.words[: -place.size]
        if not meant or abs(len(lead) - len(meant)) > TYPING_CHARS or not self.is_unique:
            return False
        return SequenceMatcher(None, lead, meant, autojunk=False).ratio() >= LIKENESS

    def _is_prefaced(self, place: _Place) -> bool:
        """The copy is whole and stands below a few lines that are nowhere in the text, or behind a colon."""
        place = self._as_asked(place)
        repeated = self.tail.text[-place.size :]
        is_whole = bool(self.words) and place.size == len(self.words) >= PREFACED_CHARS
        is_part = weight(repeated) >= LEAST_WEIGHT and self.tail.text.count(repeated) == 1
        if not is_whole and not (is_part and self._begins_word(place.size)):
            return False
        said = place.lead
        fence = _OPENING_FENCE.search(said)
        said = said[: fence.start()] if fence else said
        lines = [line for line in said.split("\n") if line.strip()]
        if len(said) > PREFACE_CHARS or len(lines) > PREFACE_LINES or open_fence(said):
            return False
        own = said[said.rfind("\n") + 1 :].strip(" \t*_>#\"'“„«‘")
        if own and not ((is_whole or weight(repeated) >= SURE_WEIGHT) and own.endswith((":", "：", "—"))):
            return False
        if any(line.lstrip().startswith("|") for line in lines):
            return False
        keys = [fold(line, keeps_marks=self.keeps_marks).text for line in lines]
        return not any(weight(key) >= LEAST_WEIGHT and key in self.tail.text for key in keys)

    def _as_asked(self, place: _Place) -> _Place:
        """The place of the words alone; the preface may end as the text before them does."""
        return replace(place, size=len(self.words)) if 0 < len(self.words) < place.size else place

    def _begins_word(self, size: int) -> bool:
        at = self.tail.starts[-size]
        if at == 0 or size >= len(self.words) > 0 or weight(self.tail.text[-size:]) >= SURE_WEIGHT:
            return True
        before, after = self.source[at - 1], self.source[at]
        return not (before.isalnum() and after.isalnum()) or UNSPACED.match(after) is not None

    def _behind(self, place: _Place) -> Found | None:
        place = self._last_copy(place)
        rest = place.answer[place.head.ends[place.end - 1] :]
        if not self.keeps_marks:
            behind = self._behind_marks(place, rest)
            if behind is None:
                return None
            rest = behind
        if not rest.strip() or _ELLIPSIS.fullmatch(rest):
            if place.size > LONG_CHARS and place.size != len(self.words) and not self._is_literal(place):
                raise BadSeam("the answer starts the text again")
            return Found(rest="")
        lead = place.lead
        rest_unquoted = self._unquoted(lead, place, rest)
        if rest_unquoted is None:
            return None
        fence = _OPENING_FENCE.search(lead)
        is_reopened = fence is not None and fence[2].lower() not in ("markdown", "md")
        return Found(
            rest=behind_space(self.space, rest_unquoted), fence=fence[1] if fence else "", is_reopened=is_reopened
        )

    def _is_literal(self, place: _Place) -> bool:
        return self.source.casefold().endswith(place.answer[len(place.lead) :].casefold())

    def _last_copy(self, place: _Place) -> _Place:
        """The place of the last of several copies in a row. A text that repeats itself is copied once."""
        text, words = place.head.text, self.words
        if not words or self.words not in text[place.end :][: 2 * len(words) + 20] or not self.is_unique:
            return place
        if weight(words) < LEAST_WEIGHT:
            return place
        at = text.find(words, place.end)
        if any(map(str.isalnum, text[place.end : at])):
            return place
        if not place.lead.strip() and at == place.end:
            raise BadSeam("the answer repeats the last words twice")
        return self._last_copy(_Place(answer=place.answer, head=place.head, end=at + len(words), size=len(words)))

    def _behind_marks(self, place: _Place, rest: str) -> str | None:
        """The rest behind marks that the text ends with already; None where marks that are open differ."""
        at, missing = 0, ""
        for mark in self.left.split():
            blanks = len(rest[at:]) - len(rest[at:].lstrip())
            if rest.startswith(mark, at + blanks):
                at += blanks + len(mark)
            else:
                missing += mark
        if missing.strip("*_`~\u200d\u200c\ufeff\ufe0e\ufe0f"):
            return None
        begun = place.answer[place.head.starts[place.start] : len(place.answer) - len(rest) + at]
        ours = _open_marks(self.source[self.tail.starts[-place.size] :])
        theirs = _open_marks(begun)
        if ours - theirs:
            return None
        rest = rest[at:]
        for mark in sorted(theirs - ours, key=len):
            if not rest.startswith(mark):
                return None
            rest = rest[len(mark) :]
        return rest

    def _unquoted(self, lead: str, place: _Place, rest: str) -> str | None:
        """The rest without a quotation mark that closes what the answer opened before the copy."""
        opened = re.search(r"(\*\*|__|[\"“„«「『'‘`*_])\Z", lead)
        if opened is None:
            return rest
        closing = opened[1] if len(opened[1]) > 1 else _QUOTES[opened[1]]
        within = place.answer[len(lead) : len(place.answer) - len(rest)]
        if len(opened[1]) > 1:
            return rest[2:] if rest.startswith(closing) and within.count(closing) % 2 == 0 else None
        if opened[1] == closing and within.count(closing) % 2:
            return None
        return rest[1:] if rest[0] in closing else None


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
    fence = _OPENING_FENCE.search(lead)
    rest = lead[: fence.start()] + lead[fence.end() :] if fence else lead
    return len(rest) <= BARE_CHARS and not any(map(str.isalnum, rest)) and "|" not in rest


def _open_marks(text: str) -> set[str]:
    counted = Counter(_EMPHASIS.findall(_BULLET.sub("", text)))
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
