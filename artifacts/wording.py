"""What pages say about a document's status and reason, in plain words; pure. Codes stay codes everywhere else."""

from __future__ import annotations

from dataclasses import dataclass

from artifacts.models import Reason, StreamStatus

STATUS_WORDS: dict[str, str] = {
    StreamStatus.IDLE: "Not started",
    StreamStatus.STREAMING: "Writing",
    StreamStatus.PAUSED: "Paused",
    StreamStatus.COMPLETE: "Complete",
    StreamStatus.CANCELLED: "Cancelled",
}

WAITING = "Waiting"
"""The label of a document that is to be written and that nobody writes at the moment."""

REASON_WORDS: dict[str, str] = {
    Reason.QUEUED: "Waiting for a worker. Writing begins as soon as one is free.",
    Reason.WAITING_RETRY: "The provider did not answer. The next attempt comes by itself.",
    Reason.THINKING: "The model thinks before it writes.",
    Reason.USER: "Stopped by hand. Every word written so far is kept.",
    Reason.SHUTDOWN: "The worker is restarting. Another one goes on from the last word.",
    Reason.TURNS_EXHAUSTED: "A section took more turns than allowed.",
    Reason.NO_PROGRESS: "The model answered without any text.",
    Reason.TOKENS_EXHAUSTED: "A section used up its tokens before its end.",
    Reason.BAD_SEAM: "The model did not continue the text, so its answer was not used.",
    Reason.DEADLINE: "Writing took longer than allowed.",
    Reason.RATE_LIMITED: "The provider limits how often it may be asked.",
    Reason.PROVIDER_ERROR: "The provider did not answer as it should.",
    Reason.AUTH: "The provider refused the key.",
    Reason.MODEL_NOT_FOUND: "The provider does not know this model.",
    Reason.FILTERED: "The provider's filter stopped the text.",
    Reason.POISON: "Worker after worker died on this document.",
    Reason.DISK_FULL: "The server's disk is full.",
}

CALM_REASONS = frozenset({Reason.QUEUED, Reason.WAITING_RETRY, Reason.THINKING, Reason.USER, Reason.SHUTDOWN})
"""Reasons that need nobody's attention: the work goes on by itself, or a person wanted the stop."""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A sentence about why a document waits or stopped, and the detail behind it; `trouble` asks for attention."""

    text: str
    detail: str
    trouble: bool


def waits(status: str, reason: str) -> bool:
    """Whether the document is to be written and nobody writes it at the moment."""
    return status == StreamStatus.STREAMING and reason in CALM_REASONS - {Reason.THINKING}


def status_words(status: str, reason: str) -> str:
    return WAITING if waits(status, reason) else STATUS_WORDS[status]


def standing(status: str, reason: str, section: str, sections: int) -> str:
    """The line below the title: the section being written, or why and where it stopped."""
    if status == StreamStatus.COMPLETE:
        return f"All {sections} sections are written" if sections > 1 else "It is written"
    if status == StreamStatus.STREAMING and not waits(status, reason):
        return section
    if reason == Reason.USER:
        return f"Stopped in {section}" if section else "Stopped by hand"
    return REASON_WORDS.get(reason, "")


def notice(reason: str, last_error: str) -> Notice | None:
    if not reason and not last_error:
        return None
    text = REASON_WORDS.get(reason, "Something went wrong.")
    return Notice(text=text, detail=last_error, trouble=reason not in CALM_REASONS)
