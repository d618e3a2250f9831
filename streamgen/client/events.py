"""What a watcher is told of a document, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple


class TextPlace(NamedTuple):
    """A place in a document: the number of its text, and code points into it. Where to go on after a break."""

    epoch: int
    offset: int


@dataclass(frozen=True, slots=True)
class TextPart:
    """A part of a text: `is_newest` where there is no more yet, `is_last` where there never will be."""

    epoch: int
    offset: int
    text: str
    is_last: bool
    is_newest: bool


@dataclass(frozen=True, slots=True)
class EpochBegan:
    """Another text begins, what was told before is over: the document is written anew, or was changed."""

    epoch: int


@dataclass(frozen=True, slots=True)
class TextAdded:
    """The text goes on with `text`, which stands at `offset` (code points). Never empty, never twice, without holes."""

    epoch: int
    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class StateChanged:
    """STATE as docs/protocol.md has it: `status`, `current_section`, `reason`, `last_error`, `sections`, ..."""

    epoch: int
    state: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DocumentEnded:
    """`complete` or `cancelled`, and all of the text was told. `sha256` is that of its UTF-8, and was checked."""

    epoch: int
    offset: int
    status: str
    sha256: str


WatchEvent = EpochBegan | TextAdded | StateChanged | DocumentEnded
