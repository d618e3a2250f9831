"""The price list: what a file may say, which price is a model's, and that money is counted exactly."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.checks import run_checks
from hypothesis import given
from hypothesis import strategies as st

from artifacts.costs import amount, billionths, shown_cost
from artifacts.errors import InvalidInput
from generation.costs.price_file import price_list
from generation.costs.prices import PriceList, read_prices
from generation.errors import BadPrices
from generation.providers.base import Usage


def prices(text: str) -> PriceList:
    return read_prices(tomllib.loads(text, parse_float=Decimal))


LIST = """
currency = "EUR"
[models."small"]
input = 0.0375
cached_input = 0.01
output = 0.15
[models."*/small*"]
input = 1
output = 2
[models."*"]
input = 0
output = 0
"""


def test_model_has_its_own_price_or_that_of_the_longest_pattern():
    found = prices(LIST)
    outputs = {
        "small": 150_000,
        "small-2026-01-31": 150_000,
        "router/small-fast": 2_000_000,
        "großes-模型": 0,
        "small-2026": 0,
    }
    assert {name: found.of(name).output for name in outputs} == outputs
    assert prices('currency = "EUR"').of("small", "any") is None


def test_call_costs_what_its_usage_says_rounded_once():
    price = prices(LIST).of("small")
    usage = Usage(prompt_tokens=1_003, cached_tokens=1_000, completion_tokens=7)
    # 3 x 0.0375 + 1000 x 0.01 + 7 x 0.15 for a million each: 11 162.5 billionths
    assert price.of(usage) == 11_163
    assert price.of(Usage(prompt_tokens=1, completion_tokens=0, cached_tokens=9)) == 10  # no more cached than there is


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('currency = "euro"', "three capital letters"),
        ('currency = "EUR"\nmodel = {}', "model, which nobody knows"),
        ('currency = "EUR"\n[models.a]\ninput = 1', 'models."a" must have input and output'),
        ('currency = "EUR"\n[models.a]\ninput = 1\noutput = -1', 'models."a".output must be a number from 0'),
        ('currency = "EUR"\n[models.a]\ninput = nan\noutput = 1', 'models."a".input must be a number from 0'),
        ('currency = "EUR"\n[models.a]\ninput = true\noutput = 1', 'models."a".input must be a number from 0'),
        ('currency = "EUR"\n[models.a]\ninput = 0.0000001\noutput = 1', "6 decimal places"),
        ('currency = "EUR', "is not TOML"),
    ],
)
def test_bad_file_is_an_error_of_the_checks_that_says_where(tmp_path: Path, settings, text, told):
    file = tmp_path / "prices.toml"
    file.write_text(text)
    settings.STREAMGEN_PRICES = str(file)

    (error,) = [error for error in run_checks() if error.id == "generation.E001"]

    assert str(file) in error.msg
    assert told in error.msg


def test_missing_file_is_told_and_the_shipped_one_is_fine(settings):
    assert price_list().of("gpt-5-mini").output == 2_000_000
    assert run_checks() == []
    settings.STREAMGEN_PRICES = "/nowhere/prices.toml"
    with pytest.raises(BadPrices, match=r"/nowhere/prices\.toml cannot be read: No such file"):
        price_list()


@given(st.integers(min_value=0, max_value=10**18))
def test_amount_is_read_back_as_it_was_and_shown_to_four_places(value):
    assert billionths("budget", amount(value)) == value
    assert abs(Decimal(shown_cost(value)) - Decimal(amount(value))) <= Decimal("0.00005")


@pytest.mark.parametrize("typed", ["", "ten", "1,50", "-1", "NaN", "Infinity", "1e10", "0.0000000001", "1_000", "１２"])
def test_what_is_no_amount_is_refused(typed):
    with pytest.raises(InvalidInput):
        billionths("budget", typed)
