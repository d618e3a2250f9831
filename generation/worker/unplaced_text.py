"""The text of a section whose turn has not come, as its writer holds it: committed, or come since; pure."""

from __future__ import annotations

from artifacts.answer_place import NO_ANSWER, AnswerPlace
from artifacts.lifecycle.drafted import DraftFlush


class UnplacedText:
    """A section whose turn has not come: what is committed of it, and what came since."""

    def __init__(self, position: int, text: str = "", tokens: int = 0, answer: AnswerPlace = NO_ANSWER) -> None:
        self.position = position
        self.tokens = self.tokens_saved = tokens
        self.answer = self.answer_saved = answer
        self.unsaved: list[str] = []
        self._committed = [text]
        self._length = len(text)

    @property
    def text(self) -> str:
        """What is committed."""
        return "".join(self._committed)

    def flush(self) -> DraftFlush | None:
        """What there is to commit."""
        answer = self.answer if self.answer != self.answer_saved else None
        if not self.unsaved and answer is None and self.tokens == self.tokens_saved:
            return None
        text = "".join(self.unsaved)
        return DraftFlush(position=self.position, offset=self._length, text=text, tokens=self.tokens, answer=answer)

    def saved(self, flush: DraftFlush, pieces: int) -> None:
        """It is committed; `pieces` of what is unsaved were in it."""
        del self.unsaved[:pieces]
        self._committed.append(flush.text)
        self._length += len(flush.text)
        self.tokens_saved, self.answer_saved = flush.tokens, flush.answer or self.answer_saved
