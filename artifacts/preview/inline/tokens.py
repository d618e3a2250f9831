"""What inline markup consists of, and what it may ask of the document it stands in. Only data."""

from dataclasses import dataclass, field
from typing import Protocol

from artifacts.preview.block.link_definitions import Definition


@dataclass(slots=True, eq=False)
class Code:
    text: str


@dataclass(slots=True, eq=False)
class Math:
    """A formula as it is written, its marks included."""

    text: str


@dataclass(slots=True, eq=False)
class Break:
    """A line break that shows."""


@dataclass(slots=True, eq=False)
class Note:
    """A footnote's number in the text; `first` where it is named for the first time."""

    number: int
    first: bool


@dataclass(slots=True, eq=False)
class Link:
    """The beginning of a link or an image; `LinkEnd` ends it."""

    address: str
    title: str | None
    image: bool = False


@dataclass(slots=True, eq=False)
class Awaited:
    """The beginning of `[text]` whose definition may still come; `LinkEnd` ends it."""


@dataclass(slots=True, eq=False)
class LinkEnd:
    pass


@dataclass(slots=True, eq=False)
class Marks:
    """A run of `*`, `_` or `~`: what it closes, what is left of it as text, what it opens (the innermost first)."""

    character: str
    place: int  # in the text
    length: int
    can_open: bool
    can_close: bool
    left: int  # how many of its marks are not used
    closes: list[str] = field(default_factory=list)
    opens: list[str] = field(default_factory=list)
    before: "Marks | None" = None  # the runs that may still be used are a list
    after: "Marks | None" = None
    older: "Marks | None" = None  # all runs of the text are another


Token = str | Code | Math | Break | Note | Link | Awaited | LinkEnd | Marks


class ReferenceScope(Protocol):
    """What a text may refer to."""

    @property
    def live(self) -> bool:
        """The document is not finished: what is not defined may still be."""

    def definition(self, key: str) -> Definition | None:
        """Where a label leads."""

    def footnote(self, label: str) -> Note | None:
        """What stands for a footnote in the text, nothing if there is none such."""

    def hide_reference(self) -> None:
        """Told when a reference to an unknown label is shown as its text for now."""


class _NothingDefined:
    @property
    def live(self) -> bool:
        return False

    def definition(self, key: str) -> None:
        return None

    def footnote(self, label: str) -> None:
        return None

    def hide_reference(self) -> None:
        raise AssertionError("only in a live document")


NOTHING_DEFINED = _NothingDefined()
