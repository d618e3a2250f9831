"""A document and the notes about it on a terminal. What a model wrote can neither move the cursor nor change a colour.

It prints what it is given; where that comes from is not its business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

# A sequence that is open for longer than these limits is text after all: an escape must not swallow a document.
_BODY = "[^\x07\x1b\x80-\x9f\n]{0,256}"
_SEQUENCE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]"  # colours, cursor
    f"|(?:\x1b[]PX^_]|[\x90\x98\x9d\x9e\x9f]){_BODY}(?:\x07|\x1b\\\\|\x9c)"  # titles, links, answers
    "|\x1b[ -/]{1,8}[0-~]"  # character sets
    "|(?P<return>\r(?!\n))"  # in one pass: what is taken away behind it makes no line end of it
)
_OPEN_SEQUENCE = re.compile(
    "(?:(?:\x1b\\[|\x9b)[0-?]{0,64}[ -/]{0,8}"
    f"|(?:\x1b[]PX^_]|[\x90\x98\x9d\x9e\x9f]){_BODY}\x1b?"
    "|\x1b[ -/]{0,8}"
    "|\r)\\Z"
)
_WHITE = re.compile("[\x0b\x0c\x85]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
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
    text = _SEQUENCE.sub(lambda found: "\n" if found["return"] else "", text)
    text = _CONTROL.sub("", _WHITE.sub(" ", text))
    return _SURROGATE.sub("\ufffd", text)


def printable(text: str) -> str:
    """One line for a terminal: a title, a name, an error. What is in it turns no other words around."""
    return " ".join(_TURNING.sub("", _cleaned(text)).split())


# Room for a line below without leaving the column, then from there to the beginning of that line; and back.
_BELOW, _BACK, _ERASE = "\x1bD\x1b[A\x1b7\r\n", "\x1b8", "\x1b[J"


class Screen:
    """The text on `out`; a bar on `err` where it is a terminal that the text does not share, else a line per note.

    Where they share a terminal, a passing note stands below the text until there is more of it: it is never inside.
    """

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._out = out
        self._cleaner = Cleaner()
        self._console = Console(file=err, markup=False, highlight=False, emoji=False, soft_wrap=True)
        self._shares = out.isatty() and err.isatty()
        self._is_midline = False
        self._cells = 0  # how far the open line of the text reaches
        self._is_noted = False
        self._bar = _bar(self._console) if err.isatty() and not out.isatty() else None
        self._bar_task = self._bar.add_task("", total=None, tokens=0) if self._bar else None

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()
        self._erase()

    def text(self, piece: str) -> None:
        self._write(self._cleaner.feed(piece))

    def end_text(self) -> None:
        """The text ends here: on a terminal, the prompt after it begins a line of its own."""
        self._write(self._cleaner.end())
        self._erase()
        if self._is_midline and self._out.isatty():
            self._write("\n")

    def note(self, line: str) -> None:
        """To stay: before the text, behind it, or beside it in a stream of its own."""
        self._erase()
        if self._shares and self._is_midline:
            self._write("\n")
        self._console.print(printable(line), style="dim")

    def passing_note(self, line: str) -> None:
        """As long as no text follows; a terminal that cannot take it back does not show it."""
        if not self._shares:
            self.note(line)
            return
        self._erase()
        width = self._console.width
        if self._console.is_dumb_terminal or (self._cells and self._cells % width == 0):
            return  # behind a full line the cursor has no place of its own to come back to
        shown = Text(printable(line), style="dim")
        shown.truncate(width - 1, overflow="ellipsis")
        self._console.file.write(_BELOW)
        self._console.print(shown, end="")
        self._console.file.write(_BACK)
        self._console.file.flush()
        self._is_noted = True

    def _erase(self) -> None:
        if self._is_noted:
            self._is_noted = False
            self._console.file.write(_ERASE)
            self._console.file.flush()

    @property
    def shows_progress(self) -> bool:
        return self._bar is not None

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
            self._erase()
            self._out.write(text)
            self._out.flush()
            _, broken, line = text.rpartition("\n")
            self._cells = cell_len(line) if broken else self._cells + cell_len(line)
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


@contextmanager
def without_key_marks(terminal: TextIO) -> Iterator[None]:
    """No `^C` in the text where somebody presses it, and nothing of the text lost that waits to be shown then."""
    if not terminal.isatty():
        yield
        return
    import termios  # noqa: PLC0415  not on Windows, which shows no such marks

    before = termios.tcgetattr(terminal)
    quiet = [*before]
    quiet[3] = quiet[3] & ~termios.ECHOCTL | termios.NOFLSH
    termios.tcsetattr(terminal, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)
