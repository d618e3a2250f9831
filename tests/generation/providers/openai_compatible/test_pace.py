"""A stream that flows is read once a flush; its beginning, a full read, what fills a flush by itself and who does not
flush wait for nothing.
"""

from __future__ import annotations

import pytest

from generation.providers.base import Piece
from generation.providers.openai_compatible.client import OpenAICompatible
from generation.providers.openai_compatible.pace import FULL_BYTES, LEAST_S, MOST_S, Pace
from tests.support.endpoint.openai_script import Behaviour, Script
from tests.support.endpoint.openai_server import serving_endpoint

TEXT = "The lamp is lit at dusk. " * 40


FLUSH_CHARS = 400


def test_rests_grow_until_they_are_a_little_more_than_a_flush():
    pace = Pace(0.1, FLUSH_CHARS)
    rests = [pace.rest_s(100, 10, 0.0) for _ in range(8)]

    assert rests[0] == LEAST_S
    assert rests == sorted(rests)
    assert 0.1 < rests[-1] == rests[-2] < 0.15


def test_who_takes_long_is_left_alone_for_longer_within_a_bound():
    pace = Pace(0.1, FLUSH_CHARS)
    for _ in range(8):
        pace.rest_s(100, 10, 0.0)

    assert 0.15 < pace.rest_s(100, 10, 0.05) < pace.rest_s(100, 10, 10.0) == MOST_S


def test_nothing_is_waited_for_behind_a_full_read_or_without_flushes():
    assert Pace(0.1, FLUSH_CHARS).rest_s(FULL_BYTES, 10, 0.0) == 0.0
    assert Pace(0.0, FLUSH_CHARS).rest_s(100, 10, 0.0) == 0.0
    assert Pace(0.1, 0).rest_s(100, 10, 0.0) == 0.0


def test_pieces_that_each_fill_a_flush_are_waited_for():
    pace = Pace(0.1, 200)

    assert {pace.rest_s(250, 200, 0.0) for _ in range(8)} == {0.0}
    assert pace.rest_s(100, 10, 0.0) == 0.0
    assert pace.rest_s(100, 10, 0.0) > 0  # it flows in small pieces again


def test_rests_of_a_fast_model_are_as_long_as_a_flush_takes_to_fill():
    pace, per_s, rest_s = Pace(0.1, FLUSH_CHARS), 10_000, LEAST_S
    brought = []
    for _ in range(40):
        brought.append(round(rest_s * per_s))
        rest_s = pace.rest_s(1_000, brought[-1], 0.0)

    assert max(brought[10:]) <= FLUSH_CHARS * 2
    assert min(brought[10:]) >= FLUSH_CHARS / 4


@pytest.mark.asyncio
async def test_stream_that_is_read_at_a_pace_brings_the_same_text_in_few_pieces():
    script = Script(default=Behaviour(text=TEXT, pause_s=0.002))
    async with serving_endpoint(script) as server:
        provider = OpenAICompatible(base_url=server.base_url, model="m", flush_s=0.1, flush_chars=FLUSH_CHARS)
        async with provider.stream([{"role": "user", "content": "Write."}], model="", max_tokens=1_000) as items:
            pieces = [item.text async for item in items if isinstance(item, Piece)]
        await provider.aclose()

    assert "".join(pieces) == TEXT
    assert len(pieces) < len(TEXT.split()) / 2
