"""The names a document gives: ids of its headings, numbers of its footnotes, in the order of the text. Renders nothing."""

from collections import ChainMap
from collections.abc import Iterable
from dataclasses import dataclass, field

from artifacts.preview.definitions import Definition
from artifacts.preview.inline import Note


class Names:
    """Ids and numbers given so far. A fork may give more without changing this one."""

    def __init__(self) -> None:
        self._ids: ChainMap[str, int] = ChainMap()
        self._notes: ChainMap[str, tuple[int, int]] = ChainMap()
        self._note_count = 0

    def fork(self) -> "Names":
        twin = Names()
        twin._ids, twin._notes = self._ids.new_child(), self._notes.new_child()
        twin._note_count = self._note_count
        return twin

    def heading_id(self, slug: str) -> str:
        """An id that no other heading has."""
        name, count = slug, self._ids.get(slug, -1)
        while name in self._ids:
            count += 1
            name = f"{slug}-{count}"
        self._ids[slug] = max(count, 0)
        self._ids.setdefault(name, 0)
        return name

    def note(self, label: str, owner: int) -> tuple[int, int]:
        """The number of a footnote and the piece of the document that named it first."""
        if label not in self._notes:
            self._note_count += 1
            self._notes[label] = (self._note_count, owner)
        return self._notes[label]

    def note_labels(self) -> list[str]:
        return sorted(self._notes, key=lambda label: self._notes[label])

    def forget_notes(self) -> None:
        self._notes, self._note_count = ChainMap(), 0


@dataclass(slots=True, kw_only=True)
class PieceScope:
    """What one piece of the document refers to while it is rendered, and what it turned out to refer to."""

    names: Names
    definitions: dict[str, Definition]
    live: bool
    owner: int
    footnotes: Iterable[str] = ()  # the labels that exist, when the document is finished
    given_ids: list[str] = field(default_factory=list)  # of an earlier rendering, to be given again
    ids: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    hides: bool = False

    def definition(self, key: str) -> Definition | None:
        found = self.definitions.get(key)
        if found is None:
            self.missing.add(key)
        return found

    def footnote(self, label: str) -> Note | None:
        key = label.casefold()
        if not self.live and key not in self.footnotes:
            return None
        number, owner = self.names.note(key, self.owner)
        first = owner == self.owner and key not in self.notes
        self.notes.append(key)
        return Note(number, first)

    def hide_reference(self) -> None:
        self.hides = True

    def heading_id(self, slug: str) -> str:
        place = len(self.ids)
        name = self.given_ids[place] if place < len(self.given_ids) else self.names.heading_id(slug)
        self.ids.append(name)
        return name
