"""Decides which white space got lost before an item of a list, and after a sentence in one; pure."""

from __future__ import annotations

import re
from itertools import pairwise

from generation.seams.doubts import begins_sentence
from generation.seams.endings import GOES_ON, HEADING, ITEM, Ending, block_of
from generation.seams.errors import UnsureSpace

_SENTENCE_END = re.compile(r"[.!?…。！？][*_`\"'”’»)\]]*(?=\s|$)")
_MOST_DASH_LINE = 60


def space_before_item(ending: Ending, answer: str, marker: re.Match[str]) -> str:
    items = [found for line in ending.lines if (found := ITEM.match(line))]
    is_in_list = ending.block == "item" or ITEM.match(ending.paragraph.lstrip("\n")) is not None
    last_word = ending.line.split()[-1]
    others_end_so = any(item.string.rstrip().endswith(",") for item in items[:-1])
    if ending.is_mid_sentence and (GOES_ON.fullmatch(last_word) or (last_word.endswith(",") and not others_end_so)):
        return " "  # a dash, or a number in a sentence
    if not is_in_list or not items:
        if ending.is_mid_sentence and marker[2] == "-" and ending.block == "prose":
            raise UnsureSpace(" ")  # a dash, or a list
        return _gap_before_list(ending, answer) + _indent_of_first(ending, marker, answer)
    if _may_be_dash(ending, marker[2], answer[marker.end() :]):
        return " "
    return _gap_in_list(ending, answer) + _item_indent(ending, items, marker, answer)


def _gap_before_list(ending: Ending, answer: str) -> str:
    """How lists are set apart from what stands before them: from headings as other things are, else as other lists."""
    kind = "heading" if ending.block == "heading" else "prose"
    gaps = []
    for text in (ending.tail, "\n".join(answer.split("\n")[1:])):
        lines = text.split("\n")
        for before, line, after in zip(lines, lines[1:], [*lines[2:], ""], strict=False):
            if before.strip() and block_of(before) == kind and not before[0].isspace():
                if not line.strip() and (kind == "heading" or _begins_list(after)):
                    gaps.append("\n\n")
                elif line.strip() and (kind == "heading" or _begins_list(line)):
                    gaps.append("\n")
    if kind == "prose" and ending.line.endswith(":") and (gaps == ["\n"] or (not gaps and not _is_spacious(ending))):
        raise UnsureSpace("\n\n")
    if gaps and 0.25 < gaps.count("\n") / len(gaps) < 0.75:
        raise UnsureSpace(max(gaps, key=gaps.count))
    return max(gaps, key=gaps.count) if gaps else "\n\n"


def _is_spacious(ending: Ending) -> bool:
    """Whether all blocks of this text have blank lines between them."""
    pairs = list(pairwise(ending.prose.split("\n")))
    loose = sum(not one.strip() and bool(other.strip()) for one, other in pairs)
    tight = [(one, other) for one, other in pairs if one.strip() and other.strip()]
    return loose >= 3 and all(block_of(one) == block_of(other) != "prose" for one, other in tight)


def _begins_list(line: str) -> bool:
    found = ITEM.match(line)
    return found is not None and not found[1]


def _indent_of_first(ending: Ending, marker: re.Match[str], answer: str) -> str:
    """How deep the first item of a list stands, as its next one says."""
    indent = _indent_below(marker, answer)
    if indent:
        raise UnsureSpace("\n\n" + indent)  # the next one may be inside the first
    return ""


def _may_be_dash(ending: Ending, marker: str, text: str) -> bool:
    """Whether the items of this list have a dash between a name and its meaning, and the last one has none yet."""
    texts = [line[found.end() :] for line in ending.lines if (found := ITEM.match(line))]
    if marker not in "-*" or f" {marker} " in texts[-1] or len(texts[-1]) >= _MOST_DASH_LINE:
        return False
    dashed = [f" {marker} " in other for other in texts[:-1]]
    if any(dashed) or f" {marker} " in text.split("\n", 1)[0]:
        if sum(dashed) * 4 > len(dashed) * 3:
            return True
        raise UnsureSpace(" ")
    if text[:1].islower() and not any(other[:1].islower() for other in texts):
        raise UnsureSpace(" ")
    return False


def _gap_in_list(ending: Ending, answer: str) -> str:
    """Whether blank lines stand between the items of the list."""
    gaps = []
    lines = ending.tail.rstrip().split("\n")
    last = len(lines)
    for place in range(len(lines) - 1, 0, -1):
        if not ITEM.match(lines[place]):
            continue
        if _is_one_list(lines[place:last]):
            before = next((line for line in reversed(lines[:place]) if line.strip()), "")
            if not ITEM.match(before) and not before.startswith("  "):
                break  # the first item: what stands before it is not between two
            gaps.append(not lines[place - 1].strip())
        last = place
    after = answer.split("\n")
    gaps += [not before.strip() for before, line in pairwise(after[:20]) if ITEM.match(line)][:3]
    near = gaps[:5]
    if near and 0 < sum(near) < len(near):
        raise UnsureSpace("\n\n" if sum(near) * 2 > len(near) else "\n")
    return "\n\n" if near and all(near) else "\n"


def _is_one_list(lines: list[str]) -> bool:
    return not any(HEADING.match(line) for line in lines)


def _item_indent(ending: Ending, items: list[re.Match[str]], marker: re.Match[str], answer: str) -> str:
    """How deep the first item of the answer stands: as deep as the item it follows, or as its own next item."""
    is_numbered = marker[2][0].isdigit()
    run = _items_of_list(ending)
    if is_numbered:
        wanted = int(marker[2][:-1]) - 1
        for item in reversed(run):
            if item[2][0].isdigit() and int(item[2][:-1]) == wanted:
                return item[1]
        if wanted == 0:
            raise UnsureSpace("\n" + items[-1][1] + " " * (len(items[-1][2]) + 1))
    last = items[-1]
    is_same_kind = is_numbered == last[2][0].isdigit() and (is_numbered or marker[2] == last[2])
    depths = {item[1] for item in run if item[2] == last[2] or is_numbered}
    below = _indent_below(marker, answer)
    if not is_same_kind:
        others = {item[1] for item in run if item[2] == marker[2]}
        if len(others) == 1:
            return next(iter(others))
        if below and len(below) > len(last[1]):
            return below
        return last[1] + " " * (len(last[2]) + 1)
    if depths == {last[1]} and (below is None or below == last[1] or (below and len(below) > len(last[1]))):
        return last[1]
    raise UnsureSpace("\n" + last[1])


def _items_of_list(ending: Ending) -> list[re.Match[str]]:
    """The items of the list that is open: back to a line that stands outside every item."""
    found: list[re.Match[str]] = []
    for line in reversed(ending.lines):
        item = ITEM.match(line)
        if item:
            found.append(item)
        elif found and not line[:1].isspace():
            break
    return found[::-1]


def _indent_below(marker: re.Match[str], answer: str) -> str | None:
    """How deep the answer's next item stands, where it is of the same kind; None where there is none."""
    for line in answer.split("\n")[1:]:
        found = ITEM.match(line)
        if found:
            return found[1] if found[2][0].isdigit() == marker[2][0].isdigit() else None
    return None


def may_end_list(ending: Ending, answer: str) -> bool:
    """Whether the last item, which ends without a full stop, may be over and the answer a paragraph after the list."""
    if GOES_ON.fullmatch(ending.line.split()[-1]):
        return False
    texts = [line for line in ending.lines[:-1] if ITEM.match(line)][-6:]
    if any(map(_SENTENCE_END.search, (line[-6:] for line in texts))):
        return False
    is_longer = len(answer.split("\n", 1)[0]) > 20 + 2 * max(map(len, [*texts, ending.line]))
    return is_longer or begins_sentence(answer) or answer.startswith("**")


def space_in_item(ending: Ending, answer: str, blank: str) -> str:
    """After a whole sentence in a list item: another one, or a paragraph after the list."""
    if answer[0].islower():
        return blank
    below = answer.split("\n", 2)[1:2]
    if below and ITEM.match(below[0]):
        return blank  # the next item follows at once
    texts = [line for line in ending.lines if ITEM.match(line)]
    counts = [len(_SENTENCE_END.findall(line)) for line in texts]
    others = counts[:-1]
    if len(others) > 1 and counts[-1] >= max(others) and max(others) == min(others):
        return "\n\n"
    raise UnsureSpace(blank)
