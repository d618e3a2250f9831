"""Text into lines: line ends and characters are settled here, before any rule of Markdown looks at the text.

A chunk may end anywhere, between CR and LF too; the lines are the same however the text was cut. Knows no Markdown.
"""

import re

# VT and FF end no line and are white space. The other control characters cannot be shown (the engine and the sanitiser
# use some of them as their own marks), and neither can a surrogate alone.
_WHITE = re.compile("[\x0b\x0c]")
_UNSHOWABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")
_ODD = re.compile(f"{_WHITE.pattern}|{_UNSHOWABLE.pattern}")

BYTE_ORDER_MARK = "\ufeff"


def shown(text: str) -> str:
    """The text with nothing in it that cannot be shown. Line ends are not its business."""
    return _UNSHOWABLE.sub("\ufffd", _WHITE.sub(" ", text)) if _ODD.search(text) else text


class Lines:
    """Complete lines come out of `feed`; what has no line end yet waits in `partial`."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._after_cr = False
        self._at_start = True

    def feed(self, text: str) -> list[str]:
        """The lines that `text` completes, without their ends."""
        if not text:
            return []
        if (self._after_cr and text[0] == "\n") or (self._at_start and text[0] == BYTE_ORDER_MARK):
            text = text[1:]
        self._after_cr = text.endswith("\r")
        self._at_start = False
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        *lines, rest = shown(text).split("\n")
        if lines:
            lines[0] = "".join([*self._pieces, lines[0]])
            self._pieces.clear()
        if rest:
            self._pieces.append(rest)
        return lines

    def end(self) -> None:
        """The text ends here; what comes next is another."""
        self._pieces.clear()
        self._after_cr = False

    @property
    def partial(self) -> str:
        """The beginning of the line that has no end yet."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""
