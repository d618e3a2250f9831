"""How long to wait before a failed call is tried again, and when to give up; pure: it neither sleeps nor calls.

Most trouble is tried a few times. An endpoint that is away, or that says how long to wait, is waited out: time bounds
the attempts then, and not their number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from generation.errors import ProviderAway, ProviderError

RETRY_AFTER_MAX_S = 86_400.0
"""The longest wait a server may ask for. The time for one document ends sooner; this only keeps nonsense out."""
AWAY_CAP_S = 15.0
"""The longest wait between two attempts at an endpoint that is away: so long it may go unnoticed that it is back."""

Random = Callable[[], float]
"""Gives a number from 0 up to, not including, 1."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Exponential waits with jitter. `attempts` counts calls in a row without new text, the first one included;
    `outage_s` is how long a trouble is waited out.
    """

    attempts: int = 6
    base_s: float = 1.0
    cap_s: float = 30.0
    retry_after_max_s: float = RETRY_AFTER_MAX_S
    outage_s: float = 900.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or not 0 <= self.base_s <= self.cap_s or min(self.retry_after_max_s, self.outage_s) < 0:
            raise ValueError(
                "a retry policy needs attempts >= 1, 0 <= base_s <= cap_s, retry_after_max_s >= 0 and outage_s >= 0"
            )

    def waits_out(self, error: ProviderError) -> bool:
        """Whether time bounds the attempts after this error, and not their number."""
        return error.retryable and (isinstance(error, ProviderAway) or _asked_s(error) > 0)

    def may_retry(self, error: ProviderError, failed: int, *, trouble_s: float = 0.0) -> bool:
        """Whether to call again after `failed` calls in a row brought nothing, the last of them with `error`.

        `trouble_s` is how long ago the first of them came, where the trouble is waited out.
        """
        if self.waits_out(error):
            return trouble_s < self.outage_s
        return error.retryable and failed < self.attempts

    def wait_s(self, error: ProviderError, failed: int, random: Random, *, trouble_s: float = 0.0) -> float:
        """Seconds to wait after `failed` calls in a row. A wait that the server names is never undercut."""
        doublings = min(failed - 1, 32)  # bounded, so that a float cannot overflow
        backoff_s = min(self.cap_s, self.base_s * float(2**doublings))
        if asked_s := min(_asked_s(error), self.retry_after_max_s):
            # A little on top, so that all the tasks that were sent away together do not come back together; and more
            # of it each time, where a server names waits that are of no use.
            return max(asked_s + random() * min(1.0, asked_s / 10), random() * backoff_s)
        if isinstance(error, ProviderAway):
            # Half of it for certain, so that nobody hammers who is starting; the last wait ends with the patience.
            wait_s = min(AWAY_CAP_S, backoff_s) * (1 + random()) / 2
            return min(wait_s, max(0.0, self.outage_s - trouble_s))
        return random() * backoff_s


def _asked_s(error: ProviderError) -> float:
    return max(0.0, error.retry_after_s or 0.0)


class Troubles:
    """The calls in a row that broke off or never began, since the last new text."""

    def __init__(self, policy: RetryPolicy, random: Random, now_s: Callable[[], float]) -> None:
        self._policy = policy
        self._random = random
        self._now_s = now_s
        self.are_over()

    def are_over(self) -> None:
        self._tried = 0
        self._waited_out = 0
        self._waited_since_s: float | None = None

    def meet(self, error: ProviderError) -> str | None:
        """Count a failed call. None where it is to be tried again, else the sentence to give up with."""
        if self._policy.waits_out(error):
            self._waited_out += 1
            self._waited_since_s = self._now_s() if self._waited_since_s is None else self._waited_since_s
            failed, tried = self._waited_out, f" Tried {self._waited_out} times in {self._trouble_s:.0f} s"
            tried += " (STREAMGEN_OUTAGE_SECONDS)."
        else:
            self._tried += 1
            failed, tried = self._tried, f" Tried {self._tried} times." if error.retryable and self._tried > 1 else ""
        may_retry = self._policy.may_retry(error, failed, trouble_s=self._trouble_s)
        return None if may_retry else error.detail + tried

    def next_attempt(self, error: ProviderError) -> tuple[float, int]:
        """Seconds to wait before the next call, and which attempt it is."""
        failed = self._waited_out if self._policy.waits_out(error) else self._tried
        return self._policy.wait_s(error, failed, self._random, trouble_s=self._trouble_s), failed + 1

    @property
    def _trouble_s(self) -> float:
        """How long ago the first call failed of those that are waited out."""
        return 0.0 if self._waited_since_s is None else self._now_s() - self._waited_since_s


def waiting_sentence(seconds: float, error: ProviderError, attempt: int, of: int) -> str:
    """What is seen while we wait, such as "waiting 8 s: rate limited, attempt 2 of 6".

    `of` is 0 where time decides: such a wait is long enough to say what a person could do about it.
    """
    bound = f" of {of}" if of else f". {error.detail}"
    return f"waiting {max(1, round(seconds))} s: {error.cause}, attempt {attempt}{bound}"


def thinking_sentence(seconds: float, at_most_s: float) -> str:
    """What people see while the model reasons, such as "thinking for 40 s, at most 600 s"."""
    return f"thinking for {int(seconds)} s, at most {at_most_s:g} s"
