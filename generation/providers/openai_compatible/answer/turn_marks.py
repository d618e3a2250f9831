"""What a chat template's mark means where it stands in an answer: the end of it, a turn of another, or text; pure.

A mark says nothing at the two ends of an answer. Elsewhere it ends the answer where another turn begins with it, and is
text in code, within a sentence, and in a text that has named such marks already.
"""

from __future__ import annotations

from enum import Enum

from generation.markdown.fences import FENCE_LINE
from generation.markdown.places import Place
from generation.providers.openai_compatible.answer import marks, template_marks

COPIED_CHARS = 1_000
"""An answer begins with words from so much of the text before it."""
STRUCK_CHARS = 2_000
_NEXT = (*template_marks.HEADS, *template_marks.ANSWERS, *template_marks.OTHERS, "<s>")
_SENTENCE_ENDS = ".!?…。！？"
_IN_PAIRS = "*_`\"'~|"


class Move(Enum):
    """What to do at a mark."""

    KEEP = "keep"  # it is text
    WAIT = "wait"  # what follows decides
    DROP = "drop"
    THINK = "think"
    OVER = "over"


class TurnMarks:
    """Judges marks of an answer that goes on from `begun`; `place` is where its text stands."""

    def __init__(self, begun: str, place: Place) -> None:
        self._begun, self._place = begun, place
        self._quotes: bool | None = None if begun else False
        self.skipped = 0
        """So many characters behind the mark that was judged go with it."""
        self.asks_anew = False
        """The mark that ended the answer begins another answer, and no turn of another."""

    def at_first(self, mark: str, after: str) -> Move:
        """Before any text."""
        if self.is_copied(mark):
            return self.kept(after)
        if mark in template_marks.ANSWERS:
            return self.without_role(after)
        if mark == "<s>":
            return self._at_struck(after)
        if not self._begun and template_marks.SENTENCE_GOES_ON.match(after):
            return self.kept(after)
        if not self._begun and after in ("", " "):
            return Move.WAIT
        return self.without_role(after) if mark in template_marks.HEADS else Move.DROP

    def within(self, mark: str, after: str) -> Move:
        """Behind text that is no code."""
        if mark in template_marks.HEADS:
            return self._at_head(after)
        if mark == "</s>" and "<s>" in self._place.line.lower():
            return self.kept(after)
        others = marks.MARKS.match(after)
        following = after[others.end() :] if others else after.lstrip()
        if others and mark in template_marks.ENDS and not self.quotes:
            next_mark = marks.MARK.match(after.lstrip())
            if next_mark and next_mark[0].lower() in _NEXT:
                return Move.OVER
        if not following or marks.mark_begun_at(following) == 0:
            return Move.WAIT
        if mark in (*template_marks.ANSWERS, *template_marks.OTHERS):
            self.asks_anew = mark in template_marks.ANSWERS
            return Move.OVER if self._begins_turn(after) else self.kept(after)
        line = self._place.line
        is_alone = not line.strip() or not line[-1].isspace() or line.rstrip()[-1] in _SENTENCE_ENDS
        is_end = mark in template_marks.ENDS or template_marks.ENDING_NAME.match(mark) is not None
        if is_end and is_alone and not mark.startswith("[") and (others or after[0] in "\r\n"):
            return Move.DROP
        is_stuck = line[-1:].isalnum() or line[-1:] in tuple(template_marks.STICKY)
        if is_end and is_stuck and mark.startswith(("<|", "<｜")) and after[0] == " " and not self.quotes:
            return Move.DROP
        return self.kept(after)

    def at_name(self, after: str) -> Move:
        """The name of who speaks, which is all that a server left of the head of another turn."""
        if self._place.last not in tuple(template_marks.STICKY) or self._place.is_code:
            return Move.KEEP
        if after.startswith("\n\n"):
            return Move.OVER
        return Move.WAIT if after in ("", "\n") else Move.KEEP

    def kept(self, after: str) -> Move:
        """The mark is text if text follows; where nothing does it ends the answer."""
        others = marks.MARKS.match(after)
        following = after[others.end() :] if others else after.lstrip()
        if not following or marks.mark_begun_at(following) == 0:
            return Move.WAIT
        self._quotes = True
        return Move.KEEP

    def without_role(self, after: str) -> Move:
        """The name behind a head goes with it."""
        if len(after) < template_marks.ROLE_CHARS and template_marks.ROLE_BEGUN.fullmatch(after):
            return Move.WAIT
        role = template_marks.ROLE_MARK.match(after)
        self.skipped = role.end() if role and (role[1] or role[2]) else 0
        return Move.DROP

    def is_last(self, mark: str, following: str, *, is_whole: bool) -> bool:
        """Whether a mark behind text, which only white space and other marks follow, is no word of the text."""
        if mark == template_marks.SPEAKER:
            return True
        if mark == "</s>" and "<s>" in self._place.line.lower():
            return False
        others = marks.MARKS.match(following)
        left = (following[others.end() :] if others else following).strip()
        if left and not template_marks.HALF.match(left):
            return mark in template_marks.HEADS and not self.quotes  # with the name of who speaks next
        line = self._place.line
        if self._place.is_code:
            return is_whole and not self.quotes
        return not self.quotes or not line[-1:].isspace() or line.rstrip()[-1:] in _SENTENCE_ENDS

    def is_copied(self, mark: str) -> bool:
        """Whether it stands in the text that the answer begins to copy."""
        return bool(mark) and mark.lower() in self._begun[-COPIED_CHARS:].lower()

    @property
    def quotes(self) -> bool:
        """The text has named such marks: it is about them."""
        if self._quotes is None:
            named = (found[0].lower() for found in marks.MARK.finditer(self._begun))
            self._quotes = any(mark != template_marks.SPEAKER and not marks.is_thought(mark) for mark in named)
        return self._quotes

    def _at_head(self, after: str) -> Move:
        if len(after) < template_marks.ROLE_CHARS and template_marks.ROLE_BEGUN.fullmatch(after):
            return Move.WAIT
        role = template_marks.ROLE_MARK.match(after)
        names = (role and role[1]) or marks.MARK.match(after)
        return Move.OVER if names and self._begins_turn(after) else self.kept(after)

    def _at_struck(self, after: str) -> Move:
        """`<s>` begins a text for a model, and in HTML words that are struck out."""
        line, line_break, _ = after.partition("\n")
        end = line.lower().find("</s>")
        is_html = end >= 0 and bool(after[end + 4 :].strip())
        if is_html or line_break or after[:1].isspace() or marks.MARK.match(after) or len(after) > STRUCK_CHARS:
            return Move.KEEP if is_html else Move.DROP
        return Move.WAIT

    def _begins_turn(self, after: str) -> bool:
        """Whether a turn that the model writes for somebody else begins: that is none of the answer."""
        if self.quotes or template_marks.SENTENCE_GOES_ON.match(after):
            return False
        line = self._place.line
        if not line.strip():
            return True
        if not any(map(str.isalnum, line)):
            return FENCE_LINE.match(line) is not None
        last = line.rstrip()[-1]
        if line[-1].isspace():
            return last in _SENTENCE_ENDS
        return (
            last.isalnum()
            or last in template_marks.STICKY
            or (last in _IN_PAIRS and not after.lstrip().startswith(last))
        )
