"""The normaliser: reads a document line by line and finds its blocks as GitHub does. Inline markup is not its business.

What a line means depends on the lines before it only, so the blocks are the same however the text arrived, and a block
that is closed stays as it is.
"""

from collections.abc import Callable
from enum import Enum, auto

from artifacts.preview import limits
from artifacts.preview.block import math, starts, tables
from artifacts.preview.block.block import VERBATIM, Block, ReaderRules
from artifacts.preview.block.cursor import CODE_INDENT, LineCursor
from artifacts.preview.block.open_blocks import OpenBlocks

DEFINITION_LINES = 8  # a definition that has not ended by then is looked at again when its paragraph closes


class _Goes(Enum):
    ON = auto()  # the open block goes on in this line
    OUT = auto()  # it does not
    DONE = auto()  # it does, and nothing of the line is left


class _Begins(Enum):
    NOTHING = auto()
    CONTAINER = auto()  # what follows in the line may begin another block
    LEAF = auto()  # what follows is text
    DONE = auto()  # nothing of the line is left


class Reader(OpenBlocks):
    """Takes lines, gives closed blocks of the top level, definitions and footnotes."""

    def __init__(self, rules: ReaderRules = "preview") -> None:
        super().__init__(rules)
        self._cursor = LineCursor("")
        self.reads_alone = False  # GitHub, what other readers read otherwise
        self.opens_with_rule = False  # as a document with front matter does

    def fork(self) -> "Reader":
        """A reader that goes on from here and leaves this one alone."""
        twin = Reader(self.rules)
        self._copy_to(twin)
        return twin

    # -- one line

    def feed(self, line: str) -> None:
        """Reads one line, given without its end."""
        self._cursor = LineCursor(line)
        self._line_number += 1
        self._characters += len(line) + 1
        goes = self._match_open_blocks()
        if goes is not _Goes.DONE:
            self._read_rest()

    def _match_open_blocks(self) -> _Goes:
        self._matched = 1
        for block in self._chain[1:]:
            goes = self._goes_on(block)
            if goes is not _Goes.ON:
                return goes
            self._matched += 1
        return _Goes.ON

    def _goes_on(self, block: Block) -> _Goes:
        cursor = self._cursor
        if block.kind in ("list", "details"):
            return _Goes.ON
        if block.kind == "item":
            if cursor.indent >= block.indent:
                cursor.advance(block.indent)
                return _Goes.ON
            if not cursor.blank or not block.children:
                return _Goes.OUT
            cursor.skip_indent()
            return _Goes.ON
        if block.kind == "quote":
            return _Goes.ON if self._eat_quote_mark() else _Goes.OUT
        if block.kind == "footnote":
            if cursor.indent >= CODE_INDENT and not cursor.blank:
                cursor.advance(CODE_INDENT)
                return _Goes.ON
            return _Goes.ON if cursor.blank else _Goes.OUT
        return self._leaf_goes_on(block)

    def _leaf_goes_on(self, block: Block) -> _Goes:
        cursor = self._cursor
        if block.kind == "fence":
            mark = starts.FENCE_END.match(cursor.line, cursor.next) if cursor.indent < CODE_INDENT else None
            if mark and mark[1][0] == block.marker and len(mark[1]) >= block.level:
                block.closed = True
                self._close_to(self._matched)
                return _Goes.DONE
            cursor.advance(min(block.indent, cursor.indent))
            return _Goes.ON
        if block.kind == "math":
            after_blank = not block.lines[-1].strip(" \t")
            if not math.goes_on(cursor.line[cursor.next :], block.marker, after_blank=after_blank):
                return _Goes.OUT
            cursor.advance(min(block.indent, cursor.indent))
            return _Goes.ON
        if block.kind == "code":
            if cursor.indent >= CODE_INDENT:
                cursor.advance(CODE_INDENT)
                return _Goes.ON
            if cursor.blank:
                cursor.skip_indent()
                return _Goes.ON
            return _Goes.OUT
        if block.kind == "html":
            return _Goes.OUT if cursor.blank and block.level > starts.LAST_OWN_END else _Goes.ON
        if block.kind == "comment":
            return _Goes.ON
        if block.kind == "table" and cursor.line[cursor.next :].strip(" \t") == "|":
            return _Goes.OUT  # no cell, no row
        return _Goes.OUT if cursor.blank else _Goes.ON  # paragraph, table, summary

    def _read_rest(self) -> None:
        """What the open blocks left of the line: beginnings of blocks, then text."""
        cursor, inner = self._cursor, self._chain[self._matched - 1]
        leaf = inner.kind in VERBATIM or (
            inner.kind == "paragraph"
            and inner.marker != ""
            and math.goes_on(cursor.line[cursor.next :], inner.marker, after_blank=False)
        )
        while not leaf:
            if cursor.indent < CODE_INDENT and cursor.line[cursor.next : cursor.next + 1] not in _BEGINNINGS:
                break
            begins = self._begin()
            if begins is _Begins.NOTHING:
                break
            if begins is _Begins.DONE:
                return
            self._matched = len(self._chain)
            leaf = begins is _Begins.LEAF
        self._add_text()

    def _begin(self) -> _Begins:
        if self._blocks > limits.BLOCK_ALLOWANCE + self._characters // limits.BLOCK_CHARS:
            return _Begins.NOTHING
        if self._cursor.indent >= CODE_INDENT:
            return self._begin_code()
        for begin in _BEGINNINGS.get(self._cursor.line[self._cursor.next : self._cursor.next + 1], ()):
            begins = begin(self)
            if begins is not _Begins.NOTHING:
                return begins
        return _Begins.NOTHING

    # -- the beginnings, in the order in which they are tried

    def _begin_quote(self) -> _Begins:
        if len(self._chain) >= limits.CONTAINER_DEPTH or not self._eat_quote_mark():
            return _Begins.NOTHING
        self._open(Block("quote"))
        return _Begins.CONTAINER

    def _eat_quote_mark(self) -> bool:
        cursor = self._cursor
        if cursor.indent >= CODE_INDENT or not cursor.line.startswith(">", cursor.next):
            return False
        cursor.skip_indent()
        cursor.advance(1)
        if cursor.at_space():
            cursor.advance(1)
        return True

    def _begin_heading(self) -> _Begins:
        cursor = self._cursor
        match = starts.HEADING.match(cursor.line, cursor.next)
        if match is None:
            return _Begins.NOTHING
        text = starts.HEADING_END.sub("", cursor.line[match.end() :]).strip(" \t")
        self._open(Block("heading", level=len(match[1]), lines=[text]))
        self._close_to(len(self._chain) - 1)
        return _Begins.DONE

    def _begin_fence(self) -> _Begins:
        cursor = self._cursor
        match = starts.FENCE.match(cursor.line, cursor.next)
        if match is None:
            return _Begins.NOTHING
        info = cursor.line[match.end() :].strip(" \t")
        self._open(Block("fence", marker=match[0][0], level=len(match[0]), indent=cursor.indent, info=info))
        return _Begins.DONE

    def _begin_math(self) -> _Begins:
        cursor = self._cursor
        marker = "" if self.rules != "preview" else math.block_at(cursor.line, cursor.next)
        if not marker:
            return _Begins.NOTHING
        line, level = math.first_line(cursor.line[cursor.next :], marker)
        self._open(Block("math", marker=marker, level=level, indent=cursor.indent, lines=[line]))
        return _Begins.DONE

    def _begin_details(self) -> _Begins:
        """`<details>` and `<summary>` are the only HTML that means something here."""
        cursor, container = self._cursor, self._chain[self._matched - 1]
        if match := starts.DETAILS_END.match(cursor.line, cursor.next):
            return self._end_details(match.end())
        if match := starts.DETAILS.match(cursor.line, cursor.next):
            if len(self._chain) >= limits.CONTAINER_DEPTH:
                return _Begins.NOTHING
            self._open(Block("details"))
            cursor.skip_to(match.end())
            return _Begins.DONE if cursor.blank else _Begins.CONTAINER
        if container.kind == "details" and not container.children:
            match = starts.SUMMARY.match(cursor.line, cursor.next)
            if match:
                self._open(Block("summary"))
                cursor.skip_to(match.end())
                return _Begins.LEAF
        return _Begins.NOTHING

    def _end_details(self, end: int) -> _Begins:
        open_ones = [place for place in range(1, self._matched) if self._chain[place].kind == "details"]
        if not open_ones:
            return _Begins.NOTHING
        self._close_to(open_ones[-1])
        self._matched = len(self._chain)
        self._cursor.skip_to(end)
        return _Begins.DONE if self._cursor.blank else _Begins.CONTAINER

    def _begin_html(self) -> _Begins:
        cursor = self._cursor
        if not cursor.line.startswith("<", cursor.next):
            return _Begins.NOTHING
        begins = self._begin_details() if self.rules == "preview" else _Begins.NOTHING
        if begins is not _Begins.NOTHING:
            return begins
        in_paragraph = self._chain[self._matched - 1].kind == "paragraph"
        if self._lazy():
            in_paragraph = self.rules != "github"  # to GitHub it is none outside its list or quote
            self.reads_alone |= not in_paragraph
        for number, pattern in starts.html_starts(self.rules, cursor.line[cursor.next + 1 : cursor.next + 2]):
            if number == starts.STANDS_ALONE and in_paragraph:
                break
            if pattern.match(cursor.line, cursor.next):
                self._open(Block("comment" if number == starts.COMMENT else "html", level=number))
                return _Begins.LEAF
        return _Begins.NOTHING

    def _begin_underlined_heading(self) -> _Begins:
        cursor, paragraph = self._cursor, self._chain[self._matched - 1]
        if paragraph.kind != "paragraph" or not starts.UNDERLINE.match(cursor.line, cursor.next):
            return _Begins.NOTHING
        if not self.take_definitions(paragraph):
            return _Begins.NOTHING
        paragraph.kind, paragraph.level = "heading", 1 if cursor.line[cursor.next] == "=" else 2
        self._close_to(self._matched - 1)
        return _Begins.DONE

    def _begin_rule(self) -> _Begins:
        if not starts.RULE.match(self._cursor.line, self._cursor.next):
            return _Begins.NOTHING
        self.opens_with_rule |= self._line_number == 1
        self._open(Block("rule"))
        self._close_to(len(self._chain) - 1)
        return _Begins.DONE

    def _begin_footnote(self) -> _Begins:
        cursor = self._cursor
        match = starts.FOOTNOTE.match(cursor.line, cursor.next)
        if match is None or len(self._chain) >= limits.CONTAINER_DEPTH:
            return _Begins.NOTHING
        self._open(Block("footnote", info=match[1]))
        cursor.skip_to(match.end())
        cursor.skip_indent()
        return _Begins.CONTAINER

    def _begin_item(self) -> _Begins:
        cursor, container = self._cursor, self._chain[self._matched - 1]
        line, end = cursor.line, len(cursor.line)
        bullet = starts.BULLET.match(line, cursor.next)
        number = None if bullet else starts.NUMBER.match(line, cursor.next)
        mark = bullet or number
        if mark is None or (mark.end() < end and line[mark.end()] not in " \t"):
            return _Begins.NOTHING
        if len(self._chain) >= limits.CONTAINER_DEPTH:
            return _Begins.NOTHING
        if container.kind == "paragraph" and (not line[mark.end() :].strip(" \t") or (number and int(number[1]) != 1)):
            return _Begins.NOTHING
        found = Block("list", marker=number[2] if number else mark[0])
        if number:
            found.ordered, found.start = True, int(number[1])
        padding = self._eat_item_mark(len(mark[0]))
        if container.kind != "list" or (container.marker, container.ordered) != (found.marker, found.ordered):
            self._open(found)
            self._matched = len(self._chain)
        self._open(Block("item", indent=padding))
        return _Begins.CONTAINER

    def _eat_item_mark(self, width: int) -> int:
        """Moves behind the mark and its spaces; the columns that the item's content stands in."""
        cursor = self._cursor
        indent = cursor.indent
        cursor.skip_indent()
        cursor.advance(width)
        if cursor.blank or cursor.indent > CODE_INDENT:
            spaces = 1
            if cursor.at_space():
                cursor.advance(1)
        else:
            spaces = cursor.indent
            cursor.advance(spaces)
        return indent + width + spaces

    def _begin_code(self) -> _Begins:
        if self._cursor.blank or self._lazy() or self._chain[self._matched - 1].kind == "paragraph":
            return _Begins.NOTHING
        self._cursor.advance(CODE_INDENT)
        self._open(Block("code"))
        return _Begins.LEAF

    def _begin_table(self) -> _Begins:
        paragraph = self._chain[self._matched - 1]
        if paragraph.kind != "paragraph" or not paragraph.lines:
            return _Begins.NOTHING
        align = tables.alignments(self._cursor.line[self._cursor.next :])
        if align is None or len(tables.split_row(paragraph.lines[-1])) != len(align):
            return _Begins.NOTHING
        header = paragraph.lines.pop()
        if paragraph.lines:
            self._close_to(self._matched - 1)
        else:
            self._chain.pop()
            self._chain[-1].children.pop()
        self._matched = len(self._chain)
        self._open(Block("table", lines=[header], align=align))
        return _Begins.DONE

    # -- text

    def _lazy(self) -> bool:
        return self.tip.kind == "paragraph" and self._matched < len(self._chain)

    def _add_text(self) -> None:
        cursor = self._cursor
        if self._lazy() and not cursor.blank:
            self._add_line(self.tip)
            return
        self._close_to(self._matched)
        block = self.tip
        self._note_blank(block, blank=cursor.blank)
        if block.kind in VERBATIM:
            block.lines.append(cursor.rest())
            self._end_verbatim(block)
        elif cursor.blank:
            return
        elif block.kind == "table":
            self._add_line(block)
        elif block.kind == "paragraph":
            # A list of definitions is taken line by line, or each update would read all of it again.
            if cursor.line.startswith("[", cursor.next) and len(block.lines) <= DEFINITION_LINES:
                self.take_definitions(block)
            self._add_line(block)
        else:
            paragraph = Block("paragraph")
            self._open(paragraph)
            self._add_line(paragraph)

    def _add_line(self, block: Block) -> None:
        """Adds a line of text; `</details>` at its end ends what it is in."""
        text, ended = self._cursor.line[self._cursor.next :], -1
        for place in reversed(range(1, len(self._chain))):
            if self._chain[place].kind != "details" or not text.rstrip(" \t").lower().endswith(starts.DETAILS_LAST):
                continue
            text, ended = text.rstrip(" \t")[: -len(starts.DETAILS_LAST)], place
        block.lines.append(text)
        if block.kind == "paragraph" and self.rules == "preview":
            block.marker = math.open_after(text, block.marker)
        if ended > 0:
            self._close_to(ended)

    def _end_verbatim(self, block: Block) -> None:
        """Closes a block whose own end mark stands in its last line."""
        line = block.lines[-1]
        if block.kind in ("fence", "code"):
            return
        if block.kind == "summary":
            if end := starts.SUMMARY_END.search(line):
                self._end_in_line(line[: end.start()], line[end.end() :])
        elif block.kind == "math":
            behind, block.level = math.block_end(line, block.marker, block.level)
            if behind is not None:
                block.closed = True
                self._end_in_line(line[:behind], line[behind:])
        elif block.level <= starts.LAST_OWN_END and starts.HTML_ENDS[block.level - 1].search(line):
            block.closed = True
            self._close_to(len(self._chain) - 1)

    def _end_in_line(self, text: str, rest: str) -> None:
        """The innermost block ends within its last line."""
        self.tip.lines[-1] = text
        self._close_to(len(self._chain) - 1)
        if rest.strip(" \t"):
            self._cursor = LineCursor(rest)
            self._matched = len(self._chain)
            self._read_rest()


# By the first character of a line, in the order in which they are tried.
_BEGINNINGS: dict[str, tuple[Callable[[Reader], _Begins], ...]] = {
    ">": (Reader._begin_quote,),
    "#": (Reader._begin_heading,),
    "`": (Reader._begin_fence,),
    "~": (Reader._begin_fence,),
    "$": (Reader._begin_math,),
    "\\": (Reader._begin_math,),
    "<": (Reader._begin_html,),
    "=": (Reader._begin_underlined_heading,),
    "-": (Reader._begin_underlined_heading, Reader._begin_rule, Reader._begin_item, Reader._begin_table),
    "_": (Reader._begin_rule,),
    "*": (Reader._begin_rule, Reader._begin_item),
    "+": (Reader._begin_item,),
    "|": (Reader._begin_table,),
    ":": (Reader._begin_table,),
    "[": (Reader._begin_footnote,),
    **dict.fromkeys("0123456789", (Reader._begin_item,)),
}
