"""Which of the choices that a stream brings is our answer: one was asked for; pure.

Endpoints number it 0, always 1, or upwards with each event; some send several. What the number means shows only after
a few events, so those of another number are held back until then.
"""

from __future__ import annotations

from typing import Any

AnswerChoice = dict[str, Any]
SURE_COUNT = 4
"""Numbers that rise by one so often count events."""


class Choosing:
    def __init__(self) -> None:
        self._ours = 0
        self._has_text = False  # our number has brought text
        self._is_any = False  # the number means nothing
        self._others_out = False  # the other numbers are other answers
        self._held: list[AnswerChoice] = []

    def feed(self, choices: list[AnswerChoice], *, is_ended: bool) -> list[AnswerChoice]:
        """Of the choices of one event those that are our answer, with what was held back before them."""
        if len(choices) == 1 and self.is_ours(choices[0]):
            return choices
        if len(choices) > 1:
            ours = next((choice for choice in choices if _number(choice) in (None, self._ours)), choices[0])
            number = _number(ours)
            same = [one for one in choices if one is ours or (number is not None and _number(one) == number)]
            self._others_out = self._others_out or len(same) < len(choices)
            return [taken for choice in same for taken in self._take(choice)]  # several pieces in one event
        choice = choices[0]
        number = _number(choice)
        if self._is_any or number is None or number == self._ours:
            return self._take(choice)
        if self._others_out or is_ended:
            return []
        self._held.append(choice)
        numbers = [_number(one) or 0 for one in self._held]
        counts = all(after == before + 1 for before, after in zip([self._ours, *numbers], numbers, strict=False))
        is_other_number = not self._has_text and len(numbers) > 1 and len(set(numbers)) == 1
        if is_other_number or (counts and len(numbers) >= SURE_COUNT):
            self._ours, self._is_any = number, not is_other_number
            return self.rest()
        return []

    def is_ours(self, choice: AnswerChoice) -> bool:
        """Beyond doubt: its number has brought text, and no other one is held back."""
        return self._has_text and not self._held and choice.get("index") == self._ours

    def rest(self) -> list[AnswerChoice]:
        held, self._held = self._held, []
        return held

    def _take(self, choice: AnswerChoice) -> list[AnswerChoice]:
        if self._held:  # our number comes again: what is held is another answer
            self._held, self._others_out = [], True
        delta = choice.get("delta")
        self._has_text = self._has_text or bool(isinstance(delta, dict) and delta.get("content"))
        return [choice]


def _number(choice: AnswerChoice) -> int | None:
    number = choice.get("index")
    if isinstance(number, str) and number.isdecimal() and len(number) < 10:
        return int(number)
    return number if isinstance(number, int) and not isinstance(number, bool) else None
