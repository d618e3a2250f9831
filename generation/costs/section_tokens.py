"""The tokens of one section while it is written: as the provider reports them, and estimated until it does; pure."""

from __future__ import annotations

from generation.providers.base import CHARS_PER_TOKEN


class SectionTokens:
    """What a section has cost. `spent` is what it had cost before, of which only `priced` is known from a provider.

    The rest belongs to an answer that is read on: its price is told at its end, as a whole.
    """

    def __init__(self, spent: int = 0, *, priced: int | None = None) -> None:
        self._before = spent if priced is None else priced
        self._reported = 0
        self._unreported_chars = max(0, spent - self._before) * CHARS_PER_TOKEN

    @property
    def before(self) -> int:
        """What this run begins with."""
        return self._before

    @property
    def count(self) -> int:
        return self.received(0)

    def received(self, chars: int) -> int:
        """So much text came: the `count` with it. Four characters are one token until the provider says how many it
        was.
        """
        self._unreported_chars += chars
        return self._before + self._reported + self._unreported_chars // CHARS_PER_TOKEN

    def reported(self, tokens: int) -> None:
        """A call cost so much, all that was received of it included."""
        self._reported, self._unreported_chars = self._reported + tokens, 0

    def ended(self, tokens: int) -> None:
        """This run has cost so much in all."""
        self._reported, self._unreported_chars = tokens, 0
