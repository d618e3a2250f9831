"""The file of prices that STREAMGEN_PRICES names: read once, and checked by Django's own checks at every command."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import Error

from generation.costs.prices import PriceList, read_prices
from generation.errors import BadPrices


def price_list() -> PriceList:
    """The prices of this installation; an empty list where there are none."""
    return _read(str(settings.STREAMGEN_PRICES)) if settings.STREAMGEN_PRICES else PriceList()


@cache
def _read(path: str) -> PriceList:
    """Raises `BadPrices`, which names the file."""
    try:
        return read_prices(tomllib.loads(Path(path).read_text(encoding="utf-8"), parse_float=Decimal))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BadPrices(f"STREAMGEN_PRICES: {path} cannot be read: {why}.") from None
    except tomllib.TOMLDecodeError as error:
        raise BadPrices(f"STREAMGEN_PRICES: {path} is not TOML: {error}.") from None
    except BadPrices as error:
        raise BadPrices(f"STREAMGEN_PRICES: {path}: {error.detail}") from None


def check_prices(**kwargs: Any) -> list[Error]:
    """For Django's checks: what is wrong with the file."""
    try:
        price_list()
    except BadPrices as error:
        return [Error(error.detail, id="generation.E001")]
    return []
