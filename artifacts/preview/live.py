"""A document that grows: settled fragments, rendered once, and a tail that is rendered again. Whole documents take the
same way, so both say the same.
"""

import re
import threading
from collections import defaultdict
from dataclasses import dataclass, replace

from artifacts.preview import limits, repair
from artifacts.preview.block import Block
from artifacts.preview.engine import Engine
from artifacts.preview.highlight import code_block
from artifacts.preview.lines import Lines
from artifacts.preview.names import Names, PieceScope
from artifacts.preview.reader import Reader
from artifacts.preview.sanitise import sanitise
from artifacts.preview.writer import NOTE_ID, REFERENCE_ID

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


class _Engines(threading.local):
    def __init__(self) -> None:
        self.one = Engine()


_engines = _Engines()


def render(markdown: str) -> str:
    """The whole document as safe HTML."""
    preview = LivePreview()
    preview.append(markdown)
    return preview.finish()


class LivePreview:
    """Takes a document in any chunks, gives its preview so far. Not for two threads at a time."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._reader = Reader()
        self._names = Names()
        self._html: list[str] = []
        self._shown: list[str] = []  # what the viewer has
        self._unsettled: dict[int, _Fragment] = {}  # fragments that a later definition may change
        self._waiting: defaultdict[str, set[int]] = defaultdict(set)  # who waits for which label
        self._defined = 0  # definitions seen
        self._changed = 0  # the first fragment that the viewer does not have
        self._received = 0
        self._tail = ""
        self._tail_at = 0  # characters received when the tail was rendered
        self._tail_of = -1  # the open block that it shows
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
        if self._finished:
            raise ValueError("the document is finished: a new one needs a new preview")
        self._received += len(text)
        for line in self._lines.feed(text):
            self._reader.feed(line)

    def update(self) -> Update:
        """Renders what is new; says what a viewer of the last update has to change."""
        if not self._finished:
            self._settle()
            self._render_tail()
        else:
            self._tail = ""
        first, self._changed = self._changed, len(self._html)
        self._shown[first:] = self._html[first:]
        return Update(first=first, fragments=self._html[first:], tail=self._tail)

    def finish(self) -> str:
        """The final document. It takes no more text."""
        if not self._finished:
            if self._lines.partial:
                self._reader.feed(self._lines.partial)
            self._reader.finish()
            self._finished = True
            self._settle()
            self._complete()
        return "\n".join(self._html)

    # -- fragments

    def _settle(self) -> None:
        late = {place for key in self._reader.defined[self._defined :] for place in self._waiting.pop(key, ())}
        self._defined = len(self._reader.defined)
        for place in sorted(late):
            self._render_again(place, live=True)
        blocks = self._reader.take()
        if blocks:
            self._settled_at = self._received - len(self._lines.partial)
        for block in blocks:
            self._add(block)

    def _add(self, block: Block) -> None:
        scope = self._scope(len(self._html), block.first_line, live=not self._finished)
        html = _html([block], scope)
        if scope.live and len(scope.labels) > limits.LATE_LABELS:
            scope = replace(
                scope, knows_late=False, given_ids=scope.ids, ids=[], notes=set(), labels=set(), missing=set()
            )
            html = _html([block], scope)
        if html:
            self._html.append(html)
            self._keep(block, scope)

    def _scope(self, owner: int, first_line: int, *, live: bool) -> PieceScope:
        return PieceScope(
            names=self._names,
            definitions=self._reader.definitions,
            footnotes=self._reader.footnotes,
            live=live,
            owner=owner,
            first_line=first_line,
        )

    def _keep(self, block: Block, scope: PieceScope) -> None:
        if scope.missing or scope.notes or scope.hides:
            self._unsettled[scope.owner] = _Fragment(block, scope)
            for key in scope.missing if scope.knows_late else ():
                self._waiting[key].add(scope.owner)

    def _render_again(self, place: int, *, live: bool) -> None:
        fragment = self._unsettled.pop(place)
        scope = self._scope(place, fragment.block.first_line, live=live)
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
        blocks = repair.open_end(self._reader, self._lines.partial)
        scope = self._scope(len(self._html), 0, live=True)
        scope.names = Names(self._names)
        self._tail = _html(blocks, scope) if blocks else ""
        self._tail_at, self._tail_of = self._received, self._reader.place

    def _may_wait(self) -> bool:
        """A giant tail is rendered again when it has grown by a part of itself, so that all of its renderings together
        cost no more than a few of the whole."""
        if self._reader.place != self._tail_of:
            return False
        size = len(self._tail) if len(self._tail) >= limits.TAIL_CHARS else 0
        if (source := self._tail_at - self._settled_at) >= limits.TAIL_SOURCE_CHARS:
            size = max(size, source)
        return (self._received - self._tail_at) * limits.TAIL_GROWTH < size

    # -- the end

    def _complete(self) -> None:
        """What is known only now: references to nothing, footnotes."""
        undefined = any(label not in self._reader.footnotes for label in self._names.note_labels())
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
        """The footnotes by their numbers; those that nothing refers to come last, their words count too."""
        scope, items = self._scope(len(self._html), 0, live=False), list[str]()
        named = len(self._names.note_labels())
        for label in self._reader.footnotes:
            self._names.note(label, scope.owner)
        for place, label in enumerate(self._names.note_labels(), 1):
            html = _html(self._reader.footnotes[label].children, scope)
            back = _BACK.format(id=f"{REFERENCE_ID}{place}") if place <= named else ""
            items.append(f'<li id="{NOTE_ID}{place}">{_with_back_link(html, back)}</li>')
        return f'<section class="footnotes"><ol>{"".join(items)}</ol></section>' if items else ""


def _html(blocks: list[Block], scope: PieceScope) -> str:
    rendered = _engines.one.render(blocks, scope)
    html = sanitise(rendered.html).rstrip("\n")
    return _CODE_PLACE.sub(lambda match: code_block(*rendered.code[int(match[1])]), html) if rendered.code else html


def _with_back_link(html: str, back: str) -> str:
    return f"{html[:-4]} {back}</p>" if back and html.endswith("</p>") else f"{html}{back}"
