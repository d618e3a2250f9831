"""Times and places as the inspector's pages show them."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def lasting(seconds: float) -> str:
    """How long something took, short enough for a table: "0.4 s", "12 s", "3 min 20 s", "2 h 5 min", "3 d 4 h"."""
    if seconds < 10:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    for size, unit, rest_size, rest_unit in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // rest_size
            return f"{whole // size} {unit}" + (f" {rest} {rest_unit}" if rest else "")
    return f"{whole} s"


@register.filter
def add_number(value: float, more: float) -> float:
    """For places in a picture: `add` knows whole numbers only."""
    return round(float(value) + float(more), 1)
