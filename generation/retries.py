"""How long to wait before a failed call is tried again, and how often; pure: it neither sleeps nor calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from generation.providers.base import ProviderError

RETRY_AFTER_MAX_S = 600.0
"""The longest wait a server may ask for; past it we try anyway, and the attempts run out."""

Random = Callable[[], float]
"""Gives a number from 0 up to, not including, 1."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Exponential waits with full jitter. `attempts` counts calls in a row without new text, the first one included."""

    attempts: int = 6
    base_s: float = 1.0
    cap_s: float = 30.0
    retry_after_max_s: float = RETRY_AFTER_MAX_S

    def __post_init__(self) -> None:
        if self.attempts < 1 or not 0 <= self.base_s <= self.cap_s or self.retry_after_max_s < 0:
            raise ValueError("a retry policy needs attempts >= 1, 0 <= base_s <= cap_s and retry_after_max_s >= 0")

    def may_retry(self, error: ProviderError, failed: int) -> bool:
        """Whether to call again after `failed` calls in a row brought nothing, the last of them with `error`."""
        return error.retryable and failed < self.attempts

    def wait_s(self, error: ProviderError, failed: int, random: Random) -> float:
        """Seconds to wait after `failed` calls in a row. A server's own Retry-After wins, and is never undercut."""
        if error.retry_after_s is not None and error.retry_after_s > 0:
            # A little on top, so that all the tasks that were sent away together do not come back together.
            asked = min(error.retry_after_s, self.retry_after_max_s)
            return asked + random() * min(1.0, asked / 10)
        doublings = min(failed - 1, 32)  # bounded, so that a float cannot overflow
        return random() * min(self.cap_s, self.base_s * float(2**doublings))


def waiting_sentence(seconds: float, error: ProviderError, attempt: int, of: int) -> str:
    """What people see while we wait, such as "waiting 8 s: rate limited, attempt 2 of 6"."""
    cause = "rate limited" if error.reason == "rate_limited" else "the provider did not answer"
    return f"waiting {max(1, round(seconds))} s: {cause}, attempt {attempt} of {of}"
