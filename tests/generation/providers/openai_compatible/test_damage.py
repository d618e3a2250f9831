"""Text that an endpoint damages or says once more: told where it cannot be mended, taken once where it comes again."""

from __future__ import annotations

from typing import Any

import pytest

from generation.errors import ProviderRefused, ProviderUnavailable
from generation.providers.base import FinishReason
from generation.providers.openai_compatible.client import OpenAICompatible
from tests.generation.providers.test_openai_compatible import Answered, call
from tests.support.endpoint.openai_raw import DONE, HEAD, chunk, http, json_document, raw_server, says

TEXT = (
    "The lamp – 灯台 – turns once in ten seconds, and it is seen at night.\n\n- It is seen\n- at 20 miles\n\n"
    "Nobody sails in the winter, because the harbour is closed from November on."
)
PIECES = [TEXT[at : at + 6] for at in range(0, len(TEXT), 6)]
ROLE = chunk({"role": "assistant", "content": ""})
STOP = says("", "stop")


async def streamed(*parts: bytes) -> Answered:
    async with raw_server([HEAD, *parts, DONE]) as server:
        provider = OpenAICompatible(base_url=server.base_url, continuation="reprompt")
        answered = await call(provider)
        await provider.aclose()
    return answered


def said(text: str, **fields: Any) -> list[bytes]:
    return [says(text[at : at + 6], **fields) for at in range(0, len(text), 6)]


DAMAGED = {
    "bytes for line breaks": (TEXT.replace("\n", "<0x0A>"), "<0x0A>"),
    "escaped line breaks": (TEXT.replace("\n", "\\n"), "line breaks"),
    "letters for blanks": (TEXT.replace(" ", "Ġ").replace("\n", "Ċ"), "tokens"),
    "blocks for blanks": (TEXT.replace(" ", "▁"), "tokens"),
    "characters cut in two": (TEXT.replace("灯台", "\ufffd" * 6), "STREAMGEN_DELIVERY=turns"),
    "read as Latin-1": (TEXT.encode().decode("latin-1"), "UTF-8"),
    "read as Windows-1252": (TEXT.replace("灯台", "ü").encode().decode("cp1252"), "UTF-8"),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("damage", DAMAGED)
async def test_damaged_text_is_told(damage):
    text, words = DAMAGED[damage]
    answered = await streamed(*said(text), STOP)
    assert isinstance(answered.error, ProviderRefused)
    assert words in answered.error.detail
    assert "write this section anew" in answered.error.detail


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "text",
    [
        "The byte token `<0x0A>` is a line break, `\\n` in C and \\nu in a formula.",
        "A dash that was read wrongly shows as â€“.",
        "The sign of what cannot be read is \ufffd.\n\nĠorġ lives in Malta. ▁▂▃▄▅▆▇",
        "Café, naïve, Ørsted: 20 °C.",
    ],
)
async def test_text_about_such_damage_is_none(text):
    for answered in (await streamed(*said(text), STOP), await streamed(says(text), STOP)):
        assert (answered.error, answered.text) == (None, text)


@pytest.mark.asyncio
async def test_characters_of_a_whole_answer_are_not_judged():
    async with raw_server(http(json_document("Two \ufffd\ufffd."))) as server:
        provider = OpenAICompatible(base_url=server.base_url, continuation="reprompt")
        assert (await call(provider, delivery="turns")).error is None
        await provider.aclose()


HALF = "".join(PIECES[:12])
AGAIN = {
    "with a role": [ROLE, *said(HALF), ROLE, *said(TEXT), STOP],
    "with a role, in larger pieces": [ROLE, *said(HALF), ROLE, says(TEXT[:50]), says(TEXT[50:]), STOP],
    "with another id": [*said(HALF, id="a"), *said(TEXT, id="b"), STOP],
    "twice": [ROLE, *said(HALF), ROLE, *said(TEXT[:100]), ROLE, *said(TEXT), STOP],
    "an id for each event": [says(piece, id=str(number)) for number, piece in enumerate(PIECES)] + [STOP],
    "a role in each event": [chunk({"role": "assistant", "content": piece}) for piece in PIECES] + [STOP],
    "a role before more text": [ROLE, *said(HALF), ROLE, *said(TEXT[len(HALF) :]), STOP],
    "a role with the end": [ROLE, *said(TEXT), chunk({"role": "assistant", "content": ""}, "stop")],
}


@pytest.mark.asyncio
@pytest.mark.parametrize("way", AGAIN)
async def test_message_that_begins_anew_in_the_stream_is_taken_once(way):
    answered = await streamed(*AGAIN[way])
    assert (answered.text, answered.finish.reason) == (TEXT, FinishReason.COMPLETE)


@pytest.mark.asyncio
async def test_message_that_begins_anew_and_goes_on_otherwise_is_an_interruption():
    answered = await streamed(ROLE, *said(TEXT), ROLE, *said(TEXT[:80] + "by day, and by other lamps."), STOP)
    assert isinstance(answered.error, ProviderUnavailable)
    assert TEXT.startswith(answered.text)


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [3, 9, 40])
@pytest.mark.parametrize("last", [STOP, says(TEXT, "stop")])
async def test_long_text_whose_pieces_hold_all_so_far_is_taken_once(size, last):
    answered = await streamed(*(says(TEXT[:end]) for end in range(size, len(TEXT) + size, size)), last)
    assert (answered.text, answered.finish.reason) == (TEXT, FinishReason.COMPLETE)


@pytest.mark.asyncio
async def test_text_that_says_its_beginning_again_stays():
    text = "The lamp turns.\n\n" * 3 + TEXT
    assert (await streamed(ROLE, *said(text), STOP)).text == text
