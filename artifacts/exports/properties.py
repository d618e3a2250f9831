"""What a file says of itself beside its text: title, author, times; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from artifacts.exports.tree import storable

PROPERTY_CHARS = 255
"""Word takes no more."""


@dataclass(frozen=True, kw_only=True)
class FileProperties:
    """Times are ISO 8601, so that the whole travels as JSON; "" where there is none."""

    title: str
    subject: str = ""
    author: str = ""
    created: str = ""
    modified: str = ""

    def line(self, name: str) -> str:
        """One of the words, as a file can hold it."""
        return storable(str(getattr(self, name)))[:PROPERTY_CHARS]

    def time(self, name: str) -> datetime | None:
        """One of the times, in UTC, of whole seconds."""
        written = str(getattr(self, name))
        return datetime.fromisoformat(written).astimezone(UTC).replace(microsecond=0) if written else None
