"""The numbers of a response's events: so many characters of text, and what happened there. Nobody has to remember them.

An event's number is ten times the length of the text that came with it and before it, in code points, and the kind: so
it is the same in every process, however the text was cut into pieces and whatever became of those since. Pure.
"""

from __future__ import annotations

import re
from typing import NamedTuple

STEP = 10

# Kinds. Of text and of what opens a response:
DELTA = 0
CREATED, IN_PROGRESS, ITEM_ADDED, PART_ADDED = 0, 1, 2, 3
# Of what closes it, for now or for good:
PAUSE_TOLD, TEXT_DONE, PART_DONE, ITEM_DONE, ENDED = 4, 5, 6, 7, 8

NONE_SEEN = -1
_ID = re.compile(r"resp_([0-9]{1,18})_([0-9]{1,9})")


class ResponseId(NamedTuple):
    """One epoch of a document: a response is that text, and no other."""

    artifact_id: int
    epoch: int

    def __str__(self) -> str:
        return f"resp_{self.artifact_id}_{self.epoch}"

    @property
    def message(self) -> str:
        """The id of the message in it."""
        return f"msg_{self.artifact_id}_{self.epoch}"

    @property
    def completion(self) -> str:
        """The same as a chat completion."""
        return f"chatcmpl-{self.artifact_id}-{self.epoch}"


def parse_response_id(said: str) -> ResponseId | None:
    """None where it is none of ours."""
    found = _ID.fullmatch(said)
    return found and ResponseId(artifact_id=int(found[1]), epoch=int(found[2]))


def event_number(length: int, kind: int = DELTA) -> int:
    """Of the event after which `length` characters are there."""
    return length * STEP + kind


def characters_seen(number: int) -> int:
    """How much of the text has come to whoever saw that event."""
    return max(0, number) // STEP
