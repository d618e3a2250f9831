"""Decides which white space got lost in a text whose paragraphs are broken into lines; pure.

The lengths of its lines tell: where the next word would not have fitted there was a line break, where there was room
for many there was none, and between the two nobody can know.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from generation.seams.endings import CLOSERS, FENCE_LINE, ITEM, SENTENCE_ENDS, Ending, block_of, without_code
from generation.seams.errors import UnsureSpace

_LEAST_WRAPS = 2
_NEAR_CHARS = 3_000
_LINE_CHARS = range(40, 141)
"""Lines that are shorter or longer were not broken for their length."""


@dataclass(frozen=True, kw_only=True)
class Wrapping:
    """How the paragraphs around the cut are broken into lines of `shortest` to `longest` characters."""

    shortest: int
    longest: int
    is_greedy: bool
    """Lines end only where the next word would not have fitted."""


def wrapping_of(ending: Ending, answer: str) -> Wrapping | None:
    """None where few lines around the cut were broken inside a sentence."""
    below = without_code(answer[:_NEAR_CHARS])
    lines = [*ending.prose[-_NEAR_CHARS:].split("\n")[1:-1], "", *below.split("\n")[1:]]
    pairs = [(line, after) for line, after in pairwise(lines) if _is_wrapped(line, after)]
    if len(pairs) < _LEAST_WRAPS:
        return None
    lengths = sorted(len(line) for line, _ in pairs)
    shortest, longest = lengths[len(lengths) // 10], lengths[-1 - len(lengths) // 20]
    early = sum(len(line) + 1 + len(after.split()[0]) <= longest - 1 for line, after in pairs)
    return Wrapping(shortest=shortest, longest=longest, is_greedy=len(pairs) >= 5 and early * 8 <= len(pairs))


def _is_wrapped(line: str, after: str) -> bool:
    if len(line) not in _LINE_CHARS or not after.strip() or block_of(after) != "prose" or FENCE_LINE.match(after):
        return False
    is_prose = block_of(line) in ("prose", "item", "quote") and not FENCE_LINE.match(line)
    return is_prose and line.rstrip(CLOSERS + " ")[-1:] not in SENTENCE_ENDS


def space_in_wrapped(ending: Ending, answer: str, wrapping: Wrapping, blank: str) -> str:
    """The white space before `answer`; `blank` is what stands between sentences, or between words. May be unsure."""
    line = ending.tail[ending.tail.rfind("\n") + 1 :]
    first, _, below = answer.partition("\n")
    shortest, longest = wrapping.shortest, wrapping.longest
    fits = len(line) + 1 + len(first.split()[0])
    if fits > longest + 1:
        if ending.is_mid_sentence:
            return "\n" + _hanging_indent(ending, below)
        raise UnsureSpace("\n" + _hanging_indent(ending, below))
    whole = len(line) + 1 + len(first)
    is_broken_below = _is_wrapped(first if len(first) in _LINE_CHARS else "x" * 60, below.split("\n", 1)[0])
    if ending.is_mid_sentence:
        if (
            fits <= shortest
            or (wrapping.is_greedy and fits < longest)
            or (is_broken_below and shortest <= whole <= longest + 1 and len(first) < shortest)
        ):
            return blank
        raise UnsureSpace(blank)
    if not is_broken_below:
        if fits <= shortest and whole > longest + 1:
            return "\n\n"
        raise UnsureSpace(blank)
    if shortest <= whole <= longest + 1 and not shortest <= len(first) <= longest + 1:
        return blank
    if fits <= shortest and whole > longest + 1 and len(first) >= shortest:
        return "\n\n"
    raise UnsureSpace(blank)


def _hanging_indent(ending: Ending, below: str) -> str:
    line = below.split("\n", 1)[0]
    if line.strip() and block_of(line) == "prose":
        return line[: len(line) - len(line.lstrip())]
    found = ITEM.match(ending.line)
    return " " * found.end() if found else ending.line[: len(ending.line) - len(ending.line.lstrip())]
