"""Reads the histories of a run and decides the six invariants. Pure: it neither waits nor asks anybody.

I1 each committed delta is in the text exactly once, in order. I2 the text is a prefix of what the endpoint would have
written, the whole when complete. I3 every status path is legal. I4 each viewer's text only grew by appending, and ends
equal to the database. I5 nothing stays `streaming` without a live lease. I6 nobody died unasked, no unhandled
traceback, no call that no task needed.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.faults.clients import FrameLog
from tests.faults.history import History, Write

_MOVES = {
    "idle": {"streaming"},
    "streaming": {"paused", "complete", "cancelled"},
    "paused": {"streaming", "cancelled"},
    "complete": {"streaming"},
    "cancelled": {"streaming"},
}
_TASK_MOVES = {
    "queued": {"running", "cancelled", "paused", "succeeded"},
    "running": {"queued", "running", "succeeded", "failed", "cancelled", "paused"},
    "paused": {"queued", "cancelled", "succeeded"},
}


@dataclass(frozen=True, kw_only=True)
class Called:
    """One call as the endpoint saw it; times are `time.time`. In state "answered" the whole answer went out."""

    section: str
    began_at: float
    ended_at: float | None
    state: str
    position: int
    sent: int

    def told(self, since: float) -> str:
        """In a few words, its times in seconds since that moment."""
        end = "open" if self.ended_at is None else f"{self.ended_at - since:.3f}"
        return f"{self.state}, {self.sent} characters from {self.position}, {self.began_at - since:.3f} to {end} s"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A process that has ended, or a log that was read: `unasked` where nobody meant it to end."""

    name: str
    exit_code: int | None
    unasked: bool
    log: str


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that was seen of one run. `able` are the stretches of time in which a worker could work."""

    history: History
    expected: Mapping[int, str]
    sections: Mapping[str, int]
    seen: Sequence[FrameLog] = ()
    calls: Sequence[Called] = ()
    processes: Sequence[Ended] = ()
    able: Sequence[tuple[float, float]] = ()
    free_text: frozenset[int] = frozenset()
    """Artifacts whose endpoint misbehaved on purpose: their text is not compared with what it would have written."""
    calls_may_fail: bool = False
    """The endpoint failed on purpose: an answer that it believes sent may have been of no use."""
    calls_may_overlap: bool = False
    """A worker was frozen: its call lives on until it is thawed."""
    end_seen_s: float = 0.05
    """So long after a worker was killed the endpoint may go on before it sees that nobody reads."""
    orphan_s: float = 5.0
    """So long a document may stay `streaming` without a lease while a worker could work."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`broken` are sentences, each beginning with the invariant; `takeovers_s` are measured from the lease's end."""

    broken: list[str]
    takeovers_s: list[float] = field(default_factory=list)
    handovers_s: list[float] = field(default_factory=list)
    """From a worker's giving back to the next claim, both by the database's clock."""
    rewritten: list[int] = field(default_factory=list)


def judge(evidence: Evidence) -> Verdict:
    takeovers = takeovers_of(evidence.history.writes, evidence.able)
    return Verdict(
        broken=[
            *deltas_are_the_text(evidence.history),
            *text_is_what_was_sent(evidence),
            *paths_are_legal(evidence.history),
            *viewers_agree(evidence),
            *nothing_is_orphaned(evidence),
            *nobody_died(evidence.processes),
            *every_call_was_needed(evidence),
        ],
        takeovers_s=takeovers,
        handovers_s=handovers_of(evidence.history.writes, evidence.able),
        rewritten=rewritten_of(evidence.calls),
    )


def deltas_are_the_text(history: History) -> Iterable[str]:
    by_epoch: dict[tuple[int, int], list[tuple[int, int, str]]] = defaultdict(list)
    for artifact, epoch, seq, offset, text in history.deltas:
        by_epoch[artifact, epoch].append((offset, seq, text))
    for (artifact, epoch), deltas in by_epoch.items():
        deltas.sort()
        row = history.rows.get(artifact)
        if row is None or row.epoch != epoch:
            yield f"I1 artifact {artifact}: deltas of epoch {epoch} outlive it"
            continue
        at, last_seq = 0, 0
        for offset, seq, text in deltas:
            if offset != at or seq <= last_seq:
                yield f"I1 artifact {artifact}: delta seq {seq} begins at {offset}, the text before it ends at {at}"
            at, last_seq = offset + len(text), seq
        joined = "".join(text for _, _, text in deltas)
        if len(joined) != row.length or not joined.startswith(row.content) or len(row.content) != row.content_length:
            yield f"I1 artifact {artifact}: {len(joined)} characters of deltas, length {row.length}"
    for artifact, row in history.rows.items():
        if row.length and (artifact, row.epoch) not in by_epoch:
            yield f"I1 artifact {artifact}: text without deltas"
    if history.orphans:
        yield f"I1 {history.orphans} deltas of artifacts that are gone"


def text_is_what_was_sent(evidence: Evidence) -> Iterable[str]:
    for artifact, expected in evidence.expected.items():
        row = evidence.history.rows.get(artifact)
        if row is None or artifact in evidence.free_text:
            continue
        text = evidence.history.text_of(artifact)
        if not expected.startswith(text):
            at = next((i for i, (a, b) in enumerate(zip(text, expected, strict=False)) if a != b), len(expected))
            yield f"I2 artifact {artifact} at {at}: {text[at - 30 : at + 50]!r}, not {expected[at : at + 50]!r}"
        elif row.status == "complete" and text != expected:
            yield f"I2 artifact {artifact}: complete with {len(text)} of {len(expected)} characters"


def paths_are_legal(history: History) -> Iterable[str]:
    last: dict[int, Write] = {}
    for write in history.writes:
        before = last.get(write.artifact)
        last[write.artifact] = write
        if before is None or write.kind == "DELETE":
            continue
        where = f"I3 artifact {write.artifact} seq {write.seq}"
        if write.epoch < before.epoch or write.seq < before.seq or write.fence < before.fence:
            yield f"{where}: epoch, seq or fence fell"
        if write.status != before.status and write.status not in _MOVES[before.status]:
            yield f"{where}: {before.status} -> {write.status}"
        is_over = before.status in {"complete", "cancelled"} and write.epoch == before.epoch
        if is_over and (write.status, write.length) != (before.status, before.length):
            yield f"{where}: changed after {before.status}"
        if write.length < before.length and write.epoch == before.epoch:
            yield f"{where}: the text shrank"
        if before.kind == "DELETE":
            yield f"{where}: written after it was deleted"
    tasks: dict[int, str] = {}
    for task, _, status in history.tasks:
        known = tasks.get(task)
        if known is not None and known != status and status not in _TASK_MOVES.get(known, set()):
            yield f"I3 task {task}: {known} -> {status}"
        tasks[task] = status


def viewers_agree(evidence: Evidence) -> Iterable[str]:
    for number, seen in enumerate(evidence.seen):
        where = f"I4 viewer {number} of artifact {seen.artifact}"
        yield from (f"{where}: {fault}" for fault in seen.faults)
        row = evidence.history.rows.get(seen.artifact)
        if row is None:
            if not seen.closes or seen.closes[-1][1] != 4404:
                yield f"{where}: the document is gone, the socket was not closed with 4404"
            continue
        text = evidence.history.text_of(seen.artifact)
        if (seen.epoch, seen.text) != (row.epoch, text):
            yield f"{where}: shows {seen.epoch}:{len(seen.text)}, the database has {row.epoch}:{len(text)}"
        if seen.status != row.status:
            yield f"{where}: shows {seen.status}, the database says {row.status}"
        if row.status in {"complete", "cancelled"} and seen.sha256 != hashlib.sha256(text.encode()).hexdigest():
            yield f"{where}: no end with the text's sha256"


def nothing_is_orphaned(evidence: Evidence) -> Iterable[str]:
    by_artifact: dict[int, list[Write]] = defaultdict(list)
    for write in evidence.history.writes:
        by_artifact[write.artifact].append(write)
    for artifact, writes in by_artifact.items():
        ends = [write.written_at for write in writes[1:]] + [evidence.history.taken_at]
        alone = 0.0
        for write, until in zip(writes, ends, strict=True):
            # A task that nobody has claimed yet may wait for a free slot.
            if write.status != "streaming" or write.kind == "DELETE" or not write.fence:
                alone = 0.0
                continue
            begin = max(write.written_at, write.lease_until or 0.0)
            idle = sum(max(0.0, min(until, end) - max(begin, start)) for start, end in evidence.able)
            alone = idle if write.lease_until else alone + idle
            if alone > evidence.orphan_s:
                yield f"I5 artifact {artifact} seq {write.seq}: {alone:.1f} s streaming without a lease"


def nobody_died(processes: Iterable[Ended]) -> Iterable[str]:
    for process in processes:
        if process.unasked:
            yield f"I6 {process.name} ended by itself, exit code {process.exit_code}: {process.log[-1500:]}"
        for sign in ("Traceback (most recent call last)", "Task exception was never retrieved", "Unhandled error"):
            at = process.log.find(sign)
            if at >= 0:
                yield f"I6 {process.name}: {process.log[at : at + 1500]}"
                break


def every_call_was_needed(evidence: Evidence) -> Iterable[str]:
    claims: dict[int, list[float]] = defaultdict(list)
    fences: dict[int, int] = {}
    for write in evidence.history.writes:
        if write.fence != fences.get(write.artifact) and write.lease_until is not None:
            claims[write.artifact].append(write.written_at)
        fences[write.artifact] = write.fence
    of_section: dict[str, list[Called]] = defaultdict(list)
    for call in evidence.calls:
        of_section[call.section].append(call)
    for section, calls in of_section.items():
        artifact = evidence.sections.get(section)
        calls.sort(key=lambda call: call.began_at)
        for before, after in pairwise(calls):
            claimed = any(before.began_at < at <= after.began_at for at in claims.get(artifact or 0, ()))
            told = f"{before.told(before.began_at)}; {after.told(before.began_at)}; " + (
                "taken over between" if claimed else "by one claim"
            )
            is_open = before.ended_at is None or before.ended_at > after.began_at + evidence.end_seen_s
            if is_open and not evidence.calls_may_overlap:
                yield f"I6 section {section}: two calls at once ({told})"
            if before.state == "answered" and not claimed and not evidence.calls_may_fail:
                yield f"I6 section {section}: called again after a whole answer ({told})"


def takeovers_of(writes: Iterable[Write], able: Sequence[tuple[float, float]]) -> list[float]:
    """Seconds from the end of a dead writer's lease to the next claim, counted while somebody could claim."""
    found = []
    last: dict[int, Write] = {}
    for write in writes:
        before = last.get(write.artifact)
        last[write.artifact] = write
        if before is None or before.lease_until is None or write.lease_until is None or write.fence == before.fence:
            continue
        begin = before.lease_until
        found.append(sum(max(0.0, min(write.written_at, end) - max(begin, start)) for start, end in able))
    return found


def handovers_of(writes: Iterable[Write], able: Sequence[tuple[float, float]]) -> list[float]:
    """Seconds from a release to the next claim, counted while somebody could claim."""
    found = []
    given: dict[int, float] = {}
    for write in writes:
        if write.reason == "shutdown":
            given[write.artifact] = write.written_at
        elif (begin := given.pop(write.artifact, None)) is not None and write.lease_until is not None:
            found.append(sum(max(0.0, min(write.written_at, end) - max(begin, start)) for start, end in able))
    return found


def rewritten_of(calls: Iterable[Called]) -> list[int]:
    """How many characters each call had to write anew, because the call before it broke off unsaved."""
    found = []
    furthest: dict[str, int] = {}
    for call in sorted(calls, key=lambda call: call.began_at):
        if call.section in furthest:
            found.append(max(0, furthest[call.section] - call.position))
        furthest[call.section] = max(furthest.get(call.section, 0), call.position + call.sent)
    return found
