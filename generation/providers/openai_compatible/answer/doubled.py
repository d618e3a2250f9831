"""Recognises a stream whose every piece comes twice, and takes each once; pure.

A text may repeat a word, so pieces are held back only while all of them came in pairs from the first one on.
"""

from __future__ import annotations

SURE_PAIRS = 5
SURE_TEXTS = 4
"""So many pairs in a row, with so many different words among them, are no chance."""
SURE_AT_END = 3
MOST_PAIRED = 40


class Doubled:
    """`feed` gives the pieces that are certain, `rest` what was held back when the answer has ended."""

    def __init__(self) -> None:
        self._pieces: list[str] = []  # from the first one on, while it is open; the first was given
        self._is_open = True
        self._doubles = False
        self._last: str | None = None  # the first of a pair whose second is awaited

    def feed(self, piece: str) -> list[str]:
        if self._doubles:
            return self._once(piece)
        if not self._is_open:
            return [piece]
        self._pieces.append(piece)
        if len(self._pieces) == 1:
            return [piece]
        if len(self._pieces) % 2:
            return []
        if self._pieces[-2] != piece or len(self._pieces) > MOST_PAIRED:
            return self.take()
        return self._decided() if self._is_sure(SURE_PAIRS, SURE_TEXTS) else []

    def rest(self) -> list[str]:
        if self._last is not None or not self._is_open:
            return []
        is_sure = len(self._pieces) % 2 == 0 and self._is_sure(SURE_AT_END, SURE_AT_END)
        return self._decided() if is_sure else self.take()

    @property
    def is_plain(self) -> bool:
        return not self._is_open and not self._doubles

    @property
    def held(self) -> str:
        return "".join(self._pieces[1:])

    def take(self) -> list[str]:
        """What is held back, as pieces like any other."""
        held, self._pieces, self._is_open = self._pieces[1:], [], False
        return held

    def _is_sure(self, pairs: int, texts: int) -> bool:
        words = {piece for piece in self._pieces if any(map(str.isalnum, piece))}
        return len(self._pieces) >= 2 * pairs and len(words) >= texts

    def _decided(self) -> list[str]:
        given, self._doubles = self._pieces[2::2], True
        self.take()
        return given

    def _once(self, piece: str) -> list[str]:
        if self._last is None:
            self._last = piece
            return [piece]
        if self._last != piece:
            raise ValueError("a piece came once, in a stream that says all twice")
        self._last = None
        return []
