"""How long the events of one answer may take: the limits, and what is left of them as the events come; pure.

Any event is life. A model that thinks shows life for minutes before its first word, so that has a limit of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from generation.providers.base import Life, ProviderUnavailable

TELL_EVERY_S = 10.0
"""How often it is told that the model thinks: each time may cost a commit."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long to wait, in seconds; `deadline` is a moment of the loop's clock.

    Each event of an answer begins `first_piece_s` and `stall_s` anew; `thinking_s` bounds the time in which there are
    events and no text.
    """

    first_piece_s: float = 60.0
    stall_s: float = 30.0
    thinking_s: float = 600.0
    deadline: float | None = None


class ThoughtTooLong(Exception):
    """There was life for as long as there may be without text."""


class Patience:
    """What one answer has left. `is_whole` says that all its text comes in one piece."""

    def __init__(self, limits: Limits, *, is_whole: bool, now_s: Callable[[], float]) -> None:
        self._limits = limits
        self._now_s = now_s
        self._event_s = limits.first_piece_s + (limits.stall_s if is_whole else 0)
        self._setting = "STREAMGEN_FIRST_PIECE_SECONDS"
        self._silent_since_s = now_s()  # since the last text, or since the call began
        self._lives = False  # there was life since then
        self._thinks = False
        self._told_at_s: float | None = None

    def left_s(self) -> float:
        """How long the next event may take."""
        return min(self._event_s, self._thinking_left_s()) if self._lives else self._event_s

    def text_came(self) -> None:
        self._event_s, self._setting = self._limits.stall_s, "STREAMGEN_STALL_SECONDS"
        self._silent_since_s, self._told_at_s = self._now_s(), None
        self._lives = self._thinks = False

    def life_came(self, life: Life) -> float | None:
        """For how many seconds there has been no text, where it is time to tell that the model thinks.

        Raises `ThoughtTooLong`.
        """
        self._lives = True
        self._thinks |= life.is_thinking
        if life.is_unseen:
            self._silent_since_s = self._now_s()
        if self._thinking_left_s() <= 0:
            raise self._thought_too_long()
        if not life.is_thinking:
            return None
        now_s = self._now_s()
        if self._told_at_s is not None and now_s - self._told_at_s < TELL_EVERY_S:
            return None
        self._told_at_s = now_s
        return now_s - self._silent_since_s

    def failure(self) -> ThoughtTooLong | ProviderUnavailable:
        """What took too long when `left_s` is over."""
        if self._lives and self._thinking_left_s() <= 0:
            return self._thought_too_long()
        return ProviderUnavailable(
            f"The model sent nothing for {self._event_s:g} s. Slow models need a higher {self._setting}.",
            cause="the model sent nothing",
        )

    def _thought_too_long(self) -> ThoughtTooLong:
        did = "thought" if self._thinks else "gave signs of life"
        return ThoughtTooLong(
            f"The model {did} for {self._limits.thinking_s:g} s without text. It was not asked again, because that "
            "would cost as much: raise STREAMGEN_THINKING_SECONDS, or resume with a model that thinks less."
        )

    def _thinking_left_s(self) -> float:
        return self._limits.thinking_s - (self._now_s() - self._silent_since_s)
