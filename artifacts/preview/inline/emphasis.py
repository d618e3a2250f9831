"""Runs of `*`, `_` and `~`: which of them open and close emphasis. CommonMark's algorithm, in linear time, but beside
letters of a script without spaces: there a run may close behind punctuation and open before it.
"""

import re
from unicodedata import category

from artifacts.preview.inline.scripts import is_spaceless
from artifacts.preview.inline.tokens import Marks

PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")

_RUN = re.compile(r"\*+|_+|~+")
_LONGEST_TILDES = 2


class Runs:
    """The runs of one text that may still open or close something."""

    def __init__(self) -> None:
        self.last: Marks | None = None
        self._newest: Marks | None = None

    def read(self, text: str, start: int) -> tuple[Marks | None, int]:
        """The run that begins here, nothing if it is only text; and where it ends."""
        run = _RUN.match(text, start)
        assert run
        end, character = run.end(), text[start]
        before, after = text[start - 1 : start], text[end : end + 1]
        can_open, can_close = _flanks(before, after)
        if character == "_":
            opens, closes = can_open, can_close
            can_open = opens and (not closes or is_punctuation(before) or _parts(before, after))
            can_close = closes and (not opens or is_punctuation(after) or _parts(after, before))
        length = end - start
        if not (can_open or can_close) or (character == "~" and length > _LONGEST_TILDES):
            return None, end
        marks = Marks(character, start, length, can_open, can_close, length, before=self.last)
        marks.older = self._newest
        if self.last:
            self.last.after = marks
        self.last = self._newest = marks
        return marks, end

    def forget(self, bottom: Marks | None) -> None:
        """What stands behind `bottom` is used up."""
        self.last = bottom
        if bottom:
            bottom.after = None

    def match(self, bottom: Marks | None = None) -> None:
        """Pairs the runs behind `bottom`."""
        lowest = bottom.place if bottom else -1
        floors: dict[tuple[str, bool, int], int] = {}  # no opener for such a run stands at or before this place
        closer = self.last if self.last is not bottom else None
        while closer and closer.before is not bottom:
            closer = closer.before
        while closer:
            if not closer.can_close:
                closer = closer.after
                continue
            key = (closer.character, closer.can_open, closer.length if closer.character == "~" else closer.length % 3)
            floor = floors.get(key, lowest)
            opener = closer.before
            while opener and opener.place > floor and not _pairs(opener, closer):
                opener = opener.before
            if opener and opener.place > floor:
                closer = self._pair(opener, closer)
                continue
            floors[key] = closer.before.place if closer.before else lowest
            after = closer.after
            if not closer.can_open:
                self._unlink(closer)
            closer = after

    def open_to_the_end(self) -> None:
        """What is open is taken to reach to the end of the text. A lone `~` is not: it mostly says "about"."""
        marks = self.last
        while marks:
            if marks.can_open and marks.character == "~" and marks.left == _LONGEST_TILDES:
                marks.opens.append("del")
                marks.left = 0
            while marks.can_open and marks.character != "~" and marks.left:
                used = min(marks.left, 2)
                marks.opens.append("strong" if used == 2 else "em")
                marks.left -= used
            marks = marks.before

    def part(self) -> None:
        """Takes the runs out of their list: what points at each other only the garbage collector could remove."""
        marks, self.last = self._newest, None
        while marks:
            older, marks.older, marks.before, marks.after = marks.older, None, None, None
            marks = older

    def _pair(self, opener: Marks, closer: Marks) -> Marks | None:
        """Makes a pair of two runs; the run to go on with."""
        used = closer.left if closer.character == "~" else 2 if min(opener.left, closer.left) >= 2 else 1
        name = "del" if closer.character == "~" else "strong" if used == 2 else "em"
        opener.opens.append(name)
        closer.closes.append(name)
        opener.left -= used
        closer.left -= used
        opener.after, closer.before = closer, opener
        if not opener.left:
            self._unlink(opener)
        if closer.left:
            return closer
        after = closer.after
        self._unlink(closer)
        return after

    def _unlink(self, marks: Marks) -> None:
        if marks.before:
            marks.before.after = marks.after
        if marks.after:
            marks.after.before = marks.before
        else:
            self.last = marks.before


def is_punctuation(character: str) -> bool:
    return character in PUNCTUATION or (character > "\x7f" and category(character).startswith("P"))


def _pairs(opener: Marks, closer: Marks) -> bool:
    if opener.character != closer.character or not opener.can_open:
        return False
    if closer.character == "~":
        return opener.length == closer.length
    if (opener.can_close or closer.can_open) and (opener.length + closer.length) % 3 == 0:
        return opener.length % 3 == 0 and closer.length % 3 == 0
    return True


def _flanks(before: str, after: str) -> tuple[bool, bool]:
    """Is a run between these two characters left-flanking, right-flanking? Nothing counts as white space."""
    space_before = not before or before.isspace()
    space_after = not after or after.isspace()
    if space_before or space_after:
        return not space_after, not space_before
    spaceless_before, spaceless_after = is_spaceless(before), is_spaceless(after)
    mark_before = is_punctuation(before) and not spaceless_before
    mark_after = is_punctuation(after) and not spaceless_after
    left = not mark_after or mark_before or spaceless_before
    right = not mark_before or mark_after or spaceless_after
    return left, right


def _parts(letter: str, mark: str) -> bool:
    """Does an underscore between these two part words? It never does between two letters."""
    return is_spaceless(letter) and is_punctuation(mark)
