"""How long the loop waits: for a model that thinks, for an endpoint that is away, as long as a server says.

No time passes: the clock is the test's, and moves when the model or the loop wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from generation.errors import (
    AuthFailed,
    ModelNotFound,
    ProviderAway,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    RateLimited,
    ThoughtTooLong,
)
from generation.providers.base import Finish, FinishReason, Item, Life, Piece
from generation.writing.continuation import Continuation, Outcome, continue_if_truncated
from generation.writing.patience import TELL_EVERY_S, Limits, Patience, Silences
from generation.writing.retries import AWAY_CAP_S, RetryPolicy

pytestmark = pytest.mark.asyncio

THOUGHT = Life(is_thinking=True)
SIGN = Life()
COMPLETE = Finish(reason=FinishReason.COMPLETE)
TRUNCATED = Finish(reason=FinishReason.TRUNCATED)
AWAY = ProviderAway("Nothing answers at host:1.")

Step = float | str | Life | Finish | ProviderError
"""Seconds that pass, or what comes then."""


@dataclass
class World:
    """A model that plays the next script at each call, the last one again and again, and everything the loop told."""

    scripts: list[list[Step]]
    now_s: float = 1_000.0
    calls_at_s: list[float] = field(default_factory=list)
    waits: list[tuple[float, str]] = field(default_factory=list)
    thinking: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    before_call: Callable[[], None] = lambda: None

    @asynccontextmanager
    async def complete(self, _text: str, _max_tokens: int, _call: str) -> AsyncIterator[AsyncIterator[Item]]:
        self.calls_at_s.append(self.now_s)
        yield self._answer(self.scripts[min(len(self.calls_at_s), len(self.scripts)) - 1])

    async def _answer(self, script: list[Step]) -> AsyncIterator[Item]:
        for step in script:
            match step:
                case float():
                    self.now_s += step
                case str():
                    yield Piece(text=step)
                case Life() | Finish():
                    yield step
                case error:
                    raise error

    async def on_wait(self, seconds: float, error: ProviderError, _attempt: int, _of: int) -> None:
        self.waits.append((seconds, error.cause))

    async def on_thinking(self, seconds: float) -> None:
        self.thinking.append(seconds)
        self.told.append("thinks")

    async def on_chunk(self, chunk: str) -> None:
        self.told.append(chunk)

    async def on_call(self) -> None:
        self.before_call()

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    async def run(self, **options: object) -> Continuation:
        return await continue_if_truncated(
            self.complete,
            lambda *_: None,
            on_chunk=self.on_chunk,
            on_wait=self.on_wait,
            on_thinking=self.on_thinking,
            on_call=self.on_call,
            stop=self.stop,
            clock=lambda: self.now_s,
            sleep=self.sleep,
            random=lambda: 0.5,
            **options,
        )


def thinking_for(seconds: int) -> list[Step]:
    """A thought each second."""
    return [step for _ in range(seconds) for step in (1.0, THOUGHT)]


# Thinking


async def test_thinking_longer_than_the_limits_on_silence_is_waited_for():
    world = World([[*thinking_for(300), "At last.", COMPLETE]])
    result = await world.run(limits=Limits(first_piece_s=60, stall_s=30))
    assert (result.outcome, result.text, len(world.calls_at_s)) == (Outcome.COMPLETE, "At last.", 1)


async def test_thinking_is_told_at_once_and_then_at_a_calm_rate():
    world = World([[*thinking_for(35), "Text.", COMPLETE]])
    await world.run()
    assert world.thinking == [1, 11, 21, 31]
    assert world.told == ["thinks"] * 4 + ["Text."]


async def test_thinking_between_pieces_counts_from_the_last_text():
    world = World([["One. ", *thinking_for(12), "Two.", *thinking_for(2), COMPLETE]])
    await world.run()
    assert world.told == ["One. ", "thinks", "thinks", "Two.", "thinks"]
    assert world.thinking == [1, 11, 1]


async def test_thinking_past_its_limit_ends_with_a_sentence_and_is_not_paid_twice():
    world = World([[*thinking_for(700), "Too late.", COMPLETE]])
    result = await world.run(limits=Limits(thinking_s=600))
    assert (result.outcome, result.reason, result.text) == (Outcome.LIMITED, "no_progress", "")
    assert "600 s" in result.detail
    assert "STREAMGEN_THINKING_SECONDS" in result.detail
    assert (len(world.calls_at_s), world.waits, world.now_s) == (1, [], 1_600)


async def test_text_begins_the_time_for_thinking_anew():
    world = World([[*thinking_for(500), "One. ", *thinking_for(500), "Two.", COMPLETE]])
    result = await world.run(limits=Limits(thinking_s=600))
    assert (result.outcome, result.text) == (Outcome.COMPLETE, "One. Two.")


async def test_text_before_a_thought_that_was_too_long_is_kept():
    world = World([["Kept. ", *thinking_for(11)]])
    result = await world.run(limits=Limits(thinking_s=10))
    assert (result.reason, result.text) == ("no_progress", "Kept. ")


async def test_life_that_is_no_thought_is_life_and_tells_nothing():
    world = World([[*[step for _ in range(100) for step in (5.0, SIGN)], "Text.", COMPLETE]])
    result = await world.run(limits=Limits(first_piece_s=10, stall_s=10))
    assert (result.outcome, world.thinking) == (Outcome.COMPLETE, [])


async def test_signs_of_life_for_ever_have_an_end_too():
    world = World([[5.0, SIGN] * 1_000])
    result = await world.run(limits=Limits(thinking_s=600))
    assert (result.reason, len(world.calls_at_s)) == ("no_progress", 1)
    assert "thought" not in result.detail


async def test_silence_after_a_thought_ends_by_the_limit_on_silence():
    now_s = [0.0]
    patience = Patience(Limits(first_piece_s=60, stall_s=30, thinking_s=600), is_whole=False, now_s=lambda: now_s[0])
    assert patience.left_s() == 60
    now_s[0] = 50
    assert patience.life_came(THOUGHT) == 50
    assert patience.left_s() == 60
    now_s[0] = 580
    assert patience.left_s() == 20
    patience.text_came()
    assert patience.left_s() == 30
    failure = patience.failure()
    assert isinstance(failure, ProviderUnavailable)
    assert failure.retryable
    assert "STREAMGEN_STALL_SECONDS" in failure.detail


def waits_of(limits: Limits, *, accepted: bool = False, most: int = 10) -> list[float]:
    """How long each call waits for a model that says nothing, until it is not asked again."""
    waits: list[float] = []
    while len(waits) < most:
        patience = Patience(limits, is_whole=False, now_s=lambda: 0.0)
        if accepted:
            assert patience.life_came(Life(is_accepted=True)) is None
        waits.append(patience.left_s())
        if isinstance(patience.failure(), ThoughtTooLong):
            break
    return waits


@pytest.mark.parametrize(
    ("limits", "accepted", "waits"),
    [
        ({}, False, [60, 120, 240, 600]),
        ({}, True, [120, 480, 600]),
        ({"thinking_s": 3_600}, False, [60, 120, 240, 480, 960, 3_600]),
        ({"first_piece_s": 600}, False, [600, 600]),
        ({"first_piece_s": 900}, True, [900, 900]),
    ],
)
async def test_silent_model_gets_more_time_with_each_call(limits, accepted, waits):
    assert waits_of(Limits(**limits), accepted=accepted) == waits


async def test_what_a_silent_model_needs_is_known_for_its_next_calls():
    now_s, silences = [0.0], Silences()

    def patience(model: str = "slow") -> Patience:
        limits = Limits(first_piece_s=60, silence=silences.of(model))
        return Patience(limits, is_whole=False, now_s=lambda: now_s[0])

    patience().failure()
    slow = patience()
    assert (slow.left_s(), patience("other").left_s()) == (120, 60)
    slow.life_came(SIGN)  # says that it is there, and then nothing: the silence between is what counts
    now_s[0] += 100
    slow.text_came()
    patience().text_came()
    assert patience().left_s() == 120, "a quick answer does not take back what a slow one has shown"


async def test_endpoint_that_only_hung_once_gets_no_more_time_afterwards():
    silences = Silences()
    limits = Limits(first_piece_s=60, silence=silences.of("m"))
    Patience(limits, is_whole=False, now_s=lambda: 0.0).failure()
    Patience(limits, is_whole=False, now_s=lambda: 0.0).text_came()
    assert Patience(limits, is_whole=False, now_s=lambda: 0.0).left_s() == 60


async def test_whole_answers_get_the_time_of_a_first_piece_and_a_pause():
    patience = Patience(Limits(first_piece_s=60, stall_s=30), is_whole=True, now_s=lambda: 0.0)
    assert patience.left_s() == 90
    assert "STREAMGEN_FIRST_PIECE_SECONDS" in str(patience.failure())


async def test_thought_is_over_at_its_limit_even_where_events_never_pause():
    now_s = [0.0]
    patience = Patience(Limits(thinking_s=2 * TELL_EVERY_S), is_whole=False, now_s=lambda: now_s[0])
    assert patience.life_came(THOUGHT) == 0
    assert patience.life_came(THOUGHT) is None
    now_s[0] = 2 * TELL_EVERY_S
    with pytest.raises(ThoughtTooLong):
        patience.life_came(SIGN)


# Waits that the endpoint names


@pytest.mark.parametrize(
    "error",
    [RateLimited("Too many.", retry_after_s=40), ProviderUnavailable("Busy.", retry_after_s=40)],
    ids=["429", "503"],
)
async def test_named_wait_is_kept_in_full_wherever_it_comes_from(error):
    world = World([[error], ["Done.", COMPLETE]])
    result = await world.run()
    assert (result.outcome, result.text) == (Outcome.COMPLETE, "Done.")
    assert world.calls_at_s[1] - world.calls_at_s[0] >= 40
    assert world.waits == [(pytest.approx(40.5), error.cause)]


async def test_named_waits_are_not_counted_against_the_attempts():
    world = World([*[[RateLimited("Too many.", retry_after_s=40)]] * 10, ["Done.", COMPLETE]])
    result = await world.run(policy=RetryPolicy(attempts=2))
    assert (result.outcome, len(world.calls_at_s)) == (Outcome.COMPLETE, 11)


async def test_named_waits_end_with_the_time_for_an_outage():
    world = World([[RateLimited("Too many.", retry_after_s=40)]])
    result = await world.run(policy=RetryPolicy(outage_s=300))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "rate_limited")
    assert result.detail.startswith("Too many.")
    assert "STREAMGEN_OUTAGE_SECONDS" in result.detail
    assert 300 <= world.now_s - 1_000 < 345


async def test_short_named_waits_for_ever_do_not_become_a_storm():
    world = World([[RateLimited("Too many.", retry_after_s=0.02)]])
    await world.run(policy=RetryPolicy(outage_s=900))
    assert len(world.calls_at_s) < 100


async def test_rate_limit_that_names_no_wait_is_bounded_by_the_attempts():
    world = World([[RateLimited("Too many.")]])
    result = await world.run(policy=RetryPolicy(attempts=4))
    assert (result.reason, len(world.calls_at_s)) == ("rate_limited", 4)


# An endpoint that is away


async def test_endpoint_that_is_away_is_waited_for_by_time_and_not_by_attempts():
    world = World([*[[AWAY]] * 40, ["Back.", COMPLETE]])
    result = await world.run(policy=RetryPolicy(attempts=3, outage_s=900))
    assert (result.outcome, result.text) == (Outcome.COMPLETE, "Back.")
    assert 300 < world.now_s - 1_000 < 900
    assert {cause for _, cause in world.waits} == {"the endpoint does not answer"}
    assert max(seconds for seconds, _ in world.waits) <= AWAY_CAP_S


async def test_outage_ends_on_time_with_the_sentence_of_the_error():
    world = World([[5.0, AWAY]])
    result = await world.run(policy=RetryPolicy(outage_s=120))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "provider_error")
    assert result.detail.startswith(AWAY.detail)
    assert "STREAMGEN_OUTAGE_SECONDS" in result.detail
    assert 120 <= world.now_s - 1_005 <= 125


async def test_outage_in_the_middle_of_a_text_goes_on_where_it_ended():
    world = World([["One ", ProviderUnavailable("dropped")], *[[AWAY]] * 20, ["two.", COMPLETE]])
    result = await world.run(policy=RetryPolicy(attempts=3))
    assert (result.outcome, result.text) == (Outcome.COMPLETE, "One two.")


async def test_trouble_of_an_endpoint_that_comes_back_is_not_counted_with_its_absence():
    world = World([*[[AWAY]] * 20, [ProviderUnavailable("500")], ["Back.", COMPLETE]])
    result = await world.run(policy=RetryPolicy(attempts=3))
    assert (result.outcome, len(world.calls_at_s)) == (Outcome.COMPLETE, 22)


async def test_endpoint_that_flaps_between_absence_and_trouble_is_given_up():
    world = World([script for _ in range(50) for script in ([AWAY], [ProviderUnavailable("500")])])
    result = await world.run(policy=RetryPolicy(attempts=3))
    assert (result.outcome, len(world.calls_at_s)) == (Outcome.FAILED, 6)


async def test_new_text_begins_the_time_for_an_outage_anew():
    flapping = [[*[[AWAY]] * 10, [f"{word} ", ProviderUnavailable("dropped")]] for word in "abcde"]
    world = World([*(script for scripts in flapping for script in scripts), ["end.", COMPLETE]])
    result = await world.run(policy=RetryPolicy(outage_s=200))
    assert (result.outcome, result.text) == (Outcome.COMPLETE, "a b c d e end.")
    assert world.now_s - 1_000 > 300


@pytest.mark.parametrize("refusal", [AuthFailed("no"), ModelNotFound("no"), ProviderRefused("no credit")])
async def test_refusals_end_at_once_also_after_an_outage(refusal):
    world = World([[AWAY], [AWAY], [refusal]])
    result = await world.run()
    assert (result.outcome, result.reason, len(world.calls_at_s)) == (Outcome.FAILED, refusal.reason, 3)


async def test_outage_does_not_outlast_the_time_for_the_document():
    world = World([[AWAY]])
    result = await world.run(limits=Limits(deadline=1_100))
    assert result.reason == "deadline"
    assert AWAY.detail in result.detail
    assert world.now_s <= 1_100


async def test_waiting_tasks_do_not_come_back_together():
    dice = [number / 100 for number in range(100)]
    waits = sorted(RetryPolicy().wait_s(AWAY, 10, lambda die=die: die) for die in dice)
    assert waits[-1] - waits[0] > AWAY_CAP_S / 3
    assert waits[0] >= AWAY_CAP_S / 3


# Before each call


async def test_call_is_not_made_where_the_question_before_it_stops_the_work():
    world = World([["One ", TRUNCATED]])
    world.before_call = lambda: world.stop.set() if len(world.calls_at_s) == 2 else None
    result = await world.run()
    assert (result.outcome, result.text, len(world.calls_at_s)) == (Outcome.STOPPED, "One One ", 2)


async def test_question_comes_before_every_call_also_before_a_repeated_one():
    asked: list[int] = []
    world = World([[AWAY], ["One ", TRUNCATED], [ProviderUnavailable("x")], ["two.", COMPLETE]])
    world.before_call = lambda: asked.append(len(world.calls_at_s))
    await world.run()
    assert asked == [0, 1, 2, 3]
