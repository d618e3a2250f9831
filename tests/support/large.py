"""Documents of about 1 MB, of every kind that has to be told apart: by bytes per character, by lines, by blocks.

No 48 characters stand in one twice, so that a model that is asked anew finds its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

SIZE = 1_000_000
TABLE = 300_000
"""Bytes of UTF-8."""
FAR = 50_000
"""What is numbered from so far on has nothing in common with what comes before it."""


def _filled(lines: Iterator[str], size: int) -> str:
    taken, have = list[str](), 0
    while have < size:
        taken.append(line := next(lines))
        have += len(line.encode())
    return "".join(taken)


def _blocks(first: int) -> Iterator[str]:
    for number in count(first):
        yield f"### Lamp {number}\n\n"
        for line in range(6):
            yield f'It says "{number}.{line}" and *means* it: `oil > {number}.{line}`, <b>not</b> light & heat.\n'
        yield "\n"
        yield f"- oil {number}\n- a wick\n  1. cotton {number}\n  2. more [cotton](https://example.org/{number})\n\n"
        if number % 10 == 0:  # each is coloured, which costs more than all the rest
            yield f"```python\nlamp = {number}\nif lamp:\n\tprint('lit')\n```\n\n"


def ascii_text(size: int = SIZE, first: int = 1) -> str:
    return _filled(_blocks(first), size)


def cjk(size: int = SIZE, first: int = 1) -> str:
    def chapters() -> Iterator[str]:
        for number in count(first):
            nights = "".join(f"灯台の光は**海**を照らし、油は{number}・{night}週間もつ。" for night in range(12))
            yield f"### 第{number}章\n\n{nights}\n\n"

    return _filled(chapters(), size)


def emoji(size: int = SIZE, first: int = 1) -> str:
    def rows() -> Iterator[str]:
        for number in count(first):
            yield "".join("👩‍🚀🌍🇨🇭" * 5 + f" {number}.{part} " for part in range(8)) + "\n\n"

    return _filled(rows(), size)


def one_line(size: int = SIZE, first: int = 1) -> str:
    """Without a break; as HTML it is one block."""
    return _filled((f"The lamp burns for the {number}th night. " for number in count(first)), size)


def table(size: int = SIZE, first: int = 1) -> str:
    """A table of 300 KB, or of half a shorter document, and paragraphs around it."""
    most = min(TABLE, size // 2)
    rows = _filled((f"| oil of {number} | a wick of cotton | {number} litres |\n" for number in count(first)), most)
    rest = (size - most) // 2
    before, behind = ascii_text(rest, first), ascii_text(rest, first + FAR)
    return f"{before}| What | With | How much |\n|---|---|---:|\n{rows}\n{behind}"


KINDS: dict[str, Callable[..., str]] = {
    "ascii": ascii_text,
    "cjk": cjk,
    "emoji": emoji,
    "one line": one_line,
    "table": table,
}
