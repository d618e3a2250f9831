"""White space where two parts of a Markdown text meet: what of it stands there already, and what a line break means
behind a blank. It changes no text. Pure.
"""

from __future__ import annotations

import re

from generation.markdown.fences import FENCE_LINE, open_fence

SEEN_CHARS = 16
"""So much behind a line break shows whether a block begins with it."""

_HEADING_OR_LABEL = re.compile(r"[ ]{0,3}(?:#{1,6}[ \t]|\[[^\]\n]+\]:)")
_ITEM = re.compile(r"[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t]|[ \t]*>")
_ENDED = re.compile(r"[.!?:;…。！？：；।॥؟۔።][\"'*_`)\]”’»」』）]*\Z")
_BLOCK = re.compile(
    r"(?:#{2,6}[ \t]+\S|(?:`{3,}|~{3,})[^`\n]*\n|<(?:details|table|div|!--))|(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,})\n"
)
"""What no words in the middle of a line look like."""
_MAY_BE_BLOCK = re.compile(
    r"[#>|<=$]|[-*+](?:[ \t\n]|\Z|-)|\d{1,9}[.)](?:\s|\Z)|`{3}|~{3}|\[[^\]\n]*\]:|:[ \t]|\\\[|_{3}"
)


def behind_space(before: str, rest: str) -> str | None:
    """`rest`, in mid-line or not, without the white space at its beginning that the text `before` ends with.

    None where the text ends with a blank, the rest begins with a line break instead, and either may be meant.
    """
    space = before[len(before.rstrip()) :]
    own = rest[: len(rest) - len(rest.lstrip())]
    if rest.startswith(space):
        return rest[len(space) :]
    if "\n" not in space:
        if "\n" not in own:
            return rest[len(own) :]
        if len(space) == 1:
            return _behind_blank(before, own, rest[len(own) :])
        return rest[_common_start(space, own) :]
    if "\n" not in own:
        return rest[1:] if own == " " else rest
    breaks = [found.end() for found in re.finditer("\n", own)][: space.count("\n")]
    rest = rest[breaks[-1] :]
    if len(breaks) < space.count("\n"):
        return rest.lstrip()
    return rest[_common_start(space[space.rfind("\n") + 1 :], rest) :]


def _behind_blank(before: str, own: str, behind: str) -> str | None:
    """A break that shows as a blank may as well be the blank that stands there; any other must be meant for sure."""
    line = before[before.rfind("\n") + 1 :].rstrip()
    is_ended = _ENDED.search(line) is not None
    if open_fence(before) or _HEADING_OR_LABEL.match(line):
        return None
    if FENCE_LINE.match(line):
        return own + behind
    if line.lstrip().startswith("|"):
        is_row = line.endswith("|") and behind.startswith("|")
        if own.count("\n") > 1 or behind.startswith("|") or line.endswith("|"):
            return own.lstrip(" \t") + behind if is_row and own.count("\n") == 1 else None
        return behind
    if "|" in line:
        return None
    if _BLOCK.match(behind):
        return own + behind
    if _MAY_BE_BLOCK.match(behind):
        return own + behind if is_ended else None
    if own.count("\n") == 1:
        return behind
    is_open = not is_ended and not _ITEM.match(line)
    return behind if is_open and behind[:1].islower() else None


def _common_start(one: str, other: str) -> int:
    at = 0
    while at < min(len(one), len(other)) and one[at] == other[at]:
        at += 1
    return at
