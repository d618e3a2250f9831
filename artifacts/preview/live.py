"""Renders a document while it grows: settled fragments once, the tail behind them again with each addition.

Whole documents take the same way, so both say the same.
"""

import re
import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from artifacts.preview import collector, limits, repair
from artifacts.preview.block.block import Block
from artifacts.preview.block.lines import Lines
from artifacts.preview.block.reader import Reader
from artifacts.preview.engine import Engine
from artifacts.preview.highlight import code_block
from artifacts.preview.inline.names import Names, PieceScope
from artifacts.preview.pieces import in_pieces
from artifacts.preview.sanitise import sanitise
from artifacts.preview.serializer import NOTE_ID, REFERENCE_ID

_BACK = '<a class="footnote-back" href="#{id}" aria-label="Back to the text">↩</a>'
_CODE_PLACE = re.compile(r'<pre data-code="(\d+)"></pre>')


@dataclass(frozen=True, kw_only=True)
class Update:
    """What changed: a viewer does `shown[first:] = fragments` and replaces the tail."""

    first: int
    fragments: list[str]
    tail: str


@dataclass(slots=True)
class _Fragment:
    """A settled piece and what it needs to be rendered once more."""

    block: Block
    scope: PieceScope


@dataclass(slots=True)
class _SectionPreview:
    """What one section has for itself alone: its blocks, what it defines, and who waits for that."""

    number: int
    reader: Reader = field(default_factory=Reader)
    begins_at: int = 0  # characters received before it
    defined: int = 0  # definitions seen
    waiting: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))  # which fragments for a label


class _Engines(threading.local):
    def __init__(self) -> None:
        self.one = Engine()


_engines = _Engines()


def render(markdown: str, sections: Iterable[int] = ()) -> str:
    """The whole document as safe HTML. `sections` are the offsets, in code points, at which its sections begin."""
    preview = LivePreview()
    append_sections(preview, markdown, sections)
    return preview.finish()


def append_sections(preview: "LivePreview", text: str, sections: Iterable[int], *, begin: int = 0) -> None:
    """Appends a text that stands at `begin` of its document, and begins the sections that begin in it or at its end."""
    end = begin + len(text)
    place = begin
    for start in sorted({start for start in sections if begin <= start <= end}):
        preview.append(text[place - begin : start - begin])
        preview.begin_section()
        place = start
    preview.append(text[place - begin :])


class LivePreview:
    """Takes a document in any chunks, gives its preview so far. Not for two threads at a time.

    How a section is shown never depends on another. Ids and the numbers of footnotes alone are the whole document's.
    """

    def __init__(self) -> None:
        self._lines = Lines()
        self._section = _SectionPreview(0)
        self._sections = [self._section]
        self._behind = 0  # so many sections have ended and are settled
        self._names = Names()
        self._html: list[str] = []
        self._ends: list[int] = []  # how many fragments the viewer has of each and all before it
        self._shown: list[str] = []  # what the viewer has
        self._unsettled: dict[int, _Fragment] = {}  # fragments that a later definition may change
        self._changed = 0  # the first fragment that the viewer does not have
        self._received = 0
        self._tail = ""
        self._tail_at = 0  # characters received when the tail was rendered
        self._tail_of = (0, -1)  # the section and the open block that it shows
        self._settled_at = 0  # characters received when something was settled last
        self._finished = False

    @property
    def fragments(self) -> list[str]:
        """The settled fragments, as of the last update."""
        return list(self._shown)

    @property
    def tail(self) -> str:
        return self._tail

    def append(self, text: str) -> None:
        """Takes the next characters of the document."""
        self._not_finished()
        self._received += len(text)
        for line in self._lines.feed(text):
            self._section.reader.feed(line)

    def begin_section(self) -> None:
        """What follows belongs to a new section. A section without a character is none."""
        self._not_finished()
        if self._received > self._section.begins_at:
            self._end_section()
            self._section = _SectionPreview(len(self._sections), begins_at=self._received)
            self._sections.append(self._section)
            self._settled_at = self._received

    def update(self) -> Update:
        """Renders what is new; says what a viewer of the last update has to change."""
        if not self._finished:
            self._settle()
            self._render_tail()
        else:
            self._tail = ""
        place, self._changed = self._changed, len(self._html)
        del self._ends[place:]
        first = self._ends[-1] if self._ends else 0
        del self._shown[first:]
        for html in self._html[place:]:
            self._shown += in_pieces(html)
            self._ends.append(len(self._shown))
        return Update(first=first, fragments=self._shown[first:], tail=self._tail)

    def finish(self) -> str:
        """The final document. It takes no more text."""
        if not self._finished:
            self._end_section()
            self._finished = True
            self._settle()
            self._complete()
        return "\n".join(piece for html in self._html for piece in in_pieces(html))

    def _not_finished(self) -> None:
        if self._finished:
            raise ValueError("the document is finished: a new one needs a new preview")

    def _end_section(self) -> None:
        if self._lines.partial:
            self._section.reader.feed(self._lines.partial)
        self._lines.end()
        self._section.reader.finish()

    # -- fragments

    def _settle(self) -> None:
        for section in self._sections[self._behind :]:
            self._settle_section(section)
        self._behind = len(self._sections) - 1

    def _settle_section(self, section: _SectionPreview) -> None:
        reader = section.reader
        late = {place for key in reader.defined[section.defined :] for place in section.waiting.pop(key, ())}
        section.defined = len(reader.defined)
        for place in sorted(late):
            self._render_again(place, live=True)
        blocks = reader.take()
        if blocks and section is self._section:
            self._settled_at = self._received - len(self._lines.partial)
        for block in blocks:
            self._add(block, section)

    def _add(self, block: Block, section: _SectionPreview) -> None:
        scope = self._scope(section, len(self._html), block.first_line, live=not self._finished)
        html = _html([block], scope)
        if scope.live and len(scope.labels) > limits.LATE_LABELS:
            scope = replace(
                scope, knows_late=False, given_ids=scope.ids, ids=[], notes=set(), labels=set(), missing=set()
            )
            html = _html([block], scope)
        if html:
            self._html.append(html)
            self._keep(block, scope)

    def _scope(self, section: _SectionPreview, owner: int, first_line: int, *, live: bool) -> PieceScope:
        return PieceScope(
            names=self._names,
            section=section.number,
            definitions=section.reader.definitions,
            footnotes=section.reader.footnotes,
            live=live,
            owner=owner,
            first_line=first_line,
        )

    def _keep(self, block: Block, scope: PieceScope) -> None:
        if scope.missing or scope.notes or scope.hides:
            self._unsettled[scope.owner] = _Fragment(block, scope)
            for key in scope.missing if scope.knows_late else ():
                self._sections[scope.section].waiting[key].add(scope.owner)

    def _render_again(self, place: int, *, live: bool) -> None:
        fragment = self._unsettled.pop(place)
        section = self._sections[fragment.scope.section]
        scope = self._scope(section, place, fragment.block.first_line, live=live)
        scope.given_ids = fragment.scope.ids
        html = _html([fragment.block], scope)
        self._keep(fragment.block, scope)
        if html != self._html[place]:
            self._html[place] = html
            self._changed = min(self._changed, place)

    # -- the tail

    def _render_tail(self) -> None:
        if self._may_wait():
            return
        blocks = repair.open_end(self._section.reader, self._lines.partial)
        scope = self._scope(self._section, len(self._html), 0, live=True)
        scope.names = Names(self._names)
        self._tail = _html(blocks, scope) if blocks else ""
        self._tail_at, self._tail_of = self._received, self._place

    def _may_wait(self) -> bool:
        """A giant tail is rendered again when it has grown by a part of itself, so that all of its renderings together
        cost no more than a few of the whole."""
        if self._place != self._tail_of:
            return False
        size = len(self._tail) if len(self._tail) >= limits.TAIL_CHARS else 0
        if (source := self._tail_at - self._settled_at) >= limits.TAIL_SOURCE_CHARS:
            size = max(size, source)
        return (self._received - self._tail_at) * limits.TAIL_GROWTH < size

    @property
    def _place(self) -> tuple[int, int]:
        return self._section.number, self._section.reader.place

    # -- the end

    def _complete(self) -> None:
        """What is known only now: references to nothing, footnotes."""
        undefined = any(
            label not in self._sections[section].reader.footnotes for section, label in self._names.note_keys()
        )
        if undefined:
            self._names.forget_notes()
        for place in sorted(self._unsettled):
            scope = self._unsettled[place].scope
            if scope.hides or not scope.knows_late or (undefined and scope.notes):
                self._render_again(place, live=False)
        notes = self._footnotes()
        if notes:
            self._html.append(notes)

    def _footnotes(self) -> str:
        """Those of all sections by their numbers; those that nothing refers to come last, their words count too."""
        owner, items = len(self._html), list[str]()
        named = len(self._names.note_keys())
        for section in self._sections:
            for label in section.reader.footnotes:
                self._names.note((section.number, label), owner)
        for place, (number, label) in enumerate(self._names.note_keys(), 1):
            section = self._sections[number]
            html = _html(section.reader.footnotes[label].children, self._scope(section, owner, 0, live=False))
            back = _BACK.format(id=f"{REFERENCE_ID}{place}") if place <= named else ""
            items.append(f'<li id="{NOTE_ID}{place}">{_with_back_link(html, back)}</li>')
        return f'<section class="footnotes"><ol>{"".join(items)}</ol></section>' if items else ""


def _html(blocks: list[Block], scope: PieceScope) -> str:
    with collector.paused():
        rendered = _engines.one.render(blocks, scope)
        html = sanitise(rendered.html).rstrip("\n")
    return _CODE_PLACE.sub(lambda match: code_block(*rendered.code[int(match[1])]), html) if rendered.code else html


def _with_back_link(html: str, back: str) -> str:
    return f"{html[:-4]} {back}</p>" if back and html.endswith("</p>") else f"{html}{back}"
