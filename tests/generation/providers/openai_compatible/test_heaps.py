"""What comes in heaps: taken in portions, and refused where one call into C would hold up everything else."""

from __future__ import annotations

import asyncio
import sys

import pytest

from generation.errors import ProviderUnavailable
from generation.providers.base import Piece
from generation.providers.openai_compatible.answer.answers import Answer
from generation.providers.openai_compatible.answer.events import CROWDED_BYTES, MOST_EVENT_VALUES, Events, objects_in
from generation.providers.openai_compatible.answer.shapes import MOST_TEXT_CHARS
from generation.providers.openai_compatible.call_errors import Asked, Said
from generation.providers.openai_compatible.connections import PORTION_BYTES, in_turns
from generation.providers.openai_compatible.heaps import items_of
from tests.artifacts.preview.oracles.prices import calls_of
from tests.generation.providers.test_openai_shapes import answered
from tests.support.endpoint.openai_raw import DONE, HEAD, http, json_document, says

pytestmark = pytest.mark.asyncio

TEXT = "The lamp turns once in ten seconds. "
CROWD = b'{"choices": [{"delta": {"content": "x"}}], "more": [' + b"[]," * MOST_EVENT_VALUES + b"0]}"


@pytest.mark.parametrize("reply", [[HEAD, says(TEXT), b"data: " + CROWD + b"\n\n", DONE], http(CROWD), [HEAD, CROWD]])
async def test_event_of_more_values_than_an_answer_has_is_none(reply):
    answer = await answered(reply)
    assert type(answer.error) is ProviderUnavailable
    assert "not in the chat-completions format" in answer.error.detail


@pytest.mark.parametrize("chars", [MOST_TEXT_CHARS - 1, MOST_TEXT_CHARS + 1])
@pytest.mark.parametrize("is_document", [False, True])
async def test_text_longer_than_any_answer_is_none(chars, is_document):
    text = (TEXT * (chars // len(TEXT) + 1))[:chars]
    answer = await answered(http(json_document(text)) if is_document else [HEAD, says(text), DONE], max_tokens=32_000)
    assert (answer.error is None) == (chars < MOST_TEXT_CHARS)


async def test_text_full_of_the_marks_of_json_is_a_text():
    text = "[:{" * (CROWDED_BYTES // 4)
    answer = await answered([HEAD, says(text), says("", "stop"), DONE], max_tokens=32_000)
    assert (answer.text, answer.error) == (text, None)


@pytest.mark.parametrize("event", [b"data: {}\n\n", b"data: {}\r\n\r\n", b"x" * 50_000, b"\n\n" * 9_000 + b"x"])
async def test_heap_is_taken_in_portions_and_others_have_their_turn_between(event):
    heap, turns = event * (20_000 if len(event) < 50 else 9), 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    others = asyncio.create_task(take_turns())
    portions = [portion async for portion in in_turns(heap)]
    others.cancel()
    assert b"".join(portions) == heap
    assert max(map(len, portions)) <= 2 * PORTION_BYTES
    assert turns >= len(portions) - 1
    if event == b"data: {}\n\n":
        assert all(portion.endswith(b"}\n\n") for portion in portions)


async def test_answer_that_comes_in_one_heap_is_read_like_any():
    pieces = [f"{TEXT}{number} " for number in range(2_000)]
    answer = await answered([b"".join([HEAD, *map(says, pieces), says("", "stop"), DONE])], max_tokens=32_000)
    assert (answer.text, answer.error) == ("".join(pieces), None)


@pytest.mark.parametrize("event", [b"data: " + b"data:" * 20_000 + b"{}\n\n", b"data: {}" + b" " * 90_000 + b"{}\n\n"])
async def test_event_is_not_looked_at_once_for_each_of_its_characters(event):
    assert calls_of(lambda: [objects_in(data) for data in Events().feed(event)]) < 200


@pytest.mark.parametrize("pieces", [["<b>"] * 400, ["hm ", "<b>" * 4_000], ["<think>" * 2_000, "</think>Hm."]])
async def test_heap_is_read_beside_the_event_loop(pieces):
    answer = Answer(Asked(place="here", model="tiny", has_key=False), 32_000, said=lambda _: Said())
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)  # of this thread alone
    try:
        items = await items_of(answer, b"".join(map(says, pieces)))
    finally:
        sys.setprofile(None)
    text = "".join(item.text for item in [*items, *answer.close()] if isinstance(item, Piece))
    assert text == "".join(pieces).split("</think>")[-1]
    assert calls < 20_000
