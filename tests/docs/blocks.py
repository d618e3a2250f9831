"""The blocks of a page: what each is, what it presupposes, and why it cannot run where it cannot; pure.

A comment on a line of its own before a block is for us: `<!-- given: WORDS -->` names what must be so,
`<!-- not run: REASON -->` leaves the block out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

RUN = ("sh", "python")
CHECKED = ("output", "json")
"""What the block before it said: as text in which `...` stands for anything, or as JSON."""
ONLY_SHOWN = ("text",)
"""A picture, an address, frames: nothing that somebody would run."""

_FENCE = re.compile(r"^(?P<indent> {0,8})(?P<marks>`{3,}|~{3,})(?P<info>.*)$")
_REMARK = re.compile(r"^ *<!-- (given|not run): (\S.*?) -->$")
_TITLE = re.compile(r'\btitle="([\w./-]+)"')


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced block. With a `title` it is a file of that name, whatever its language."""

    line: int
    language: str
    title: str
    text: str
    given: Sequence[str]
    not_run: str

    @property
    def is_known(self) -> bool:
        """Whether it is clear what becomes of it."""
        return bool(self.title or self.not_run) or self.language in (*RUN, *CHECKED, *ONLY_SHOWN)


def blocks_of(page: str) -> list[Block]:
    found: list[Block] = []
    given: list[str] = []
    not_run = ""
    lines = page.splitlines()
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if remark := _REMARK.match(line):
            if remark[1] == "given":
                given.append(remark[2])
            else:
                not_run = remark[2]
        elif fence := _FENCE.match(line):
            begin = at
            end = re.compile(rf"^ {{0,8}}{fence['marks'][0]}{{{len(fence['marks'])},}} *$")
            while at < len(lines) and not end.match(lines[at]):
                at += 1
            inner = [one.removeprefix(fence["indent"]) for one in lines[begin:at]]
            title = _TITLE.search(fence["info"])
            found.append(
                Block(
                    line=begin,
                    language=fence["info"].split()[0] if fence["info"].strip() else "",
                    title=title[1] if title else "",
                    text="\n".join(inner) + "\n",
                    given=tuple(given),
                    not_run=not_run,
                )
            )
            at += 1
            given, not_run = [], ""
    return found
