"""What pages say about a document in plain words: its status, why it waits, its times. It asks no database; codes stay
codes everywhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.timesince import timesince

from artifacts.models import Artifact, StreamStatus
from artifacts.reasons import REASON_SENTENCES, Reason

STATUS_WORDS: dict[str, str] = {
    StreamStatus.IDLE: "Not started",
    StreamStatus.STREAMING: "Writing",
    StreamStatus.PAUSED: "Paused",
    StreamStatus.COMPLETE: "Complete",
    StreamStatus.CANCELLED: "Cancelled",
}

WAITING_LABEL = "Waiting"
CALM_LABELS: dict[str, str] = {
    Reason.QUEUED: WAITING_LABEL,
    Reason.WAITING_RETRY: WAITING_LABEL,
    Reason.THINKING: "Thinking",
    Reason.USER: WAITING_LABEL,
    Reason.SHUTDOWN: WAITING_LABEL,
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
    return status == StreamStatus.STREAMING and CALM_LABELS.get(reason) == WAITING_LABEL


def status_words(status: str, reason: str) -> str:
    calm = CALM_LABELS.get(reason) if status == StreamStatus.STREAMING else None
    return calm or STATUS_WORDS[status]


def why(artifact: Artifact, last_error: str) -> str:
    """Why a document waits or has stopped, for a list: a stop by hand and a wrong key are not the same there.

    `last_error` is what its reader is told of that, here and below.
    """
    status, reason = artifact.stream_status, artifact.reason
    if status == StreamStatus.PAUSED and reason == Reason.USER:
        return "Stopped by hand."
    if status not in {StreamStatus.PAUSED, StreamStatus.STREAMING}:
        return ""
    shown = notice(reason, last_error, artifact.updated_at)
    return shown.text if shown else ""


def summary(artifact: Artifact, last_error: str) -> str:
    """The line below the title: the section being written, or why and where it stopped."""
    status, reason, section = artifact.stream_status, artifact.reason, artifact.current_section
    if status == StreamStatus.COMPLETE:
        total = artifact.sections_total
        return f"All {total} sections are written" if total > 1 else "It is written"
    if reason == Reason.USER:
        return f"Stopped in {section}" if section else "Stopped by hand"
    shown = notice(reason, last_error, artifact.updated_at)
    return shown.text if shown else section


def notice(reason: str, last_error: str, committed_at: datetime | None = None) -> Notice | None:
    """With `committed_at`, a wait is told by the time of day: that stays true on a page that nothing keeps live."""
    if not reason and not last_error:
        return None
    text = REASON_SENTENCES.get(reason, "Something went wrong.")
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


def duration(elapsed_s: float | None) -> str:
    """Seconds as `0:32`, `12:05` or `1:02:03`."""
    if elapsed_s is None:
        return "–"
    minutes, seconds = divmod(int(elapsed_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def speed(tokens: int, elapsed_s: float | None) -> int | None:
    """Tokens per second; None where it says nothing."""
    return round(tokens / elapsed_s) if tokens and elapsed_s is not None and elapsed_s >= 1 else None


def ago(moment: datetime | None) -> str:
    """`just now`, `5 minutes ago`; nothing for never."""
    if moment is None:
        return ""
    return "just now" if timezone.now() - moment < timedelta(minutes=1) else f"{timesince(moment, depth=1)} ago"
