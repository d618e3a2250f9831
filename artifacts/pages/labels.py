"""What pages say about a document's status and reason, in plain words; pure. Codes stay codes everywhere else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from artifacts.models import Artifact, StreamStatus
from artifacts.reasons import SENTENCES, Reason

STATUS_WORDS: dict[str, str] = {
    StreamStatus.IDLE: "Not started",
    StreamStatus.STREAMING: "Writing",
    StreamStatus.PAUSED: "Paused",
    StreamStatus.COMPLETE: "Complete",
    StreamStatus.CANCELLED: "Cancelled",
}

WAITING = "Waiting"
CALM_LABELS: dict[str, str] = {
    Reason.QUEUED: WAITING,
    Reason.WAITING_RETRY: WAITING,
    Reason.THINKING: "Thinking",
    Reason.USER: WAITING,
    Reason.SHUTDOWN: WAITING,
}
"""Reasons that need nobody's attention: the work goes on by itself, or a person wanted the stop. With each, what a
document is called that is to be written and gets no text at the moment."""

_CLOCKED = re.compile(r"(waiting|thinking for) (\d+) s\W*(.*?)\.?", re.IGNORECASE | re.DOTALL)
"""A sentence with a time that ran on since it was committed. The page has the same rule, and lets it tick."""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A sentence about why a document waits or stopped, and the detail behind it; `trouble` asks for attention."""

    text: str
    detail: str
    trouble: bool


def waits(status: str, reason: str) -> bool:
    """Whether the document is to be written and nobody writes it at the moment."""
    return status == StreamStatus.STREAMING and CALM_LABELS.get(reason) == WAITING


def status_words(status: str, reason: str) -> str:
    calm = CALM_LABELS.get(reason) if status == StreamStatus.STREAMING else None
    return calm or STATUS_WORDS[status]


def summary(artifact: Artifact) -> str:
    """The line below the title: the section being written, or why and where it stopped."""
    status, reason, section = artifact.stream_status, artifact.reason, artifact.current_section
    if status == StreamStatus.COMPLETE:
        total = artifact.sections_total
        return f"All {total} sections are written" if total > 1 else "It is written"
    if reason == Reason.USER:
        return f"Stopped in {section}" if section else "Stopped by hand"
    shown = notice(reason, artifact.last_error, artifact.updated_at)
    return shown.text if shown else section


def notice(reason: str, last_error: str, committed_at: datetime | None = None) -> Notice | None:
    """With `committed_at`, a wait is told by the time of day: that stays true on a page that nothing keeps live."""
    if not reason and not last_error:
        return None
    text = SENTENCES.get(reason, "Something went wrong.")
    trouble = reason not in CALM_LABELS
    clocked = None if trouble or committed_at is None else _CLOCKED.fullmatch(last_error)
    if clocked is None or committed_at is None:
        return Notice(text=text, detail=last_error, trouble=trouble)
    seconds = timedelta(seconds=min(int(clocked[2]), 10**6))
    if clocked[1].lower() == "waiting":
        cause = clocked[3][:1].upper() + clocked[3][1:]
        text = f"{cause}; the next attempt comes by itself at {committed_at + seconds:%H:%M:%S} UTC."
    else:
        text = f"The model has been thinking since {committed_at - seconds:%H:%M:%S} UTC."
    return Notice(text=text, detail="", trouble=False)
