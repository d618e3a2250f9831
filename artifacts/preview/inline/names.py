"""The names a document gives, ids of headings and numbers of footnotes, in the order of its text. Renders nothing."""

from collections.abc import Container
from dataclasses import dataclass, field

from artifacts.preview.block.link_definitions import Definition
from artifacts.preview.inline.tokens import Note

NoteKey = tuple[int, str]  # the section that it stands in, its label


class Names:
    """Ids and numbers given so far. Names on top of others may give more without changing those."""

    def __init__(self, below: "Names | None" = None) -> None:
        self._below = below
        self._ids: dict[str, int] = {}  # each id, and how often it was asked for
        self._notes: dict[NoteKey, tuple[int, int]] = {}
        self._note_count: int = below._note_count if below else 0

    def heading_id(self, slug: str) -> str:
        """An id that no other heading has."""
        count = self._asked(slug)
        if count is None:
            self._ids[slug] = 0
            return slug
        name = slug
        while self._asked(name) is not None:
            count += 1
            name = f"{slug}-{count}"
        self._ids[slug], self._ids[name] = count, 0
        return name

    def _asked(self, name: str) -> int | None:
        found = self._ids.get(name)
        return self._below._asked(name) if found is None and self._below else found

    def note(self, key: NoteKey, owner: int) -> tuple[int, int]:
        """The number of a footnote and the piece of the document that named it first."""
        found = self._notes.get(key) or (self._below._notes.get(key) if self._below else None)
        if found is None:
            self._note_count += 1
            found = self._notes[key] = (self._note_count, owner)
        return found

    def note_keys(self) -> list[NoteKey]:
        """All footnotes, in the order of their numbers."""
        return list(self._notes)

    def forget_notes(self) -> None:
        self._notes, self._note_count = {}, 0


@dataclass(slots=True, kw_only=True)
class PieceScope:
    """What one piece of the document refers to while it is rendered, and what it turned out to refer to."""

    names: Names
    section: int
    definitions: dict[str, Definition]  # of its section
    live: bool
    owner: int
    footnotes: Container[str] = ()  # the labels that its section has, when the document is finished
    first_line: int = 0  # where the piece begins
    knows_late: bool = True  # what is defined behind the piece counts
    given_ids: list[str] = field(default_factory=list)  # of an earlier rendering, to be given again
    ids: list[str] = field(default_factory=list)
    notes: set[NoteKey] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    hides: bool = False

    def definition(self, key: str) -> Definition | None:
        self.labels.add(key)
        found = self.definitions.get(key)
        if found is None or (not self.knows_late and found.line > self.first_line):
            self.missing.add(key)
            return None
        return found

    def footnote(self, label: str) -> Note | None:
        key = (self.section, label.casefold())
        if not self.live and key[1] not in self.footnotes:
            return None
        number, owner = self.names.note(key, self.owner)
        first = owner == self.owner and key not in self.notes
        self.notes.add(key)
        return Note(number, first)

    def hide_reference(self) -> None:
        self.hides = True

    def heading_id(self, slug: str) -> str:
        place = len(self.ids)
        name = self.given_ids[place] if place < len(self.given_ids) else self.names.heading_id(slug)
        self.ids.append(name)
        return name
