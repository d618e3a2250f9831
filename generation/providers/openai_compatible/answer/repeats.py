"""Recognises a stream that says its text more than once, and takes it once: every piece twice, or all of it anew; pure.

A text may repeat itself, so pieces are held back while it is open what is meant.
"""

from __future__ import annotations

from collections.abc import Sequence

from generation.providers.openai_compatible.answer.cumulative import Cumulative

SURE_EVENTS = 3
"""In so many events it shows what an endpoint sends with each of them."""
LEAST_SENT_CHARS = 16
LEAST_SENT_AGAIN_CHARS = 60
"""So much of a text once more, behind the sign of another message, is no chance."""
SURE_PAIRS = 5
SURE_TEXTS = 4
"""So many pairs in a row, with so many different words among them, are no chance."""
SURE_AT_END = 3
MOST_PAIRED = 40


class Repeats:
    """`feed` gives the text that is new and certain, `rest` what was held back when the answer has ended."""

    def __init__(self) -> None:
        self._anew, self._doubled, self._cumulative = Anew(), Doubled(), Cumulative()

    def feed(self, piece: str) -> str:
        new = self._anew.feed(piece)
        return self._news_in(self._doubled.feed(new)) if new else ""

    def rest(self) -> str:
        last = self._anew.take()
        pieces = [*(self._doubled.feed(last) if last else ()), *self._doubled.rest()]
        return self._news_in(pieces) + self._cumulative.rest()

    def begins(self, *, ident: object, has_role: bool, pieces: Sequence[str], events: int) -> None:
        """An event comes that is not like the last one; `pieces` are all that came before it."""
        if self._anew.is_other(ident=ident, has_role=has_role, events=events) and self._doubled.is_plain:
            self._anew.begin("".join(pieces))

    def is_plain(self, ident: object) -> bool:
        """Whether the pieces of such events are known to be no more than what is new in each."""
        return self._doubled.is_plain and self._cumulative.is_plain and self._anew.is_plain(ident)

    @property
    def grows(self) -> bool:
        """Every piece holds all the text so far."""
        return self._cumulative.grows

    @property
    def held(self) -> str:
        return self._cumulative.held + self._doubled.held + self._anew.held

    def take(self) -> str:
        """What is held back, as text like any other."""
        return "".join([*self._cumulative.take(), *self._doubled.take(), self._anew.take()])

    def _news_in(self, pieces: Sequence[str]) -> str:
        return "".join(map(self._cumulative.feed, pieces))


class Anew:
    """A message that begins once more in the middle of a stream: a gateway asked another endpoint, and hands all on.

    It is told by a role, or an id, where the events before had none or another; and by its text.
    """

    def __init__(self) -> None:
        self._ident: object = None
        self._have_roles = self._have_idents = False  # each event has one
        self._expected = ""  # what was said before, while it comes again
        self.held = ""

    def is_other(self, *, ident: object, has_role: bool, events: int) -> bool:
        is_new, self._ident = self._ident not in (None, ident), ident
        if events < SURE_EVENTS:
            self._have_roles |= has_role and events > 0
            self._have_idents |= is_new and events > 0
            return False
        return (has_role and not self._have_roles) or (is_new and not self._have_idents)

    def is_plain(self, ident: object) -> bool:
        return not self._expected and (self._have_idents or ident == self._ident)

    def begin(self, said: str) -> None:
        if not self._expected and len(said) >= LEAST_SENT_CHARS:
            self._expected = said

    def feed(self, piece: str) -> str:
        if not self._expected:
            return piece
        sent, said = self.held + piece, self._expected
        if said.startswith(sent) and sent != said:
            self.held = sent
            return ""
        again = self._again(sent)
        self._expected = self.held = ""
        if sent.startswith(said):
            return sent[len(said) :]
        if again >= LEAST_SENT_AGAIN_CHARS:
            raise ValueError("the text was taken back")
        return sent

    def take(self) -> str:
        """What is held back, unless it is what was said before."""
        held, self._expected, self.held = self.held, "", ""
        return held if len(held) < LEAST_SENT_AGAIN_CHARS else ""

    def _again(self, sent: str) -> int:
        pairs = zip(sent, self._expected, strict=False)
        return next((at for at, (one, other) in enumerate(pairs) if one != other), len(sent))


class Doubled:
    """Every piece comes twice, from the first one on.

    `feed` gives the pieces that are certain, `rest` what was held back when the answer has ended."""

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
