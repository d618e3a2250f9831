"""The tags in a text as a reader without formulas sees them, GitHub or any other: code and addresses are none."""

import re
from bisect import bisect_left
from collections.abc import Iterator

from artifacts.preview.block import starts

_MARK = re.compile(r"\\.|`++|<(?=[A-Za-z/!])|\](?=[(:])", re.DOTALL)
_TICKS = re.compile(r"`++")
_ADDRESS = re.compile(r"<(?:[A-Za-z][A-Za-z0-9.+-]{1,31}:[^<>\x00-\x20]*+|[^<>\s]++@[^<>\s]++)>")
_TAG = re.compile(rf"{starts.OPEN_TAG}|{starts.CLOSE_TAG}", re.IGNORECASE)
# The target of a link or a definition, in which nothing is a tag.
_TITLE = r"(?:\s++(?:\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'|\((?:[^()\\]|\\.)*+\)))?+"
_TARGET = re.compile(rf"\](?:\(\s*+(?:<[^<>\n]*+>|[^\s<()]*+){_TITLE}\s*+\)|:\s*+(?:<[^<>\n]*+>|[^\s<]++){_TITLE})")


class RawTags:
    """The tags of one text, each as it is written, and whether a comment is left open."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ticks: dict[int, list[int]] | None = None
        self.no_comment_ends = False

    def __iter__(self) -> Iterator[str]:
        text, place = self._text, 0
        while found := _MARK.search(text, place):
            mark, start, place = found[0], found.start(), found.end()
            if mark[0] == "`":
                place = self._behind_code(place, len(mark))
            elif mark == "]":
                target = _TARGET.match(text, start)
                place = target.end() if target else place
            elif mark == "<":
                if tag := _TAG.match(text, start):
                    yield tag[0]
                    place = tag.end()
                elif address := _ADDRESS.match(text, start):
                    place = address.end()
                elif text.startswith("!--", place):
                    place = self._behind_comment(place)

    def _behind_code(self, place: int, length: int) -> int:
        if self._ticks is None:
            self._ticks = {}
            for run in _TICKS.finditer(self._text):
                self._ticks.setdefault(len(run[0]), []).append(run.start())
        same = self._ticks.get(length, [])
        end = bisect_left(same, place)
        return same[end] + length if end < len(same) else place

    def _behind_comment(self, place: int) -> int:
        end = -1 if self.no_comment_ends else self._text.find("-->", place + 1)
        self.no_comment_ends = end < 0
        return place if end < 0 else end + 3


def leaves_comment_open(text: str) -> bool:
    """Does a comment begin in this text that does not end in it?"""
    if text.rfind("<!--") <= text.rfind("-->"):
        return False
    tags = RawTags(text)
    for _ in tags:
        if tags.no_comment_ends:
            break
    return tags.no_comment_ends
