"""What is done with a whole text, beside rendering it, grows with the text and not faster: counted in calls."""

from collections.abc import Callable
from functools import partial

import pytest

from artifacts.pages.comparison import compare_texts
from artifacts.preview import closing
from artifacts.preview.unique_labels import unique_labels
from generation.writing.prompts import outline_of
from tests.artifacts.preview.inputs.floods import FLOODS
from tests.artifacts.preview.oracles.prices import calls_of

SIZE = 1_200
MOST_TIMES, SLACK_CALLS = 2.4, 400
"""Twice the text may take so many times the calls, and so many more."""
MIXED = {
    "items with tags": "- a\n  - <i>b</i>\n",
    "tables of tags": "|a|b|\n|-|-|\n|<b>c|d</b>|\n",
    "fences in details": "<details>\n\n```\na\n```\n",
    "options": "<select><option>\n",
    "environments": "\\begin{align}\n",
    "quotes beside letters": "**「重」**で",
    "families": "👨‍👩‍👧",
    "carriage returns": "a\r",
    "headings in fences": "```\n# a\n```\n# b\n",
}
TEXTS: dict[str, Callable[[int], str]] = {
    **FLOODS,
    **{name: lambda size, unit=unit: unit * (size // len(unit)) for name, unit in MIXED.items()},  # type: ignore[misc]
}
WORKS: dict[str, Callable[[str], object]] = {
    "what it leaves open": closing,
    "its labels": lambda text: unique_labels(f"{text}\n\n## B\n\n{text}", [0, len(text) + 2]),
    "its comparison": lambda text: compare_texts([("a", text)], [("a", f"{text[: len(text) // 2]}x{text[::-1]}")]),
    "its outline": outline_of,
}


@pytest.mark.parametrize("work", WORKS)
def test_twice_the_text_is_about_twice_the_work(work: str) -> None:
    def is_steep(name: str, size: int) -> bool:
        once, twice = (calls_of(partial(WORKS[work], TEXTS[name](length))) for length in (size, 2 * size))
        return twice > MOST_TIMES * once + SLACK_CALLS

    # What is steep at first may have a bound: so much may be open at once.
    assert [name for name in TEXTS if is_steep(name, SIZE) and is_steep(name, 16 * SIZE)] == []
