"""Finds where an answer repeats the end of the text that it should go on from; pure, and bounded by its windows.

Letters and digits are compared, so that other white space, marks and capitals at the joint do not hide a repetition;
inside code every visible character counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile

TAIL_CHARS = 4_000
HEAD_CHARS = 4_000
LEAST_OVERLAP = 12
RESTART_LETTERS = 40
"""A beginning with so many letters in a row out of the text before is a restart, not a turn of phrase."""
LEAST_INSIDE = 24
MOST_INSIDE = 200
PRELUDE_CHARS = 400

_DOUBLES = frozenset({"had", "that", "very", "so", "no", "yes", "ha", "bye", "long", "many", "much", "more"})
_TITLE = re.compile(r"#{1,6} .*|\*\*[^*]+\*\*:?|\W*")
_MARKS = re.compile(r"[-*+>#/|]+|\d+[.)]")
_LETTER = re.compile(r"[^\W_]")
_NO_LETTER = re.compile(r"[\W_]+")
_VISIBLE = re.compile(r"\S")
_SPACE = re.compile(r"\s+")
_CLOSING_LINE = re.compile(r"\W*|</\w+>|end\W*|done|fi|esac|else\W*|\W*else\W*|pass|break;?|continue;?")


@dataclass(frozen=True)
class Squashed:
    """The letters of a text that are compared, and where each of them stood."""

    text: str
    is_code: bool

    @cached_property
    def letters(self) -> str:
        if self.is_code:
            return _SPACE.sub("", self.text)
        lowered = self.text.lower()
        if len(lowered) != len(self.text):  # a few letters become two
            lowered = "".join(char.lower()[0] for char in self.text)
        return _NO_LETTER.sub("", lowered)

    @cached_property
    def places(self) -> list[int]:
        return [found.start() for found in (_VISIBLE if self.is_code else _LETTER).finditer(self.text)]


def after_overlap(previous: str, answer: str, *, is_code: bool) -> str | None:
    """What follows in the answer after its beginning repeated the end of `previous`; None where it does not."""
    tail, head = previous[-TAIL_CHARS:], answer[:HEAD_CHARS]
    exact = _exact_overlap(tail, head) or _line_again(tail, head) or (0 if is_code else _cell_again(tail, head))
    if exact:
        return answer[exact:]
    before, after = Squashed(tail, is_code), Squashed(head, is_code)
    longest = min(len(before.letters), len(after.letters))
    for length in range(longest, 0, -1):
        if before.letters.endswith(after.letters[:length]):
            match = _Match(
                tail=tail, head=head, start=before.places[-length], end=after.places[length - 1] + 1, length=length
            )
            if match.is_sure(is_code=is_code) and (length >= LEAST_OVERLAP or not _restarts(tail, head)):
                rest = _align(tail[before.places[-1] + 1 :], answer[match.end :])
                if rest is not None:
                    return rest
    return None


def after_inside(
    previous: str, answer: str, *, is_code: bool, least: int = LEAST_INSIDE, is_strict: bool = True
) -> str | None:
    """What follows after at least so many letters of the end of `previous` were found inside the answer, else None.

    Strictly, only marks, titles and announcements may precede the repeated text; else anything may.
    """
    tail, head = previous[-TAIL_CHARS:], answer[:HEAD_CHARS]
    before, after = Squashed(tail, is_code), Squashed(head, is_code)
    needle = _only_once(before.letters, least)
    if not needle:
        return None
    best_length, best_end = 0, 0
    found = after.letters.find(needle)
    while found >= 0:
        end = found + len(needle)
        length = _common_suffix(before.letters, after.letters[:end])
        if length > best_length:
            best_length, best_end = length, end
        found = after.letters.find(needle, found + 1)
    if not best_length or (is_strict and not _is_prelude(head[: after.places[best_end - best_length]])):
        return None
    return _align(tail[before.places[-1] + 1 :], answer[after.places[best_end - 1] + 1 :])


def _only_once(letters: str, least: int) -> str:
    """The shortest end, of so many letters or more, that the text has only there; "" where a long one says nothing."""
    for length in range(least, min(len(letters), MOST_INSIDE) + 1, 8):
        if letters.find(letters[-length:]) == len(letters) - length:
            return letters[-length:]
    return ""


def is_inside(previous: str, answer: str) -> bool:
    """Whether all there is of the answer stands in the end of the text."""
    return _NO_LETTER.sub("", answer.lower()) in _NO_LETTER.sub("", previous[-TAIL_CHARS:].lower())


def copied_letters(previous: str, answer: str) -> int:
    """How many letters of the answer's beginning stand in one piece somewhere in the window of `previous`."""
    before, after = _NO_LETTER.sub("", previous.lower()), _NO_LETTER.sub("", answer[:600].lower())
    low, high = 0, len(after)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if after[:middle] in before else (low, middle - 1)
    return low


@dataclass(frozen=True, kw_only=True)
class _Match:
    """The answer's first `length` letters, `head[:end]`, are the letters of `tail[start:]`."""

    tail: str
    head: str
    start: int
    end: int
    length: int

    def is_sure(self, *, is_code: bool) -> bool:
        """Whether so much was repeated, or in such a place, that it is no accident."""
        if self._is_inside_word(self.tail, self.start):
            return False
        repeated = self.tail[self.start :]
        words = repeated.split()
        cuts_word = self._is_inside_word(self.head, self.end)
        if self.length >= LEAST_OVERLAP and (len(words) > 1 or not cuts_word):
            return not self._is_title_taken_up()
        if len(words) == 1 and not cuts_word and self._is_token(repeated):
            return True
        line_start = self.tail.rfind("\n") + 1
        is_line = self._begins_line()
        if is_code:
            if cuts_word or _CLOSING_LINE.fullmatch(self.tail[line_start:].strip()):
                return False
            return (
                (len(words) > 1 and self.length >= 4)
                or (is_line and self.length >= 3)
                or self._is_doubled_word(words[0])
            )
        if self._is_title_taken_up():
            return False
        if cuts_word:
            return self._begins_sentence() and (len(words) > 1 or self.length >= 4)
        return len(words) > 1 or is_line or self._is_doubled_word(words[0])

    def _begins_line(self) -> bool:
        """Whether the match begins where a line of the text does, leaving out its marks."""
        line_start = self.tail.rfind("\n", 0, self.start) + 1
        return not any(map(str.isalnum, self.tail[line_start : self.start]))

    def _is_title_taken_up(self) -> bool:
        """Whether the match is all of a heading, whose words a sentence after it takes up."""
        line = self.tail[self.tail.rstrip().rfind("\n") + 1 :].strip()
        if not line.startswith("#") or self.start < self.tail.rstrip().rfind("\n") + 1:
            return False
        first = self.head.lstrip().split("\n", 1)[0].rstrip()
        is_title = first.startswith("#") or (len(first) <= 60 and first[-1] not in ".:;,")
        return not is_title and self._begins_line()

    def _is_token(self, repeated: str) -> bool:
        """One word with all its marks again, such as `name",` or `(x)`."""
        token, first = self.tail.split()[-1], self.head.split(maxsplit=1)[0]
        return token == first and len(token) >= 4 and any(map(str.isalpha, token)) and not token.isalpha()

    def _is_doubled_word(self, word: str) -> bool:
        """One word again, written the same way, and none that people do double."""
        letters = word.strip(",;:.!?*_`")
        is_word = letters.replace("'", "").isalpha() and (len(letters) > 1 or letters in "aI")
        if not is_word or (word == letters and letters.lower() in _DOUBLES):
            return False
        return self.head.lstrip(" \t\n*_`\"'“").startswith(letters)

    def _begins_sentence(self) -> bool:
        return self._begins_line() or re.search(r"[.!?:]\W*\s\W*$", self.tail[: self.start]) is not None

    @staticmethod
    def _is_inside_word(text: str, place: int) -> bool:
        return 0 < place < len(text) and text[place - 1].isalnum() and text[place].isalnum()


def _exact_overlap(tail: str, head: str) -> int:
    """The longest beginning of the answer that the text ends with; 0 where it is too short to mean anything."""
    for length in range(min(len(tail), len(head)), LEAST_OVERLAP - 1, -1):
        if tail.endswith(head[:length]):
            return length if len(set(head[:length]) - set(" \t\r\n")) > 1 else 0
    return 0


def _line_again(tail: str, head: str) -> int:
    """The length of the last line where the answer begins with it, indentation or marks included, and goes on in it."""
    line = tail[tail.rfind("\n") + 1 :]
    marks = line.strip()
    if line[:1].isspace() and marks and head.startswith(line) and head[len(line) : len(line) + 1] not in ("", "\n"):
        return len(line) if not (line[-1].isalnum() and head[len(line)].isalnum()) else 0
    blanks = len(line) - len(line.rstrip())
    found = _MARKS.fullmatch(marks) and re.match(rf"\s*{re.escape(marks)}(?=\s)[ \t]{{0,{blanks}}}", head)
    return found.end() if found else 0


def _restarts(tail: str, head: str) -> bool:
    """Whether a repetition too short to be sure is only where another piece of the text begins again."""
    return copied_letters(tail, head) >= RESTART_LETTERS


def _cell_again(tail: str, head: str) -> int:
    """The length of a table cell's beginning that the text ends with and the answer repeats, bar included."""
    line = tail[tail.rfind("\n") + 1 :]
    row = head.split("\n", 1)[0]
    bar = line.rfind("|")
    cell = line[bar + 1 :].strip()
    if not cell or not line.lstrip().startswith("|"):
        return 0
    whole = "" if len(cell) >= 4 else r"(?!\w)"
    found = re.match(rf"\s*\|\s*{re.escape(cell)}{whole}", row)
    if found is None:
        return 0
    header = [line, *_rows_above(tail)][-1]
    is_too_long = line.count("|") + row.count("|") > header.count("|")
    return found.end() if is_too_long or not row[found.end() :].lstrip().startswith("|") else 0


def _rows_above(tail: str) -> list[str]:
    """The rows of the table that the text ends in, the nearest first, without the last one."""
    lines = tail.split("\n")[-2::-1]
    return list(takewhile(lambda line: line.lstrip().startswith("|"), lines))


def _common_suffix(one: str, other: str) -> int:
    length = 0
    for left, right in zip(reversed(one), reversed(other), strict=False):
        if left != right:
            break
        length += 1
    return length


def _is_prelude(skipped: str) -> bool:
    """Whether what precedes the repeated text in the answer is marks, titles or an announcement."""
    if len(skipped) > PRELUDE_CHARS:
        return False
    lines = [line.strip() for line in skipped.split("\n") if any(map(str.isalnum, line))]
    return all(_TITLE.fullmatch(line) or (line.endswith(":") and len(line) <= 200) for line in lines[:-1]) and (
        not lines or _TITLE.fullmatch(lines[-1]) is not None or lines[-1].rstrip("\"'“*_`.… ").endswith(":")
    )


def _align(left_over: str, rest: str) -> str | None:
    """`rest` without what the text already has of it after its last letter; None where the two contradict."""
    marks = [char for char in left_over if not char.isspace()]
    at = 0
    for mark in marks:
        while at < len(rest) and rest[at].isspace():
            at += 1
        if at == len(rest):
            return ""
        if rest[at] != mark:
            return None
        at += 1
    if marks:
        rest = rest[at:]
        left_over = left_over[len(left_over.rstrip()) :]
    return without_doubled_space(left_over, rest)


def without_doubled_space(space: str, rest: str) -> str:
    """`rest` without the white space at its beginning that stands before it already."""
    own = rest[: len(rest) - len(rest.lstrip())]
    if not space:
        return rest
    if own.startswith(space):
        return rest[len(space) :]
    if "\n" in space and "\n" in own:
        return rest[own.rfind("\n") + 1 :]
    return rest[len(own) :]
