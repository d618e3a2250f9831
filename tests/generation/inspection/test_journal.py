"""What a journal notes: bounded, in order, with sums of all; and no word of what was written."""

from __future__ import annotations

from generation.errors import BadSeam, ProviderUnavailable, RateLimited, Stopped
from generation.inspection.journal import FIRST_KEPT, LAST_KEPT, Journal
from generation.inspection.redaction import HIDDEN, redacted, redacted_tree
from generation.inspection.timeline import event_words
from generation.providers.base import Finish, FinishReason, Message, Usage

PROMPT = [Message(role="user", content="Write about the secret lamp.")]


class Clock:
    def __init__(self) -> None:
        self.ms = 0

    def __call__(self) -> int:
        return self.ms


def asked(journal: Journal, position: int = 0, *, has_before: bool = False) -> None:
    journal.begin_call(
        position,
        section="Purpose",
        messages=PROMPT,
        max_tokens=300,
        delivery="stream",
        mode="reprompt",
        has_before=has_before,
    )


def test_call_is_told_from_prompt_to_end():
    clock = Clock()
    journal = Journal(clock)
    asked(journal)
    clock.ms = 700
    journal.text_came(0)
    clock.ms = 2_000
    finish = Finish(reason=FinishReason.COMPLETE, usage=Usage(prompt_tokens=9, completion_tokens=3))
    assert journal.end_call(0, finish, None, chars=11) == "complete"
    call, text, answer = journal.state().events
    assert (call["k"], call["n"], call["chars"], call["mode"]) == ("call", 1, 28, "reprompt")
    assert (text["k"], text["ms"]) == ("text", 700)
    assert answer == {
        "t": 2_000,
        "k": "answer",
        "s": 0,
        "n": 1,
        "ms": 2_000,
        "end": "complete",
        "chars": 11,
        "tokens": 3,
    }
    sums = journal.state().sums
    assert (sums.calls, sums.calls_ms, sums.longest_ms, sums.first_texts_ms) == (1, 2_000, 2_000, 700)


def test_joints_retries_and_failures_carry_their_reasons():
    clock = Clock()
    journal = Journal(clock)
    asked(journal, has_before=True)
    journal.text_came(0)
    journal.end_call(0, Finish(reason=FinishReason.COMPLETE), BadSeam("it begins elsewhere"))
    limited = RateLimited("too many calls", retry_after_s=8)
    limited.status = 429
    asked(journal)
    journal.end_call(0, Finish(reason=FinishReason.INTERRUPTED), limited)
    journal.retry(0, limited, wait_s=8.04, attempt=2, of=6)
    asked(journal)
    journal.end_call(0, Finish(reason=FinishReason.INTERRUPTED), ProviderUnavailable("broke off"))
    asked(journal)
    journal.end_call(0, Finish(reason=FinishReason.INTERRUPTED), Stopped())
    events = journal.state().events
    assert [event["end"] for event in events if event["k"] == "answer"] == [
        "bad_seam",
        "rate_limited",
        "provider_error",
        "stopped",
    ]
    assert [event["k"] for event in events][:2] == ["call", "seam"]
    (retry,) = (event for event in events if event["k"] == "retry")
    assert (retry["status"], retry["wait_s"], retry["attempt"], retry["cause"]) == (429, 8.0, 2, "rate limited")
    assert journal.state().sums.retries == 1


def test_long_claim_keeps_its_first_and_last_events_and_counts_all():
    journal = Journal(Clock())
    for _ in range(1_000):
        asked(journal)
        journal.end_call(0, Finish(reason=FinishReason.TRUNCATED), None)
    journal.end("paused", "turns_exhausted")
    state = journal.state()
    assert len(state.events) == FIRST_KEPT + LAST_KEPT
    assert state.left_out == 2_001 - FIRST_KEPT - LAST_KEPT
    assert state.sums.calls == 1_000
    assert state.events[0]["n"] == 1
    assert state.events[-1]["status"] == "paused"


def test_thinking_is_one_event_however_often_it_is_told():
    journal = Journal(Clock())
    for seconds in (5.0, 10.0, 15.2):
        journal.thinks(0, seconds)
    (event,) = journal.state().events
    assert event["seconds"] == 15


def test_prompts_are_kept_only_where_asked_for_and_only_once():
    without, journal = Journal(Clock()), Journal(Clock(), kept_prompts=2)
    for one in (without, journal):
        for _ in range(3):
            asked(one)
    assert without.state().prompts == ()
    state = journal.state()
    assert [prompt.number for prompt in state.prompts] == [2, 3]
    asked(journal)
    journal.saved(state)
    assert [prompt.number for prompt in journal.state().prompts] == [4]
    assert "secret lamp" not in str(journal.state().events)


def test_state_that_is_saved_is_no_news_until_something_happens():
    journal = Journal(Clock())
    assert not journal.is_unsaved
    journal.sums.flushes += 1
    state = journal.state()
    assert journal.is_unsaved
    journal.sums.flushes += 1
    journal.saved(state)
    assert journal.is_unsaved
    journal.saved(journal.state())
    assert not journal.is_unsaved


def test_flushes_alone_are_no_news():
    journal = Journal(Clock())
    journal.sums.flushes += 1
    assert not journal.has_news
    journal.begin_section(0)
    assert journal.has_news
    journal.saved(journal.state())
    assert not journal.has_news


def test_secrets_and_what_looks_like_one_are_taken_out_and_the_rest_stays():
    text = "Use sk-abcdefghij1234567890XYZ at https://me:word@example.org/ with our-own-secret, on 27 November."
    assert redacted(text, ["our-own-secret", ""]) == (
        f"Use {HIDDEN} at https://{HIDDEN}example.org/ with {HIDDEN}, on 27 November."
    )
    assert redacted_tree({"a": ["our-own-secret", 3, None]}, ["our-own-secret"]) == {"a": [HIDDEN, 3, None]}


def test_commit_that_kept_text_back_is_told():
    clock = Clock()
    journal = Journal(clock)
    clock.ms = 48_000
    journal.commit_waited(46.5)
    (event,) = journal.state().events
    assert event == {"t": 48_000, "k": "database", "ms": 46_500}
    assert event_words(event, "") == "The database took text only after 46.5 s"
