"""The chunks of a response are joined, and an HTTP client reads the same body from them, however they were cut."""

from __future__ import annotations

from itertools import pairwise

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.providers.openai_compatible.answer.chunks import JoinedChunks

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nx-note: a\r\n\r\n"


class Client:
    """h11, as it reads a response: its portions of the body, and how it ended."""

    def __init__(self) -> None:
        self.reader = h11.Connection(h11.CLIENT)
        self.reader.send(h11.Request(method="GET", target="/", headers=[("host", "h")]))
        self.reader.send(h11.EndOfMessage())
        self.body: list[bytes] = []
        self.ending = "open"

    def read(self, portion: bytes) -> None:
        if portion:
            self._take(portion)

    def read_end(self) -> None:
        self._take(b"")

    def _take(self, portion: bytes) -> None:
        if self.ending != "open":
            return
        try:
            self.reader.receive_data(portion)
            while (event := self.reader.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.Data):
                    self.body.append(bytes(event.data))
                elif isinstance(event, h11.ConnectionClosed):
                    self.ending = "whole"
                    return
        except h11.RemoteProtocolError:
            self.ending = "refused"


def body_of(portions: list[bytes]) -> tuple[list[bytes], str]:
    """What h11 makes of a response."""
    client = Client()
    for portion in portions:
        client.read(portion)
    client.read_end()
    return client.body, client.ending


def joined(portions: list[bytes]) -> list[bytes]:
    chunks = JoinedChunks()
    fed = [chunks.feed(portion) for portion in portions]
    return [given for given in [*fed, chunks.rest()] if given]


def wire(pieces: list[bytes], end: bytes = b"0\r\n\r\n") -> bytes:
    return HEAD + b"".join(b"%X\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + end


def cut(data: bytes, places: list[int]) -> list[bytes]:
    borders = sorted({0, len(data), *(place % len(data) for place in places)})
    return [data[begin:end] for begin, end in pairwise(borders)]


def test_chunks_that_come_together_are_one():
    assert body_of(joined([HEAD, wire([b"data: 1\n\n", b"data: 2\n\n", b"data: 3\n\n"])[len(HEAD) :]])) == (
        [b"data: 1\n\ndata: 2\n\ndata: 3\n\n"],
        "whole",
    )


ODD = [
    b"0\r\n\r\n",
    b"0\r\nx-trailer: 1\r\n\r\n",
    b"3;name=value\r\nabc\r\n0\r\n\r\n",
    b"",  # the connection breaks
    b"5\r\nab",
    b"zz\r\nab\r\n",
    b"3\r\nabcdef\r\n0\r\n\r\n",
    b"3\nabc\n0\n\n",
    b"00000000000000003\r\nabc\r\n0\r\n\r\n",
]


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=8),
    st.sampled_from(ODD),
    st.lists(st.integers(min_value=0), max_size=12),
)
def test_body_is_the_same_in_any_portions(pieces: list[bytes], end: bytes, places: list[int]):
    data = wire(pieces, end)

    body, ending = body_of(joined(cut(data, places)))
    expected, expected_ending = body_of([data])

    assert (b"".join(body), ending) == (b"".join(expected), expected_ending)


@given(
    st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=8),
    st.sampled_from(ODD),
    st.lists(st.integers(min_value=0), max_size=12),
    st.lists(st.booleans(), max_size=14),
)
def test_body_is_the_same_where_a_part_of_it_goes_past_the_client(
    pieces: list[bytes], end: bytes, places: list[int], past: list[bool]
):
    chunks, client, data = JoinedChunks(), Client(), wire(pieces, end)
    for number, portion in enumerate(cut(data, places)):
        if chunks.is_between and number < len(past) and past[number]:
            client.body.append(chunks.content(portion))
            client.read(chunks.left())
        else:
            client.read(chunks.feed(portion))
    client.read(chunks.rest())
    client.read_end()

    body, ending = body_of([data])
    assert (b"".join(client.body), client.ending) == (b"".join(body), ending)


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n5\r\nhello\r\n00",
        b"HTTP/1.1 100 Continue\r\n\r\n" + wire([b"ab", b"cd"]),
        b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: transfer-encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n2\r\nab\r\n",
        b"nonsense\r\n\r\n2\r\nab\r\n",
    ],
)
def test_other_responses_pass_as_they_came(response: bytes):
    alone, ending = body_of([response])
    for size in (1, 3, len(response)):
        body, ended = body_of(joined([response[at : at + size] for at in range(0, len(response), size)]))

        assert (b"".join(body), ended) == (b"".join(alone), ending)
