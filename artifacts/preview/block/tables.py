"""The lines of a table: which line makes one, and how a row falls into cells. Knows no blocks and no HTML."""

import re

from artifacts.preview import limits

_DELIMITER_CELL = re.compile(r"[ \t]*(:?)-+(:?)[ \t]*")
_MAY_DELIMIT = re.compile(r"[ \t|:-]+")


def split_row(line: str) -> list[str]:
    """The cells of a row: cut at each bar that has no backslash before it, in code spans too, as GitHub does."""
    line = line.strip(" \t")
    if line.startswith("|"):
        line = line[1:]
    if "\\" not in line:
        if line.endswith("|"):
            line = line[:-1]
        return [cell.strip(" \t") for cell in line.split("|")]
    cells, start, index = [], 0, 0
    while (index := line.find("|", index)) >= 0:
        if index == 0 or line[index - 1] != "\\":
            cells.append(line[start:index])
            start = index + 1
        index += 1
    if start < len(line):
        cells.append(line[start:])
    return [cell.strip(" \t").replace("\\|", "|") for cell in cells]


def alignments(line: str) -> list[str] | None:
    """`left`, `right`, `center` or nothing for each column, if this is the line under a table's header."""
    if "-" not in line or not _MAY_DELIMIT.fullmatch(line):
        return None
    if "|" not in line and ":" not in line:
        return None
    found = []
    for cell in split_row(line):
        match = _DELIMITER_CELL.fullmatch(cell)
        if match is None:
            return None
        left, right = match.groups()
        found.append("center" if left and right else "left" if left else "right" if right else "")
    return found if len(found) <= limits.TABLE_COLUMNS else None
