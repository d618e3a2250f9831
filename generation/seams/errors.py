"""Why two turns cannot be joined; pure.

BadSeam             the answer does not go on from the text: nothing of it may be appended
└── UnsureSpace     it does go on, and only the white space between the two is lost and cannot be told
"""

from __future__ import annotations


class BadSeam(Exception):
    """The answer does not go on from the text: nothing of it may be appended. Says why, without quoting it."""


class UnsureSpace(BadSeam):
    """Only the white space at the joint is in doubt. `likely` is what would be appended, were one to guess."""

    def __init__(self, likely: str) -> None:
        super().__init__("the white space between the text and the answer is lost")
        self.likely = likely
