"""The pieces in which a text was written: where each stands, and when which write brought it.

A growing document has them as its deltas. Of one that is over they are kept without their text, which the document has:
packed, some bytes for each, and exact, so that whoever asks for them sees no difference.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db.models.functions import Length

from artifacts.models import Artifact, Delta, PieceTimes

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class WrittenPiece(NamedTuple):
    """So many characters from `offset` on were committed then, by the write with that number."""

    at: datetime
    offset: int
    length: int
    seq: int

    @property
    def end(self) -> int:
        return self.offset + self.length


def read_pieces(artifact: Artifact, *, behind: int = 0) -> list[WrittenPiece]:
    """Those of its epoch that begin at `behind` or later, up to the row's own write, in the order of the text."""
    packed = packed_pieces(artifact.pk, artifact.epoch)
    if packed is not None:
        return [piece for piece in packed if piece.offset >= behind and piece.seq <= artifact.seq]
    deltas = Delta.objects.filter(artifact=artifact, epoch=artifact.epoch, offset__gte=behind, seq__lte=artifact.seq)
    rows = deltas.order_by("offset").values_list("created_at", "offset", Length("text"), "seq")
    return [WrittenPiece(*row) for row in rows]


def packed_pieces(artifact_id: int, epoch: int) -> list[WrittenPiece] | None:
    """None where they are still deltas, or were pruned."""
    kept = PieceTimes.objects.filter(artifact=artifact_id, epoch=epoch).values_list("packed", flat=True).first()
    return None if kept is None else unpack(bytes(kept))


def pack_page(html: str) -> bytes:
    """Of what a page repeats, which is most of its tags, this leaves a quarter."""
    return zlib.compress(html.encode())


def packed_page(artifact_id: int, epoch: int) -> str | None:
    """The HTML of its text, as it was saved; None where it was not, or is not packed."""
    kept = PieceTimes.objects.filter(artifact=artifact_id, epoch=epoch).values_list("page", flat=True).first()
    return None if kept is None else zlib.decompress(bytes(kept)).decode()


def pack(pieces: Iterable[WrittenPiece]) -> bytes:
    """Column by column, each number as what it is more than one would expect: most of them are 0, and vanish."""
    columns: tuple[list[int], ...] = ([], [], [], [])
    at, end, seq = 0, 0, 0
    for piece in pieces:
        micros = (piece.at - _EPOCH) // _MICROSECOND
        for column, number in zip(
            columns, (micros - at, piece.offset - end, piece.length, piece.seq - seq - 1), strict=True
        ):
            column.append(number)
        at, end, seq = micros, piece.end, piece.seq
    return zlib.compress(b"".join(_number(value) for column in columns for value in column), 9)


def unpack(packed: bytes) -> list[WrittenPiece]:
    numbers = list(_numbers(zlib.decompress(packed)))
    count = len(numbers) // 4
    pieces: list[WrittenPiece] = []
    at, end, seq = 0, 0, 0
    for index in range(count):
        micros, gap, length, step = numbers[index::count]
        at, offset, seq = at + micros, end + gap, seq + step + 1
        end = offset + length
        pieces.append(WrittenPiece(at=_EPOCH + at * _MICROSECOND, offset=offset, length=length, seq=seq))
    return pieces


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the sign is the lowest bit of all, since clocks are set back."""
    rest, found = value << 1 if value >= 0 else (~value << 1) | 1, bytearray()
    while rest > 0x7F:
        found.append(rest & 0x7F | 0x80)
        rest >>= 7
    found.append(rest)
    return bytes(found)


def _numbers(found: bytes) -> Iterator[int]:
    rest, shift = 0, 0
    for byte in found:
        rest |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield ~(rest >> 1) if rest & 1 else rest >> 1
            rest, shift = 0, 0
