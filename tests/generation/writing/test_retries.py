"""How long a failed call waits, and when it is given up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.errors import AuthFailed, ProviderAway, ProviderUnavailable, RateLimited
from generation.writing.retries import AWAY_CAP_S, RETRY_AFTER_MAX_S, RetryPolicy, thinking_sentence, waiting_sentence

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


@given(st.floats(0.001, 1_000), st.integers(1, 5_000), st.floats(0, 1, exclude_max=True))
def test_server_that_names_a_wait_again_and_again_is_asked_ever_less_often(asked, failed, dice):
    seconds = RetryPolicy().wait_s(ProviderUnavailable("x", retry_after_s=asked), failed, lambda: dice)
    assert asked <= seconds <= max(asked + 1, 30)


@given(st.integers(1, 5_000), st.floats(0, 1, exclude_max=True), st.floats(0, 2_000))
def test_wait_for_an_endpoint_that_is_away_is_short_and_ends_with_the_patience(failed, dice, trouble_s):
    seconds = RetryPolicy(outage_s=900).wait_s(ProviderAway("x"), failed, lambda: dice, trouble_s=trouble_s)
    assert 0 <= seconds <= min(AWAY_CAP_S, max(0, 900 - trouble_s))
    assert seconds >= 0.5 or trouble_s > 899


@pytest.mark.parametrize("asked", [0, -5, None])
def test_useless_retry_after_is_as_none(asked):
    assert RetryPolicy().wait_s(RateLimited("x", retry_after_s=asked), 2, lambda: 0.5) == 1.0


def test_attempts_include_the_first_call():
    policy = RetryPolicy(attempts=3)
    assert [policy.may_retry(DROPPED, failed) for failed in (1, 2, 3)] == [True, True, False]


def test_time_bounds_what_is_waited_out_and_attempts_all_else():
    policy = RetryPolicy(attempts=3, outage_s=900)
    for error in (ProviderAway("x"), RateLimited("x", retry_after_s=1)):
        assert policy.may_retry(error, 500, trouble_s=899)
        assert not policy.may_retry(error, 1, trouble_s=900)
    assert policy.may_retry(DROPPED, 2, trouble_s=5_000)


def test_refusals_are_never_retried():
    assert not RetryPolicy().may_retry(AuthFailed("no"), 1)
    assert not RetryPolicy().may_retry(AuthFailed("no", retry_after_s=5), 1)


@pytest.mark.parametrize(
    "nonsense",
    [{"attempts": 0}, {"base_s": -1}, {"base_s": 5, "cap_s": 1}, {"retry_after_max_s": -1}, {"outage_s": -1}],
)
def test_nonsense_is_loud(nonsense):
    with pytest.raises(ValueError, match="retry policy"):
        RetryPolicy(**nonsense)


def test_waiting_is_told_in_a_sentence():
    assert waiting_sentence(8.2, RateLimited("x"), 2, 6) == "waiting 8 s: rate limited, attempt 2 of 6"
    assert waiting_sentence(0.1, DROPPED, 3, 6) == "waiting 1 s: the endpoint is in trouble, attempt 3 of 6"
    away = ProviderAway("Nothing answers at host:1.")
    sentence = "waiting 15 s: the endpoint does not answer, attempt 30. Nothing answers at host:1."
    assert waiting_sentence(14.7, away, 30, 0) == sentence
    loading = ProviderAway("It loads.", cause="the model is loading")
    assert waiting_sentence(2, loading, 2, 0) == "waiting 2 s: the model is loading, attempt 2. It loads."


def test_thinking_is_told_in_a_sentence():
    assert thinking_sentence(40.9, 600.0) == "thinking for 40 s, at most 600 s"
