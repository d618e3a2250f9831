"""Formulas in LaTeX environments, `\\begin{align}...\\end{align}`, no dollars around: where they begin and end."""

import re

_NAME = (
    r"(?:x{0,2}align(?:at|edat|ed)?|flalign|gather(?:ed)?|mult(?:line|lined)|equation|subequations|eqnarray|split"
    r"|(?:display)?math|dmath|(?:sub)?array|[bBpvV]?(?:small)?matrix|d?r?cases|(?:sub)?numcases|CD|tikzcd)\*?"
)
BEGIN_OR_END = rf"\\(?:begin|end)\{{{_NAME}\}}"
"""A pattern, of the first and the last mark of an environment."""

_BEGIN = re.compile(rf"\\begin\{{({_NAME})\}}(?:\{{[^{{}}\n]*+\}}|\[[^\[\]\n]*+\])*+[ \t]*+")
_MARKS = re.compile(rf"\\(begin|end)\{{({_NAME})\}}|\\.", re.DOTALL)
# Behind a mark that is only spoken of: punctuation, or words, and none of the marks of rows and columns near it.
_PROSE = re.compile(r"[,.;:!?)\"'`/]|[^\W\d_]{2,}[,.]?[ \t]+[^\W\d_]{2,}[ \t,.]")
_ROWS = re.compile(r"&|\\\\")
# In the middle of a line nothing but these says that it is a formula.
_SIGN = re.compile(rf"{_ROWS.pattern}|\\(?!begin|end)[A-Za-z{{]")
_SIGN_CHARS = 200
# What goes on behind a blank line, and what never does.
_FORMULA_LINE = re.compile(rf"\A[ \t]*+(?:&|\\[A-Za-z])|\\\\[ \t]*\Z|\\end\{{{_NAME}\}}")
_NO_FORMULA = re.compile(r"[ \t]*+(?:`{3}|~{3}|#{1,6}[ \t])")


def begun_at(line: str, place: int) -> str:
    """The environment that begins a block here; nothing where it ends in its line or is only spoken of."""
    found = _BEGIN.match(line, place)
    if found is None or _is_prose(line, found.end()) or end_in(line[place:], found[1], 0)[0] is not None:
        return ""
    return found[1]


def opened_at(text: str, place: int) -> str:
    """The environment that begins inside a text and may go on: it ends the line, or a sign of a formula is near."""
    found = _BEGIN.match(text, place)
    if found is None or _is_prose(text, found.end()):
        return ""
    is_formula = found.end() == len(text) or _SIGN.search(text, found.end(), found.end() + _SIGN_CHARS)
    return found[1] if is_formula or text.startswith("\n", found.end()) else ""


def end_in(line: str, name: str, depth: int) -> tuple[int | None, int]:
    """Where the environment of this name ends in its line, `depth` of which are open; how many are open behind it."""
    for found in _MARKS.finditer(line):
        if found[2] == name:
            depth += 1 if found[1] == "begin" else -1
            if depth <= 0:
                return found.end(), 0
    return None, depth


def end_at(text: str) -> int | None:
    """Where the environment ends that begins this text."""
    found = _BEGIN.match(text)
    return end_in(text, found[1], 0)[0] if found else None


def ends(text: str, name: str) -> list[str]:
    """The last marks of what is open at the end of a text since an environment of this name, the innermost first."""
    pairs = EnvironmentPairs()
    for found in _MARKS.finditer(text):
        if found[2]:
            pairs.take(found[0], found.start())
    names = [open_one for open_one, _ in pairs.open]
    names = names[names.index(name) :] if name in names else [name]
    return [f"\\end{{{open_one}}}" for open_one in reversed(names)]


def takes_line(line: str, *, after_blank: bool) -> bool:
    """Does an open environment go on in this line? LaTeX allows no blank line in most; a model may forget the end."""
    if not line.strip(" \t"):
        return True
    return _NO_FORMULA.match(line) is None and (not after_blank or _FORMULA_LINE.search(line) is not None)


def _is_prose(text: str, place: int) -> bool:
    return _PROSE.match(text, place) is not None and _ROWS.search(text, place, place + _SIGN_CHARS) is None


class EnvironmentPairs:
    """Which mark ends which, as the marks of a text are taken one after the other."""

    def __init__(self) -> None:
        self.ends: dict[int, int] = {}  # where one begins, and where it ends
        self.open: list[tuple[str, int]] = []
        self._number: dict[str, int] = {}  # open, of each name

    def take(self, mark: str, place: int) -> None:
        name = mark[mark.index("{") + 1 : -1]
        if mark.startswith("\\begin"):
            self.open.append((name, place))
            self._number[name] = self._number.get(name, 0) + 1
            return
        while self._number.get(name):
            found, begin = self.open.pop()
            self._number[found] -= 1
            if found == name:
                self.ends[begin] = place + len(mark)
                return
