"""Inline markup: a text into tokens, by GitHub's rules and in time linear in its length. Builds no HTML.

A growing text (the end of a live document) is read as if what is open were closed where it ends: a half link is its
text, open emphasis and an open code span reach to the end, and marks that may still become something are left out.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

from artifacts.preview.block import starts
from artifacts.preview.block.link_definitions import (
    LABEL_MAX,
    Definition,
    address_at,
    entity,
    entity_at,
    gap_end,
    label_key,
    plain,
    title_at,
)
from artifacts.preview.block.math import Formulas
from artifacts.preview.inline.emphasis import PUNCTUATION, Runs
from artifacts.preview.inline.tokens import (
    NOTHING_DEFINED,
    Awaited,
    Break,
    Code,
    Link,
    LinkEnd,
    Marks,
    Math,
    ReferenceScope,
    Token,
)
from artifacts.preview.inline.weblinks import email_at, link_at

_SPECIAL = re.compile(
    r"[\\`*_~\[\]<&\n@$]|!(?=\[)|(?<![A-Za-z])(?:[hH][tT][tT][pP][sS]?|[fF][tT][pP])://|(?<![^\s*_~(])[wW]{3}\."
)
_TICKS = re.compile(r"`+")
_TICKS_OR_ESCAPE = re.compile(r"`+|\\.", re.DOTALL)
_LABEL = re.compile(rf"\[((?:[^\\\[\]]|\\.){{0,{LABEL_MAX}}}+)\]", re.DOTALL)
_AUTOLINK = re.compile(r"<([A-Za-z][A-Za-z0-9.+-]{1,31}:[^<>\x00-\x20]*+)>")
_AUTOMAIL = re.compile(r"<([\w.!#$%&'*+/=?^`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*+)>", re.ASCII)
_BREAK_TAG = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(rf"{starts.OPEN_TAG}|{starts.CLOSE_TAG}", re.IGNORECASE)
_FOOTNOTE = re.compile(r"\^[^\]\[\s^]{1,200}")

# The end of a growing text that may still become markup; it is looked for in the last LOOSE_END_CHARS.
LOOSE_END_CHARS = 300
INLINE_STEP_CHARS = 32_768
_LONGEST_SPECIAL = 16
LET_GO_STEP = 8_192
_LOOSE_END = re.compile(
    r"(?:[*_~`!$\\ \t\n]|&[#\w]{0,32}|</?[A-Za-z][\w.!#$%&'*+/=?^`{|}~@:-]{0,200}|<br\s*/?|</?|<!-{0,2}"
    r"|\\b(?:e(?:g(?:i(?:n(?:\{[A-Za-z]{0,15}\*?)?)?)?)?)?)+\Z"
)
_FORMULAS = ("\\(", "\\[", "\\begin{")
_HALF_FOOTNOTE = re.compile(r"\^[^\]\[\s^]{0,200}")
_HALF_TARGET = re.compile(
    r"\(\s*+(?:<[^<>\n]*+|[^\s<]?[^\s]*+(?:\s++(?:\"[^\"]*+\"?|'[^']*+'?|\([^()]*+\)?)?\s*+)?)\Z",
)


@dataclass(slots=True, eq=False)
class _Bracket:
    """A `[` or `![` that may begin a link."""

    place: int  # of its token
    end: int  # in the text
    image: bool
    marks: Marks | None  # the last run before it
    active: bool = True
    holds_bracket: bool = False


def tokens(text: str, scope: ReferenceScope, *, growing: bool = False) -> list[Token]:
    """The tokens of a text."""
    whole = text
    while growing and (cut := _LOOSE_END.search(text, max(0, len(text) - LOOSE_END_CHARS))):
        text = text[: cut.start()]
    if not _next_special(text, 0):
        return [text] if text else []
    return _Scan(text, scope, growing=growing, undecided=text == whole).run()


def let_go(items: list[Any]) -> None:
    """Empty a list in steps: a million things that go at once take 60 ms, in which nothing else runs."""
    while items:
        del items[-LET_GO_STEP:]


def _next_special(text: str, place: int) -> re.Match[str] | None:
    """Looked for in steps: while an expression runs, nothing else does."""
    while place < len(text):
        found = _SPECIAL.search(text, place, place + INLINE_STEP_CHARS + _LONGEST_SPECIAL)
        if found and found.start() < place + INLINE_STEP_CHARS:
            return found
        place += INLINE_STEP_CHARS
    return None


def without_opaque(text: str, mask: str = "x") -> str:
    """The text with code spans, formulas, tags and addresses in angles hidden, as long as it was."""
    scan = _Scan(text, NOTHING_DEFINED, growing=False, undecided=False)
    scan.run()
    pieces, place = list[str](), 0
    for start, end in scan.opaque:
        pieces += [text[place:start], mask * (end - start)]
        place = end
    return "".join([*pieces, text[place:]])


class _Scan:
    """One reading of one text."""

    def __init__(self, text: str, scope: ReferenceScope, *, growing: bool, undecided: bool) -> None:
        self._text = text
        self._scope = scope
        self._growing = growing
        self._undecided = undecided  # the next character may go on what stands at the end
        self._tokens: list[Token] = []
        self._plain = 0  # where the text begins that is not yet a token
        self._brackets: list[_Bracket] = []
        self._runs = Runs()
        self._ticks: dict[int, list[int]] | None = None
        self.no_comment_ends = False
        self.opaque: list[tuple[int, int]] = []  # what is no text: code, formulas, tags
        self._formulas: Formulas | None = None

    def run(self) -> list[Token]:
        position = 0
        while found := _next_special(self._text, position):
            position = self._read(self._text[found.start()], found.start())
        self._flush(len(self._text))
        self._runs.match()
        if self._growing:
            self._runs.open_to_the_end()
            for bracket in self._brackets:
                self._tokens[bracket.place] = ""
        self._runs.part()
        let_go(self._brackets)
        return self._tokens

    def _read(self, character: str, start: int) -> int:
        """Reads one construct; where it ends. What is no construct stays plain text."""
        match character:
            case "*" | "_" | "~":
                return self._read_marks(start)
            case "`":
                return self._read_code(start)
            case "[" | "!":
                return self._open_bracket(start, image=character == "!")
            case "]":
                return self._close_bracket(start)
            case "\n":
                return self._read_line_end(start)
            case "\\":
                if self._text.startswith(_FORMULAS, start) and (end := self._formula_end(start)):
                    return self._put(Math(self._text[start:end]), start, end)
                return self._read_escape(start)
            case "$":
                return self._read_formula(start)
            case "<":
                return self._read_angle(start)
            case "&":
                found = entity_at(self._text, start)
                return self._put(entity(found), start, start + len(found)) if found else start + 1
        return self._read_web_link(character, start)

    def _flush(self, end: int) -> None:
        if end > self._plain:
            self._tokens.append(self._text[self._plain : end])
        self._plain = end

    def _put(self, token: Token, start: int, end: int) -> int:
        """Puts a token for the text from `start` to `end`."""
        self._flush(start)
        self._tokens.append(token)
        self._plain = end
        if isinstance(token, Code | Math) or self._text[start] == "<":
            self.opaque.append((start, end))
        return end

    # -- what needs no partner

    def _read_marks(self, start: int) -> int:
        marks, end = self._runs.read(self._text, start)
        return self._put(marks, start, end) if marks else end

    def _read_formula(self, start: int) -> int:
        if end := self._formula_end(start):
            return self._put(Math(self._text[start:end]), start, end)
        after = start + 1
        while self._text.startswith("$", after):
            after += 1
        return after

    def _formula_end(self, start: int) -> int | None:
        if self._formulas is None:
            self._formulas = Formulas(self._text, self._code_spans())
        end = self._formulas.end_at(start)
        return len(self._text) if end is None and self._growing and self._formulas.may_end(start) else end

    def _read_line_end(self, start: int) -> int:
        text, end, after = self._text, start, start + 1
        while end > self._plain and text[end - 1] in " \t":
            end -= 1
        while after < len(text) and text[after] in " \t":
            after += 1
        is_break = text[max(end, start - 2) : start] == "  "
        return self._put(Break() if is_break else "\n", end, after)

    def _read_escape(self, start: int) -> int:
        after = self._text[start + 1 : start + 2]
        if after == "\n":
            return self._put(Break(), start, start + 2)
        if after in PUNCTUATION:
            self._flush(start)
            self._plain = start + 1
            return start + 2
        return start + 1

    def _read_angle(self, start: int) -> int:
        text = self._text
        if found := _AUTOLINK.match(text, start):
            return self._put_link(found[1], found[1], start, found.end())
        if found := _AUTOMAIL.match(text, start):
            return self._put_link(f"mailto:{found[1]}", found[1], start, found.end())
        if found := _BREAK_TAG.match(text, start):
            return self._put(Break(), start, found.end())
        if text.startswith("<!--", start):
            return self._read_comment(start)
        if found := _TAG.match(text, start):
            return self._put(found[0], start, found.end())
        return start + 1

    def _read_comment(self, start: int) -> int:
        end = -1 if self.no_comment_ends else self._text.find("-->", start + 2)
        if end >= 0:
            return self._put("", start, end + 3)
        self.no_comment_ends = True
        return self._put("", start, len(self._text)) if self._growing else start + 1

    def _read_web_link(self, character: str, start: int) -> int:
        if character == "@":
            mail = email_at(self._text, self._plain, start)
            return self._put_link(f"mailto:{self._text[mail[0] : mail[1]]}", None, *mail) if mail else start + 1
        end = link_at(self._text, start, stop_at_bracket=bool(self._brackets))
        if end is None:
            return start + 1
        address = self._text[start:end]
        return self._put_link(f"http://{address}" if character in "wW" else address, None, start, end)

    def _put_link(self, address: str, shown: str | None, start: int, end: int) -> int:
        self._put(Link(address, None), start, end)
        self._tokens += [self._text[start:end] if shown is None else shown, LinkEnd()]
        return end

    def _read_code(self, start: int) -> int:
        opening = _TICKS.match(self._text, start)
        assert opening
        content, length = opening.end(), len(opening[0])
        end = self._code_end(content, length)
        if end is not None:
            return self._put(Code(_code_text(self._text[content : end - length])), start, end)
        if self._growing:
            open_code = self._text[content:].replace("\n", " ")
            return self._put(Code(open_code.removeprefix(" ")), start, len(self._text))
        return content

    def _code_end(self, content: int, length: int) -> int | None:
        """Where the code span ends whose content begins here."""
        if self._ticks is None:
            self._ticks = {}
            for run in _TICKS.finditer(self._text):
                self._ticks.setdefault(len(run[0]), []).append(run.start())
        same = self._ticks.get(length, [])
        place = bisect_left(same, content)
        return same[place] + length if place < len(same) else None

    def _code_spans(self) -> dict[int, int]:
        """Where each code span begins and ends, as if there were no other markup; an escaped mark begins none."""
        spans, place = dict[int, int](), 0
        while opening := _TICKS_OR_ESCAPE.search(self._text, place):
            place = opening.end()
            if opening[0][0] == "`" and (end := self._code_end(place, len(opening[0]))) is not None:
                spans[opening.start()] = place = end
        return spans

    # -- links, images, footnotes

    def _open_bracket(self, start: int, *, image: bool) -> int:
        end = start + (2 if image else 1)
        if self._growing and not image and _HALF_FOOTNOTE.fullmatch(self._text, end):
            return self._put("", start, len(self._text))
        if self._brackets:
            self._brackets[-1].holds_bracket = True
        self._flush(start)
        self._brackets.append(_Bracket(len(self._tokens), end, image, self._runs.last))
        return self._put(self._text[start:end], start, end)

    def _close_bracket(self, start: int) -> int:
        after = start + 1
        if not self._brackets:
            return after
        bracket = self._brackets.pop()
        if not bracket.active:
            return after
        found = self._inline_target(after) or self._reference_target(bracket, start)
        if found:
            return self._end_link(bracket, start, *found)
        label = not bracket.image and _FOOTNOTE.fullmatch(self._text, bracket.end, start)
        if label and (note := self._scope.footnote(label[0][1:])):
            del self._tokens[bracket.place :]
            self._runs.forget(bracket.marks)
            self._plain = start
            return self._put(note, start, after)
        return self._half_link(bracket, start)

    def _end_link(self, bracket: _Bracket, start: int, found: Definition, end: int) -> int:
        self._end_bracket(bracket, start, Link(found.address, found.title, bracket.image))
        for outer in reversed(self._brackets if not bracket.image else ()):
            if not outer.image:
                if not outer.active:
                    break
                outer.active = False  # no link in a link
        return self._put(LinkEnd(), start, end)

    def _end_bracket(self, bracket: _Bracket, start: int, token: Token) -> None:
        self._flush(start)
        self._tokens[bracket.place] = token
        self._runs.match(bracket.marks)
        self._runs.forget(bracket.marks)

    def _inline_target(self, after: int) -> tuple[Definition, int] | None:
        """`(address "title")` behind a bracket."""
        text = self._text
        if not text.startswith("(", after):
            return None
        place = gap_end(text, after + 1)
        address, title = "", None
        if found := address_at(text, place):
            address, place = found
            space = gap_end(text, place)
            if space > place and (titled := title_at(text, space)):
                title, place = titled
        place = gap_end(text, place)
        if not text.startswith(")", place):
            return None
        return Definition(address=plain(address), title=None if title is None else plain(title)), place + 1

    def _reference_target(self, bracket: _Bracket, start: int) -> tuple[Definition, int] | None:
        """`[label]` or `[]` behind a bracket, or the bracket's own text as a label."""
        label = _LABEL.match(self._text, start + 1)
        if label and label[1].strip():
            found = self._scope.definition(label_key(label[1]))
            return (found, label.end()) if found else None
        own = self._own_label(bracket, start)
        found = self._scope.definition(label_key(own)) if own else None
        return (found, label.end() if label else start + 1) if found else None

    def _own_label(self, bracket: _Bracket, start: int) -> str:
        """The text between the brackets, if it may be a label."""
        if bracket.holds_bracket or start - bracket.end > LABEL_MAX:
            return ""
        own = self._text[bracket.end : start]
        return own if own.strip() else ""

    # -- what may become a link

    def _half_link(self, bracket: _Bracket, start: int) -> int:
        """No link; in a growing text, or while its definition may come, perhaps not yet: its text is shown."""
        end = self._half_end(start + 1) if self._growing else None
        if end is not None:
            return self._show_text(bracket, start, end)
        if not self._scope.live or self._is_index(bracket):
            return start + 1
        label = _LABEL.match(self._text, start + 1)
        if not (label and label[1].strip()) and not self._own_label(bracket, start):
            return start + 1
        self._scope.hide_reference()
        if label or bracket.image:
            return self._show_text(bracket, start, label.end() if label else start + 1)
        self._end_bracket(bracket, start, Awaited())
        return self._put(LinkEnd(), start, start + 1)

    def _show_text(self, bracket: _Bracket, start: int, end: int) -> int:
        self._flush(start)
        self._tokens[bracket.place] = ""
        self._plain = end
        return end

    def _is_index(self, bracket: _Bracket) -> bool:
        """`rows[0][1]` is no reference in the making."""
        place = bracket.end - 2
        return place >= 0 and not bracket.image and (self._text[place].isalnum() or self._text[place] == "]")

    def _half_end(self, after: int) -> int | None:
        """Where the beginning of a link's target ends, if the text ends in it."""
        end = len(self._text)
        if after == end:
            return end if self._undecided else None
        if self._text[after] == "(" and _HALF_TARGET.match(self._text, after):
            return end
        if self._text[after] == "[" and not any(self._text.find(mark, after + 1) >= 0 for mark in "[]"):
            return end
        return None


def _code_text(source: str) -> str:
    source = source.replace("\n", " ")
    if len(source) > 2 and source[0] == source[-1] == " " and source.strip(" "):
        return source[1:-1]
    return source
