"""What differs between two texts, by section and word. Pure; its cost is bounded for texts of any kind: lines and words
that stand once in both are the anchors, and what lies between two of them is compared in full only where it is small.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from itertools import groupby, pairwise
from typing import Literal

SpanChange = Literal["same", "removed", "added"]
NamedText = tuple[str, str]

# Scripts that put no blank between words: Thai to Myanmar, Khmer, kana, the ideographs. Each letter stands for itself.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORDS = re.compile(rf"\s+|[{_UNSPACED}]|[^\W{_UNSPACED}]+|[\U0001f1e6-\U0001f1ff]{{2}}|[^\w\s]")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_JOINER = "\u200d"
_GAP = 10_000
"""Two runs are compared in full where their lengths multiplied do not pass this,"""
_BUDGET = 400_000
"""and all of them together this."""
_STEP = 8_192
"""So many characters, or texts, are gone through at once: nothing else runs meanwhile, not even the event loop."""


@dataclass(frozen=True, kw_only=True)
class TextSpan:
    change: SpanChange
    text: str


@dataclass(frozen=True, kw_only=True)
class ComparedSection:
    """A section of either text; `spans` join to the old one without those added, to the new one without the removed."""

    name: str
    change: Literal["same", "changed", "removed", "added"]
    spans: tuple[TextSpan, ...]


def compare_texts(old: Sequence[NamedText], new: Sequence[NamedText]) -> list[ComparedSection]:
    """The sections of both texts in one order, each with what changed in it; sections are the same by their names."""
    budget = _Budget()
    compared = []
    for begin, end, other, other_end in budget.blocks([name for name, _ in old], [name for name, _ in new]):
        if begin < end and other < other_end and end - begin == other_end - other:
            pairs = zip(old[begin:end], new[other:other_end], strict=True)
            if all(one[0] == two[0] for one, two in pairs):
                for one, two in zip(old[begin:end], new[other:other_end], strict=True):
                    same = one[1] == two[1]
                    spans = (TextSpan(change="same", text=one[1]),) if same else budget.spans(one[1], two[1])
                    compared.append(ComparedSection(name=one[0], change="same" if same else "changed", spans=spans))
                continue
        compared += [_whole(section, "removed") for section in old[begin:end]]
        compared += [_whole(section, "added") for section in new[other:other_end]]
    return compared


def _whole(section: NamedText, change: Literal["removed", "added"]) -> ComparedSection:
    return ComparedSection(name=section[0], change=change, spans=(TextSpan(change=change, text=section[1]),))


def compared_words(text: str) -> list[str]:
    """The words, blanks and signs of a text. None is cut where a reader sees one letter: a mark stays with what it
    stands on, and an emoji is whole.
    """
    found: list[str] = []
    at, step = 0, _STEP
    while at < len(text):
        words: list[str] = _WORDS.findall(text, at, at + step)
        if at + step < len(text):
            words.pop()  # it may go on behind the step
        found += words
        ahead = sum(map(len, words))
        at, step = at + ahead, _STEP if ahead else 2 * step
    if text.isascii():
        return found
    begins = [at for at, one in enumerate(found) if not at or not _goes_on(found[at - 1], one)]
    return ["".join(found[begin:end]) for begin, end in pairwise([*begins, len(found)])]


def _goes_on(before: str, word: str) -> bool:
    last, first = before[-1], word[0]
    if last.isspace() or first.isspace():
        return False
    if _is_mark(first) or last == _JOINER:
        return True
    # Behind a mark the word goes on, where its script has blanks between words.
    return _is_mark(last) and first.isalnum() and not _IS_UNSPACED.match(first)


@cache
def _is_mark(character: str) -> bool:
    """Whether it is part of the letter or picture before it."""
    is_tone = "\U0001f3fb" <= character <= "\U0001f3ff"  # of an emoji's skin
    return character == _JOINER or is_tone or unicodedata.category(character) in {"Mn", "Mc", "Me"}


class _Budget:
    def __init__(self) -> None:
        self._left = _BUDGET

    def spans(self, old: str, new: str) -> tuple[TextSpan, ...]:
        found: list[TextSpan] = []
        lines, others = old.splitlines(keepends=True), new.splitlines(keepends=True)
        for begin, end, other, other_end in self.blocks(lines, others):
            left, right = "".join(lines[begin:end]), "".join(others[other:other_end])
            if left == right:
                _put(found, "same", left)
            else:
                self._put_words(found, compared_words(left), compared_words(right))
        return tuple(_readable(found))

    def _put_words(self, found: list[TextSpan], old: list[str], new: list[str]) -> None:
        for begin, end, other, other_end in self.blocks(old, new):
            left, right = "".join(old[begin:end]), "".join(new[other:other_end])
            if left == right:
                _put(found, "same", left)
            else:
                _put(found, "removed", left)
                _put(found, "added", right)

    def blocks(self, old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
        """Runs of both, in order and without a gap: equal ones, and what stands between them."""
        at, other = 0, 0
        for one, two in [*_anchors(old, new), (len(old), len(new))]:
            yield from self._between(old, new, at, one, other, two)
            if one < len(old):
                yield one, one + 1, two, two + 1
            at, other = one + 1, two + 1

    def _between(
        self, old: Sequence[str], new: Sequence[str], begin: int, end: int, other: int, other_end: int
    ) -> Iterator[tuple[int, int, int, int]]:
        head = 0
        while begin + head < end and other + head < other_end and old[begin + head] == new[other + head]:
            head += 1
        if head:
            yield begin, begin + head, other, other + head
        begin, other = begin + head, other + head
        tail = 0
        while end - tail > begin and other_end - tail > other and old[end - tail - 1] == new[other_end - tail - 1]:
            tail += 1
        last, other_last = end - tail, other_end - tail
        cost = (last - begin) * (other_last - other)
        if 0 < cost <= min(_GAP, self._left):
            self._left -= cost
            matcher = SequenceMatcher(None, old[begin:last], new[other:other_last], autojunk=False)
            for _, a, b, c, d in matcher.get_opcodes():
                yield begin + a, begin + b, other + c, other + d
        elif last > begin or other_last > other:
            yield begin, last, other, other_last
        if tail:
            yield last, end, other_last, other_end


def _counted(texts: Sequence[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for at in range(0, len(texts), _STEP):
        counts.update(texts[at : at + _STEP])
    return counts


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """The longest rising run of what stands once in both, as places in both."""
    counts, others = _counted(old), _counted(new)
    place = {text: at for at, text in enumerate(new) if others[text] == 1}
    pairs = [(at, place[text]) for at, text in enumerate(old) if counts[text] == 1 and text in place]
    tops: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for index, (_, at) in enumerate(pairs):
        level = bisect_left(tops, at)
        tops[level : level + 1] = [at]
        last[level : level + 1] = [index]
        before.append(last[level - 1] if level else -1)
    run = []
    index = last[-1] if last else -1
    while index >= 0:
        run.append(pairs[index])
        index = before[index]
    return run[::-1]


def _readable(spans: Sequence[TextSpan]) -> list[TextSpan]:
    """Without the few equal characters, often one blank, that stand by chance between two longer changes of a line:
    what was removed there stands in one piece, and what was added behind it.
    """
    found: list[TextSpan] = []
    parts = [(same, list(run)) for same, run in groupby(spans, key=lambda span: span.change == "same")]
    removed = added = ""
    for at, (is_same, run) in enumerate(parts):
        if not is_same:
            less, more = _sides(run)
            removed, added = removed + less, added + more
        elif _is_chance(run[0].text, (removed, added), _sides(parts[at + 1][1]) if at + 1 < len(parts) else ("", "")):
            removed, added = removed + run[0].text, added + run[0].text
        else:
            _put(found, "removed", removed)
            _put(found, "added", added)
            removed = added = ""
            found.append(run[0])
    _put(found, "removed", removed)
    _put(found, "added", added)
    return found


def _sides(run: Sequence[TextSpan]) -> tuple[str, str]:
    removed = "".join(span.text for span in run if span.change == "removed")
    return removed, "".join(span.text for span in run if span.change == "added")


def _is_chance(same: str, before: tuple[str, str], behind: tuple[str, str]) -> bool:
    return "\n" not in same and len(same) <= min(max(map(len, before)), max(map(len, behind)))


def _put(found: list[TextSpan], change: SpanChange, text: str) -> None:
    """One span more, or the last of its kind longer."""
    if not text:
        return
    if found and found[-1].change == change:
        found[-1] = TextSpan(change=change, text=found[-1].text + text)
    else:
        found.append(TextSpan(change=change, text=text))
