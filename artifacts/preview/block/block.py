"""What a document is made of: one block and its children, as the reader finds them. Only data."""

from dataclasses import dataclass, field, replace
from typing import Literal

Kind = Literal[
    "document", "quote", "list", "item", "details", "footnote",  # these hold blocks
    "paragraph", "heading", "fence", "code", "math", "html", "comment", "table", "summary", "rule",  # these hold lines
]  # fmt: skip

# Whose rules: the preview's own, GitHub's, or those of CommonMark as it is now, with tables.
ReaderRules = Literal["preview", "github", "commonmark"]

CONTAINERS: frozenset[Kind] = frozenset(("document", "quote", "list", "item", "details", "footnote"))
# Lines go into these as they are, nothing in them begins another block.
VERBATIM: frozenset[Kind] = frozenset(("fence", "code", "math", "html", "comment", "summary"))


@dataclass(slots=True, eq=False)
class Block:
    """A piece of the document's structure."""

    kind: Kind
    children: list["Block"] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    level: int = 0  # heading: 1 to 6; html: its kind of 1 to 7; fence: length of its marks; math: environments open
    marker: str = ""  # list and item: - + * . ); fence: ` ~; math, and a paragraph while one is open in it: $ \ align
    ordered: bool = False
    start: int = 1  # of an ordered list
    indent: int = 0  # item: columns its content stands in; fence, math: columns to take off its lines
    info: str = ""  # fence: what follows the marks; footnote: its label
    align: list[str] = field(default_factory=list)  # table
    loose: bool = False  # list: blank lines between what is in it
    blank_after: bool = False
    first_line: int = 0
    closed: bool = False  # fence, math, html, comment: its own end was seen
    growing: bool = False  # its text ends where the document ends so far

    def twin(self) -> "Block":
        """A copy that may be changed; the children are shared."""
        return replace(self, children=list(self.children), lines=list(self.lines))

    def ends_with_blank(self) -> bool:
        block = self
        while not block.blank_after:
            if block.kind not in ("list", "item") or not block.children:
                return False
            block = block.children[-1]
        return True
