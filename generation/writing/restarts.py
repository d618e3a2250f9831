"""Recognises answers that do not go on with a begun text: they talk to the person, or begin the text once more; pure.

In prefill mode an answer is appended as it comes, so an endpoint that takes no notice of the begun text would spoil the
document without a word. What only goes on is not to be taken for these: a text that repeats itself may repeat itself.
"""

from __future__ import annotations

import re
from functools import cached_property

from generation.markdown.preamble import talks
from generation.seams.folding import Folded, fold, weight

RUN_CHARS = 40
"""So much of the text once more, white space aside, is a restart where the text before ends within a sentence."""
LONG_RUN_CHARS = 60
"""And so much from its very beginning where a sentence has ended."""
ECHO_WEIGHT = 14
SAID_CHARS = 3
"""What stands before that run ends with as much as the text does: the text repeats itself, and goes on doing so."""

_HEADINGS = re.compile(r"\s*(?:#{1,6}[ \t][^\n]*\n\s*)+")


MARKS_CHARS = 200
"""So many blanks and marks may stand between the beginning of a sentence and the end of the one before."""
_BORDERS = ("", *"\n.!?:。！？：")


class BegunText:
    """The text that the endpoint was shown as the beginning of its answer."""

    def __init__(self, shown: str) -> None:
        self._shown = shown
        last = shown.rstrip()[-1:]
        self._is_inside = (last.isalnum() or last in ",;-–—(") and "\n" not in shown[len(shown.rstrip()) :]

    @cached_property
    def _text(self) -> Folded:
        return fold(self._shown)

    def is_left(self, head: str, *, is_whole: bool = False) -> bool | None:
        """Whether an answer that begins so does not go on with it; None while that is open."""
        verdicts = (
            talks(head, is_whole=is_whole, is_inside=self._is_inside),
            self._is_said_again(head, is_whole=is_whole),
        )
        if True in verdicts:
            return True
        return None if None in verdicts and not is_whole else False

    def _is_said_again(self, head: str, *, is_whole: bool) -> bool | None:
        headings = _HEADINGS.match(head)
        if head.lstrip()[:1] in ("", "#") and headings is None:
            return None
        said = head[headings.end() :] if headings else head
        chars = RUN_CHARS if self._is_inside else LONG_RUN_CHARS
        run, text = fold(said[: 4 * chars]).text[:chars], self._text.text
        places = [found.start() for found in re.finditer(f"(?={re.escape(run)})", text)]
        is_fresh = not said[:1].isspace()
        if not any(self._is_origin(at) or (is_fresh and self._is_sentence(at)) for at in places):
            return False
        if len(run) < chars:
            return None
        at = places[0]
        is_repetition = len(places) > 1 or (at >= SAID_CHARS and text.endswith(text[at - SAID_CHARS : at]))
        return not is_repetition and weight(run) >= ECHO_WEIGHT

    @cached_property
    def _origin(self) -> int:
        """Where the text begins, behind its headings."""
        headings = _HEADINGS.match(self._shown)
        begin = headings.end() if headings else 0
        return len(self._shown) - len(self._shown[begin:].lstrip())

    def _is_origin(self, at: int) -> bool:
        return self._text.starts[at] <= self._origin

    def _is_sentence(self, at: int) -> bool:
        """Whether a line or a sentence begins there, while another one is open at the end."""
        start = self._text.starts[at]
        before = self._shown[max(0, start - MARKS_CHARS) : start].rstrip(" \t*_`>\"'“„")
        return self._is_inside and (before[-1:] in _BORDERS if before else start <= MARKS_CHARS)
