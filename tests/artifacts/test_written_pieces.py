"""What is packed of pieces comes out as it was, to the microsecond, in a few bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from artifacts.written_pieces import WrittenPiece, pack, unpack

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
PIECES = st.lists(
    st.builds(
        WrittenPiece,
        at=MOMENTS,
        offset=st.integers(0, 2**31 - 1),
        length=st.integers(1, 2**31 - 1),
        seq=st.integers(0, 2**63 - 1),
    )
)


@given(PIECES)
def test_any_pieces_come_back_as_they_were(pieces: list[WrittenPiece]) -> None:
    assert unpack(pack(pieces)) == pieces


def test_piece_of_a_steady_model_takes_four_bytes_at_most() -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    pieces = [
        WrittenPiece(
            at=began + timedelta(microseconds=151_000 * number + number * number % 7_919),
            offset=40 * number,
            length=40,
            seq=number + 5,
        )
        for number in range(1_000)
    ]
    assert len(pack(pieces)) < 4 * len(pieces)
