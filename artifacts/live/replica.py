"""One process's copy of a document: events bring it forward, the database puts it right. Pure: it never awaits.

Start-up, a lost message and a new epoch are one path: a snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from artifacts.costs import shown_cost
from artifacts.live.protocol import EncodedFrames, Frame
from artifacts.live.rendered import Page
from artifacts.live.text_log import Transcript
from artifacts.messaging.events import Event

if TYPE_CHECKING:
    from artifacts.lifecycle.state import State

OVER = frozenset({"complete", "cancelled"})
"""The statuses in which an epoch never grows again."""


class Cursor(NamedTuple):
    """A place in the document, in the order of places: epoch, and offset in code points."""

    epoch: int
    offset: int


class Figures(NamedTuple):
    """What of the state grows with the text, as the state has it."""

    cost: str
    cost_estimated: str
    tokens: int


class Step(NamedTuple):
    """The frame that takes whoever stands at `begin` to `end`."""

    begin: Cursor
    end: Cursor
    frame: Frame


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What the database said: the document at (epoch, seq), with its text from `begin` on."""

    epoch: int
    seq: int
    state: State
    begin: int
    text: Transcript
    sections: tuple[int, ...] = ()
    """Where the sections of the whole text begin."""

    @property
    def length(self) -> int:
        return self.begin + self.text.length


def told_by_link(reason: str, sentence: str) -> str:
    """What is told to who reads by a link: the reason says why nothing comes, and the sentence for how long. Its rest
    may name the machine of the model, which is for those who work here.
    """
    if reason == "queued":
        return sentence
    return sentence.partition(". ")[0] if reason in {"waiting_retry", "thinking"} else ""


class Replica:
    """`epoch` is 0 until the first snapshot. `state` is what viewers see; `state_number` grows when it changes."""

    def __init__(self, artifact_id: int) -> None:
        self.artifact_id = artifact_id
        self.epoch = 0
        self.seq = 0
        self.length = 0
        self.transcript = Transcript()
        self.sections: tuple[int, ...] = ()
        """Where sections begin, rising; known before any text behind them is here."""
        self.state: State
        self.state_number = 0
        self.page: Page | None = None
        self.frames = EncodedFrames()
        self.step: Step | None = None
        """What the last viewer was sent since the last change: most others stand where it stood."""
        self.is_over = False
        """Nothing more will be written in this epoch, and all of it is here."""
        self.is_gone = False
        self._figures = Figures("0", "0", 0)
        self._newest: Event | None = None
        """Whose figures are newer than those."""

    def apply_event(self, event: Event) -> bool:
        """Take what an event brings; True where only the database can tell the rest.

        Old and repeated events change nothing. A hole, another epoch or a change of state calls for a snapshot.
        """
        if event.deleted:
            return True
        if event.epoch != self.epoch:
            return event.epoch > self.epoch
        if event.seq <= self.seq:
            return False
        begin = event.offset if event.text else event.length
        if event.seq != self.seq + 1 or begin != self.length or begin + len(event.text) != event.length:
            return True
        self.step = None
        self.transcript.append(event.text)
        self.length = event.length
        if event.section_start is not None:
            self._begin_sections((event.section_start,))
        self.seq = event.seq
        self._newest = event
        return event.state_changed or event.status != self.state["status"]

    def apply_snapshot(self, snapshot: Snapshot | None) -> None:
        """Take what the database said; None says that the document was deleted. What events brought meanwhile stays."""
        self.step = None
        if snapshot is None:
            self.is_gone = True
        elif snapshot.epoch > self.epoch:
            self.epoch, self.seq, self.length, self.transcript = (
                snapshot.epoch,
                snapshot.seq,
                snapshot.length,
                snapshot.text,
            )
            self.sections = ()
            self._begin_sections(snapshot.sections)
            self.page = None
            self._figures, self._newest = _figures_of(snapshot.state), None
            self._show(snapshot.state)
        elif snapshot.epoch == self.epoch:
            if snapshot.length > self.length:
                self.transcript.append(snapshot.text.cut(self.length - snapshot.begin, snapshot.text.length))
                self.length = snapshot.length
            self._begin_sections(snapshot.sections)
            if snapshot.seq >= self.seq:
                self.seq, self._figures, self._newest = snapshot.seq, _figures_of(snapshot.state), None
            if _but_figures(snapshot.state) != _but_figures(self.state):
                self._show(snapshot.state)

    @property
    def has_drafts(self) -> bool:
        """Sections are written that no text tells of: where they stand only the database knows."""
        return self.epoch > 0 and any(section["status"] == "drafting" for section in self.state["sections"])

    def state_told(self, *, by_link: bool) -> State:
        """As it is told to those who read by a link, or to all others."""
        if not by_link:
            return self.state
        return {**self.state, "last_error": told_by_link(self.state["reason"], self.state["last_error"])}

    def show_tokens(self) -> bool:
        """Show tokens and cost where they have changed; called rarely, it makes one frame of many flushes."""
        if self.epoch == 0 or self._newest_figures() == _figures_of(self.state):
            return False
        self._show(self.state)
        return True

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for a worker, as far as is known here."""
        return self.epoch > 0 and not self.is_gone and self.state["reason"] == "queued"

    def show_waiting(self, detail: str) -> bool:
        """Show what it waits for, where that has changed."""
        if not self.is_waiting or detail == self.state["last_error"]:
            return False
        self._show({**self.state, "last_error": detail})
        return True

    def _begin_sections(self, starts: tuple[int, ...]) -> None:
        if not set(starts) <= set(self.sections):
            self.sections = tuple(sorted({*self.sections, *starts}))

    def _newest_figures(self) -> Figures:
        """As they are shown, which is once for many events."""
        if (event := self._newest) is not None:
            self._figures = Figures(shown_cost(event.cost), shown_cost(event.cost_estimated), event.tokens)
            self._newest = None
        return self._figures

    def _show(self, state: State) -> None:
        self.state = _with_figures(state, self._newest_figures())
        self.is_over = state["status"] in OVER
        self.state_number += 1


def _figures_of(state: State) -> Figures:
    return Figures(state["cost"], state["cost_estimated"], state["tokens_generated"])


def _with_figures(state: State, figures: Figures) -> State:
    return {
        **state,
        "tokens_generated": figures.tokens,
        "cost": figures.cost,
        "cost_estimated": figures.cost_estimated,
    }


def _but_figures(state: State) -> State:
    return _with_figures(state, Figures("", "", 0))
