"""The stop signal: what is seen of an artifact ends a run, unless it is plain going on or older than its claim."""

from __future__ import annotations

import pytest

from generation.queue.claims import ClaimState
from generation.worker.stop_signal import StopSignal

GOING_ON = {"fence": 5, "status": "streaming", "stop_requested": ""}


@pytest.mark.parametrize(
    ("seen", "is_set"),
    [
        (GOING_ON, False),
        (GOING_ON | {"stop_requested": "pause"}, True),
        (GOING_ON | {"status": "cancelled"}, True),
        (GOING_ON | {"fence": 6}, True),
        (GOING_ON | {"fence": 4, "status": "paused", "stop_requested": "cancel"}, False),
        (None, True),
    ],
    ids=["going on", "asked", "ended", "taken over", "before the claim", "deleted"],
)
def test_signal_is_set_by_all_but_plain_going_on(seen, is_set):
    stop = StopSignal(fence=5)

    stop.observe(None if seen is None else ClaimState(**seen))

    assert (stop.is_set(), stop.is_shutdown) == (is_set, False)


def test_shutdown_is_remembered_whatever_else_was_seen():
    stop = StopSignal(fence=5)

    stop.observe(None)
    stop.shut_down()

    assert (stop.is_set(), stop.is_shutdown) == (True, True)
