"""Every text has its price: no flood is dear, and four times the text is not much more than four times the price.

A price is CPU time of this thread, held against that of ordinary text at the same moment. It is measured again when it
is too much at first: other work on the machine can only make it larger. `bench/preview.py` has the milliseconds.
"""

from collections.abc import Callable

import pytest

from artifacts.preview import limits, render
from artifacts.preview.highlight import LANGUAGES, highlighted
from tests.artifacts.preview.inputs.floods import FLOODS
from tests.artifacts.preview.oracles.prices import longest_call_ms, price_ms
from tests.artifacts.preview.oracles.safety import faults
from tests.artifacts.preview.test_flicker import GROWING

SMALL, LARGE = 2_560, 10_240
ORDINARY = (GROWING * 20)[:LARGE]
DEAR = 12
"""So many times the price of ordinary text; the dearest flood costs about five times as much."""
STEEP = 8
"""Four times the text may cost so many times more; it would be sixteen where the price grew with the square."""
TRIES = 6


def ordinary_ms() -> float:
    return min(price_ms(lambda: render(ORDINARY)) for _ in range(2))


def is_cheap(work: Callable[[], object], limit_ms: Callable[[], float]) -> bool:
    """Whether the price is within the limit of the same moment, in one of some tries."""
    return any(price_ms(work) <= limit_ms() for _ in range(TRIES))


@pytest.mark.parametrize("name", FLOODS)
def test_flood_costs_little_more_than_ordinary_text_and_grows_in_line(name: str) -> None:
    small, large = FLOODS[name](SMALL), FLOODS[name](LARGE)
    assert not faults(render(small))

    def limit_ms() -> float:
        usual_ms = ordinary_ms()
        small_ms = min(price_ms(lambda: render(small)) for _ in range(2))
        return min(DEAR * usual_ms, max(STEEP * small_ms, usual_ms))

    assert is_cheap(lambda: render(large), limit_ms)


@pytest.mark.parametrize("name", list(FLOODS)[::5])
def test_no_single_call_holds_the_interpreter(name: str) -> None:
    """An expression cannot be interrupted: while it runs, nothing else does."""
    text = FLOODS[name](LARGE)
    assert min(longest_call_ms(text) for _ in range(2)) <= 3 * ordinary_ms()


DEAR_CODE = ["{", '\\"', "/*", "$\n", "\n", "a ", "<a", "(", "a = [\n", '"""\n', "#", "@a(\n", "\t\n", "//\n", "{{ 1."]


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_code_of_any_language_is_coloured_at_a_bounded_price(language: str) -> None:
    limit_ms = DEAR * ordinary_ms()
    for unit in DEAR_CODE:
        lines = (unit * (380 // len(unit)) + "\n") * 20 if "\n" not in unit else unit * (6000 // len(unit))
        assert is_cheap(lambda lines=lines: highlighted(lines, language), lambda: limit_ms), unit


def test_deep_containers_become_text() -> None:
    html = render("> " * 500 + "a")
    assert html.count("<blockquote>") <= limits.CONTAINER_DEPTH
    assert html.count("&gt;") + html.count("<blockquote>") == 500


def test_deep_emphasis_keeps_its_words() -> None:
    html = render("*a **b " * 200 + "c" + "** d*" * 200)
    assert html.count("<em>") <= limits.INLINE_DEPTH
    assert (html.count("a "), html.count("b "), html.count(" d")) == (200, 200, 200)


def test_piece_too_dense_with_markup_is_shown_as_it_was_typed() -> None:
    text = "[a](b)" * 2000
    assert render(text) == f'<pre class="plain">{text}</pre>'
    assert render("[a link](http://a.example/b) in some words. " * 300).count("<a ") == 300


def test_very_many_tiny_blocks_become_text() -> None:
    assert render("-\n+\n" * 3000).count("<li>") < 3000
    assert render("- item\n" * 3000).count("<li>") == 3000


def test_wide_table_is_none() -> None:
    wide = limits.TABLE_COLUMNS + 1
    assert "<table>" not in render("|a" * wide + "|\n" + "|-" * wide + "|\n")
    assert "<table>" in render("|a" * (wide - 1) + "|\n" + "|-" * (wide - 1) + "|\n")
