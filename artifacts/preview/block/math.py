"""Formulas, `$...$`, `$$...$$`, `\\(...\\)`, `\\[...\\]`, LaTeX's environments: where they begin and end.

They are kept as they are written.
"""

import re
from bisect import bisect_right

from artifacts.preview.block import environments

BLOCK = re.compile(r"(?:\$\$|\\\[)[ \t]*$")  # alone on its line: all that follows is the formula, until it ends
_BLOCK_ENDS = {
    "$": re.compile(r"(?:\\.|[^\\$]|\$(?!\$))*+\$\$"),
    "\\": re.compile(r"(?:\\[^\]]|[^\\])*+\\\]"),
}
BLOCK_CLOSERS = {"$": "$$", "\\": "\\]"}

_CLOSERS = {"$": "$", "$$": "$$", "\\(": "\\)", "\\[": "\\]"}
_OPENERS = {"$": ("$",), "$$": ("$", "$$"), "\\(": ("\\(",), "\\)": ("\\(",), "\\[": ("\\[",), "\\]": ("\\[",)}
_WHOLE = re.compile(r"\$\$(?!\$)(?:\\.|[^\\$]|\$(?!\$))++\$\$|\\\[(?:\\[^\]]|[^\\])++\\\]", re.DOTALL)
_LINE_MARK = re.compile(rf"`++(?:[^`]*+`++)?|{environments.BEGIN_OR_END}|\\.|\$++")
_MARK = re.compile(rf"{environments.BEGIN_OR_END}|\\.|\$++|`++", re.DOTALL)
# What says that an open `$` or `\[` at the end of a live text is a formula, near its beginning.
_SIGN = re.compile(r"\\[A-Za-z{]|[\^_]\{")
_SIGN_CHARS = 80
_MONEY = re.compile(r"\d[\d.,]*+\s+[A-Za-z]{2}")  # $20 and 30$
_SUFFIX = re.compile(r"(?:th|st|nd|rd|s)(?![A-Za-z0-9])")  # the $n$th
# Escaped brackets and parentheses of a text: numbers, nothing, words: \[1\], \[ \], \(optional\).
_TEXT = re.compile(r"\s*+(?:[\d\s,;–-]*+|[^\W\d_]{3,}+(?:[\s,.'/-]++[^\W\d_]++)*+[.,]?+\s*+)\Z")


def block_at(line: str, place: int) -> str:
    """The formula that begins a block in this line: `$`, a backslash, or the name of an environment."""
    if BLOCK.match(line, place):
        return line[place]
    return environments.begun_at(line, place)


def first_line(line: str, marker: str) -> tuple[str, int]:
    """What is kept of the line that begins a block, and how many environments of its name are open behind it."""
    return (line[:2], 0) if marker in _BLOCK_ENDS else (line, environments.end_in(line, marker, 0)[1])


def block_end(line: str, marker: str, depth: int) -> tuple[int | None, int]:
    """Where in its line a block ends; how many environments of its name are open behind it."""
    if marker in _BLOCK_ENDS:
        end = _BLOCK_ENDS[marker].match(line)
        return end.end() if end else None, 0
    return environments.end_in(line, marker, depth)


def closers(text: str, marker: str) -> list[str]:
    """What ends the formula that is open at the end of a text, the innermost first."""
    return [BLOCK_CLOSERS[marker]] if marker in BLOCK_CLOSERS else environments.ends(text, marker)


def has_no_formula(text: str, marker: str) -> bool:
    """Is there nothing yet of the formula that is open at the end of a paragraph?"""
    mark = {"$": "$$", "\\": "\\["}.get(marker)
    return mark is not None and not text.rpartition(mark)[2].strip()


def goes_on(line: str, marker: str, *, after_blank: bool) -> bool:
    """Does a formula that is open go on in this line? An environment without an end takes no document with it."""
    return marker in _BLOCK_ENDS or environments.takes_line(line, after_blank=after_blank)


def open_after(line: str, opened: str) -> str:
    """The formula that is open behind a line of a paragraph, `$`, a backslash or a name; `opened` is the one before it.

    One that begins in the middle of a line and does not end there is only text: so is a price of `$$`.
    """
    if not opened and "$$" not in line and "\\[" not in line and "\\begin{" not in line:
        return ""
    end = len(line.rstrip(" \t"))
    for found in _LINE_MARK.finditer(line):
        mark = found[0]
        if opened:
            opened = "" if mark == (BLOCK_CLOSERS.get(opened) or f"\\end{{{opened}}}") else opened
        elif mark.startswith("\\begin{"):
            opened = environments.opened_at(line, found.start())
        elif mark == "$$" and (found.start() == 0 or (found.end() == end and "|" not in line)):
            opened = "$"
        elif mark == "\\[" and (found.end() == end or (found.start() == 0 and line[found.end()] in " \t")):
            opened = "\\"  # and \[1] is a bracket
    return opened


def is_whole(text: str) -> bool:
    """Is the text one formula that stands by itself?"""
    if text.startswith("\\begin{"):
        return environments.end_at(text) == len(text)
    if not text.startswith(("$$", "\\[")) or _WHOLE.fullmatch(text) is None:
        return False
    return text[0] == "$" or _is_formula(text[2:-2])


class Formulas:
    """The formulas of one text: looked for once, in time linear in its length."""

    def __init__(self, text: str, code: dict[int, int]) -> None:
        """`code` are the code spans, where each begins and ends: nothing in them begins or ends a formula."""
        self._text = text
        # For each opener the marks of which the next must be its end: else `$` is money or a variable.
        self._marks: dict[str, list[int]] = {"$": [], "$$": [], "\\(": [], "\\[": []}
        self._code = sorted(code)
        self._environments = environments.EnvironmentPairs()
        place = 0
        while found := _MARK.search(text, place):
            mark, place = found[0], found.end()
            if mark[0] == "`":
                place = code.get(found.start(), place)
            if mark.startswith(("\\begin{", "\\end{")):
                self._environments.take(mark, found.start())
            for opener in _OPENERS.get(mark, ("$",) if mark[0] == "$" else ()):
                self._marks[opener].append(found.start())

    def end_at(self, start: int) -> int | None:
        """Where the formula ends whose first mark stands here."""
        if self._text.startswith("\\begin{", start):
            return self._environments.ends.get(start)
        opener = self._opener(start)
        if not opener:
            return None
        begin = start + len(opener)
        marks = self._marks[opener]
        place = bisect_right(marks, begin - 1)
        if place == len(marks) or self._text[marks[place] : marks[place] + len(opener)] != _CLOSERS[opener]:
            return None
        end = marks[place]
        content = self._text[begin:end]
        if self._holds_code(begin, end) or not content or content.isspace():
            return None
        if opener == "$" and (not self._may_close(end) or _MONEY.match(self._text, begin, end)):
            return None
        if opener[0] == "\\" and not _is_formula(content):
            return None
        if opener == "\\[" and not self._stands_alone(start, end + 2):
            return None
        return end + len(opener)

    def may_end(self, start: int) -> bool:
        """May the formula that is open here end in what is still to come? Until a sign says so, it is text."""
        if self._text.startswith("\\begin{", start):
            return environments.opened_at(self._text, start) != ""
        opener = self._opener(start)
        return opener == "$$" or (opener != "" and _SIGN.search(self._text, start + 1, start + _SIGN_CHARS) is not None)

    def _opener(self, start: int) -> str:
        text = self._text
        if text[start] == "\\":
            return text[start : start + 2]
        if text.startswith("$$", start):
            return "" if text[start + 2 : start + 3] == "$" or text[start - 1 : start] == "$" else "$$"
        before, after = text[start - 1 : start], text[start + 1 : start + 2]
        if not after or after.isspace() or before == "$" or (before.isascii() and before.isalnum()):
            return ""
        return "$"

    def _may_close(self, place: int) -> bool:
        before, after = self._text[place - 1 : place], self._text[place + 1 : place + 2]
        if before.isspace() or after == "$":
            return False
        return not (after.isascii() and after.isalnum()) or _SUFFIX.match(self._text, place + 1) is not None

    def _holds_code(self, begin: int, end: int) -> bool:
        """A code span wins, but for GitHub's own way to write a formula, the dollars around a code span."""
        place = bisect_right(self._code, begin - 1)
        inside = place < len(self._code) and self._code[place] < end
        return inside and not (self._text[begin] == "`" and self._text[end - 1] == "`")

    def _stands_alone(self, start: int, end: int) -> bool:
        return self._text[start - 1 : start] != "[" and self._text[end : end + 1] not in ("(", "[", "]", ":")


def _is_formula(content: str) -> bool:
    """Is this in escaped brackets a formula? Else it is text, perhaps with a link in it."""
    return _TEXT.match(content) is None and "](" not in content
