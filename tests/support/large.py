"""Documents of about 1 MB, of every kind that has to be told apart: by bytes per character, by lines, by blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

SIZE = 1_000_000
TABLE = 300_000
"""Bytes of UTF-8."""


def _filled(lines: Iterator[str], size: int) -> str:
    taken, have = list[str](), 0
    while have < size:
        taken.append(line := next(lines))
        have += len(line.encode())
    return "".join(taken)


def _blocks() -> Iterator[str]:
    for number in count(1):
        yield f"### Lamp {number}\n\n"
        yield f'It says "{number}" and *means* it: `oil > {number}`, <b>not</b> light & heat.\n' * 6 + "\n"
        yield f"- oil\n- a wick\n  1. cotton {number}\n  2. more [cotton](https://example.org/{number})\n\n"
        if number % 10 == 0:  # each is coloured, which costs more than all the rest
            yield f"```python\nlamp = {number}\nif lamp:\n\tprint('lit')\n```\n\n"


def ascii_text(size: int = SIZE) -> str:
    return _filled(_blocks(), size)


def cjk(size: int = SIZE) -> str:
    return _filled(
        (f"### 第{number}章\n\n" + "灯台の光は**海**を照らし、油は一週間もつ。" * 12 + "\n\n" for number in count(1)),
        size,
    )


def emoji(size: int = SIZE) -> str:
    return _filled(("👩‍🚀🌍🇨🇭" * 40 + f" {number}\n\n" for number in count(1)), size)


def one_line(size: int = SIZE) -> str:
    """Without a break; as HTML it is one block."""
    return _filled((f"The lamp burns for the {number}th night. " for number in count(1)), size)


def table(size: int = SIZE) -> str:
    """A table of 300 KB, and paragraphs around it."""
    rows = _filled((f"| oil of {number} | a wick of cotton | {number} litres |\n" for number in count(1)), TABLE)
    rest = (size - TABLE) // 2
    return f"{ascii_text(rest)}| What | With | How much |\n|---|---|---:|\n{rows}\n{ascii_text(rest)}"


KINDS: dict[str, Callable[..., str]] = {
    "ascii": ascii_text,
    "cjk": cjk,
    "emoji": emoji,
    "one line": one_line,
    "table": table,
}
