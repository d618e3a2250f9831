"""Follows one document on a terminal until it stops, and says what it cost: a viewer that reads the database alone.

It looks by (epoch, offset) a few times a second and reads only what is new. It writes nothing to the database.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from django.db import InterfaceError, OperationalError, close_old_connections

from artifacts.costs import shown_cost
from artifacts.document_text import read_range
from artifacts.errors import NotFound
from artifacts.models import Artifact, Delta, Section, SectionStatus, StreamStatus
from artifacts.pages import labels
from artifacts.reasons import Reason, waiting_details
from generation.cli.terminal import Screen
from generation.costs.price_file import price_list

FOLLOW_POLL_S = 0.2
AWAY_LOOKS = 300
"""After a minute without a database, the trouble is the caller's."""
DELTAS_PER_READ = 200

EXIT_CODES: dict[str, int] = {StreamStatus.COMPLETE: 0, StreamStatus.PAUSED: 3, StreamStatus.CANCELLED: 4}
"""What a command that followed a document to this status exits with."""
INTERRUPTED = 130

_BESIDE = (SectionStatus.DRAFTING, SectionStatus.DRAFTED)
_FIELDS = (
    "epoch",
    "length",
    "stream_status",
    "reason",
    "last_error",
    "current_section",
    "sections_completed",
    "sections_total",
    "tokens_generated",
    "cost",
    "cost_estimated",
)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one look saw."""

    epoch: int
    length: int
    stream_status: str
    reason: str
    last_error: str
    current_section: str
    sections_completed: int
    sections_total: int
    tokens_generated: int
    cost: int
    cost_estimated: int


def follow(
    artifact_id: int,
    *,
    out: TextIO,
    err: TextIO,
    stop: threading.Event | None = None,
    remark: Callable[[], str] = str,
) -> str:
    """Write the text to `out` as it is committed, notes to `err`, until the document is complete, paused or cancelled.

    `remark` is asked at each look for what the caller has to say. Returns the status that was seen last; sooner, when
    `stop` is set. A document that is not started yet is waited for.
    Blocks, so it may run in a thread beside a worker. Raises `NotFound` where the document is not there, or no more.
    """
    stop = stop or threading.Event()
    with Screen(out, err) as screen:
        follower = _Follower(artifact_id, screen)
        while not follower.poll() and not stop.wait(FOLLOW_POLL_S):
            follower.pass_on(remark())
        return follower.status


class _Follower:
    def __init__(self, artifact_id: int, screen: Screen) -> None:
        self.status = ""
        self._artifact_id = artifact_id
        self._screen = screen
        self._epoch = 0
        self._offset = 0
        self._completed = 0
        self._note = ""
        self._remark = ""
        self._away = 0

    def poll(self) -> bool:
        """Show what is new; true when the document has stopped and all of it is shown."""
        try:
            return self._read_row()
        except (OperationalError, InterfaceError):
            self._away += 1
            if self._away > AWAY_LOOKS:
                raise
            self._say("The database does not answer; trying again.")
            return False
        finally:
            close_old_connections()  # none is held while a model writes

    def _read_row(self) -> bool:
        row = Artifact.objects.filter(pk=self._artifact_id).values(*_FIELDS).first()
        if row is None:
            raise NotFound(f"There is no document {self._artifact_id}{' any more' if self._epoch else ''}.")
        seen = Seen(**row)
        self._away = 0
        self.status = seen.stream_status
        if seen.epoch != self._epoch:
            self._begin(seen)
        self._copy_text(seen)
        self._tell(seen)
        if seen.stream_status not in EXIT_CODES or self._offset < seen.length:
            return False
        self._screen.end_text()
        self._screen.note(_ending(seen))
        return True

    def _begin(self, seen: Seen) -> None:
        if self._epoch:
            self._screen.end_text()
            self._screen.note("The document is written anew from here on.")
        self._epoch, self._offset, self._completed = seen.epoch, 0, 0

    def _copy_text(self, seen: Seen) -> None:
        """Whatever is committed behind the cursor. A regenerate meanwhile leaves nothing; the next look sees it."""
        while self._offset < seen.length:
            behind = Delta.objects.filter(artifact=self._artifact_id, epoch=self._epoch, offset__gte=self._offset)
            texts = list(behind.order_by("offset").values_list("text", flat=True)[:DELTAS_PER_READ])
            texts = texts or self._folded()
            if not texts:
                return
            for text in texts:
                self._screen.text(text)
                self._offset += len(text)

    def _folded(self) -> list[str]:
        """What is behind the cursor of a document that is over: its deltas go, the text stays."""
        row = Artifact.objects.defer("content", "preview_html", "instructions")
        artifact = row.filter(pk=self._artifact_id, epoch=self._epoch, stream_status__in=EXIT_CODES).first()
        return [] if artifact is None else [read_range(artifact, self._offset, artifact.length)]

    def _tell(self, seen: Seen) -> None:
        if seen.sections_completed > self._completed:
            written = Section.objects.filter(artifact=self._artifact_id, status=SectionStatus.COMPLETE)
            rows = written.order_by("position").values_list("position", "name", "tokens")
            for position, name, tokens in rows[self._completed : seen.sections_completed]:
                self._screen.passing_note(f"[{position + 1}/{seen.sections_total}] {name}: {tokens} tokens")
            self._completed = seen.sections_completed
        if seen.stream_status == StreamStatus.IDLE:
            self._say("The document is not started yet; waiting.")
        elif seen.stream_status == StreamStatus.STREAMING and seen.reason:
            self._say(_sentence(seen) + self._place(seen))
        if self._screen.shows_progress:
            self._screen.progress(
                section=seen.current_section + self._beside(),
                completed=seen.sections_completed,
                total=seen.sections_total,
                tokens=seen.tokens_generated,
            )

    def _beside(self) -> str:
        """What is written beside the section that is shown."""
        drafts = Section.objects.filter(artifact=self._artifact_id, status__in=_BESIDE)
        names = list(drafts.order_by("position").values_list("name", flat=True))
        return f" (beside it: {', '.join(names)})" if names else ""

    def _place(self, seen: Seen) -> str:
        """How many come before it, where it waits for a worker."""
        is_queued = seen.reason == Reason.QUEUED and not seen.last_error
        detail = waiting_details([self._artifact_id]).get(self._artifact_id) if is_queued else None
        return f" {detail}" if detail else ""

    def pass_on(self, remark: str) -> None:
        """What the caller has to say, once, whatever is seen meanwhile."""
        if remark != self._remark:
            self._remark = remark
            self._screen.passing_note(remark)

    def _say(self, note: str) -> None:
        """Each note once, however often the same thing is seen."""
        if note != self._note:
            self._note = note
            self._screen.passing_note(note)


def _sentence(seen: Seen) -> str:
    notice = labels.notice(seen.reason, seen.last_error)
    return (notice.detail or notice.text) if notice else ""


def _ending(seen: Seen) -> str:
    progress = f"{seen.sections_completed} of {seen.sections_total} sections, {seen.tokens_generated} tokens"
    if seen.cost:
        progress += f", {'about ' if seen.cost_estimated else ''}{shown_cost(seen.cost)} {price_list().currency}"
    sentence = _sentence(seen) if seen.stream_status == StreamStatus.PAUSED else ""
    return f"{seen.stream_status}: {progress}. {sentence}"
