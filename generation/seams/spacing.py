"""Decides which white space got lost between the end of a text and an answer that came stripped; pure.

The text itself is the model for it: how its lists, paragraphs and headings are set apart says how they go on. Where it
does not say, `UnsureSpace` is raised: asking once more costs little.
"""

from __future__ import annotations

import math
import re
from itertools import pairwise

from generation.seams.code_spacing import lost_code_space
from generation.seams.doubts import LINKS_BACK
from generation.seams.endings import (
    FENCE_LINE,
    GOES_ON,
    HEADING,
    ITEM,
    UNSPACED,
    Ending,
    block_of,
    is_unspaced,
    opened_fence,
)
from generation.seams.errors import UnsureSpace
from generation.seams.list_spacing import may_end_list, space_before_item, space_in_item
from generation.seams.wrapping import space_in_wrapped, wrapping_of

_CJK_LETTER = r"[\u3040-\u30ff\u3400-\u9fff]"
_MIXED = re.compile(rf"{_CJK_LETTER}([ ]?)[A-Za-z0-9]|[A-Za-z0-9]([ ]?){_CJK_LETTER}")
_NO_SPACE_BEFORE = re.compile(r"[,;:?)\]}%’”…。，、！？：；）」』]|!(?!\[)|\.(?!\w)|'(?:s|t|re|ve|ll|d|m)\b")
_NO_SPACE_AFTER = "([{“‘«\\¿¡（「『"
_RULE = re.compile(r" {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$")
_LABEL = re.compile(r"(?:\*\*|__)[^*_\n]{1,60}(?:\*\*|__)|[^\W\d_a-z][\w .-]{0,30}:(?=\s)")
_SENTENCE_END = re.compile(r"[.!?…。！？][*_`\"'”’»)\]]*(?=\s|$)")
_TITLE_LINE = re.compile(r"[^\W\d_a-z][\w ]{2,40}:$")
_NEXT_SENTENCE = re.compile(r"[.!?][*_`\"'”’)\]]*( +)(?=\S)")
_AFTER_COLON = re.compile(r":[*_]{0,3}( |\n+)(?=[*_`\"“]*[^\W\d_a-z])")
_REFERENCE = re.compile(r" {0,3}\[[^\]\n]+\]: ?\S")
_TRAILING_BLANK = re.compile(r"\S[ \t]+$", re.MULTILINE)
_SHORT_CHARS = 80
"""So short a paragraph is rarely all of one."""
_USUAL = math.log(350)
"""A paragraph of some 350 characters is usual where the text shows no other."""
_BLANK_ODDS, _BREAK_ODDS = 0.8, 2.5
_BLANK_ODDS_LINKED, _BREAK_ODDS_LINKED = 1.6, 8.0
"""Below the first a sentence goes on in its paragraph, above the second a new one begins; between them nobody knows.
A sentence that links back to the one before needs the higher odds."""


def lost_space(ending: Ending, answer: str) -> str:
    """The white space to put between the text and the answer, neither of which has any there. Raises UnsureSpace."""
    if not ending.previous:
        return ""
    if ending.fence:
        return lost_code_space(ending, answer)
    space = _space_outside_code(ending, answer)
    if "\n" in space and _has_trailing_blanks(ending):
        raise UnsureSpace(space)
    return space


def _space_outside_code(ending: Ending, answer: str) -> str:
    first = answer.split("\n", 1)[0]
    if ending.is_formula:
        return "\n" if first.strip() == "$$" or ending.line == "$$" else " "
    if FENCE_LINE.match(first):
        return _gap_before_fence(ending, answer) + _fence_indent(answer)
    if HEADING.match(first) or _RULE.match(first):
        return "\n\n"
    block = block_of(first)
    if ending.block != "table" and block == "table" and "|" in ending.line:
        return " "
    if block == "table" or ending.block == "table":
        return _space_at_table(ending, answer, is_row=block == "table")
    item = ITEM.match(first)
    if item:
        return space_before_item(ending, answer, item)
    if _REFERENCE.match(first) and _REFERENCE.match(ending.line):
        return "\n"
    if block == "quote":
        return "\n" if ending.block == "quote" else "\n\n"
    return _space_before_prose(ending, answer)


def _has_trailing_blanks(ending: Ending) -> bool:
    """Whether lines of this text end with blanks, so that a line break alone is not all that got lost."""
    lines = ending.tail.rstrip().count("\n")
    return len(_TRAILING_BLANK.findall(ending.tail.rstrip())) * 10 > lines


def _space_at_table(ending: Ending, answer: str, *, is_row: bool) -> str:
    if ending.block != "table":
        return "\n\n"
    if not ending.is_row_whole:
        if is_unspaced(ending.previous[-1], answer[0]):
            return ""
        return _padding(ending, answer, is_bar=is_row)
    return "\n" if is_row else "\n\n"


def _padding(ending: Ending, answer: str, *, is_bar: bool) -> str:
    """The blanks that bring the next bar under the one in the row above, where the columns are aligned."""
    rows = [line for line in (*ending.lines[-8:-1], *answer.split("\n")[1:4]) if block_of(line) == "table"]
    bodies = [row for row in rows if any(map(str.isalnum, row))]
    if not is_bar or not any(re.search(r"[^|\s] {2,}\|", row) for row in bodies):
        return " "
    bars = {tuple(place for place, char in enumerate(row) if char == "|") for row in bodies}
    if len(bars) == 1:
        line = ending.line
        bar = next((place for place in next(iter(bars)) if place > len(line)), 0)
        if bar:
            return " " * (bar - len(line))
    raise UnsureSpace(" ")


def _gap_before_fence(ending: Ending, answer: str) -> str:
    """How code blocks are set apart from a paragraph before them in this text; a blank line by default."""
    gaps = []
    for text in (ending.tail, answer):
        fence, before = "", ""
        for line in text.split("\n"):
            was, fence = fence, opened_fence(line, fence)
            if fence and not was and text.find(line):
                gaps.append("\n" if before.strip() else "\n\n")
            before = line
    return max(gaps, key=gaps.count) if gaps else "\n\n"


def _fence_indent(answer: str) -> str:
    """The indentation of the fence that closes the answer's first block: its opening one lost it."""
    fences = [line for line in answer.split("\n")[1:] if FENCE_LINE.match(line)]
    return fences[0][: len(fences[0]) - len(fences[0].lstrip())] if fences else ""


def _space_before_prose(ending: Ending, answer: str) -> str:
    last = ending.previous[-1]
    if _NO_SPACE_BEFORE.match(answer):
        return _space_before_mark(ending, answer)
    if last in _NO_SPACE_AFTER or _opens(ending.line, last):
        return ""
    if re.search(r"\w[-/]$", ending.previous[-2:]) or _is_one_word(ending, answer):
        return ""
    blank = _blank_between(ending, answer)
    if ending.block == "heading":
        return _space_after_heading(ending, answer)
    wrapping = wrapping_of(ending, answer)
    if wrapping is not None and len(ending.line) <= wrapping.longest + 1:
        return space_in_wrapped(ending, answer, wrapping, blank)
    if _TITLE_LINE.fullmatch(ending.line):
        return _gap_after_colon(ending, answer)
    if ending.is_mid_sentence or not _SENTENCE_END.search(ending.line[-6:]):
        return _space_mid_sentence(ending, answer, blank)
    if ending.block == "item":
        if _LABEL.match(answer) and answer.startswith(("**", "__")):
            raise UnsureSpace("\n\n")
        return space_in_item(ending, answer, blank)
    return _space_between_sentences(ending, answer, blank)


def _space_before_mark(ending: Ending, answer: str) -> str:
    """Before a mark that wants no white space, unless the text has some before it everywhere, as French has."""
    seen = re.findall(rf"\w([ \u00a0\u202f]?){re.escape(answer[0])}", ending.tail)
    spaces = [space for space in seen if space]
    return max(spaces, key=spaces.count) if len(spaces) * 2 > len(seen) else ""


def _opens(line: str, last: str) -> bool:
    """Whether the mark that the line ends with opens something: a quotation, a code span, bold text."""
    if last not in "\"'`*_":
        return False
    run = line[len(line.rstrip(last)) :]
    if len(run) == len(line) or not line[: -len(run)][-1].isspace():
        return False
    return line.count(run) % 2 == 1


def _is_one_word(ending: Ending, answer: str) -> bool:
    """Whether the cut lies inside a word, as the rest of the text knows it."""
    left, right = re.search(r"[^\W\d_]+$", ending.previous[-40:]), re.match(r"[^\W\d_]+", answer)
    if left is None or right is None:
        return False
    words = re.findall(r"[^\W\d_]+", ending.tail[: -len(left[0])] + answer)
    known = {word.lower() for word in words}
    return (left[0] + right[0]).lower() in known and (left[0].lower() not in known or right[0].lower() not in known)


def _blank_between(ending: Ending, answer: str) -> str:
    """What stands between words or sentences here: none in Chinese and Japanese, two where people type two."""
    is_after, is_before = UNSPACED.match(ending.previous[-1]), UNSPACED.match(answer)
    if is_after and is_before:
        return ""
    if is_after or is_before:
        seen = ["".join(found) for found in _MIXED.findall(ending.tail + "\n" + answer)]
        if seen and 0.2 < seen.count("") / len(seen) < 0.8:
            raise UnsureSpace("")
        return " " if seen.count(" ") * 2 > len(seen) else ""
    if ending.is_mid_sentence or answer[0].islower():
        return " "
    seen = _NEXT_SENTENCE.findall(ending.prose)
    double = sum(len(space) == 2 for space in seen)
    if double * 10 > len(seen):
        if double * 10 < len(seen) * 9:
            raise UnsureSpace(" ")
        return "  "
    return " "


def _space_after_heading(ending: Ending, answer: str) -> str:
    first, _, rest = answer.partition("\n")
    goes_on = GOES_ON.fullmatch(ending.line.split()[-1]) is not None
    is_short = len(first) <= 60 and first[-1] not in ".:;,?!。：！？"
    if goes_on:
        return " "
    is_body = first in ending.lines and not rest.startswith("\n#")
    if is_short and rest.startswith("\n") and not is_body:
        return " "
    if answer[0].islower() or (is_short and not is_body) or (first.endswith("?") and rest.startswith("\n")):
        raise UnsureSpace(" ")
    return _gap_after(ending, answer, HEADING, default="\n\n")


def _gap_after(ending: Ending, answer: str, kind: re.Pattern[str], *, default: str) -> str:
    """How lines of that kind are set apart from what follows them in this text."""
    lines = [*ending.tail.rstrip().split("\n")[:-1], "", "", *answer.split("\n")]
    gaps = [
        "\n\n" if not after.strip() else "\n"
        for line, after in pairwise(lines)
        if kind.match(line) and not kind.match(after)
    ]
    return max(gaps, key=gaps.count) if gaps else default


def _gap_after_colon(ending: Ending, answer: str) -> str:
    """After a colon a sentence follows in the same line or below it, as it does after the other colons of the text."""
    if not answer[0].isupper():
        return " "
    seen: list[str] = [*_AFTER_COLON.findall(ending.prose), *_AFTER_COLON.findall(answer)]
    if not seen or seen.count(max(seen, key=seen.count)) * 4 < len(seen) * 3:
        raise UnsureSpace(" ")
    return max(seen, key=seen.count)


def _space_mid_sentence(ending: Ending, answer: str, blank: str) -> str:
    """One blank, unless the text consists of labelled lines and the answer begins with a label."""
    if ending.line.rstrip("*_").endswith(":"):
        return _gap_after_colon(ending, answer)
    if not answer[0].islower() and ending.block == "prose" and begins_labelled(ending, answer):
        return _line_gap(ending)
    if ending.block == "item" and not answer[0].islower() and may_end_list(ending, answer):
        raise UnsureSpace("\n\n")
    return blank


def begins_labelled(ending: Ending, answer: str) -> bool:
    """Whether the answer begins with a label, and lines of the text do as well."""
    if not _LABEL.match(answer):
        return False
    mark = answer[:2] if answer[:2] in ("**", "__") else ""
    labelled = [line for line in ending.lines[:-1] if block_of(line) == "prose" and _LABEL.match(line)]
    return any(line.startswith(mark) for line in labelled) if mark else len(labelled) > 1


def _line_gap(ending: Ending) -> str:
    """How two paragraphs of prose are set apart in this text."""
    tight = loose = 0
    for one, other in pairwise(ending.prose.split("\n")):
        tight += bool(one.strip() and other.strip()) and {block_of(one), block_of(other)} == {"prose"}
        loose += not one.strip() and bool(other.strip()) and block_of(other) == "prose"
    return "\n" if tight > loose else "\n\n"


def _space_between_sentences(ending: Ending, answer: str, blank: str) -> str:
    """After a whole sentence: the same paragraph, or the next one, by the length that paragraphs have here."""
    if answer[0].islower():
        return blank
    gap = _line_gap(ending)
    if begins_labelled(ending, answer):
        return gap
    paragraphs = [part for part in ending.prose.split(gap) if part.strip()]
    if len(ending.tail) < len(ending.previous):
        paragraphs = paragraphs[1:]
    lengths = [len(part) for part in paragraphs[:-1] if block_of(part.strip("\n")) == "prose"]
    present = len(paragraphs[-1]) if paragraphs else 0
    coming, _, more = answer.partition(gap)
    measure = _density if more else _share_above
    odds = _density(present, lengths) * measure(len(coming), lengths) / measure(present + len(coming), lengths)
    links_back = LINKS_BACK.match(answer) is not None
    if odds <= (_BLANK_ODDS_LINKED if links_back else _BLANK_ODDS):
        return blank
    if present < _SHORT_CHARS or odds <= (_BREAK_ODDS_LINKED if links_back else _BREAK_ODDS):
        raise UnsureSpace(blank)
    return gap


def _density(length: int, lengths: list[int]) -> float:
    """How usual a paragraph of that length is beside paragraphs of the others; lengths compare by their logarithms."""
    place = math.log(length + 20)
    near = sum(math.exp(-(((place - math.log(other + 20)) / 0.4) ** 2) / 2) / 0.4 for other in lengths)
    return (near + math.exp(-(((place - _USUAL) / 0.8) ** 2) / 2) / 0.8) / (len(lengths) + 1) + 1e-9


def _share_above(length: int, lengths: list[int]) -> float:
    """How usual a paragraph of at least that length is."""
    place = math.log(length + 20)
    above = sum(math.erfc((place - math.log(other + 20)) / 0.4 / math.sqrt(2)) for other in lengths)
    return (above + math.erfc((place - _USUAL) / 0.8 / math.sqrt(2))) / 2 / (len(lengths) + 1) + 1e-9
