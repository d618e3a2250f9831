"""Answers that an endpoint keeps: read once, read on, polled, cancelled; over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from generation.errors import AnswerGone, KeepingRefused, ProviderError, ProviderUnavailable, RateLimited
from generation.providers.base import Begun, Finish, FinishReason, Item, KeepsAnswers, Life, Message, Piece, Position
from generation.providers.openai_compatible import call_errors
from generation.providers.openai_compatible.call_errors import Asked, Said
from generation.providers.openai_compatible.client import OpenAICompatible
from generation.providers.openai_compatible.responses.kept_answer import KeptAnswer
from tests.support.endpoint.openai_script import Script
from tests.support.endpoint.responses_server import Keeping, ResponsesServer, keeping

TEXT = (
    "The first sentence stands here. " + "".join(f"Sentence {n} says 重要 and 🌍. " for n in range(40)) + "The end.\n"
)
ASK: list[Message] = [{"role": "system", "content": "Write."}, {"role": "user", "content": "About rivers."}]
WAIT_S = 20.0
pytestmark = pytest.mark.asyncio


@dataclass
class Heard:
    """What came of one call."""

    pieces: list[Piece] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    finish: Finish | None = None
    begun: Position | None = None

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    def take(self, item: Item) -> None:
        if isinstance(item, Piece):
            self.pieces.append(item)
        elif isinstance(item, Life):
            self.lives.append(item)
            self.begun = item.at or self.begun
        else:
            assert self.finish is None, "two finishes"
            self.finish = item

    def left_at(self, pieces: int) -> Begun:
        """The answer as whoever read so many pieces knows it."""
        text, event = "", None
        for piece in self.pieces[:pieces]:
            text += piece.text
            event = piece.at.event if piece.at else None
        assert self.begun
        return Begun(answer=self.begun.answer, event=event, text=text)


@pytest_asyncio.fixture
async def endpoint() -> AsyncIterator[Any]:
    """Starts a server with this text; closes it and its providers."""
    opened: list[Any] = []

    async def open_(how: Keeping | None = None, text: str = TEXT, **options: Any) -> tuple[ResponsesServer, Any]:
        running = keeping(Script(replies=[text]), how)
        server = await running.__aenter__()
        provider = OpenAICompatible(base_url=server.base_url, model="test-model", **options)
        provider._kept.sleep = _quickly
        opened.append((running, provider))
        return server, provider

    yield open_
    for running, provider in opened:
        await provider.aclose()
        await running.__aexit__(None, None, None)


def _hear(payload: object) -> Said:
    return Said(words=call_errors.words(payload))


async def _quickly(_: float) -> None:
    await asyncio.sleep(0.01)


async def read(
    provider: KeepsAnswers,
    begun: Begun | None = None,
    *,
    into: Heard | None = None,
    up_to: int | None = None,
    max_tokens: int = 2_000,
    messages: Sequence[Message] = ASK,
) -> Heard:
    """Read the answer to its end, or up to so many pieces."""
    heard = into or Heard()
    async with asyncio.timeout(WAIT_S):
        async with provider.stream_kept(messages, model="", max_tokens=max_tokens, begun=begun) as items:
            async for item in items:
                heard.take(item)
                if up_to is not None and len(heard.pieces) >= up_to:
                    break
    return heard


async def test_an_answer_comes_in_pieces_with_its_places_and_its_price(endpoint: Any) -> None:
    server, provider = await endpoint()
    heard = await read(provider)
    assert heard.text == TEXT
    assert heard.finish is not None
    assert heard.finish.reason is FinishReason.COMPLETE
    assert heard.finish.usage is not None
    assert heard.finish.usage.completion_tokens > 100
    assert not heard.finish.reasoned
    asked = server.creates[0]
    assert (asked["background"], asked["store"], asked["stream"]) == (True, True, True)
    assert asked["max_output_tokens"] == 2_000
    assert [one["content"] for one in asked["input"]] == ["Write.", "About rivers."]
    events = [piece.at.event for piece in heard.pieces if piece.at]
    assert len(events) == len(heard.pieces)
    assert events == sorted(set(events), key=lambda event: event or 0)


async def test_the_id_is_known_before_any_text(endpoint: Any) -> None:
    server, provider = await endpoint(Keeping(holds_at=0))
    async with provider.stream_kept(ASK, model="", max_tokens=2_000) as items:
        first = await anext(items)
    assert isinstance(first, Life)
    assert first.at == Position(answer="resp_1", event=0)
    assert server.cancels == []  # who leaves does not end the answer
    server.release()
    heard = await read(provider, Begun(answer="resp_1", event=0))
    assert heard.text == TEXT
    assert len(server.creates) == 1


@pytest.mark.parametrize("left_at", [1, 2, 7, 60, 150])
async def test_an_answer_goes_on_after_any_piece(endpoint: Any, left_at: int) -> None:
    server, provider = await endpoint()
    first = await read(provider)
    begun = first.left_at(left_at)
    rest = await read(provider, begun)
    assert begun.text + rest.text == TEXT
    assert server.retrieves == [("resp_1", True, begun.event)]
    assert rest.finish == first.finish
    assert len(server.creates) == 1


async def test_an_answer_whose_last_place_is_unknown_is_read_from_its_beginning(endpoint: Any) -> None:
    server, provider = await endpoint()
    begun = Begun(answer="resp_1", text=(await read(provider)).text[:101])
    rest = await read(provider, begun)
    assert begun.text + rest.text == TEXT
    assert server.retrieves == [("resp_1", True, None)]


async def test_an_answer_that_is_not_the_begun_one_is_gone(endpoint: Any) -> None:
    _, provider = await endpoint()
    await read(provider)
    for begun in (Begun(answer="resp_1", text="Quite another text."), Begun(answer="resp_1", text=TEXT + "And more.")):
        with pytest.raises(AnswerGone):
            await read(provider, begun)


@pytest.mark.parametrize("resumes", ["from the first", "with state", "with empty state", "with text", "empty"])
@pytest.mark.parametrize("left_at", [3, 50])
async def test_however_a_resumed_stream_begins_no_text_comes_twice(endpoint: Any, resumes: str, left_at: int) -> None:
    _, provider = await endpoint(Keeping(resumes=resumes))  # type: ignore[arg-type]
    begun = (await read(provider)).left_at(left_at)
    assert begun.text + (await read(provider, begun)).text == TEXT


@pytest.mark.parametrize("cut", ["close", "reset", "end"])
@pytest.mark.parametrize("cuts", [(1,), (3,), (5, 1, 1, 9), (40,), (7, 100)])
async def test_a_broken_stream_is_read_on(endpoint: Any, cut: str, cuts: tuple[int, ...]) -> None:
    server, provider = await endpoint(Keeping(cut=cut, cuts=cuts))  # type: ignore[arg-type]
    heard, tries = Heard(), 0
    while heard.finish is None and (tries := tries + 1) < 10:
        with suppress(ProviderUnavailable):
            await read(provider, heard.left_at(len(heard.pieces)) if heard.begun else None, into=heard)
    assert heard.text == TEXT
    assert heard.finish is not None
    assert heard.finish.reason is FinishReason.COMPLETE
    assert len(server.creates) == 1


async def test_an_old_answer_is_asked_for_until_it_is_over(endpoint: Any) -> None:
    server, provider = await endpoint(Keeping(holds_at=60))
    first = await read(provider, up_to=20)
    server.later_s = 301
    reading = asyncio.create_task(read(provider, first.left_at(20)))
    while len([one for one in server.retrieves if not one[1]]) < 4:
        await asyncio.sleep(0.005)
    assert len([one for one in server.retrieves if one[1]]) == 1  # refused once, not asked again
    server.release()
    rest = await reading
    assert first.text + rest.text == TEXT
    assert rest.finish is not None
    assert rest.finish.reason is FinishReason.COMPLETE


async def test_an_old_answer_that_shows_its_text_meanwhile_is_read_as_it_grows(endpoint: Any) -> None:
    server, provider = await endpoint(Keeping(holds_at=60, has_text_while_writing=True))
    first = await read(provider, up_to=20)
    await server.until_read(0, 60)
    server.later_s = 301
    rest = await read(provider, first.left_at(20), up_to=1)
    assert len(rest.text) > 100
    assert TEXT.startswith(first.text + rest.text)


@pytest.mark.parametrize("how", [Keeping(queued="until asked"), Keeping(queued="until asked", ignores_stream=True)])
async def test_a_stream_that_ends_while_the_answer_is_queued_is_not_its_end(endpoint: Any, how: Keeping) -> None:
    how = Keeping(queued=how.queued, ignores_stream=how.ignores_stream, cut="end", cuts=(2, 1))
    server, provider = await endpoint(how)
    heard = await read(provider)
    assert heard.text == TEXT
    assert heard.finish is not None
    assert heard.finish.reason is FinishReason.COMPLETE
    assert len(server.creates) == 1


async def test_an_answer_that_stays_in_the_queue_is_given_up_and_cancelled(endpoint: Any) -> None:
    server, provider = await endpoint(Keeping(queued="for ever"), first_piece_s=0.3)
    with pytest.raises(AnswerGone, match=r"waited in the queue there for 0\.3 s"):
        await read(provider)
    assert server.cancels == ["resp_1"]


async def test_an_answer_left_before_its_beginning_may_stay_queued_and_is_given_up(endpoint: Any) -> None:
    server, provider = await endpoint(Keeping(queued="for ever"), first_piece_s=0.3)
    async with provider.stream_kept(ASK, model="", max_tokens=2_000) as items:
        await anext(items)
    with pytest.raises(AnswerGone):
        await read(provider, Begun(answer="resp_1", event=0))
    assert server.cancels == ["resp_1"]


@pytest.mark.parametrize(
    ("ends", "reason"),
    [
        ("completed", FinishReason.COMPLETE),
        ("incomplete max_output_tokens", FinishReason.TRUNCATED),
        ("incomplete max_messages", FinishReason.TRUNCATED),
        ("incomplete content_filter", FinishReason.FILTERED),
        ("failed invalid_prompt flagged by the usage policy", FinishReason.FILTERED),
        ("failed bio_policy no", FinishReason.FILTERED),
    ],
)
@pytest.mark.parametrize("is_old", [False, True])
async def test_how_an_answer_ended(endpoint: Any, ends: str, reason: FinishReason, is_old: bool) -> None:
    server, provider = await endpoint(Keeping(ends=ends))
    if is_old:
        async with provider.stream_kept(ASK, model="", max_tokens=2_000) as items:
            await anext(items)
        server.later_s = 301
    heard = await read(provider, Begun(answer="resp_1", event=0) if is_old else None)
    assert heard.text == TEXT
    assert heard.finish is not None
    assert heard.finish.reason is reason


async def test_the_limit_ends_an_answer_also_where_it_is_called_completed(endpoint: Any) -> None:
    _, provider = await endpoint()
    heard = await read(provider, max_tokens=40)
    assert TEXT.startswith(heard.text)
    assert heard.finish is not None
    assert heard.finish.reason is FinishReason.TRUNCATED
    _, provider = await endpoint(Keeping(ignores_limit=True))
    heard = await read(provider, max_tokens=40)
    assert heard.finish is not None
    assert heard.finish.reason is FinishReason.TRUNCATED


@pytest.mark.parametrize("is_old", [False, True])
@pytest.mark.parametrize(
    ("ends", "kind"),
    [
        ("failed rate_limit_exceeded Rate limit reached. Please try again in 2s.", RateLimited),
        ("failed server_error The model failed.", ProviderUnavailable),
    ],
)
async def test_an_answer_that_failed_is_trouble_and_over(
    endpoint: Any, ends: str, kind: type[ProviderError], is_old: bool
) -> None:
    server, provider = await endpoint(Keeping(ends=ends))
    begun = None
    if is_old:
        async with provider.stream_kept(ASK, model="", max_tokens=2_000) as items:
            await anext(items)
        begun, server.later_s = Begun(answer="resp_1", event=0), 301
    heard = Heard()
    with pytest.raises(kind) as failure:
        await read(provider, begun, into=heard)
    assert failure.value.ends_answer
    assert failure.value.retryable
    assert heard.text == TEXT  # what came before it stays


async def test_an_error_that_did_not_end_the_answer_is_passed_over(endpoint: Any) -> None:
    oops = {9: {"type": "error", "code": "server_error", "message": "one moment"}}
    _, provider = await endpoint(Keeping(extra_events=oops))
    assert (await read(provider)).text == TEXT


async def test_an_error_before_there_is_an_answer_is_trouble(endpoint: Any) -> None:
    answer = KeptAnswer(Asked(place="here", model="m", has_key=False), limit_tokens=100, said=_hear)
    list(answer.feed({"type": "error", "code": "rate_limit_exceeded", "message": "Rate limit reached"}))
    with pytest.raises(RateLimited) as failure:
        answer.finish()
    assert failure.value.ends_answer


async def test_a_cancelled_answer_gives_what_it_kept_and_is_no_success(endpoint: Any) -> None:
    server, provider = await endpoint(Keeping(holds_at=50))
    first = await read(provider, up_to=20)
    await server.until_read(0, 50)
    await provider.cancel("resp_1")
    assert server.cancels == ["resp_1"]
    rest = await read(provider, first.left_at(20))
    assert first.text + rest.text == server.kept["resp_1"].text
    assert len(rest.text) > 50
    assert rest.finish is not None
    assert rest.finish.reason is FinishReason.TRUNCATED


async def test_a_cancelled_answer_that_kept_nothing_ends_where_it_was_left(endpoint: Any) -> None:
    server, provider = await endpoint(Keeping(holds_at=50, keeps_cancelled_text=False))
    first = await read(provider, up_to=20)
    await provider.cancel("resp_1")
    server.later_s = 301
    rest = await read(provider, first.left_at(20))
    assert rest.text == ""
    assert rest.finish is not None
    assert rest.finish.reason is FinishReason.TRUNCATED


async def test_cancelling_is_bounded_and_raises_nothing(endpoint: Any) -> None:
    server, provider = await endpoint()
    await provider.cancel("resp_none")
    await server.stop()
    await provider.cancel("resp_1")


async def test_an_answer_that_is_not_there_is_gone(endpoint: Any) -> None:
    server, provider = await endpoint()
    first = await read(provider, up_to=5)
    server.keeping = Keeping(gone=True)
    with pytest.raises(AnswerGone) as failure:
        await read(provider, first.left_at(5))
    assert failure.value.ends_answer
    assert failure.value.retryable


async def test_an_endpoint_that_is_away_does_not_end_the_answer(endpoint: Any) -> None:
    server, provider = await endpoint()
    first = await read(provider, up_to=5)
    server.is_away = True
    with pytest.raises(ProviderUnavailable) as failure:
        await read(provider, first.left_at(5))
    assert not failure.value.ends_answer
    server.is_away = False
    assert first.text + (await read(provider, first.left_at(5))).text == TEXT


async def test_reasoning_and_commentary_are_life_and_never_text(endpoint: Any) -> None:
    _, provider = await endpoint(Keeping(reasoning="Let me think of it.", commentary="I shall look at the notes."))
    heard = await read(provider)
    assert heard.text == TEXT
    assert sum(life.is_thinking for life in heard.lives) >= 5
    assert heard.finish is not None
    assert heard.finish.reasoned


@pytest.mark.parametrize("as_messages", [False, True])
@pytest.mark.parametrize("only_done", [False, True])
@pytest.mark.parametrize("left_at", [1, 2])
async def test_several_parts_are_one_text(endpoint: Any, as_messages: bool, only_done: bool, left_at: int) -> None:
    _, provider = await endpoint(Keeping(parts=3, as_messages=as_messages, only_done=only_done))
    heard = await read(provider)
    assert heard.text == TEXT
    begun = heard.left_at(left_at)
    assert begun.text + (await read(provider, begun)).text == TEXT


@pytest.mark.parametrize("only_done", [False, True])
@pytest.mark.parametrize("parts", [3, 40])
async def test_messages_that_each_hold_all_so_far_are_one_text(endpoint: Any, only_done: bool, parts: int) -> None:
    server, provider = await endpoint(Keeping(parts=parts, as_messages=True, only_done=only_done, says_all_again=True))
    heard = await read(provider)
    assert heard.text == TEXT
    for left_at in (1, len(heard.pieces) // 2):
        begun = heard.left_at(left_at)
        assert begun.text + (await read(provider, begun)).text == TEXT
    server.later_s = 301
    assert (await read(provider, Begun(answer="resp_1", event=0))).text == TEXT


@pytest.mark.parametrize("left_at", [1, 70])
@pytest.mark.parametrize("numbers", ["by two", "none", "all the same"])
async def test_numbers_that_say_little_lose_and_double_nothing(endpoint: Any, numbers: str, left_at: int) -> None:
    _, provider = await endpoint(Keeping(numbers=numbers))  # type: ignore[arg-type]
    heard = await read(provider)
    assert heard.text == TEXT
    begun = heard.left_at(left_at)
    assert begun.text + (await read(provider, begun)).text == TEXT


@pytest.mark.parametrize("lost", [1, 4, 9, 30, 80])
async def test_an_event_lost_on_the_way_is_fetched(endpoint: Any, lost: int) -> None:
    server, provider = await endpoint(Keeping(loses=lost))
    assert (await read(provider)).text == TEXT
    assert len(server.retrieves) == 1


async def test_events_said_twice_count_once(endpoint: Any) -> None:
    _, provider = await endpoint(Keeping(says_twice=True))
    assert (await read(provider)).text == TEXT


async def test_a_last_state_without_text_takes_nothing_away(endpoint: Any) -> None:
    _, provider = await endpoint(Keeping(final_state_is_empty=True))
    heard = await read(provider)
    assert heard.text == TEXT
    assert heard.finish is not None
    assert heard.finish.reason is FinishReason.COMPLETE


@pytest.mark.parametrize("text", ["🌍👩‍👩‍👧" * 60, "ก็ที่นี่ " * 60, "a" * 500, "| a | b |\n" * 80, "ab\n" * 3, "x"])
async def test_any_script_and_any_repetition_goes_on_exactly(endpoint: Any, text: str) -> None:
    for part in (0.0, 0.1, 0.5, 1.0):
        _, provider = await endpoint(Keeping(piece_tokens=1, resumes="with empty state"), text=text)
        heard = await read(provider)
        assert heard.text == text
        begun = heard.left_at(max(1, int(part * len(heard.pieces))))
        assert begun.text + (await read(provider, begun)).text == text


@pytest.mark.parametrize("goes_on_at", [4, 5, None])
async def test_a_state_that_is_ahead_of_the_pieces_brings_no_text_twice(goes_on_at: int | None) -> None:
    """Its pieces may be said once more, under the numbers they had, or what follows goes on behind it."""
    asked = Asked(place="here", model="m", has_key=False)
    begun = Begun(answer="resp_1", event=3, text="One two ")
    answer = KeptAnswer(asked, limit_tokens=100, said=_hear, begun=begun)
    message = {"type": "message", "content": [{"type": "output_text", "text": "One two three four "}]}
    state = {"id": "resp_1", "status": "in_progress", "output": [message]}
    pieces = ["three ", "four ", "three ", "five"] if goes_on_at == 4 else ["three ", "five"]
    if goes_on_at is None:
        pieces = ["three ", "four ", "three ", "five"]

    items = list(answer.feed({"type": "response.in_progress", "sequence_number": 4, "response": state}))
    for number, piece in enumerate(pieces, goes_on_at or 0):
        event: dict[str, Any] = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0}
        event |= {"delta": piece} if goes_on_at is None else {"delta": piece, "sequence_number": number}
        items += answer.feed(event)

    assert "".join(item.text for item in items if isinstance(item, Piece)) == "three four three five"


async def test_half_characters_in_two_events_become_one_and_no_place_lies_between_them() -> None:
    answer = KeptAnswer(Asked(place="here", model="m", has_key=False), limit_tokens=100, said=_hear)
    events: list[Any] = [{"type": "response.created", "response": {"id": "resp_1", "status": "queued"}}]
    deltas = ["1", "b\ud83c", "\udf0d", "c"]
    events += [{"type": "response.output_text.delta", "delta": delta} for delta in deltas]
    items = [item for number, event in enumerate(events) for item in answer.feed(event | {"sequence_number": number})]
    pieces = [(item.text, item.at and item.at.event) for item in items if isinstance(item, Piece)]
    assert pieces == [("1", 1), ("b", None), ("🌍", 3), ("c", 4)]


async def test_a_refusal_is_filtered_and_no_text(endpoint: Any) -> None:
    _, provider = await endpoint(Keeping(refuses_to_write="I cannot.", text=""))
    heard = await read(provider)
    assert heard.text == ""
    assert heard.finish is not None
    assert heard.finish.reason is FinishReason.FILTERED


async def test_thoughts_in_the_text_are_no_text_however_often_it_is_read(endpoint: Any) -> None:
    _, provider = await endpoint(text="<think>\nLet me see.\n</think>\n\n" + TEXT)
    heard = await read(provider)
    assert heard.text == TEXT
    for left_at in (1, 30):
        begun = heard.left_at(left_at)
        assert begun.text + (await read(provider, begun)).text == TEXT


@pytest.mark.parametrize("status", [400, 403, 404, 405, 422, 501])
async def test_an_endpoint_that_keeps_nothing_is_learned(endpoint: Any, status: int) -> None:
    server, provider = await endpoint(Keeping(refuses=status))
    assert provider.keeps("")
    with pytest.raises(KeepingRefused, match="STREAMGEN_DELIVERY"):
        await read(provider)
    assert not provider.keeps("")
    assert provider.keeps("another-model")
    with pytest.raises(KeepingRefused):
        await read(provider)
    assert len(server.creates) == 1


@pytest.mark.parametrize(
    "body",
    [
        "<!doctype html><title>Welcome</title>",
        '{"choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}]}',
        'data: {"choices": [{"delta": {"content": "Hello."}}]}\n\ndata: [DONE]\n\n',
        "OK",
        "data: nonsense\n\n",
    ],
)
async def test_something_else_that_answers_there_keeps_nothing(endpoint: Any, body: str) -> None:
    _, provider = await endpoint(Keeping(says_instead=body))
    with pytest.raises(KeepingRefused):
        await read(provider)
    assert not provider.keeps("")


async def test_an_error_that_comes_with_200_is_trouble(endpoint: Any) -> None:
    _, provider = await endpoint(Keeping(says_instead='{"error": {"message": "rate limit reached", "code": 429}}'))
    with pytest.raises(RateLimited):
        await read(provider)
    assert provider.keeps("")


async def test_a_refusal_about_something_else_is_the_ordinary_calls_to_explain(endpoint: Any) -> None:
    _, provider = await endpoint(Keeping(refuses=400, refusal="The prompt is too long."))
    with pytest.raises(KeepingRefused):
        await read(provider)
    assert provider.keeps("")


@pytest.mark.parametrize(
    ("status", "kind"), [(429, RateLimited), (500, ProviderUnavailable), (503, ProviderUnavailable)]
)
async def test_trouble_on_asking_is_no_lesson(endpoint: Any, status: int, kind: type[ProviderError]) -> None:
    _, provider = await endpoint(Keeping(refuses=status, refusal="busy"))
    with pytest.raises(kind):
        await read(provider)
    assert provider.keeps("")


async def test_an_endpoint_that_ignores_the_wish_gives_its_text_once_and_is_learned(endpoint: Any) -> None:
    server, provider = await endpoint(Keeping(ignores_background=True))
    heard = await read(provider)
    assert heard.text == TEXT
    assert heard.begun is None
    assert all(piece.at is None for piece in heard.pieces)
    assert not provider.keeps("")
    assert server.retrieves == []


async def test_a_limit_that_is_too_large_is_lowered(endpoint: Any) -> None:
    server, provider = await endpoint(Keeping(refuses=400, refusal="max_output_tokens is too large: at most 4096."))
    with pytest.raises(KeepingRefused):
        await read(provider, max_tokens=2_048)
    assert [asked["max_output_tokens"] for asked in server.creates] == [2_048, 1_024, 512, 256]


async def test_a_prompt_that_is_filtered_is_told(endpoint: Any) -> None:
    _, provider = await endpoint(Keeping(refuses=400, refusal="content_filter: the prompt was flagged by the filter"))
    heard = await read(provider)
    assert heard.finish == Finish(reason=FinishReason.FILTERED)
    assert provider.keeps("")
