"""Finds in an answer the copy of the words that it was asked to begin with, and what stands behind it; pure.

The copy may come after a preface, in a fence or quotes, with other white space, quotes, dashes, marks or capitals, and
begin earlier or later than it was asked to. Where the place behind it is in doubt nothing is found.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import NamedTuple
from unicodedata import combining

from generation.errors import BadSeam
from generation.markdown.fences import open_fence
from generation.markdown.preamble import PREAMBLE_CHARS, announces
from generation.markdown.white_space import behind_space
from generation.seams.characters import UNSPACED
from generation.seams.folding import SAME, Folded, fold, weight

COMPARED_CHARS = 8_000  # so much of the text before is compared: all that the model was shown of it
ANSWER_HEAD_CHARS = 8_500  # the end of the text is sought in so much of an answer: a restart may reach it so late
PREFACE_LINES, LEAST_WEIGHT = 4, 14
ASKED_WEIGHT, SURE_WEIGHT = 8, 20  # enough for a part of the words asked for; for a repetition from within a word
AGAIN_CHARS, AGAIN_WEIGHT = 100, 9  # behind no more than so much the copy comes again; less where it is a word
SAID_WEIGHT = 3  # so much before a part of a copy that the text ends with too: it repeats itself
LEAST_COPY_CHARS, BARE_CHARS = 5, 60  # of the words below a preface, white space aside; of marks before a copy
ANCHOR_CHARS, PLACES = 100, 30  # where a text repeats itself more often, only a copy at the head is sure
RESTART_CHARS = 100  # a repetition of more, other than the words asked for, is a restart: exact, or with something new
_OPENING_FENCE = re.compile(r"(?:\A|\n)[ \t]*(`{3,}|~{3,})[ \t]*([\w+#.-]*)[ \t]*\r?\n\s*(?=[^\n]*\Z)")
_MARK = re.compile(r"\*\*|__|~~|[*`\"]|(?<!\w)[_']|[_'](?!\w)")
_BULLET = re.compile(r"^[ \t]*[*+-][ \t]", re.MULTILINE)
_ENDS_WORD = re.compile(rf"\s|\Z|{UNSPACED.pattern}")
_SAID_TWICE = re.compile(r"nous|vous|sie|d(?:ie|er|as)|had|that|end\w*(?:\(\))?;?|</\w+>")
_ENDS = re.compile(r"[|)\]},;:!?，。；：！？）]|(?<!\.)\.(?!\.)")
_HEADING = re.compile(r"[ ]{0,3}#{1,6}[ \t]")
_DELIMITERS = re.compile(r"\|?(?:[ \t]*:?-{2,}:?[ \t]*\|)+(?:[ \t]*:?-+:?[ \t]*)?")
_BEGINS_WITH_A_MARK = re.compile(r"\d+[.)](?:\s|\Z)|[^\w\s|]")


@dataclass(frozen=True, kw_only=True)
class Found:
    """`rest` is to be appended; `fence` is the run of the fence that stands around the whole answer."""

    rest: str
    fence: str = ""
    is_reopened: bool = False  # it is the fence of the document, opened once more
    is_whole: bool = False  # all the words that were asked for stand before it
    is_quoted: bool = False  # a mark of a quotation that the text does not have stands before it


class _Match(NamedTuple):
    """Up to `end` the answer's folded text ends as the text before does: in `size` characters, behind `lead`."""

    answer: str
    head: Folded
    end: int
    size: int
    lead: str


class TextEnd:
    """The end of the text before, folded in one way, and the words that were asked for in it."""

    def __init__(self, previous: str, copied: str, *, keeps_marks: bool) -> None:
        self.keeps_marks, self.copied, self._previous = keeps_marks, copied, previous
        self.source = previous[-COMPARED_CHARS:]
        self.line = self.source.rstrip().rpartition("\n")[2].strip()
        self.tail = fold(self.source, keeps_marks=keeps_marks)
        words = fold(copied, keeps_marks=keeps_marks).text
        self.words = words if words and self.tail.text.endswith(words) else self.tail.text[-ANCHOR_CHARS:]
        # Without their marks the words may stand there twice: a list and a sentence may say the same.
        self.is_blurred = not keeps_marks and bool(words) and self.tail.text.count(words) > 1
        ends = (self.words[-size:] for size in range(1, min(ANCHOR_CHARS, len(self.words))))
        self.anchor = next((end for end in ends if weight(end) >= ASKED_WEIGHT), self.words[-ANCHOR_CHARS:])

    def find_whole(self, answer: str) -> Found | None:
        """What stands behind a copy of all the words that were asked for; None where there is none."""
        # A long lead is no preface, and an answer of equal characters has a copy at each of them.
        places = self._places(answer, self.words, is_whole=True)
        copies = self._placed(takewhile(lambda place: len(place.lead) <= PREAMBLE_CHARS, islice(places, PLACES)))
        return self._behind(copies[0]) if copies else None

    def find_part(self, answer: str) -> Found | None:
        """What stands behind another repetition of the end. Raises BadSeam where it may be what follows in the text."""
        parts = self._placed(islice(self._places(answer, self.anchor), PLACES))
        if parts and (len(parts) > 1 or not self._is_sure(parts[0]) or self._may_be_new(parts[0])):
            raise BadSeam("the answer may repeat the end of the text, or go on as the text did before")
        return self._behind(parts[0]) if parts else None

    def _places(self, answer: str, sought: str, *, is_whole: bool = False) -> Iterator[_Match]:
        """Where the answer has the end of the text that is sought; of a part, all that stands before it too."""
        head = fold(answer[:ANSWER_HEAD_CHARS], keeps_marks=self.keeps_marks)
        at = head.text.find(sought) if sought and not self.is_blurred else -1
        while at >= 0:
            end = at + len(sought)
            behind = head.ends[end - 1]
            is_torn = end < len(head.text) and (head.starts[end] == head.starts[end - 1] or combining(answer[behind]))
            if not is_torn or answer[head.starts[at] : behind].split()[-1:] == self.copied.split()[-1:]:
                size = len(sought) if is_whole else _common_end(self.tail.text, head.text[:end])
                yield _Match(answer=answer, head=head, end=end, size=size, lead=answer[: head.starts[end - size]])
            at = head.text.find(sought, at + 1)

    def _placed(self, places: Iterable[_Match]) -> list[_Match]:
        """Those at the head of the answer, else those below a preface."""
        found = list(places)
        return [place for place in found if _is_bare(place.lead)] or list(filter(self._is_prefaced, found))

    def _is_sure(self, place: _Match) -> bool:
        """Whether so much of the end, from the beginning of a word, is no accident."""
        repeated, at = self.tail.text[-place.size :], self.tail.starts[-place.size]
        if place.size >= len(self.words) or self.tail.text.count(repeated) > 1:  # copied from above, or what follows
            return place.size >= len(self.words)
        is_inside = self.source[at - 1 : at] not in "\n" and _ENDS.match(self.source[at]) is not None
        return not (is_inside or _is_within(self.source, at)) or weight(repeated) >= SURE_WEIGHT

    def _may_be_new(self, place: _Match) -> bool:
        """Whether what looks like a part of a copy may be what follows in a text that repeats itself."""
        text, begun = self.tail.text, self.tail.text[: -place.size]
        before = text[len(text) - _common_end(begun, text) :]
        is_again = place.head.text.startswith(text[len(begun) :][:ASKED_WEIGHT], place.end)
        return is_again or max(len(before), weight(before)) >= SAID_WEIGHT

    def _is_prefaced(self, place: _Match) -> bool:
        """Whether it stands below a few lines that announce it and are not in the text, and is no accident."""
        said = _OPENING_FENCE.split(place.lead[: PREAMBLE_CHARS + 1])[0]
        lines = [line for line in said.split("\n") if any(map(str.isalnum, line))]
        end = place.head.ends[place.end - 1]
        is_all = place.size == len(self.tail.text) and place.lead.endswith("\n") and not _is_within(place.answer, end)
        if len(place.lead) > PREAMBLE_CHARS or not 0 < len(lines) <= PREFACE_LINES or not all(map(announces, lines)):
            return False
        own = said[said.rfind("\n") + 1 :].strip(" \t*_>#\"'“„«‘")
        is_own = not any(fold(line, keeps_marks=self.keeps_marks).text in self.tail.text for line in lines)
        is_own = is_own and not open_fence(said) and "|" not in said and (not own or own.endswith((":", "：", "—")))
        return is_own and (is_all or place.size >= LEAST_COPY_CHARS)

    def _stutters(self, rest: str) -> bool:
        """Whether what follows the copy begins with the same words again, from the first one on or from another."""
        head = fold(rest[: len(self.copied) + AGAIN_CHARS], keeps_marks=self.keeps_marks)
        words, tail = self.words, self.tail.text
        space = self.source[len(self.source.rstrip()) :] + rest[: len(rest) - len(rest.lstrip())]
        word_end = _ENDS_WORD if space else re.compile("")  # behind a whole word no longer one is the same
        at = head.text.find(words) if words else -1
        at = at if at >= 0 and word_end.match(rest, head.ends[at + len(words) - 1]) else -1
        between = rest[: head.starts[at]].strip().split("\n")[-1] if at >= 0 else words
        is_announced = at >= 0 and announces(between)
        begun = range(_common_end(words[::-1], head.text[::-1]), 0, -1)  # as much of them as ends with a word
        whole = next((size for size in begun if size == len(words) or _ENDS_WORD.match(rest, head.ends[size - 1])), 0)
        said = words if is_announced or not any(map(str.isalnum, between)) else words[:whole]
        is_line = "\n" in space and not is_announced  # lines may well begin alike
        is_telling = weight(said) >= (LEAST_WEIGHT if is_line else ASKED_WEIGHT) and tail.find(said) == tail.rfind(said)
        is_telling = is_telling and len(said) * (1 if is_line else 3) >= len(words)
        sizes = [size for size in range(1, len(words) + 1) if head.text.startswith(words[-size:])]
        ends = [size for size in sizes[:PLACES] if word_end.match(rest, head.ends[size - 1])]
        is_usual = any(2 * words[-size:] in tail and weight(words[-size:]) > 2 for size in ends)
        is_again = is_telling or any(self._says_again(size, rest, head.ends[size - 1]) for size in ends)
        return not is_usual and (is_again or self._is_line_again(rest))

    def _is_line_again(self, rest: str) -> bool:
        """Whether what never stands twice begins again: a heading, a table's second line, a mark with its word."""
        said, begun = rest.lstrip("#| \t\r\n"), " ".join(self.line.split()[:2])
        if _HEADING.match(self.line) or _DELIMITERS.fullmatch(self.line):
            is_next = "\n" in rest[: len(rest) - len(said)]
            return is_next and said.partition("\n")[0].rstrip("#| \r") == self.line.strip("#| ")
        is_same = f"{rest.lstrip()} ".startswith(f"{begun} ") and rest[:1] not in "\r\n"
        return is_same and _BEGINS_WITH_A_MARK.match(begun) is not None

    def _says_again(self, size: int, rest: str, end: int) -> bool:
        said, begins = self.words[-size:], self.tail.starts[-size]
        is_inside = _is_within(self.source, begins) or _is_within(rest, end)
        is_word = said.strip("-*_.,:;=").isalpha() or ("|" not in said and len(said) > 5 and weight(said) > 2)
        is_new = size > 1 and not (is_inside or UNSPACED.match(said[-1]) or _SAID_TWICE.fullmatch(said))
        is_same = list(filter(str.isalnum, rest[:end])) == list(filter(str.isalnum, self.source[begins:]))
        return is_same and (weight(said) >= AGAIN_WEIGHT or (is_word and is_new))

    def _behind(self, place: _Match) -> Found:
        """What stands behind the place. Raises BadSeam where marks or quotes that are open there differ."""
        behind, begins = self._behind_marks(place), self.tail.starts[-place.size]
        rest, ours = place.answer[behind:], _open_marks(self.source[begins:])
        theirs = ours if self.keeps_marks else _open_marks(place.answer[len(place.lead) : behind])
        before = _open_marks(place.lead[len(place.lead.rstrip("*_`~\"'“„«「『‘")) :])
        for mark in sorted(before if theirs == ours else (theirs ^ before) - ours, key=len):
            if not rest.translate(SAME).startswith(mark):
                raise BadSeam("the answer puts the last words in marks that it does not close")
            rest = rest[len(mark) :]
        if theirs != ours and ours - (theirs ^ before):
            raise BadSeam("the answer lacks a mark that the text has opened")
        is_whole = place.size >= len(self.words)
        if not rest.strip(" \t\r\n.…"):
            is_literal = self.source.casefold().endswith(place.answer[len(place.lead) :].casefold())
            if place.size > RESTART_CHARS and place.size != len(self.words) and not is_literal:
                raise BadSeam("the answer starts the text again")
            return Found(rest="" if rest.strip() in ("", "...", "…") else rest, is_whole=is_whole)
        asked = self.copied if place.size == len(self.words) else self.source[max(0, begins - 2) :]
        is_title = _HEADING.match(self.source.rstrip().rpartition("\n")[2]) and "#" in asked
        if is_title and "#" not in place.answer[:behind] and rest.lstrip(" \t")[0] not in "\r\n":
            raise BadSeam("the answer begins with the words of the heading")
        if not (theirs == ours and before) and self._stutters(rest):  # marks around the copy say where it ends
            raise BadSeam("the answer repeats the last words twice")
        joined = behind_space(self._previous, rest)
        if joined is None:
            raise BadSeam("the answer has a line break where the text has a blank")
        fence = _OPENING_FENCE.search(place.lead)
        parts = (place.answer[:behind], self.source[self.source.rfind("\n", 0, begins) + 1 :])
        return Found(
            rest=joined,
            fence=fence[1] if fence else "",
            is_reopened=fence is not None and fence[2].lower() not in ("markdown", "md"),
            is_whole=is_whole,
            is_quoted=[re.search(r"^[ \t]*>", part, re.MULTILINE) is not None for part in parts] == [True, False],
        )

    def _behind_marks(self, place: _Match) -> int:
        """Where the marks end that follow the place and that the text ends with already."""
        at = place.head.ends[place.end - 1]
        marks = self.source[self.tail.ends[-1] :]
        if not self.keeps_marks and marks.strip() and marks[0].isspace():
            raise BadSeam("the answer copies the last words without the marks that follow them")
        for mark in marks.split():
            begins = len(place.answer) - len(place.answer[at:].lstrip())
            if place.answer.startswith(mark, begins):
                at = begins + len(mark)
            elif mark.strip("*_`~\u200d\ufe0f"):
                raise BadSeam("the answer lacks a mark that the text ends with")
        return at


def _is_bare(lead: str) -> bool:
    """Whether nothing stands there but marks, quotes, or the line of an opening fence."""
    rest = _OPENING_FENCE.sub("", lead[: 2 * BARE_CHARS])
    return len(rest) <= BARE_CHARS and not any(map(str.isalnum, rest)) and not _ENDS.search(rest)


def _is_within(text: str, at: int) -> bool:
    """Whether a word goes on at this place."""
    return 0 < at < len(text) and text[at - 1 : at + 1].isalnum() and not UNSPACED.match(text[at])


def _open_marks(text: str) -> set[str]:
    counted = Counter(_MARK.findall(_BULLET.sub("", text.translate(SAME))))
    return {mark for mark, times in counted.items() if times % 2}


def _common_end(one: str, other: str) -> int:
    return bisect_left(range(1, min(len(one), len(other)) + 1), True, key=lambda size: one[-size:] != other[-size:])
