"""The checker itself: a clean history passes, and each broken promise is found and named."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from tests.faults.checker import Called, Ended, Evidence, judge
from tests.faults.clients import FrameLog
from tests.faults.history import History, Row, Write

TEXT = "## Lamp\n\nIt shines."
BEGAN = 1_000.0


def write(
    seq: int, status: str, *, length: int = 0, at: float = 0.0, lease: float | None = None, fence: int = 1
) -> Write:
    return Write(
        kind="UPDATE",
        artifact=1,
        epoch=1,
        seq=seq,
        status=status,
        fence=fence,
        lease_until=None if lease is None else BEGAN + lease,
        length=length,
        reason="",
        written_at=BEGAN + at,
    )


WRITES = [
    write(0, "idle", fence=0),
    write(1, "streaming", fence=0, at=1),
    write(2, "streaming", at=1.1, lease=6.1),
    write(3, "streaming", length=10, at=2, lease=7),
    write(4, "streaming", length=len(TEXT), at=3, lease=8),
    write(5, "complete", length=len(TEXT), at=4, fence=2),
]


def history(**changes: object) -> History:
    row = Row(artifact=1, status="complete", epoch=1, seq=5, length=len(TEXT), content=TEXT, content_length=len(TEXT))
    clean = History(
        writes=WRITES,
        rows={1: row},
        deltas=[(1, 1, 3, 0, TEXT[:10]), (1, 1, 4, 10, TEXT[10:])],
        tasks=[(1, 1, "queued"), (1, 1, "running"), (1, 1, "succeeded")],
        taken_at=BEGAN + 30,
    )
    return replace(clean, **changes)  # type: ignore[arg-type]


def seen(**changes: object) -> FrameLog:
    shown = FrameLog(artifact=1, epoch=1, text=TEXT, sha256=sha256(TEXT.encode()).hexdigest(), status="complete")
    return replace(shown, **changes)  # type: ignore[arg-type]


CALL = Called(section="Lamp", began_at=BEGAN + 1.5, ended_at=BEGAN + 3, state="answered", position=0, sent=10)
WORKER = Ended(name="worker", exit_code=0, unasked=False, log="worker stopped")


def evidence(**changes: object) -> Evidence:
    clean = Evidence(
        history=history(),
        expected={1: TEXT},
        sections={"Lamp": 1},
        seen=[seen()],
        calls=[CALL],
        processes=[WORKER],
        able=[(BEGAN, BEGAN + 60)],
    )
    return replace(clean, **changes)  # type: ignore[arg-type]


def test_clean_run_breaks_nothing():
    verdict = judge(evidence())
    assert (verdict.broken, verdict.takeovers_s) == ([], [])


TWICE = [(1, 1, 3, 0, TEXT[:10]), (1, 1, 4, 5, TEXT[5:])]
SHORT = Row(artifact=1, status="complete", epoch=1, seq=5, length=10, content=TEXT[:10], content_length=10)
REVIVED = [*WRITES, write(6, "streaming", length=len(TEXT), at=5, fence=2), write(7, "paused", at=6, fence=3)]
LATE = [
    *WRITES[:3],
    write(3, "streaming", length=10, at=20, lease=25, fence=2),
    write(4, "streaming", length=len(TEXT), at=21, lease=26, fence=2),
    write(5, "complete", length=len(TEXT), at=22, fence=3),
]
CUT = replace(CALL, state="gone")


@pytest.mark.parametrize(
    ("sign", "changes"),
    [
        ("I1", {"history": history(deltas=TWICE)}),
        ("I1", {"history": history(deltas=[(1, 1, 3, 0, TEXT[:10])])}),
        ("I1", {"history": history(deltas=[])}),
        ("I1", {"history": history(orphans=1)}),
        ("I2", {"expected": {1: TEXT.replace("shines", "burns")}}),
        ("I2", {"history": history(rows={1: SHORT}, deltas=[(1, 1, 3, 0, TEXT[:10])])}),
        ("I3", {"history": history(writes=REVIVED)}),
        ("I3", {"history": history(writes=[*WRITES, write(6, "complete", length=3, at=5, fence=2)])}),
        ("I3", {"history": history(writes=[*WRITES[:4], write(2, "streaming", length=10, at=3, lease=9)])}),
        ("I3", {"history": history(tasks=[(1, 1, "succeeded"), (1, 1, "running")])}),
        ("I4", {"seen": [seen(text=TEXT[:-1])]}),
        ("I4", {"seen": [seen(status="streaming")]}),
        ("I4", {"seen": [seen(sha256="")]}),
        ("I4", {"seen": [seen(faults=["delta out of place"])]}),
        ("I4", {"seen": [seen(artifact=2)]}),
        ("I5", {"history": history(writes=LATE)}),
        ("I5", {"history": history(writes=WRITES[:4])}),
        ("I6", {"processes": [replace(WORKER, unasked=True, exit_code=1)]}),
        ("I6", {"processes": [replace(WORKER, log="Traceback (most recent call last):\n  boom")]}),
        ("I6", {"calls": [CALL, replace(CALL, began_at=BEGAN + 3.5)]}),
        ("I6", {"calls": [CUT, replace(CUT, began_at=BEGAN + 2)]}),
    ],
)
def test_each_broken_promise_is_named(sign, changes):
    broken = judge(evidence(**changes)).broken
    assert any(sentence.startswith(sign) for sentence in broken), broken


def test_time_without_any_worker_orphans_nobody():
    assert not judge(evidence(history=history(writes=LATE), able=[(BEGAN, BEGAN + 7), (BEGAN + 19, BEGAN + 60)])).broken


def test_takeover_is_measured_from_the_end_of_the_lease():
    writes = [*WRITES[:4], write(4, "streaming", length=10, at=8.5, lease=13.5, fence=2), *WRITES[5:]]
    assert judge(evidence(history=history(writes=writes))).takeovers_s == [pytest.approx(1.5)]


def test_call_after_a_takeover_is_needed_and_what_it_writes_anew_is_counted():
    writes = [*WRITES[:4], write(4, "streaming", length=10, at=8.5, lease=13.5, fence=2), *WRITES[5:]]
    again = replace(CALL, began_at=BEGAN + 9, ended_at=BEGAN + 10, position=4, sent=6)
    verdict = judge(evidence(history=history(writes=writes), calls=[CALL, again]))
    assert (verdict.broken, verdict.rewritten) == ([], [6])


def test_viewer_notices_a_delta_that_does_not_join():
    shown = seen(text="abc")
    shown.take({"type": "delta", "epoch": 1, "offset": 2, "text": "x"}, now=0.0)
    assert shown.faults


def test_viewer_notices_a_snapshot_that_changes_what_was_shown():
    shown = seen(text="abc")
    shown.take({"type": "snapshot", "epoch": 1, "offset": 0, "text": "aXc", "state": {"status": "streaming"}}, now=0.0)
    assert shown.faults
