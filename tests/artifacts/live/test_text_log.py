"""The transcript against a plain string: any chunks, any cut, the hash of it all."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.live.text_log import Transcript

CHUNKS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=30)


@given(chunks=CHUNKS, data=st.data())
def test_every_cut_equals_the_slice_of_the_joined_text(chunks: list[str], data: st.DataObject) -> None:
    transcript = Transcript()
    for chunk in chunks:
        transcript.append(chunk)
    text = "".join(chunks)
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, len(text)))
    assert transcript.length == len(text)
    assert transcript.cut(start, stop) == text[start:stop]


@given(chunks=CHUNKS)
def test_hash_is_that_of_the_whole_text_after_every_chunk(chunks: list[str]) -> None:
    transcript, text = Transcript(), ""
    for chunk in chunks:
        transcript.append(chunk)
        text += chunk
        assert transcript.sha256() == hashlib.sha256(text.encode()).hexdigest()


def test_offsets_count_code_points_not_bytes_or_utf_16_units() -> None:
    transcript = Transcript("a\U0001f600b")
    transcript.append("é")
    assert transcript.length == 4
    assert transcript.cut(1, 2) == "\U0001f600"
    assert transcript.cut(2, 4) == "bé"


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (0, 6), (3, 2), (6, 6)])
def test_cut_outside_the_text_is_refused(start: int, stop: int) -> None:
    with pytest.raises(ValueError, match="no text from"):
        Transcript("Hello").cut(start, stop)
