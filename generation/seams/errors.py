"""The one way in which a joint can fail."""

from __future__ import annotations


class BadSeam(ValueError):
    """The answer must not be appended; the message says why, without quoting it."""
