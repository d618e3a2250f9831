"""Inline markup: a text into tokens, by GitHub's rules and in time linear in its length. Builds no HTML.

A growing text (the end of a live document) is read as if what is open were closed where it ends: a half link is its
text, open emphasis and an open code span reach to the end, and marks that may still become something are left out.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Protocol
from unicodedata import category

from artifacts.preview import starts
from artifacts.preview.definitions import LABEL_MAX, Definition, address_at, entity, gap_end, label_key, plain, title_at
from artifacts.preview.weblinks import email_at, link_at

_SPECIAL = re.compile(
    r"[\\`*_~\[\]<&\n@]|!(?=\[)|(?<![A-Za-z])(?:[hH][tT][tT][pP][sS]?|[fF][tT][pP])://|(?<![^\s*_~(])[wW]{3}\."
)
_TICKS = re.compile(r"`+")
_MARKS = re.compile(r"\*+|_+|~+")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_LABEL = re.compile(r"\[((?:[^\\\[\]]|\\.){0,%d}+)\]" % LABEL_MAX, re.DOTALL)
_AUTOLINK = re.compile(r"<([A-Za-z][A-Za-z0-9.+-]{1,31}:[^<>\x00-\x20]*+)>")
_AUTOMAIL = re.compile(r"<([\w.!#$%&'*+/=?^`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*+)>", re.ASCII)
_BREAK_TAG = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(rf"{starts.OPEN_TAG}|{starts.CLOSE_TAG}", re.IGNORECASE)
_FOOTNOTE = re.compile(r"\^[^\]\[\s^]{1,200}")
_HALF_FOOTNOTE = re.compile(r"\^[^\]\[\s^]{0,200}")

# The end of a growing text that may still become markup.
_LOOSE_END = re.compile(
    r"(?:[*_~`!\\ \t\n]|&[#\w]{0,32}|<[A-Za-z][\w.!#$%&'*+/=?^`{|}~@:-]{0,200}|<br\s*/?|</?|<!-{0,2})+\Z"
)
LOOSE_END_CHARS = 300
_HALF_TARGET = re.compile(
    r"\(\s*+(?:<[^<>\n]*+|[^\s<]?[^\s]*+(?:\s++(?:\"[^\"]*+\"?|'[^']*+'?|\([^()]*+\)?)?\s*+)?)\Z",
)


class Scope(Protocol):
    """What a text may refer to."""

    live: bool  # the document is not finished: what is not defined may still be

    def definition(self, key: str) -> Definition | None: ...

    def footnote(self, label: str) -> "Note | None":
        """What stands for a footnote in the text, nothing if there is none such."""

    def hide_reference(self) -> None:
        """Told when a reference to an unknown label is shown as its text for now."""


@dataclass(slots=True, eq=False)
class Code:
    text: str


@dataclass(slots=True, eq=False)
class Break:
    pass


@dataclass(slots=True, eq=False)
class Note:
    """A footnote's number in the text; `first` where it is named for the first time."""

    number: int
    first: bool


@dataclass(slots=True, eq=False)
class Link:
    """The beginning of a link or an image; `LinkEnd` ends it."""

    address: str
    title: str | None
    image: bool = False


@dataclass(slots=True, eq=False)
class Awaited:
    """The beginning of `[text]` whose definition may still come; `LinkEnd` ends it."""


@dataclass(slots=True, eq=False)
class LinkEnd:
    pass


@dataclass(slots=True, eq=False)
class Marks:
    """A run of `*`, `_` or `~`: what it closes, what is left of it as text, what it opens (the innermost first)."""

    character: str
    length: int
    can_open: bool
    can_close: bool
    count: int
    order: int
    closes: list[str] = field(default_factory=list)
    opens: list[str] = field(default_factory=list)
    before: "Marks | None" = None
    after: "Marks | None" = None


@dataclass(slots=True, eq=False)
class _Bracket:
    place: int  # of its token
    position: int  # behind it, in the text
    image: bool
    marks: Marks | None  # the last run before it
    active: bool = True
    holds_bracket: bool = False


Token = str | Code | Break | Note | Link | Awaited | LinkEnd | Marks


def tokens(text: str, scope: Scope, *, growing: bool = False) -> list[Token]:
    """The tokens of a text; joined they say all of it."""
    whole = text
    while growing and (cut := _LOOSE_END.search(text, max(0, len(text) - LOOSE_END_CHARS))):
        text = text[: cut.start()]
    if not _SPECIAL.search(text):
        return [text] if text else []
    return _Scan(text, scope, growing, undecided=text == whole).run()


class _Scan:
    def __init__(self, text: str, scope: Scope, growing: bool, undecided: bool) -> None:
        self._text = text
        self._undecided = undecided  # the next character may go on what stands at the end
        self._scope = scope
        self._growing = growing
        self._tokens: list[Token] = []
        self._plain = 0  # where the text begins that is not yet a token
        self._brackets: list[_Bracket] = []
        self._last: Marks | None = None
        self._ticks: dict[int, list[int]] | None = None
        self._comments_end = False

    def run(self) -> list[Token]:
        text, position = self._text, 0
        while found := _SPECIAL.search(text, position):
            position = self._read(text[found.start()], found.start())
        self._flush(len(text))
        self._match_marks(None)
        return self._tokens

    def _read(self, character: str, start: int) -> int:
        """Reads one construct; where it ends. What is no construct stays plain text."""
        if character in "*_~":
            return self._read_marks(start)
        if character == "`":
            return self._read_code(start)
        if character == "[" or character == "!":
            return self._open_bracket(start, image=character == "!")
        if character == "]":
            return self._close_bracket(start)
        if character == "\n":
            return self._read_line_end(start)
        if character == "\\":
            return self._read_escape(start)
        if character == "<":
            return self._read_angle(start)
        if character == "&":
            return self._read_entity(start)
        return self._read_web_link(character, start)

    def _flush(self, end: int) -> None:
        if end > self._plain:
            self._tokens.append(self._text[self._plain : end])
        self._plain = end

    def _put(self, token: Token, start: int, end: int) -> int:
        self._flush(start)
        self._tokens.append(token)
        self._plain = end
        return end

    # -- what needs no partner

    def _read_line_end(self, start: int) -> int:
        text = self._text
        end = start
        while end > self._plain and text[end - 1] in " \t":
            end -= 1
        is_break = text[max(end, start - 2) : start] == "  "
        self._flush(end)
        after = start + 1
        while after < len(text) and text[after] in " \t":
            after += 1
        return self._put(Break() if is_break else "\n", end, after)

    def _read_escape(self, start: int) -> int:
        after = self._text[start + 1 : start + 2]
        if after == "\n":
            self._put(Break(), start, start + 2)
        elif after in _PUNCTUATION:
            self._flush(start)
            self._plain = start + 1
            return start + 2
        return start + 1

    def _read_entity(self, start: int) -> int:
        found = _ENTITY.match(self._text, start)
        return self._put(entity(found[0]), start, found.end()) if found else start + 1

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
        end = -1 if self._comments_end else self._text.find("-->", start + 2)
        if end >= 0:
            return self._put("", start, end + 3)
        self._comments_end = True
        return self._put("", start, len(self._text)) if self._growing else start + 1

    def _read_web_link(self, character: str, start: int) -> int:
        if character == "@":
            mail = email_at(self._text, self._plain, start)
            return self._put_link(f"mailto:{self._text[mail[0] : mail[1]]}", None, *mail) if mail else start + 1
        found = link_at(self._text, start, stop_at_bracket=bool(self._brackets))
        if found is None:
            return start + 1
        shown = self._text[start:found]
        return self._put_link(shown if character not in "wW" else f"http://{shown}", None, start, found)

    def _put_link(self, address: str, shown: str | None, start: int, end: int) -> int:
        self._put(Link(address, None), start, end)
        self._tokens.append(self._text[start:end] if shown is None else shown)
        self._tokens.append(LinkEnd())
        return end

    def _read_code(self, start: int) -> int:
        if self._ticks is None:
            self._ticks = {}
            for run in _TICKS.finditer(self._text):
                self._ticks.setdefault(len(run[0]), []).append(run.start())
        opening = _TICKS.match(self._text, start)
        assert opening
        content = opening.end()
        same = self._ticks.get(content - start, [])
        place = bisect_left(same, content)
        if place < len(same):
            return self._put(Code(_code_text(self._text[content : same[place]])), start, same[place] + content - start)
        if self._growing:
            return self._put(Code(_code_text(self._text[content:] + " ")), start, len(self._text))
        return content

    # -- emphasis

    def _read_marks(self, start: int) -> int:
        run = _MARKS.match(self._text, start)
        assert run
        end, character = run.end(), self._text[start]
        left, right = _flanks(self._text[start - 1 : start], self._text[end : end + 1])
        if character == "_":
            can_open = left and (
                not right or self._text[start - 1] in _PUNCTUATION or _is_punctuation(self._text[start - 1])
            )
            can_close = right and (not left or _is_punctuation(self._text[end]))
        else:
            can_open, can_close = left, right
        if not (can_open or can_close) or (character == "~" and end - start > 2):
            return end
        marks = Marks(character, end - start, can_open, can_close, end - start, start, before=self._last)
        if self._last:
            self._last.after = marks
        self._last = marks
        return self._put(marks, start, end)

    def _match_marks(self, bottom: Marks | None) -> None:
        """Pairs the runs behind `bottom` (the algorithm of the CommonMark specification)."""
        floors: dict[tuple[str, bool, int], int] = {}  # no opener stands at or before this place
        lowest = bottom.order if bottom else -1
        closer = self._last if self._last is not bottom else None
        while closer and closer.before is not bottom:
            closer = closer.before
        while closer:
            if not closer.can_close:
                closer = closer.after
                continue
            key = (closer.character, closer.can_open, closer.length if closer.character == "~" else closer.length % 3)
            floor = floors.get(key, lowest)
            opener = closer.before
            while opener and opener.order > floor and not _pairs(opener, closer):
                opener = opener.before
            if opener is None or opener.order <= floor:
                floors[key] = closer.before.order if closer.before else lowest
                after = closer.after
                if not closer.can_open:
                    self._unlink(closer)
                closer = after
                continue
            closer = self._pair(opener, closer)
        if bottom is None and self._growing:
            self._open_to_the_end()
        self._last = bottom
        if bottom:
            bottom.after = None

    def _pair(self, opener: Marks, closer: Marks) -> Marks | None:
        used = closer.count if closer.character == "~" else 2 if min(opener.count, closer.count) >= 2 else 1
        name = "del" if closer.character == "~" else "strong" if used == 2 else "em"
        opener.opens.append(name)
        closer.closes.append(name)
        opener.count -= used
        closer.count -= used
        opener.after, closer.before = closer, opener
        if not opener.count:
            self._unlink(opener)
        if closer.count:
            return closer
        after = closer.after
        self._unlink(closer)
        return after

    def _unlink(self, marks: Marks) -> None:
        if marks.before:
            marks.before.after = marks.after
        if marks.after:
            marks.after.before = marks.before
        else:
            self._last = marks.before

    def _open_to_the_end(self) -> None:
        marks = self._last
        while marks:
            if marks.can_open and not (marks.character == "~" and marks.count == 1):
                if marks.character == "~":
                    marks.opens.append("del")
                    marks.count = 0
                while marks.count:
                    name = "strong" if marks.count >= 2 else "em"
                    marks.opens.append(name)
                    marks.count -= 2 if name == "strong" else 1
            marks = marks.before
        for bracket in self._brackets:
            self._tokens[bracket.place] = ""

    # -- links, images, footnotes

    def _open_bracket(self, start: int, *, image: bool) -> int:
        end = start + (2 if image else 1)
        if self._growing and not image and _HALF_FOOTNOTE.fullmatch(self._text, end):
            return self._put("", start, len(self._text))
        if self._brackets:
            self._brackets[-1].holds_bracket = True
        self._flush(start)
        self._brackets.append(_Bracket(len(self._tokens), end, image, self._last))
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
        label = self._text[bracket.position : start]
        if not bracket.image and not bracket.holds_bracket and _FOOTNOTE.fullmatch(label):
            note = self._scope.footnote(label[1:])
            if note:
                del self._tokens[bracket.place :]
                self._last = bracket.marks
                if self._last:
                    self._last.after = None
                self._plain = start
                return self._put(note, start, after)
        return self._half_link(bracket, start)

    def _half_link(self, bracket: _Bracket, start: int) -> int:
        """No link; in a growing text, or while its definition may come, perhaps not yet: its text is shown."""
        end = self._half_end(start + 1) if self._growing else None
        if end is not None:
            return self._show_text(bracket, start, end)
        if not self._scope.live or self._is_index(bracket):
            return start + 1
        full = _LABEL.match(self._text, start + 1)
        own = self._text[bracket.position : start]
        if not (full and full[1].strip()) and (bracket.holds_bracket or len(own) > LABEL_MAX or not own.strip()):
            return start + 1
        self._scope.hide_reference()
        if full or bracket.image:
            return self._show_text(bracket, start, full.end() if full else start + 1)
        self._flush(start)
        self._tokens[bracket.place] = Awaited()
        self._match_marks_in(bracket)
        return self._put(LinkEnd(), start, start + 1)

    def _show_text(self, bracket: _Bracket, start: int, end: int) -> int:
        self._flush(start)
        self._tokens[bracket.place] = ""
        self._plain = end
        return end

    def _is_index(self, bracket: _Bracket) -> bool:
        """`rows[0][1]` is no reference in the making."""
        place = bracket.position - 2
        return place >= 0 and not bracket.image and self._text[place].isalnum()

    def _half_end(self, after: int) -> int | None:
        end = len(self._text)
        if after == end:
            return end if self._undecided else None
        if self._text[after] == "(" and _HALF_TARGET.match(self._text, after):
            return end
        if self._text[after] == "[" and not any(self._text.find(mark, after + 1) >= 0 for mark in "[]"):
            return end
        return None

    def _end_link(self, bracket: _Bracket, start: int, found: Definition, end: int) -> int:
        self._flush(start)
        self._tokens[bracket.place] = Link(found.address, found.title, bracket.image)
        self._match_marks_in(bracket)
        if not bracket.image:
            for outer in reversed(self._brackets):
                if outer.image:
                    continue
                if not outer.active:
                    break
                outer.active = False
        return self._put(LinkEnd(), start, end)

    def _match_marks_in(self, bracket: _Bracket) -> None:
        growing, self._growing = self._growing, False
        self._match_marks(bracket.marks)
        self._growing = growing

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
        text, after = self._text, start + 1
        label = _LABEL.match(text, after)
        if label and label[1].strip():
            found = self._scope.definition(label_key(label[1]))
            return (found, label.end()) if found else None
        own = text[bracket.position : start]
        if bracket.holds_bracket or len(own) > LABEL_MAX or not own.strip():
            return None
        found = self._scope.definition(label_key(own))
        return (found, label.end() if label else after) if found else None


def _code_text(source: str) -> str:
    source = source.replace("\n", " ")
    if len(source) > 2 and source[0] == source[-1] == " " and source.strip(" "):
        return source[1:-1]
    return source


def _pairs(opener: Marks, closer: Marks) -> bool:
    if opener.character != closer.character or not opener.can_open:
        return False
    if closer.character == "~":
        return opener.length == closer.length
    if (opener.can_close or closer.can_open) and (opener.length + closer.length) % 3 == 0:
        return opener.length % 3 == 0 and closer.length % 3 == 0
    return True


def _is_punctuation(character: str) -> bool:
    return character in _PUNCTUATION or (character > "\x7f" and category(character).startswith("P"))


def _flanks(before: str, after: str) -> tuple[bool, bool]:
    """Is a run between these two characters left-flanking, right-flanking? Nothing counts as white space."""
    space_before = not before or before.isspace()
    space_after = not after or after.isspace()
    mark_before = not space_before and _is_punctuation(before)
    mark_after = not space_after and _is_punctuation(after)
    left = not space_after and (not mark_after or space_before or mark_before)
    right = not space_before and (not mark_before or space_after or mark_after)
    return left, right
