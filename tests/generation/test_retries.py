"""How long a failed call waits, and when it is given up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.providers.base import AuthFailed, ProviderUnavailable, RateLimited
from generation.retries import RETRY_AFTER_MAX_S, RetryPolicy, waiting_sentence

DROPPED = ProviderUnavailable("dropped")


def test_waits_double_up_to_the_cap():
    policy = RetryPolicy(base_s=1, cap_s=10)
    assert [policy.wait_s(DROPPED, failed, lambda: 1.0) for failed in range(1, 7)] == [1, 2, 4, 8, 10, 10]


@given(st.integers(1, 5_000), st.floats(0, 1, exclude_max=True))
def test_jitter_is_full_and_waits_are_bounded(failed, dice):
    policy = RetryPolicy()
    assert 0 <= policy.wait_s(DROPPED, failed, lambda: dice) <= policy.cap_s
    assert policy.wait_s(DROPPED, failed, lambda: 0.0) == 0


@given(st.floats(0.001, 100_000), st.floats(0, 1, exclude_max=True))
def test_retry_after_is_never_undercut_and_has_a_named_maximum(asked, dice):
    seconds = RetryPolicy().wait_s(RateLimited("x", retry_after_s=asked), 1, lambda: dice)
    assert min(asked, RETRY_AFTER_MAX_S) <= seconds <= min(asked, RETRY_AFTER_MAX_S) + 1


@pytest.mark.parametrize("asked", [0, -5, None])
def test_useless_retry_after_is_as_none(asked):
    assert RetryPolicy().wait_s(RateLimited("x", retry_after_s=asked), 2, lambda: 0.5) == 1.0


def test_attempts_include_the_first_call():
    policy = RetryPolicy(attempts=3)
    assert [policy.may_retry(DROPPED, failed) for failed in (1, 2, 3)] == [True, True, False]


def test_refusals_are_never_retried():
    assert not RetryPolicy().may_retry(AuthFailed("no"), 1)


@pytest.mark.parametrize(
    "nonsense", [{"attempts": 0}, {"base_s": -1}, {"base_s": 5, "cap_s": 1}, {"retry_after_max_s": -1}]
)
def test_nonsense_is_loud(nonsense):
    with pytest.raises(ValueError, match="retry policy"):
        RetryPolicy(**nonsense)


def test_waiting_is_told_in_a_sentence():
    assert waiting_sentence(8.2, RateLimited("x"), 2, 6) == "waiting 8 s: rate limited, attempt 2 of 6"
    assert waiting_sentence(0.1, DROPPED, 3, 6) == "waiting 1 s: the provider did not answer, attempt 3 of 6"
