"""How long the events of one answer may take: the limits, and what is left of them as the events come; pure.

Any event is life. A model that thinks shows life for minutes before its first word, so that has a limit of its own.
Some show none: where a wait was too short, the next one is longer, for this model and as long as this process lives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from generation.errors import ProviderUnavailable, ThoughtTooLong
from generation.providers.base import Life

_PAID = (
    "It was not asked again, because that would cost as much: raise STREAMGEN_THINKING_SECONDS, or resume with a model "
    "that thinks less"
)
TELL_EVERY_S = 10.0
"""How often it is told that the model thinks: each time may cost a commit."""


LONGER = 2
"""A silence that was too long for a wait is met with so many times of it; so is the one behind accepting headers."""


class Silence:
    """How long one model is silent before its text, as far as it is known; shared by its calls."""

    def __init__(self) -> None:
        self._wanted_s = 0.0
        self._is_proven = False  # a longer wait than the usual one was not in vain
        self.was_outlasted = False
        """It was longer than a wait, and no text came since."""

    def limit_s(self, usual_s: float, most_s: float) -> float:
        """How long to wait. Where twice more would not fit below `most_s`, all of it is waited: each call is paid."""
        wanted_s = self._wanted_s if LONGER * self._wanted_s <= most_s else most_s
        return max(usual_s, wanted_s) if self._wanted_s > usual_s else usual_s

    def outlasted(self, waited_s: float) -> None:
        self.was_outlasted, self._wanted_s = True, max(self._wanted_s, LONGER * waited_s)

    def ended(self, after_s: float, usual_s: float) -> None:
        """Text came, and this was the longest silence before it."""
        self.was_outlasted = False
        if after_s > usual_s:
            self._is_proven = True
        elif not self._is_proven:
            self._wanted_s = 0.0  # the endpoint had hung


class Silences:
    """What is known of each model."""

    def __init__(self) -> None:
        self._of: dict[str, Silence] = {}

    def of(self, model: str) -> Silence:
        return self._of.setdefault(model, Silence())


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long to wait, in seconds; `deadline` is a moment of the loop's clock.

    Each event of an answer begins `first_piece_s` and `stall_s` anew; `thinking_s` bounds the time in which there are
    events and no text. `silence` may make of `first_piece_s` more, up to `thinking_s`.
    """

    first_piece_s: float = 60.0
    stall_s: float = 30.0
    thinking_s: float = 600.0
    deadline: float | None = None
    silence: Silence = field(default_factory=Silence)


class Patience:
    """What one answer has left. `is_whole` says that all its text comes in one piece."""

    def __init__(self, limits: Limits, *, is_whole: bool, now_s: Callable[[], float]) -> None:
        self._limits = limits
        self._now_s = now_s
        usual_s, whole_s = limits.first_piece_s, limits.stall_s if is_whole else 0
        self._usual_s = usual_s + whole_s
        self._most_s = max(usual_s, limits.thinking_s) + whole_s
        self._event_s = limits.silence.limit_s(self._usual_s, self._most_s)
        self._silent_from_s = now_s()
        self._longest_s = 0.0  # of the silences so far
        self._has_text = False
        self._silent_since_s = now_s()  # since the last text, or since the call began
        self._lives = False  # there was life since then
        self._thinks = False
        self._told_at_s: float | None = None

    def left_s(self) -> float:
        """How long the next event may take."""
        return min(self._event_s, self._thinking_left_s()) if self._lives else self._event_s

    def text_came(self) -> float:
        """How long the next event may take."""
        if not self._has_text:
            self._end_silence()
            self._limits.silence.ended(self._longest_s, self._usual_s)
        self._event_s, self._has_text = self._limits.stall_s, True
        self._silent_since_s, self._told_at_s = self._now_s(), None
        self._lives = self._thinks = False
        return self._event_s

    def life_came(self, life: Life) -> float | None:
        """For how many seconds there has been no text, where it is time to tell that the model thinks.

        Raises `ThoughtTooLong`.
        """
        self._end_silence()
        if life.is_accepted:
            if not self._has_text:
                self._event_s = min(LONGER * self._event_s, self._most_s)
            return None
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
        sent_nothing = f"The model sent nothing for {self._event_s:g} s."
        if self._has_text:
            return ProviderUnavailable(
                f"{sent_nothing} Slow models need a higher STREAMGEN_STALL_SECONDS.", cause="the model sent nothing"
            )
        silence, is_enough = self._limits.silence, self._event_s >= self._most_s
        if is_enough and silence.was_outlasted:
            return ThoughtTooLong(f"{sent_nothing} {_PAID}, or see whether the endpoint hangs.")
        silence.outlasted(self._event_s)
        next_s = silence.limit_s(self._usual_s, self._most_s)
        return ProviderUnavailable(
            f"{sent_nothing} The next attempt waits {next_s:g} s; slow models need a higher "
            "STREAMGEN_FIRST_PIECE_SECONDS.",
            cause=f"the model sent nothing for {self._event_s:g} s, the next attempt waits {next_s:g} s",
        )

    def _end_silence(self) -> None:
        now_s = self._now_s()
        self._longest_s, self._silent_from_s = max(self._longest_s, now_s - self._silent_from_s), now_s

    def _thought_too_long(self) -> ThoughtTooLong:
        did = "thought" if self._thinks else "gave signs of life"
        return ThoughtTooLong(f"The model {did} for {self._limits.thinking_s:g} s without text. {_PAID}.")

    def _thinking_left_s(self) -> float:
        return self._limits.thinking_s - (self._now_s() - self._silent_since_s)
