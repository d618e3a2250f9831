"""The loop of turns: how it ends, what it hands over, what it waits for. The model is a script, all else is real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.errors import AuthFailed, ModelNotFound, ProviderError, ProviderUnavailable, RateLimited, StreamRefused
from generation.providers.base import Finish, FinishReason, Piece, Usage
from generation.writing.continuation import Continuation, Limits, Outcome, continue_if_truncated
from generation.writing.retries import RetryPolicy
from tests.support.limits import WAIT_S

pytestmark = pytest.mark.asyncio

COMPLETE = Finish(reason=FinishReason.COMPLETE)
TRUNCATED = Finish(reason=FinishReason.TRUNCATED)
AT_ONCE = RetryPolicy(attempts=3, base_s=0, cap_s=0)


@dataclass
class Reply:
    """Pieces, then a finish or an error; `hangs` waits for ever after the pieces instead."""

    pieces: tuple[str, ...] = ()
    finish: Finish | None = COMPLETE
    error: Exception | None = None
    hangs: bool = False


def says(*pieces: str, finish: Finish | None = COMPLETE, error: Exception | None = None, hangs: bool = False) -> Reply:
    return Reply(pieces=pieces, finish=finish, error=error, hangs=hangs)


@dataclass
class Model:
    """Answers each call with the next reply, the last one again and again."""

    replies: list[Reply]
    calls: list[tuple[str, int, str]] = field(default_factory=list)
    open_calls: int = 0
    silence: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def complete(self, text: str, max_tokens: int, call: str) -> AsyncIterator[AsyncIterator[Piece | Finish]]:
        self.calls.append((text, max_tokens, call))
        self.open_calls += 1
        try:
            yield self._answer(self.replies[min(len(self.calls), len(self.replies)) - 1])
        finally:
            self.open_calls -= 1

    async def _answer(self, reply: Reply) -> AsyncIterator[Piece | Finish]:
        for piece in reply.pieces:
            yield Piece(text=piece)
        if reply.hangs:
            self.silence.set()
            await asyncio.Event().wait()
        if reply.error is not None:
            raise reply.error
        if reply.finish is not None:
            yield reply.finish


@dataclass
class Book:
    """Everything the callbacks were given."""

    chunks: list[str] = field(default_factory=list)
    turns: list[tuple[int, str, str, FinishReason]] = field(default_factory=list)
    waits: list[tuple[float, str, int, int]] = field(default_factory=list)

    async def on_chunk(self, chunk: str) -> None:
        assert chunk
        self.chunks.append(chunk)

    async def on_turn(self, turn: int, delta: str, aggregated: str, finish: Finish) -> None:
        self.turns.append((turn, delta, aggregated, finish.reason))

    async def on_wait(self, seconds: float, error: ProviderError, attempt: int, of: int) -> None:
        self.waits.append((seconds, error.reason, attempt, of))


async def write(*replies: Reply, **options: object) -> tuple[Continuation, Book, Model]:
    model, book = Model(list(replies)), Book()
    result = await run(model, book, **options)
    return result, book, model


async def run(model: Model, book: Book, **options: object) -> Continuation:
    given_options = {"policy": AT_ONCE, "on_chunk": book.on_chunk, "on_wait": book.on_wait, **options}
    result = await continue_if_truncated(model.complete, book.on_turn, **given_options)
    assert model.open_calls == 0
    assert str(options.get("text", "")) + "".join(book.chunks) == result.text
    assert (result.reason == "") == (result.outcome in (Outcome.COMPLETE, Outcome.STOPPED))
    assert bool(result.detail) == bool(result.reason)
    return result


def usage(completion: int) -> Usage:
    return Usage(prompt_tokens=10, completion_tokens=completion)


# How it ends


async def test_complete_ends_the_section():
    result, book, _ = await write(says("Two ", "words"))
    assert (result.outcome, result.text, result.turns) == (Outcome.COMPLETE, "Two words", 1)
    assert book.chunks == ["Two ", "words"]
    assert book.turns == [(1, "Two words", "Two words", FinishReason.COMPLETE)]


async def test_truncated_turns_are_glued_exactly_as_they_came():
    result, book, model = await write(
        says("## A\n\nThe fi", finish=TRUNCATED), says("rst\n", finish=TRUNCATED), says("\n- b")
    )
    assert result.text == "## A\n\nThe first\n\n- b"
    assert [text for text, _, _ in model.calls] == ["", "## A\n\nThe fi", "## A\n\nThe first\n"]
    assert [(turn, delta) for turn, delta, _, _ in book.turns] == [(1, "## A\n\nThe fi"), (2, "rst\n"), (3, "\n- b")]
    assert [aggregated for _, _, aggregated, _ in book.turns][-1] == result.text


async def test_on_turn_may_be_a_plain_function():
    seen: list[int] = []
    await continue_if_truncated(Model([says("x")]).complete, lambda turn, *_: seen.append(turn))
    assert seen == [1]


async def test_endless_truncation_ends_as_turns_exhausted():
    result, _, model = await write(says("more ", finish=TRUNCATED), max_turns=4)
    assert (result.outcome, result.reason, result.text) == (Outcome.LIMITED, "turns_exhausted", "more " * 4)
    assert len(model.calls) == 4


async def test_endless_truncation_ends_as_tokens_exhausted_when_the_budget_is_smaller():
    reply = says("more ", finish=Finish(reason=FinishReason.TRUNCATED, usage=usage(40)))
    result, _, model = await write(reply, budget_tokens=100, max_turns=99)
    assert (result.outcome, result.reason) == (Outcome.LIMITED, "tokens_exhausted")
    assert (len(model.calls), result.tokens, result.tokens_estimated) == (3, 120, 0)


async def test_text_that_repeats_itself_is_not_taken_for_an_echo():
    result, _, _ = await write(says("the same words ", finish=TRUNCATED), max_turns=4)
    assert (result.reason, result.text) == ("turns_exhausted", "the same words " * 4)


async def test_no_budget_makes_no_call():
    result, _, model = await write(says("x"), budget_tokens=0)
    assert (result.reason, model.calls) == ("tokens_exhausted", [])


async def test_completion_on_the_last_turn_is_success():
    result, _, _ = await write(says("a ", finish=TRUNCATED), says("b"), max_turns=2)
    assert result.outcome is Outcome.COMPLETE


@pytest.mark.parametrize("empty", ["", " \n"])
async def test_complete_without_text_is_asked_once_more(empty):
    pieces = (empty,) if empty else ()
    result, _, model = await write(says(*pieces), says("At last."))
    assert (result.outcome, len(model.calls)) == (Outcome.COMPLETE, 2)


async def test_complete_without_text_twice_is_no_progress():
    result, book, model = await write(says())
    assert (result.outcome, result.reason, len(model.calls)) == (Outcome.LIMITED, "no_progress", 2)
    assert [turn for turn, *_ in book.turns] == [1, 2]


async def test_empty_answer_after_text_ends_the_section():
    result, _, _ = await write(says("Text.", finish=TRUNCATED), says())
    assert (result.outcome, result.text) == (Outcome.COMPLETE, "Text.")


@pytest.mark.parametrize(
    "begun", ["It is lit, and ", "It is lit,", "It burns with ", "灯每十秒转一圈，", "Oil.\n\n- ", "Lit:"]
)
async def test_empty_answer_within_a_sentence_is_no_end(begun):
    result, _, model = await write(says(begun, finish=TRUNCATED), says())
    assert (result.outcome, result.reason, len(model.calls)) == (Outcome.LIMITED, "no_progress", 3)
    assert result.text.rstrip() == begun.rstrip()
    result, _, _ = await write(says(begun, finish=TRUNCATED), says(), says(f"{begun} it is seen."))
    assert result.outcome is Outcome.COMPLETE


@pytest.mark.parametrize("whole", ["- Oil", "Oil of Brand", "| Oil | 3 |", "```\nx = 1\n```", "油"])
async def test_empty_answer_behind_what_may_be_an_end_ends_the_section(whole):
    result, _, _ = await write(says(whole, finish=TRUNCATED), says())
    assert (result.outcome, result.text) == (Outcome.COMPLETE, whole)


async def test_truncated_with_nothing_new_twice_is_no_progress():
    result, _, model = await write(says("Text", finish=TRUNCATED), says(finish=TRUNCATED))
    assert (result.outcome, result.reason, result.text) == (Outcome.LIMITED, "no_progress", "Text")
    assert len(model.calls) == 3


async def test_hidden_reasoning_gets_one_larger_turn():
    thinking = says(finish=Finish(reason=FinishReason.TRUNCATED, usage=usage(300), reasoned=True))
    result, _, model = await write(thinking, says("Said."), delivery="turns", turn_tokens=300, budget_tokens=900)
    assert [max_tokens for _, max_tokens, _ in model.calls] == [300, 1200]
    assert (result.outcome, result.text) == (Outcome.COMPLETE, "Said.")


async def test_hidden_reasoning_twice_says_what_happened():
    thinking = says(finish=Finish(reason=FinishReason.TRUNCATED, usage=usage(900), reasoned=True))
    result, _, model = await write(thinking, delivery="stream", budget_tokens=900)
    assert [max_tokens for _, max_tokens, _ in model.calls] == [900, 3600]
    assert result.reason == "no_progress"
    assert "reasoning" in result.detail


async def test_filtered_answer_keeps_its_text_and_is_not_retried():
    result, book, model = await write(says("Half ", finish=Finish(reason=FinishReason.FILTERED)))
    assert (result.outcome, result.reason, result.text) == (Outcome.FAILED, "filtered", "Half ")
    assert (len(model.calls), book.waits) == (1, [])


async def test_tool_call_is_a_provider_error():
    result, _, _ = await write(says(finish=Finish(reason=FinishReason.TOOL)))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "provider_error")
    assert "tool" in result.detail


# Trouble


async def test_rate_limit_is_waited_for_and_shown():
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    result, book, _ = await write(
        says(error=RateLimited("slow down", retry_after_s=8)), says("Done."), sleep=sleep, random=lambda: 0.0
    )
    assert (result.outcome, result.text) == (Outcome.COMPLETE, "Done.")
    assert book.waits == [(8.0, "rate_limited", 2, 3)]
    assert waited == [8.0]


async def test_exhausted_retries_end_with_the_reason_of_the_error():
    result, book, model = await write(says(error=RateLimited("Too many requests.")))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "rate_limited")
    assert result.detail.startswith("Too many requests.")
    assert "3 times" in result.detail
    assert (len(model.calls), [attempt for _, _, attempt, _ in book.waits]) == (3, [2, 3])


@pytest.mark.parametrize("error", [AuthFailed("Check the key."), ModelNotFound("No such model.")])
async def test_refusal_ends_at_once(error):
    result, book, model = await write(says("kept ", finish=TRUNCATED), says(error=error))
    assert (result.outcome, result.reason, result.detail) == (Outcome.FAILED, error.reason, error.detail)
    assert (result.text, len(model.calls), book.waits) == ("kept ", 2, [])


async def test_new_text_resets_the_attempts():
    words = ["one ", "two ", "three ", "four ", "five "]
    broken = [says(word, error=ProviderUnavailable("dropped")) for word in words]
    result, book, model = await write(*broken, says("end"), max_turns=20)
    assert (result.outcome, result.text) == (Outcome.COMPLETE, "one two three four five end")
    assert [attempt for _, _, attempt, _ in book.waits] == [2] * 5
    assert [text for text, _, _ in model.calls] == ["".join(words[:count]) for count in range(6)]


async def test_broken_calls_with_text_are_bounded_by_the_turns():
    words = [f"{number}. " for number in range(20)]
    result, _, model = await write(*(says(word, error=ProviderUnavailable("dropped")) for word in words), max_turns=7)
    assert (result.reason, len(model.calls)) == ("turns_exhausted", 7)


@pytest.mark.parametrize("finish", [None, Finish(reason=FinishReason.INTERRUPTED), Finish(reason=FinishReason.ERROR)])
async def test_missing_finish_is_never_complete(finish):
    result, book, _ = await write(says("Half a sen", finish=finish), says("tence."))
    assert (result.outcome, result.text) == (Outcome.COMPLETE, "Half a sentence.")
    assert book.turns[0] == (
        1,
        "Half a sen",
        "Half a sen",
        FinishReason.INTERRUPTED if finish is None else finish.reason,
    )
    assert len(book.waits) == 1


async def test_silence_between_pieces_is_a_retry():
    result, book, _ = await write(says("Half ", hangs=True), says("whole."), limits=Limits(stall_s=0.01))
    assert (result.outcome, result.text) == (Outcome.COMPLETE, "Half whole.")
    assert book.waits[0][1] == "provider_error"


async def test_silence_before_the_first_piece_ends_after_all_attempts():
    result, _, model = await write(says(hangs=True), limits=Limits(first_piece_s=0.01))
    assert (result.outcome, result.reason, len(model.calls)) == (Outcome.FAILED, "provider_error", 3)
    assert "sent nothing" in result.detail


async def test_whole_answers_get_the_time_of_a_first_piece_and_a_pause():
    result, _, _ = await write(
        says(hangs=True),
        delivery="turns",
        limits=Limits(first_piece_s=0.01, stall_s=0.02),
        policy=RetryPolicy(attempts=1),
    )
    assert "0.03 s" in result.detail


async def test_what_a_callback_raises_passes_after_the_call_is_closed():
    model = Model([says("a", "b")])

    async def on_chunk(_: str) -> None:
        raise RuntimeError("disk")

    with pytest.raises(RuntimeError, match="disk"):
        await continue_if_truncated(model.complete, lambda *_: None, on_chunk=on_chunk)
    assert model.open_calls == 0


async def test_another_timeout_error_is_not_taken_for_ours():
    with pytest.raises(TimeoutError, match="not ours"):
        await write(says(error=TimeoutError("not ours")))


# Delivery


async def test_stream_asks_for_the_whole_budget_and_turns_for_one_turn():
    for delivery, expected in (("stream", [1000, 760]), ("turns", [300, 300])):
        reply = says("some ", finish=Finish(reason=FinishReason.TRUNCATED, usage=usage(240)))
        _, _, model = await write(reply, says("text"), delivery=delivery, turn_tokens=300, budget_tokens=1000)
        assert [max_tokens for _, max_tokens, _ in model.calls] == expected


async def test_last_turn_asks_for_no_more_than_is_left():
    reply = says("some ", finish=Finish(reason=FinishReason.TRUNCATED, usage=usage(250)))
    _, _, model = await write(reply, delivery="turns", turn_tokens=300, budget_tokens=600)
    assert [max_tokens for _, max_tokens, _ in model.calls] == [300, 300, 100]


async def test_auto_falls_back_to_turns_for_good_where_streaming_is_refused():
    result, book, model = await write(
        says(error=StreamRefused("no streaming")), says("One ", finish=TRUNCATED), says("two"), delivery="auto"
    )
    assert [call for _, _, call in model.calls] == ["stream", "turns", "turns"]
    assert (result.outcome, result.delivery, book.waits) == (Outcome.COMPLETE, "turns", [])
    assert result.turns == 2


async def test_refused_streaming_is_an_error_where_streaming_was_demanded():
    result, _, model = await write(says(error=StreamRefused("no streaming")), delivery="stream")
    assert (result.outcome, result.reason, len(model.calls)) == (Outcome.FAILED, "provider_error", 1)


# Stop and deadline


async def stopped(model: Model, **options: object) -> tuple[Continuation, Book]:
    """Run until the model is silent, then stop."""
    stop, book = asyncio.Event(), Book()
    task = asyncio.create_task(run(model, book, stop=stop, **options))
    await model.silence.wait()
    stop.set()
    async with asyncio.timeout(WAIT_S):
        return await task, book


async def test_stop_in_the_middle_closes_the_call_and_keeps_every_word():
    result, book = await stopped(Model([says("Kept te", hangs=True)]))
    assert (result.outcome, result.text) == (Outcome.STOPPED, "Kept te")
    assert book.turns == [(1, "Kept te", "Kept te", FinishReason.INTERRUPTED)]


async def test_stop_before_the_first_token_works():
    result, book = await stopped(Model([says(hangs=True)]))
    assert (result.outcome, result.text, book.turns) == (Outcome.STOPPED, "", [])


async def test_stop_hands_over_the_word_that_was_held_back():
    model, book, stop = Model([says("Kept te", hangs=True)]), Book(), asyncio.Event()
    task = asyncio.create_task(run(model, book, stop=stop, mode="reprompt"))
    await model.silence.wait()
    assert book.chunks == ["Kept "]
    stop.set()
    result = await task
    assert (result.text, book.chunks) == ("Kept te", ["Kept ", "te"])


async def test_stop_during_a_wait_ends_the_wait():
    model, book, stop = Model([says("word", error=RateLimited("x", retry_after_s=500))]), Book(), asyncio.Event()

    async def on_wait(*_: object) -> None:
        asyncio.get_running_loop().call_soon(stop.set)

    async with asyncio.timeout(WAIT_S):
        result = await run(model, book, stop=stop, on_wait=on_wait, mode="reprompt")
    assert (result.outcome, result.text, len(model.calls)) == (Outcome.STOPPED, "word", 1)


async def test_stop_that_is_set_makes_no_call():
    stop = asyncio.Event()
    stop.set()
    result, _, model = await write(says("x"), stop=stop, text="before")
    assert (result.outcome, result.text, model.calls) == (Outcome.STOPPED, "before", [])


async def test_stop_never_interrupts_a_chunk_on_its_way():
    stop, done = asyncio.Event(), []

    async def on_chunk(chunk: str) -> None:
        stop.set()
        for _ in range(5):  # a commit takes its time
            await asyncio.sleep(0)
        done.append(chunk)

    result = await continue_if_truncated(
        Model([says("a", "b", "c")]).complete, lambda *_: None, on_chunk=on_chunk, stop=stop
    )
    assert (result.outcome, result.text, done) == (Outcome.STOPPED, "a", ["a"])


async def test_completion_beats_a_stop_that_comes_later():
    stop = asyncio.Event()
    result, _, _ = await write(says("Done."), stop=stop)
    stop.set()
    assert result.outcome is Outcome.COMPLETE


async def test_cancelling_the_task_closes_the_call():
    model, book = Model([says("a", hangs=True)]), Book()
    task = asyncio.create_task(run(model, book))
    await model.silence.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.open_calls == 0


async def test_deadline_cuts_a_silent_call():
    clock = asyncio.get_running_loop().time
    result, _, _ = await write(says("Kept", hangs=True), limits=Limits(deadline=clock() + 0.02), clock=clock)
    assert (result.outcome, result.reason, result.text) == (Outcome.LIMITED, "deadline", "Kept")


async def test_wait_beyond_the_deadline_is_not_begun():
    result, book, _ = await write(
        says(error=RateLimited("Too many requests.", retry_after_s=60)), limits=Limits(deadline=30), clock=lambda: 0.0
    )
    assert (result.reason, book.waits) == ("deadline", [])
    assert "Too many requests." in result.detail


async def test_passed_deadline_makes_no_call():
    result, _, model = await write(says("x"), limits=Limits(deadline=1), clock=lambda: 2.0)
    assert (result.reason, model.calls) == ("deadline", [])


# Tokens


async def test_reported_tokens_are_summed_and_others_estimated_from_the_text_kept():
    result, _, _ = await write(
        says("x" * 40, finish=Finish(reason=FinishReason.TRUNCATED, usage=usage(7), model="m1")),
        says("y" * 41, error=ProviderUnavailable("dropped")),
        says("z" * 8, finish=Finish(reason=FinishReason.COMPLETE, model="m2")),
    )
    assert (result.tokens, result.tokens_estimated, result.model) == (7 + 11 + 2, 13, "m2")


# Reprompt


async def test_reprompt_holds_the_last_word_back_and_asks_for_it_again():
    result, book, model = await write(
        says("The quick bro", finish=TRUNCATED),
        says("brown fox", finish=TRUNCATED),
        says("fox jumps."),
        mode="reprompt",
    )
    assert result.text == "The quick brown fox jumps."
    assert [text for text, _, _ in model.calls] == ["", "The quick ", "The quick brown "]
    assert "".join(delta for _, delta, _, _ in book.turns) == result.text


async def test_reprompt_answer_that_repeats_is_joined_without_doubling():
    result, _, _ = await write(
        says("First sentence here. Second sentence is ", finish=TRUNCATED),
        says("Here is the rest:\n\nSecond sentence is longer."),
        mode="reprompt",
    )
    assert result.text == "First sentence here. Second sentence is longer."


async def test_restart_is_asked_once_more_and_then_ends_as_bad_seam():
    start = "The library lends tools to its neighbours. It is open on three days of every week. "
    result, book, model = await write(says(start, finish=TRUNCATED), says(start[:70]), mode="reprompt")
    assert (result.outcome, result.reason, result.text) == (Outcome.LIMITED, "bad_seam", start)
    assert len(model.calls) == 3
    assert [delta for _, delta, _, _ in book.turns] == [start, "", ""]


async def test_second_answer_after_a_bad_seam_may_be_good():
    start = "The library lends tools to its neighbours. It is open on three days of every "
    result, _, _ = await write(
        says(start, finish=TRUNCATED), says("I'm sorry, I can't."), says("week."), mode="reprompt"
    )
    assert (result.outcome, result.text) == (Outcome.COMPLETE, start + "week.")


@pytest.mark.parametrize("talk", ["There is nothing to add.", "Der Text ist vollständig.", "（没有更多内容）"])
@pytest.mark.parametrize("finish", [None, Finish(reason=FinishReason.INTERRUPTED)])
async def test_talk_after_an_answer_that_broke_off_is_never_appended_and_no_word_is_lost(talk, finish):
    text = "The library lends tools to its neighbours"
    result, _, model = await write(says(text, finish=finish), says(talk), mode="reprompt")
    assert (result.outcome, result.reason, result.text) == (Outcome.LIMITED, "bad_seam", text)
    assert len(model.calls) == 3
    assert "Resume" in result.detail
    assert "STREAMGEN_CONTINUATION=prefill" in result.detail


async def test_copy_and_nothing_else_ends_the_section_with_every_word_that_came():
    text = "The library lends tools to its neighbours"
    result, _, _ = await write(says(text, finish=None), says("The library lends tools to its"), mode="reprompt")
    assert (result.outcome, result.text) == (Outcome.COMPLETE, text)


async def test_line_breaks_are_written_by_the_model_and_committed_once_more_follows():
    begun, whole = "def f():\n    return 1", "def f():\n    return 1\n\n\ndef g():"
    result, _, model = await write(says(f"{begun}\n\n", finish=TRUNCATED), says(whole), mode="reprompt")
    assert model.calls[1][0] == begun
    assert result.text == whole


async def test_only_an_echo_after_text_ends_the_section():
    text = "The library lends tools to its neighbours. "
    result, _, _ = await write(says(text, finish=TRUNCATED), says("tools to its neighbours."), mode="reprompt")
    assert (result.outcome, result.text) == (Outcome.COMPLETE, text)


async def test_long_streamed_answer_flows_once_its_seam_is_known():
    start = "A sentence that was begun in the first turn and "
    words = [f"word{number} " for number in range(400)]
    model, book = Model([says(start, finish=TRUNCATED), says(start, *words, hangs=True)]), Book()
    result, book = await stopped(model, mode="reprompt")
    assert result.text == start + "".join(words)
    assert len(book.chunks) > 250


async def test_head_of_an_answer_that_broke_off_is_kept_only_where_its_seam_is_plain():
    start = "The library lends tools to its neighbours. It is open on three days of every "
    for head, kept in (("It is open on three days of every week and ", "week and "), ("The libr", "")):
        replies = says(start, finish=TRUNCATED), says(head, error=AuthFailed("no"))
        result, _, _ = await write(*replies, mode="reprompt")
        assert result.text == start + kept


# Prefill


async def test_echo_of_the_text_is_stripped_also_when_it_comes_in_pieces():
    text = "A beginning of some length. "
    result, book, _ = await write(
        says(text, finish=TRUNCATED), says(*text, "And its ", "end."), text="", delivery="stream"
    )
    assert result.text == text + "And its end."
    assert book.chunks == [text, "And its ", "end."]


async def test_echo_of_what_the_model_was_shown_is_stripped():
    text = "x" * 50 + "The end that is shown. "
    result, _, _ = await write(says("The end that is shown. More."), text=text, shown=lambda whole: whole[-23:])
    assert result.text == text + "More."


async def test_pieces_stream_at_once_where_they_cannot_be_an_echo():
    model, book = Model([says("Abc", "d", hangs=True)]), Book()
    result, book = await stopped(model, text="Zzz zzz zzz")
    assert book.chunks == ["Abc", "d"]
    assert result.text == "Zzz zzz zzzAbcd"


@settings(max_examples=60)
@given(
    text=st.text(alphabet="ab \n#`-|.", min_size=1, max_size=80),
    cuts=st.lists(st.integers(1, 12), min_size=1, max_size=40),
    piece=st.integers(1, 5),
)
async def test_any_cutting_into_turns_and_pieces_gives_the_same_text(text, cuts, piece):
    if not text.strip():
        text += "x"
    model, book, reach = Model([]), Book(), cut_at(text, cuts, piece)
    model.replies = reach
    result = await run(model, book, max_turns=200, budget_tokens=10_000)
    assert (result.outcome, result.text) == (Outcome.COMPLETE, text)


def cut_at(text: str, cuts: list[int], piece: int) -> list[Reply]:
    """Replies that write the text in turns, none of which looks like an echo of the text before it."""
    replies, at = [], 0
    while at < len(text):
        end = min(len(text), at + cuts[len(replies) % len(cuts)])
        while end < len(text) and text[end:].startswith(text[:end]):
            end += 1
        turn = text[at:end]
        pieces = [turn[start : start + piece] for start in range(0, len(turn), piece)]
        replies.append(says(*pieces, finish=TRUNCATED if end < len(text) else COMPLETE))
        at = end
    return replies
