"""What writing costs: amounts of money, and what one call and one document cost, on the way to their rows; pure.

Money is counted in whole billionths of a currency, which databases add up exactly. The currency is the price list's.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from artifacts.errors import InvalidInput
from artifacts.validation import plain_number

BILLION = 10**9
MOST = 10**9
"""The largest amount, in whole units: its billionths fit the columns."""


def billionths(field: str, typed: str) -> int:
    """An amount as people type it, "12.50"; raises `InvalidInput`, which says what it must look like."""
    try:
        value = Decimal(plain_number(typed))
    except ValueError:
        raise InvalidInput(field, f'{field} must be an amount such as "12.50".') from None
    if not 0 <= value <= MOST:
        raise InvalidInput(field, f"{field} must lie between 0 and {MOST}.")
    if value != value.quantize(Decimal(1) / BILLION):
        raise InvalidInput(field, f"{field} may have 9 decimal places at most.")
    return int(value * BILLION)


def amount(value: int) -> str:
    """The amount as a decimal number, exact, with two places at least."""
    whole, rest = divmod(value, BILLION)
    return f"{whole}.{f'{rest:09}'.rstrip('0'):0<2}"


def shown_cost(value: int) -> str:
    """The amount to four places, as the state of a document has it; each event is told so."""
    whole, rest = divmod((value + 50_000) // 100_000, 10_000)
    return f"{whole}.{rest:04}"


@dataclass(frozen=True, kw_only=True)
class CallCost:
    """`number` counts the calls of one claim, from 1. `cost` is in billionths, None where the model has no price.

    `is_estimated` says that the endpoint reported no tokens: they are estimated from the characters.
    """

    number: int
    section: str
    model: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    is_estimated: bool
    cost: int | None


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a document has cost in all, in billionths: of it `estimated` is the part that no endpoint reported, and of
    that `under_way` the part of calls that have not ended.
    """

    cost: int
    estimated: int
    under_way: int


NOTHING_SPENT = Spent(cost=0, estimated=0, under_way=0)
