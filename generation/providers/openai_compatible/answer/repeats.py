"""Recognises a stream that says its text more than once, and takes it once: every piece twice, or all of it anew; pure.

A text may repeat itself, so pieces are held back while it is open what is meant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from generation.providers.openai_compatible.answer.cumulative import Cumulative
from generation.providers.openai_compatible.call_errors import SaidAnew

SURE_EVENTS = 3
"""In so many events it shows what an endpoint sends with each of them."""
LEAST_SENT_CHARS = 4
LEAST_SENT_AGAIN_CHARS = 60
"""So much of a text once more, behind the sign of another message, is no chance."""
LEAST_UNSIGNED_CHARS, LEAST_UNSIGNED_WORDS = 16, 3
"""All of a text once more without such a sign, in the middle of a sentence."""
LEAST_STUCK_CHARS, LEAST_STUCK_WORDS = 8, 2
"""The same where the two stand side by side without a blank."""
LEAST_PARAGRAPH_CHARS, LEAST_PARAGRAPH_WORDS = 300, 30
"""The same behind a sentence or a line: what is shorter may be meant to come twice, as a verse or a form."""
LEAST_RESENT_CHARS, LEAST_RESENT_LETTERS = 16, 4
JOINT_PIECES = 10
_SENTENCE_ENDS = (".", "!", "?", ":", ",", ";")
_WORD = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af]|[^\\W\\d_]+")
"""A word, or a character of a script that puts no blanks between them."""
SURE_PAIRS = 5
SURE_TEXTS = 4
"""So many pairs in a row, with so many different words among them, are no chance."""
SURE_AT_END = 3
MOST_PAIRED = 40


@dataclass(frozen=True, kw_only=True)
class Sign:
    """What an event has beside its text that tells it from others; `mark` differs with every event, where it stands."""

    ident: object = None
    has_role: bool = False
    mark: object = None


class Repeats:
    """`feed` gives the text that is new and certain, `rest` what was held back when the answer has ended."""

    def __init__(self) -> None:
        self._resent, self._anew, self._doubled, self._cumulative = Resent(), Anew(), Doubled(), Cumulative()
        self.head = ""
        """How the answer began: a piece that it begins with is to be looked at."""

    def feed(self, piece: str) -> str:
        pieces = self._resent.feed(piece)
        if self._resent.was_dropped:
            self._doubled.pair_first()
        return "".join(map(self._feed, pieces))

    def rest(self) -> str:
        given = "".join(map(self._feed, self._resent.rest()))
        last = self._anew.rest()
        pieces = [*(self._doubled.feed(last) if last else ()), *self._doubled.rest()]
        return given + self._news_in(pieces) + self._cumulative.rest()

    def begins(self, sign: Sign, *, pieces: Sequence[str], length: int, events: int) -> None:
        """An event comes that is not like the last one; `pieces` are all that came before it, so many characters."""
        self._resent.sign = sign
        are_new = self._doubled.is_plain and self._cumulative.is_plain
        self._anew.place_behind(pieces, length if are_new else 0)
        self.head = self._anew.head
        if self._anew.is_other(sign, events=events) and self._doubled.is_plain:
            self._anew.begin("".join(pieces))

    def is_plain(self, ident: object) -> bool:
        """Whether the pieces of such events are known to be no more than what is new in each."""
        are_new = self._doubled.is_plain and self._cumulative.is_plain and self._resent.is_plain
        return are_new and self._anew.is_plain(ident)

    @property
    def grows(self) -> bool:
        """Every piece holds all the text so far."""
        return self._cumulative.grows

    @property
    def held(self) -> str:
        return self._cumulative.held + self._doubled.held + self._anew.held + self._resent.held

    def take(self) -> str:
        """What is held back, as text like any other."""
        return "".join([*self._cumulative.take(), *self._doubled.take(), self._anew.take(), self._resent.take()])

    def _feed(self, piece: str) -> str:
        new = self._anew.feed(piece)
        return self._news_in(self._doubled.feed(new)) if new else ""

    def _news_in(self, pieces: Sequence[str]) -> str:
        return "".join(map(self._cumulative.feed, pieces))


class Resent:
    """The first piece, which comes once more with the same role or id: a gateway sent its first event again.

    The events behind it tell: none of them has that sign. `sign` is that of the event whose piece is fed.
    """

    def __init__(self) -> None:
        self.sign = Sign()
        self._first: tuple[str, Sign] | None = None
        self._again: Sign | None = None  # of the last event that repeats the first one
        self._times = 0
        self._is_open = True
        self.was_dropped = False
        """The last piece that was fed told that the first one had come twice."""

    def feed(self, piece: str) -> list[str]:
        self.was_dropped = False
        if not self._is_open:
            return [piece]
        if self._first is None:
            self._first = piece, self.sign
            self._is_open = self.sign != Sign()
            return [piece]
        if piece == self._first[0] and self._is_like_first(self.sign):
            self._again, self._times = self.sign, self._times + 1
            return []
        is_again = self._again is not None and self._tells(self._first[0], self._first[1], self._again)
        self.was_dropped = is_again and self._times == 1
        return [*([] if is_again else self._released()), *self._closed(piece)]

    def rest(self) -> list[str]:
        """Raises `SaidAnew` where two events were all and may be one."""
        if self._times == 1 and self._again and self._again.has_role and len(self.held) >= LEAST_RESENT_CHARS:
            self._closed("")
            raise SaidAnew("the whole answer came twice")
        return self._released()

    @property
    def is_plain(self) -> bool:
        return not self._is_open

    @property
    def held(self) -> str:
        return self._first[0] * self._times if self._first else ""

    def take(self) -> str:
        return "".join(self._released())

    def _is_like_first(self, sign: Sign) -> bool:
        first = self._first[1] if self._first else Sign()
        return sign.has_role == first.has_role and (not self._again or sign == self._again)

    def _tells(self, piece: str, first: Sign, again: Sign) -> bool:
        """Whether the event that comes now lacks what the first two have in common."""
        if first.has_role and not self.sign.has_role:
            return True
        if first.mark is not None and first.mark == again.mark != self.sign.mark:
            return True
        if first.ident == again.ident:
            return again.ident not in (None, self.sign.ident)
        is_word = sum(map(str.isalpha, piece)) >= LEAST_RESENT_LETTERS
        return is_word and again.ident is not None and again.ident == self.sign.ident

    def _released(self) -> list[str]:
        held = [self._first[0]] * self._times if self._first else []
        self._closed("")
        return held

    def _closed(self, piece: str) -> list[str]:
        self._is_open, self._times = False, 0
        return [piece]


class Anew:
    """A message that begins once more in the middle of a stream: a gateway asked another endpoint, and hands all on.

    It is told by a role, or an id, where the events before had none or another; and by its text. Without such a sign
    by the text alone, where no author writes so: all of it once more in the middle of a sentence, or very much of it.
    """

    def __init__(self) -> None:
        self._ident: object = None
        self._have_roles = self._have_idents = False  # each event has one
        self._pieces: Sequence[str] = ()  # all that came before
        self._length = 0  # the characters of these
        self.head = ""
        """How they begin."""
        self._suspected = ""  # so much of it has to come again before that is no chance
        self._expected = ""  # what was said before, while it comes again
        self._is_unsigned = False
        self.held = ""

    def is_other(self, sign: Sign, *, events: int) -> bool:
        is_new, self._ident = self._ident not in (None, sign.ident), sign.ident
        if events < 2:
            self._have_roles |= sign.has_role and events > 0
        if events < SURE_EVENTS:
            self._have_idents |= is_new and events > 0
        is_new_message = events >= SURE_EVENTS and is_new and not self._have_idents
        return events > 1 and ((sign.has_role and not self._have_roles) or is_new_message)

    def is_plain(self, ident: object) -> bool:
        return not (self._expected or self._suspected) and (self._have_idents or ident == self._ident)

    def place_behind(self, pieces: Sequence[str], length: int) -> None:
        """These are all that came before the piece that is fed next, so many characters."""
        self._pieces, self._length = pieces, length
        if len(self.head) < LEAST_PARAGRAPH_CHARS:
            self.head = "".join(pieces)[:LEAST_PARAGRAPH_CHARS]

    def begin(self, said: str) -> None:
        if not (self._expected or self._suspected) and len(said) >= LEAST_SENT_CHARS:
            self._expected = said

    def feed(self, piece: str) -> str:
        if self._expected:
            return self._compared(self.held + piece)
        if not self._suspected and self._length >= LEAST_STUCK_CHARS and self.head.startswith(piece):
            self._suspected = self._sought(piece)
        if not self._suspected:
            return piece
        sent = self.held + piece
        if self._suspected.startswith(sent) and sent != self._suspected:
            self.held = sent
            return ""
        is_again = sent.startswith(self._suspected) and self._is_no_chance(said := "".join(self._pieces))
        self.held, self._suspected = "", ""
        if not is_again:
            return sent
        self._expected, self._is_unsigned = said, True
        return self._compared(sent)

    def rest(self) -> str:
        """Raises `SaidAnew` where the answer ended within what it said before, in the middle of a sentence."""
        is_told = self._expected and self._is_unsigned
        held = self.take()
        if is_told:
            raise SaidAnew("the text was taken back")
        return held

    def take(self) -> str:
        """What is held back, unless it is what was said before."""
        is_signed = self._expected and not self._is_unsigned
        held, self._expected, self._suspected, self.held = self.held, "", "", ""
        return "" if is_signed and len(held) >= LEAST_SENT_AGAIN_CHARS else held

    def _compared(self, sent: str) -> str:
        """What is new in all that came since the text began once more."""
        said = self._expected
        if said.startswith(sent) and sent != said:
            self.held = sent
            return ""
        is_whole, again, is_unsigned = sent.startswith(said), self._again(sent), self._is_unsigned
        self._expected, self.held, self._is_unsigned = "", "", False
        if is_whole and (not is_unsigned or (_is_stuck(said, sent) and said[-1].isalnum())):
            return sent[len(said) :]
        is_sure = is_whole or _stops_in_line(said) or _is_stuck(said, sent)
        if is_sure if is_unsigned else again >= LEAST_SENT_AGAIN_CHARS:
            raise SaidAnew("the text was taken back")
        return sent

    def _again(self, sent: str) -> int:
        pairs = zip(sent, self._expected, strict=False)
        return next((at for at, (one, other) in enumerate(pairs) if one != other), len(sent))

    def _sought(self, piece: str) -> str:
        """How much of the beginning would have to follow, if this piece were it; "" where nothing would tell."""
        end = "".join(self._pieces[-JOINT_PIECES:])
        words = len(set(_WORD.findall(self.head)))
        is_stuck, is_in_line = _is_stuck(end, piece), _stops_in_line(end) and not piece.lstrip()[:1].islower()
        if (is_stuck and words >= LEAST_STUCK_WORDS) or (
            is_in_line and words >= LEAST_UNSIGNED_WORDS and self._length >= LEAST_UNSIGNED_CHARS
        ):
            return self.head[: min(self._length, LEAST_SENT_AGAIN_CHARS)]
        is_long = self._length >= LEAST_PARAGRAPH_CHARS and words >= LEAST_PARAGRAPH_WORDS
        return self.head if is_long and not _stops_in_line(end) else ""

    def _is_no_chance(self, said: str) -> bool:
        """A text that has begun so again before may do it once more."""
        return said.find(self._suspected, 1) < 0 and (said + said).find(said, 1) == len(said)


def _stops_in_line(said: str) -> bool:
    """Whether it stops behind a word, in a line."""
    return said.rstrip(" ")[-1:].isalnum()


def _is_stuck(said: str, sent: str) -> bool:
    """Whether the two stand side by side as no author writes them: a sentence begins right behind a word."""
    return (said[-1:].islower() or (said[-1:] in _SENTENCE_ENDS and said[-2:-1].islower())) and sent[:1].isupper()


class Doubled:
    """Every piece comes twice, from the first one on.

    `feed` gives the pieces that are certain, `rest` what was held back when the answer has ended."""

    def __init__(self) -> None:
        self._pieces: list[str] = []  # from the first one on, while it is open
        self._given = 1  # so many of them were given, or dropped
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

    def pair_first(self) -> None:
        """The first piece came twice, and once was dropped."""
        if self._is_open and len(self._pieces) == 1:
            self._pieces, self._given = self._pieces * 2, 2

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
        return "".join(self._pieces[self._given :])

    def take(self) -> list[str]:
        """What is held back, as pieces like any other."""
        held, self._pieces, self._is_open = self._pieces[self._given :], [], False
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
