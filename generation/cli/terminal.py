"""A document and the notes about it on a terminal. What a model wrote can neither move the cursor nor change a colour.

It prints what it is given; where that comes from is not its business.
"""

from __future__ import annotations

import re
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

# A sequence that is open for longer than these limits is text after all: an escape must not swallow a document.
_BODY = "[^\x07\x1b\x80-\x9f\n]{0,256}"
_SEQUENCE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]"  # colours, cursor
    f"|(?:\x1b[]PX^_]|[\x90\x98\x9d\x9e\x9f]){_BODY}(?:\x07|\x1b\\\\|\x9c)"  # titles, links, answers
    "|\x1b[ -/]{1,8}[0-~]"  # character sets
)
_OPEN_SEQUENCE = re.compile(
    "(?:(?:\x1b\\[|\x9b)[0-?]{0,64}[ -/]{0,8}"
    f"|(?:\x1b[]PX^_]|[\x90\x98\x9d\x9e\x9f]){_BODY}\x1b?"
    "|\x1b[ -/]{0,8}"
    "|\r)\\Z"
)
_LONE_RETURN = re.compile("\r(?!\n)")
_WHITE = re.compile("[\x0b\x0c\x85]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Cleaner:
    """Takes a text in any pieces and gives it without escape sequences and control characters; words are never lost."""

    def __init__(self) -> None:
        self._open = ""

    def feed(self, text: str) -> str:
        text = self._open + text
        unfinished = _OPEN_SEQUENCE.search(text)
        end = unfinished.start() if unfinished else len(text)
        self._open = text[end:]
        return _cleaned(text[:end])

    def end(self) -> str:
        """What was held back, now that nothing follows."""
        text, self._open = self._open, ""
        return _cleaned(text)


def _cleaned(text: str) -> str:
    text = _LONE_RETURN.sub("\n", _SEQUENCE.sub("", text))
    text = _CONTROL.sub("", _WHITE.sub(" ", text))
    return _SURROGATE.sub("\ufffd", text)


def printable(text: str) -> str:
    """One line for a terminal: a title, a name, an error."""
    return " ".join(_cleaned(text).split())


class Screen:
    """The text on `out`; a bar on `err` where it is a terminal that the text does not share, else a line per note."""

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._out = out
        self._cleaner = Cleaner()
        self._console = Console(file=err, markup=False, highlight=False, emoji=False, soft_wrap=True)
        self._shares = out.isatty() and err.isatty()
        self._is_midline = False
        self._bar = _bar(self._console) if err.isatty() and not out.isatty() else None
        self._bar_task = self._bar.add_task("", total=None, tokens=0) if self._bar else None

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def text(self, piece: str) -> None:
        self._write(self._cleaner.feed(piece))

    def end_text(self) -> None:
        """The text ends here: on a terminal, the prompt after it begins a line of its own."""
        self._write(self._cleaner.end())
        if self._is_midline and self._out.isatty():
            self._write("\n")

    def note(self, line: str) -> None:
        if self._shares and self._is_midline:
            self._write("\n")
        self._console.print(printable(line), style="dim")

    def progress(self, *, section: str, completed: int, total: int, tokens: int) -> None:
        if self._bar and self._bar_task is not None:
            self._bar.update(
                self._bar_task,
                description=printable(section),
                completed=completed,
                total=total or None,
                tokens=tokens,
            )

    def _write(self, text: str) -> None:
        if text:
            self._out.write(text)
            self._out.flush()
            self._is_midline = not text.endswith("\n")


def _bar(console: Console) -> Progress:
    return Progress(
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[tokens]} tokens", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
