"""What of a model's text belongs to a section: no repeated heading, no outer blank lines; pure.

All else passes exactly as it came, as early as the characters allow, and never depends on how the text was chunked.
"""

from __future__ import annotations

import re

_BLANK = " \t\r\n"
_LINE_BREAK = re.compile(r"[\r\n]")
_FIRST_LINE = re.compile(r"([^\r\n]*)(\r\n|\n|\r)?")
_ATX = re.compile(r" {0,3}#{1,6}(?:[ \t]+(.*?))?[ \t#]*")
_BOLD = re.compile(r" {0,3}(\*\*|__)(.+?)[ \t]*:?\1:?[ \t]*")
_BOLD_BEGUN = re.compile(r" {0,3}(?:\*\*|__)(.*)")
_SETEXT = re.compile(r" {0,3}([^ \t].*)")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)[ \t]*(\r\n|\n|\r|\Z)")
_UNDERLINE_BEGUN = re.compile(r" {0,3}(?:=*|-*)[ \t]*")
_NUMBER = re.compile(r"\s*\d+(?:\.\d+)*[.):]?(?:\s+|$)")
_ORNAMENT_CHARS = 40
"""A heading may have this many characters more than the name: its marks, a number, a colon."""


class SectionText:
    """The text under a section's heading. What is held back when nobody calls `end` is what a resume gets again."""

    def __init__(self, name: str, *, is_begun: bool = False) -> None:
        self._name = name
        self._is_begun = is_begun  # there is text: no heading can follow any more
        self._may_repeat_name = True
        self._held = ""

    def feed(self, text: str) -> str:
        """What is certain now."""
        self._held += text
        if not self._is_begun and not self._begin(is_whole=False):
            return ""
        # Line breaks wait until more follows; a line of blanks alone is no more than a line break.
        line_break = _LINE_BREAK.search(self._held, len(self._held.rstrip(_BLANK)))
        end = line_break.start() if line_break else len(self._held)
        certain, self._held = self._held[:end], self._held[end:]
        return certain

    def end(self) -> str:
        """The last of the text, when the section is complete; line breaks at its end are dropped."""
        if not self._is_begun:
            self._begin(is_whole=True)
        rest = self.feed("") if self._is_begun else ""
        self._held = ""
        return rest

    def _begin(self, *, is_whole: bool) -> bool:
        """Drop outer blank lines and a heading that repeats the name; whether text has begun."""
        while True:
            first = len(self._held) - len(self._held.lstrip(_BLANK))
            if first == len(self._held):
                return False
            line_start = max(self._held.rfind("\n", 0, first), self._held.rfind("\r", 0, first)) + 1
            head = self._held[line_start:]
            dropped = _own_heading(head, self._name, is_whole=is_whole) if self._may_repeat_name else 0
            if dropped is None:
                return False
            self._held = head[dropped:]
            if not dropped:
                self._is_begun = True
                return True
            self._may_repeat_name = False


def has_text(name: str, text: str) -> bool:
    """Whether the model's text is more than blank lines and the section's heading."""
    body = SectionText(name)
    return bool(body.feed(text) or body.end())


def _own_heading(head: str, name: str, *, is_whole: bool) -> int | None:
    """How many characters a heading that repeats the name takes; 0 for other text, None while it cannot be known."""
    first = _FIRST_LINE.match(head)
    assert first is not None
    line, line_end = first[1], first[2] or ""
    if len(line) > len(name) + _ORNAMENT_CHARS:
        return 0
    if not line_end and not is_whole:
        return None if _may_become(line, name) else 0
    heading = _ATX.fullmatch(line)
    if heading:
        return first.end() if _is_name(heading[1] or "", name) else 0
    bold = _BOLD.fullmatch(line)
    if bold:
        return first.end() if _is_name(bold[2], name) else 0
    if not _SETEXT.fullmatch(line) or not _is_name(line, name):
        return 0
    below = head[first.end() :]
    underline = _UNDERLINE.match(below)
    if underline and (underline[1] or is_whole):
        return first.end() + underline.end()
    return None if _UNDERLINE_BEGUN.fullmatch(below) and not is_whole else 0


def _may_become(line: str, name: str) -> bool:
    """Whether a line that is not over yet may become a heading with that name."""
    marked = _ATX.fullmatch(line) or _BOLD_BEGUN.fullmatch(line) or _SETEXT.fullmatch(line)
    if marked is None:
        return not line.strip() and len(line) <= 3
    begun = {_key(text, name) for text in _titles(marked[1] or "")}
    return any(_key(wanted, name).startswith(key) for wanted in _titles(name) for key in begun)


def _is_name(title: str, name: str) -> bool:
    return any(_key(text, name) == _key(wanted, name) for text in _titles(title) for wanted in _titles(name))


def _titles(text: str) -> set[str]:
    """The title as it stands, and without the number in front of it."""
    return {text, _NUMBER.sub("", text, count=1) or text}


def _key(text: str, name: str) -> str:
    """What is compared: letters and digits only, or all visible characters where the name has neither."""
    has_letters = any(map(str.isalnum, name))
    return "".join(char for char in text.casefold() if (char.isalnum() if has_letters else not char.isspace()))
