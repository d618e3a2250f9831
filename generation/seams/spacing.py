"""Decides which white space got lost between the end of a text and an answer that came stripped; pure.

The text itself is the model for it: how its lists, paragraphs and headings are set apart says how they go on.
"""

from __future__ import annotations

import math
import re
from itertools import pairwise

from generation.seams.code_spacing import lost_code_space
from generation.seams.doubts import LINKS_BACK
from generation.seams.endings import FENCE_LINE, HEADING, ITEM, Ending, block_of

_CJK = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")
_NO_SPACE_BEFORE = re.compile(r"[,;:?)\]}%’”…。，、！？：；）」』]|!(?!\[)|\.(?!\w)|'(?:s|t|re|ve|ll|d|m)\b")
_NO_SPACE_AFTER = "([{“‘«\\¿¡（「『"
_RULE = re.compile(r" {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$")
_LABEL = re.compile(r"(?:\*\*|__)[^*_\n]{1,60}(?:\*\*|__)|[A-Z][\w .-]{0,30}:(?=\s)")
_SENTENCE_END = re.compile(r"[.!?…][*_`\"'”’)\]]*(?=\s|$)")
_TITLE_LINE = re.compile(r"[A-Z][\w ]{2,40}:$")
_GOES_ON = re.compile(r"(?:#+|an?|the|of|for|to|and|or|with|in|on|at|by|from|as|is|are|our|your|its|vs)", re.IGNORECASE)
_LEAST_WRAPS = 3
_NEAR_CHARS = 2_000
_USUAL = math.log(350)
"""A paragraph of some 350 characters is usual where the text shows no other."""
_BREAK_ODDS = 1.6
_BREAK_ODDS_LINKED = 5.0
"""Above these odds a new paragraph begins; a sentence that links back to the one before needs the higher."""


def lost_space(ending: Ending, answer: str) -> str:
    """The white space to put between the text and the answer, neither of which has any there."""
    if not ending.previous:
        return ""
    if ending.fence:
        return lost_code_space(ending, answer)
    first = answer.split("\n", 1)[0]
    if FENCE_LINE.match(first):
        return _gap_before(ending, FENCE_LINE, default="\n\n") + _fence_indent(answer)
    if HEADING.match(first) or _RULE.match(first):
        return "\n\n"
    block = block_of(first)
    if ending.block != "table" and block == "table" and "|" in ending.line:
        return " "
    if block == "table" or ending.block == "table":
        return _space_at_table(ending, is_row=block == "table")
    item = ITEM.match(first)
    if item:
        return _space_before_item(ending, answer, item)
    if block == "quote":
        return "\n" if ending.block == "quote" else "\n\n"
    return _space_before_prose(ending, answer)


def _space_at_table(ending: Ending, *, is_row: bool) -> str:
    if ending.block != "table":
        return "\n\n"
    if not ending.is_row_whole:
        return _padding(ending) if is_row else " "
    return "\n" if is_row else "\n\n"


def _padding(ending: Ending) -> str:
    """The blanks that bring the next bar under the one in the row above, where the columns are aligned."""
    if len(ending.lines) < 3:
        return " "
    *_, top, above, line = ending.lines
    bar = above.find("|", len(line) + 1)
    places = [*(place for place, char in enumerate(line) if char == "|"), bar]
    is_aligned = bar > 0 and all(row[place : place + 1] == "|" for row in (top, above) for place in places)
    return " " * (bar - len(line)) if is_aligned else " "


def _gap_before(ending: Ending, kind: re.Pattern[str], *, default: str) -> str:
    """How blocks of that kind are set apart from a paragraph before them in this text."""
    gaps = []
    lines = ending.tail.split("\n")
    for before, line in pairwise(lines):
        if kind.match(line) and not kind.match(before):
            gaps.append("\n\n" if not before.strip() else "\n")
    return max(gaps, key=gaps.count) if gaps else default


def _fence_indent(answer: str) -> str:
    """The indentation of the fence that closes the answer's first block: its opening one lost it."""
    fences = [line for line in answer.split("\n")[1:] if FENCE_LINE.match(line)]
    return fences[0][: len(fences[0]) - len(fences[0].lstrip())] if fences else ""


def _space_before_item(ending: Ending, answer: str, marker: re.Match[str]) -> str:
    items = [found for line in ending.lines if (found := ITEM.match(line))]
    is_in_list = ending.block == "item" or ITEM.match(ending.paragraph.lstrip("\n")) is not None
    if not is_in_list or not items:
        if ending.is_mid_sentence and marker[2] == "-" and len(ending.line) > 30:
            return " "  # a dash
        return _gap_before(ending, ITEM, default=_line_gap(ending)) + _indent_of_next(marker, answer)
    if _is_dash(ending, marker[2]):
        return " "
    return ("\n\n" if _is_loose(ending) else "\n") + _item_indent(items, marker, answer)


def _is_dash(ending: Ending, marker: str) -> bool:
    """Whether the items of this list have a dash between a name and its meaning, and the last one has none yet."""
    texts = [line[found.end() :] for line in ending.lines if (found := ITEM.match(line))]
    dashed = [f" {marker} " in text for text in texts[:-1]]
    return marker in "-*" and sum(dashed) * 2 > len(dashed) and f" {marker} " not in texts[-1] and len(texts[-1]) < 60


def _is_loose(ending: Ending) -> bool:
    """Whether blank lines stand between the items of the last list."""
    lines = ending.tail.rstrip().split("\n")
    gaps = [not before.strip() for before, line in pairwise(lines) if ITEM.match(line)][-4:]
    inner = gaps[1:] if len(gaps) > 1 else []
    return sum(inner) * 2 > len(inner)


def _item_indent(items: list[re.Match[str]], marker: re.Match[str], answer: str) -> str:
    """How deep the first item of the answer stands: as deep as the item it follows, or as its own next item."""
    last = items[-1]
    is_numbered = marker[2][0].isdigit()
    if is_numbered:
        wanted = int(marker[2][:-1]) - 1
        for item in reversed(items):
            if item[2][0].isdigit() and int(item[2][:-1]) == wanted:
                return item[1]
    if is_numbered == last[2][0].isdigit() and (is_numbered or marker[2] == last[2]):
        return last[1]
    if _indent_of_next(marker, answer):
        return _indent_of_next(marker, answer)
    for item in reversed(items):
        if item[2] == marker[2]:
            return item[1]
    return last[1] + " " * (len(last[2]) + 1)


def _indent_of_next(marker: re.Match[str], answer: str) -> str:
    """How deep the answer's next item stands, where it is of the same kind."""
    for line in answer.split("\n")[1:]:
        found = ITEM.match(line)
        if found:
            return found[1] if found[2][0].isdigit() == marker[2][0].isdigit() else ""
    return ""


def _space_before_prose(ending: Ending, answer: str) -> str:
    last = ending.previous[-1]
    if _NO_SPACE_BEFORE.match(answer) or last in _NO_SPACE_AFTER or _opens(ending.line, last):
        return ""
    if re.search(r"\w[-/]$", ending.previous[-2:]) or _is_one_word(ending, answer):
        return ""
    if _CJK.match(last) or _CJK.match(answer):
        return ""
    if ending.block == "heading":
        return _space_after_heading(ending, answer)
    width = _wrap_width(ending, answer)
    if width:
        return _space_in_wrapped(ending, answer, width)
    if _TITLE_LINE.fullmatch(ending.line):
        return _gap_after(ending, _TITLE_LINE, default=" ")
    if ending.is_mid_sentence or not _SENTENCE_END.search(ending.line[-6:]):
        return _space_mid_sentence(ending, answer)
    if ending.block == "item":
        return _space_in_item(ending, answer)
    return _space_between_sentences(ending, answer)


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


def _space_after_heading(ending: Ending, answer: str) -> str:
    first, _, rest = answer.partition("\n")
    begins_low = answer[0].islower()
    goes_on = _GOES_ON.fullmatch(ending.line.split()[-1]) is not None
    is_title = len(first) <= 60 and first[-1] not in ".:;,?!" and (not rest or rest[0] == "\n")
    if begins_low or goes_on or is_title:
        return " "
    return _gap_after(ending, HEADING, default="\n\n")


def _gap_after(ending: Ending, kind: re.Pattern[str], *, default: str) -> str:
    """How lines of that kind are set apart from what follows them in this text."""
    lines = ending.tail.rstrip().split("\n")
    gaps = ["\n\n" if not after.strip() else "\n" for line, after in pairwise(lines) if kind.match(line)]
    return max(gaps, key=gaps.count) if gaps else default


def _wrap_width(ending: Ending, answer: str) -> int:
    """The width at which the paragraphs around the cut are broken into lines; 0 where they are not."""
    lines = [*ending.prose[-_NEAR_CHARS:].split("\n")[1:-1], "", *answer[:_NEAR_CHARS].split("\n")[1:]]
    inner = whole = 0
    width = 0
    for line, after in pairwise(lines):
        if not line.strip() or block_of(line) in ("heading", "table") or FENCE_LINE.match(line):
            continue
        whole += 1
        if after.strip() and block_of(after) == "prose" and not FENCE_LINE.match(after) and 40 <= len(line) <= 140:
            room = len(line) + 1 + len(after.split()[0])
            inner += room > 60
            width = max(width, len(line))
    return width if inner >= _LEAST_WRAPS and inner * 2 >= whole else 0


def _space_in_wrapped(ending: Ending, answer: str, width: int) -> str:
    """In a text of broken lines the next word tells: where it would have fitted, there was no line break."""
    line = ending.tail[ending.tail.rfind("\n") + 1 :]
    first = answer.split("\n", 1)[0]
    fits = len(line) + 1 + len(first.split()[0]) <= width
    ends = not ending.is_mid_sentence
    if fits:
        return "\n\n" if ends and len(line) + 1 + len(first) > width + 2 else " "
    return "\n" + _hanging_indent(ending, answer)


def _hanging_indent(ending: Ending, answer: str) -> str:
    for line in answer.split("\n")[1:2]:
        if line.strip() and block_of(line) == "prose":
            return line[: len(line) - len(line.lstrip())]
    found = ITEM.match(ending.line)
    return " " * found.end() if found else ending.line[: len(ending.line) - len(ending.line.lstrip())]


def _space_mid_sentence(ending: Ending, answer: str) -> str:
    """One blank, unless the text consists of labelled lines and the answer begins with a label."""
    if not answer[0].islower() and ending.block == "prose" and _begins_labelled(ending, answer):
        return _line_gap(ending)
    return " "


def _begins_labelled(ending: Ending, answer: str) -> bool:
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


def _space_in_item(ending: Ending, answer: str) -> str:
    """After a whole sentence in a list item: another one, or a paragraph after the list."""
    texts = [line for line in ending.lines if ITEM.match(line)]
    counts = [len(_SENTENCE_END.findall(line)) for line in texts]
    if len(counts) > 1 and counts[-1] >= max(counts[:-1]) and len(texts[-1]) > 0.6 * max(map(len, texts[:-1])):
        return "\n\n"
    return " "


def _space_between_sentences(ending: Ending, answer: str) -> str:
    """After a whole sentence: the same paragraph, or the next one, by the length that paragraphs have here."""
    if answer[0].islower():
        return " "
    if _begins_labelled(ending, answer):
        return _line_gap(ending)
    gap = _line_gap(ending)
    first = answer.split("\n", 1)[0]
    if first.endswith(":") and len(first) < 60 and "\n" in answer:
        return gap  # it announces what follows it
    paragraphs = [part for part in ending.prose.split(gap) if part.strip()]
    if len(ending.tail) < len(ending.previous):
        paragraphs = paragraphs[1:]
    lengths = [len(part) for part in paragraphs[:-1] if block_of(part.strip("\n")) == "prose"]
    present = len(paragraphs[-1]) if paragraphs else 0
    coming, _, more = answer.partition(gap)
    measure = _density if more else _share_above
    odds = _density(present, lengths) * measure(len(coming), lengths) / measure(present + len(coming), lengths)
    return gap if odds > (_BREAK_ODDS_LINKED if LINKS_BACK.match(answer) else _BREAK_ODDS) else " "


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
