"""A process's copy of a document: what is lost, doubled or late among events a look puts right; nothing goes back."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.lifecycle.state import State
from artifacts.live.replica import Replica, Snapshot
from artifacts.live.text_log import Transcript
from artifacts.messaging.events import Event


def state(status: str = "streaming", *, tokens: int = 0, reason: str = "") -> State:
    return {
        "status": status,
        "current_section": "",
        "sections_completed": 0,
        "sections_total": 1,
        "tokens_generated": tokens,
        "cost": f"{tokens}.0000",  # a token costs 1 here
        "cost_estimated": "0.0000",
        "last_error": "",
        "reason": reason,
        "sections": [],
    }


@dataclass
class Truth:
    """The database, and the event of each of its commits."""

    epoch: int = 1
    seq: int = 1
    text: str = ""
    tokens: int = 0
    reason: str = ""
    status: str = "streaming"
    events: list[Event] = field(default_factory=list)

    def append(self, text: str) -> None:
        offset, self.text = len(self.text), self.text + text
        self.tokens += 1
        self._commit(offset=offset, text=text, state_changed=False)

    def change(self, reason: str) -> None:
        self.reason = reason
        self._commit(offset=len(self.text), text="", state_changed=True)

    def end(self) -> None:
        self.status = "complete"
        self._commit(offset=len(self.text), text="", state_changed=True)

    def begin_anew(self) -> None:
        self.epoch, self.text, self.tokens, self.status = self.epoch + 1, "", 0, "streaming"
        self._commit(offset=0, text="", state_changed=True)

    def _commit(self, *, offset: int, text: str, state_changed: bool) -> None:
        self.seq += 1
        event = Event(
            artifact=1,
            epoch=self.epoch,
            seq=self.seq,
            status=self.status,
            offset=offset,
            text=text,
            length=len(self.text),
            tokens=self.tokens,
            cost=self.tokens * 10**9,
            state_changed=state_changed,
        )
        self.events.append(event)

    def look(self, replica: Replica) -> Snapshot:
        begin = replica.length if replica.epoch == self.epoch else 0
        return Snapshot(
            epoch=self.epoch,
            seq=self.seq,
            state=state(self.status, tokens=self.tokens, reason=self.reason),
            begin=begin,
            text=Transcript(self.text[begin:]),
        )


def copied(truth: Truth) -> Replica:
    replica = Replica(1)
    replica.apply_snapshot(truth.look(replica))
    return replica


def text_of(replica: Replica) -> str:
    return replica.transcript.cut(0, replica.length)


def test_event_that_follows_brings_its_text_without_a_look() -> None:
    truth = Truth()
    replica = copied(truth)
    truth.append("Hello")
    assert replica.apply_event(truth.events[-1]) is False
    assert (text_of(replica), replica.seq) == ("Hello", truth.seq)


def test_event_after_a_hole_calls_for_a_look_and_brings_nothing_itself() -> None:
    truth = Truth()
    replica = copied(truth)
    truth.append("Hello")
    truth.append(" world")
    assert replica.apply_event(truth.events[-1]) is True
    assert text_of(replica) == ""
    replica.apply_snapshot(truth.look(replica))
    assert text_of(replica) == "Hello world"
    assert replica.apply_event(truth.events[0]) is False, "what came too late is old"


@pytest.mark.parametrize(("offset", "text", "length"), [(3, "xx", 5), (5, "xx", 8), (6, "xx", 8), (4, "", 4)])
def test_event_that_does_not_fit_the_text_calls_for_a_look(offset: int, text: str, length: int) -> None:
    replica = copied(Truth(text="Hello"))
    event = Event(
        artifact=1, epoch=1, seq=2, status="streaming", offset=offset, text=text, length=length, state_changed=False
    )
    assert replica.apply_event(event) is True
    assert text_of(replica) == "Hello"


def test_change_of_state_calls_for_a_look_and_text_alone_does_not() -> None:
    truth = Truth()
    replica = copied(truth)
    truth.change("waiting_retry")
    assert replica.apply_event(truth.events[-1]) is True
    assert replica.state["reason"] == ""
    replica.apply_snapshot(truth.look(replica))
    assert replica.state["reason"] == "waiting_retry"


def test_old_epoch_changes_nothing_and_a_new_one_begins_from_its_own_text() -> None:
    truth = Truth(text="old")
    replica = copied(truth)
    truth.append("er")
    late = truth.events[-1]
    truth.begin_anew()
    assert replica.apply_event(truth.events[-1]) is True
    truth.append("new")
    replica.apply_snapshot(truth.look(replica))
    assert (replica.epoch, text_of(replica)) == (2, "new")
    assert replica.apply_event(late) is False
    assert text_of(replica) == "new"


def test_look_that_is_older_than_the_events_heard_meanwhile_takes_nothing_back() -> None:
    truth = Truth()
    replica = copied(truth)
    old = truth.look(replica)
    truth.append("Hello")
    replica.apply_event(truth.events[-1])
    replica.apply_snapshot(old)
    assert (text_of(replica), replica.seq) == ("Hello", truth.seq)
    assert replica.show_tokens()
    assert replica.state["tokens_generated"] == 1


def test_tokens_alone_are_shown_when_asked_for_and_once() -> None:
    truth = Truth()
    replica = copied(truth)
    number = replica.state_number
    for text in "abc":
        truth.append(text)
        replica.apply_event(truth.events[-1])
    assert replica.state_number == number
    assert replica.show_tokens()
    assert (replica.state_number, replica.state["tokens_generated"], replica.state["cost"]) == (number + 1, 3, "3.0000")
    assert not replica.show_tokens()


def test_document_that_is_gone_or_over_says_so() -> None:
    replica = Replica(1)
    assert not replica.is_over
    assert not replica.show_tokens()
    replica.apply_snapshot(Truth(status="cancelled").look(replica))
    assert replica.is_over
    assert replica.apply_event(Event(artifact=1, epoch=1, seq=9, status="", deleted=True)) is True
    assert not replica.is_gone, "a message is only a hint"
    replica.apply_snapshot(None)
    assert replica.is_gone


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5)),
        st.tuples(st.just("change"), st.sampled_from(["", "user", "waiting_retry"])),
        st.tuples(st.just("begin_anew")),
        st.tuples(st.just("deliver"), st.integers(0, 5)),
        st.tuples(st.just("look")),
    ),
    max_size=40,
)


@given(steps=STEPS)
def test_events_lost_doubled_and_out_of_order_never_make_a_wrong_text(steps: list[tuple[str, object]]) -> None:
    truth = Truth()
    replica = copied(truth)
    texts = {1: truth.text}
    wants_look = False
    for name, *arguments in steps:
        if name == "deliver":
            recent = truth.events[-6:]
            if recent:
                wants_look |= replica.apply_event(recent[int(str(arguments[0])) % len(recent)])
        elif name == "look":
            replica.apply_snapshot(truth.look(replica))
            wants_look = False
        else:
            getattr(truth, name)(*arguments)
        texts[truth.epoch] = truth.text
        assert texts[replica.epoch].startswith(text_of(replica))
        if (replica.epoch, replica.seq) == (truth.epoch, truth.seq):
            assert text_of(replica) == truth.text
            assert wants_look or replica.state["reason"] == truth.reason
    replica.apply_snapshot(truth.look(replica))
    assert (replica.epoch, replica.seq, text_of(replica)) == (truth.epoch, truth.seq, truth.text)
    assert replica.state["reason"] == truth.reason
