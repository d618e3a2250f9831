"""What the models cost, and which price is a model's; pure: who has read the file hands it in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import TypeGuard

from generation.errors import BadPrices
from generation.providers.base import CHARS_PER_TOKEN, Usage

DECIMAL_PLACES = 6
"""Of a price for a million tokens: a token then costs a whole number of millionths of a millionth."""
_PER_BILLIONTH = 1_000
_FIELDS = ("input", "cached_input", "output")
_DATE = re.compile(r"-\d{4}-?\d{2}-?\d{2}$")
_MOST = Decimal(10**6)


@dataclass(frozen=True, kw_only=True)
class Price:
    """Of one token, in millionths of a millionth of the currency: the price of a million tokens, in millionths."""

    input: int
    cached_input: int
    output: int

    def of(self, usage: Usage) -> int:
        """What a call costs, in billionths, rounded once."""
        cached = min(usage.cached_tokens, usage.prompt_tokens)
        fine = (usage.prompt_tokens - cached) * self.input + cached * self.cached_input
        return _rounded(fine + usage.completion_tokens * self.output)

    def estimate(self, prompt_chars: int, chars: int) -> int:
        """What a call costs of which nobody has reported the tokens."""
        return _rounded(-(-prompt_chars // CHARS_PER_TOKEN) * self.input + -(-chars // CHARS_PER_TOKEN) * self.output)


@dataclass(frozen=True, kw_only=True)
class PriceList:
    """Prices by the names of models, in which `*` stands for anything."""

    currency: str = ""
    models: Mapping[str, Price] = field(default_factory=dict)

    def of(self, *names: str) -> Price | None:
        """That of the first of a model's names that has one: by its own name, by that of which it is a dated version,
        else by the longest pattern that fits.
        """
        for name in names:
            undated = _DATE.sub("", name)
            if name in self.models or undated in self.models:
                return self.models.get(name) or self.models[undated]
            fitting = [pattern for pattern in self.models if "*" in pattern and fnmatchcase(name, pattern)]
            if fitting:
                return self.models[max(fitting, key=len)]
        return None


def read_prices(table: Mapping[str, object]) -> PriceList:
    """The price list of a TOML document, its decimals read as `Decimal`. Raises `BadPrices`, which says where."""
    unknown = table.keys() - {"currency", "models"}
    if unknown:
        raise BadPrices(f"It has {sorted(unknown)[0]}, which nobody knows: it may have currency and models.")
    currency = table.get("currency")
    if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
        raise BadPrices('currency must be three capital letters, such as "USD".')
    models = table.get("models", {})
    if not isinstance(models, Mapping):
        raise BadPrices('models must be tables, such as [models."gpt-5-mini"].')
    return PriceList(currency=currency, models={name: _price(name, row) for name, row in models.items()})


def _price(name: str, row: object) -> Price:
    if not isinstance(row, Mapping) or not {"input", "output"} <= row.keys() or not row.keys() <= set(_FIELDS):
        raise BadPrices(f'models."{name}" must have input and output, and may have cached_input, and nothing else.')
    prices = {}
    for part in _FIELDS:
        value = row.get(part, row["input"])
        if not _is_number(value) or not 0 <= value <= _MOST:
            raise BadPrices(
                f'models."{name}".{part} must be a number from 0 to {_MOST}: the price of a million tokens.'
            )
        fine = Decimal(value).scaleb(DECIMAL_PLACES)
        if fine != fine.to_integral_value():
            raise BadPrices(f'models."{name}".{part} may have {DECIMAL_PLACES} decimal places at most.')
        prices[part] = int(fine)
    return Price(**prices)


def _is_number(value: object) -> TypeGuard[int | Decimal]:
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, int) and not isinstance(value, bool)


def _rounded(fine: int) -> int:
    return (fine + _PER_BILLIONTH // 2) // _PER_BILLIONTH
