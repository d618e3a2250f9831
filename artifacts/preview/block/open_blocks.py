"""The blocks of a document that are open while it is read: opened, closed, remembered. What a line means is not its
business.
"""

from collections.abc import Sequence
from dataclasses import replace

from artifacts.preview.block.block import CONTAINERS, Block, ReaderRules
from artifacts.preview.block.comments import without_comments
from artifacts.preview.block.link_definitions import Definition, definition_at


class OpenBlocks:
    """The chain of open blocks, outermost first, and what closed blocks leave: definitions and footnotes."""

    def __init__(self, rules: ReaderRules = "preview") -> None:
        """But for the preview `<details>` is HTML like any other, comments stay, and there are no formulas."""
        self.rules: ReaderRules = rules
        self._chain: list[Block] = [Block("document")]
        self._matched = 1  # so many of the open blocks go on in this line
        self._line_number = 0
        self._characters = 0  # read so far
        self._blocks = 0  # opened so far
        self._at_end = True  # what closes now has its last line; a fork closes blocks that still grow
        self.definitions: dict[str, Definition] = {}  # the first of a label counts
        self.defined: list[str] = []  # the keys in order
        self.footnotes: dict[str, Block] = {}

    @property
    def tip(self) -> Block:
        """The innermost open block."""
        return self._chain[-1]

    @property
    def open_blocks(self) -> list[Block]:
        """What is open, the document first; it holds all blocks that were not taken."""
        return self._chain

    @property
    def place(self) -> int:
        """The line in which the open block of the top level began; without one, the line that comes next."""
        return self._chain[1].first_line if len(self._chain) > 1 else self._line_number + 1

    @property
    def line_number(self) -> int:
        """Of the line that was read last."""
        return self._line_number

    def pass_lines(self, lines: Sequence[str]) -> None:
        """Lines of which each belongs to the innermost block as it is."""
        self.tip.lines += lines
        self._count(lines)

    def pass_blocks(self, lines: Sequence[str], block: Block | None = None) -> None:
        """Lines that end all that is open and leave nothing open; `block` is what is kept of them."""
        self._close_to(1)
        if block is not None:
            block.first_line = self._line_number + 1
            self._chain[0].children.append(block)
        self._count(lines)

    def _count(self, lines: Sequence[str]) -> None:
        self._line_number += len(lines)
        self._characters += sum(map(len, lines)) + len(lines)

    def take(self) -> list[Block]:
        """The blocks of the top level that were closed since the last call."""
        document = self._chain[0]
        open_one = document.children[-1:] if len(self._chain) > 1 else []
        closed = document.children[:-1] if open_one else document.children
        document.children = open_one
        return closed

    def finish(self) -> None:
        """Closes everything."""
        self._close_to(1)

    def grow(self, fed: bool) -> None:
        """Marks the text at the document's end: more of it may come. `fed`: its last line has no end yet."""
        block = self.tip
        while fed and block.children:
            block = block.children[-1]
        block.growing = block.kind in ("paragraph", "summary") or (fed and block.kind in ("table", "heading"))

    def take_definitions(self, paragraph: Block) -> bool:
        """Takes the definitions off a paragraph's beginning; is anything left of it?"""
        if not paragraph.lines or not paragraph.lines[0].startswith("["):
            return bool(paragraph.lines)
        text, place = "\n".join(paragraph.lines), 0
        while text.startswith("[", place) and (found := definition_at(text, place)):
            key, definition, place = found
            if self._at_end and key not in self.definitions:
                self.definitions[key] = replace(definition, line=self._line_number)
                self.defined.append(key)
        if place:
            paragraph.lines = text[place:].split("\n") if place < len(text) else []
        return bool(paragraph.lines)

    def _copy_to(self, twin: "OpenBlocks") -> None:
        """Makes the twin go on from here; what it does leaves this one alone, and what it defines is forgotten."""
        twin._chain = [block.twin() for block in self._chain]
        twin._chain[0].children = []
        for parent, child in zip(twin._chain, twin._chain[1:], strict=False):
            parent.children[-1:] = [child]
        twin._line_number, twin._characters, twin._blocks = self._line_number, self._characters, self._blocks
        twin._at_end = False

    def _open(self, block: Block) -> None:
        """Opens a block in the innermost block that goes on in this line; what does not is closed."""
        self._close_to(self._matched)
        while not _holds(self.tip, block):
            self._close_to(len(self._chain) - 1)
        parent = self.tip
        if parent.children and parent.children[-1].ends_with_blank():
            if parent.kind == "list":
                parent.loose = True
            elif parent.kind == "item":
                self._chain[-2].loose = True
        for open_one in self._chain:
            open_one.blank_after = False
        block.first_line = self._line_number
        parent.children.append(block)
        self._chain.append(block)
        self._matched = len(self._chain)
        self._blocks += 1

    def _close_to(self, length: int) -> None:
        while len(self._chain) > length:
            block = self._chain.pop()
            if not self._keeps(block):
                self.tip.children.pop()

    def _keeps(self, block: Block) -> bool:
        """Completes a block that closes; is there anything to show of it?"""
        if block.kind == "paragraph":
            return self.take_definitions(block)
        if block.kind == "code":
            while block.lines and not block.lines[-1].strip(" \t"):
                block.lines.pop()
        if block.kind in ("html", "comment") and self.rules == "preview":
            # A comment without an end is none, but its end may still come.
            if block.kind == "comment" and not (block.closed or self._at_end):
                return False
            block.lines = without_comments("\n".join(block.lines)).split("\n")
            return any(line.strip(" \t") for line in block.lines)
        if block.kind == "footnote":
            if self._at_end:
                self.footnotes.setdefault(block.info.casefold(), block)
            return False  # its place is the end of the document
        return True

    def _note_blank(self, block: Block, *, blank: bool) -> None:
        """Remembers where blank lines were: they make a list loose."""
        if blank and block.children:
            block.children[-1].blank_after = True
        empty_item = block.kind == "item" and not block.children and block.first_line == self._line_number
        for open_one in self._chain:
            open_one.blank_after = False
        block.blank_after = blank and block.kind not in ("quote", "fence") and not empty_item


def _holds(parent: Block, child: Block) -> bool:
    return parent.kind in CONTAINERS and ((parent.kind == "list") == (child.kind == "item"))
