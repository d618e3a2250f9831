"""What one document needs to know of others: of each its outline and how its sections begin, the most relevant first.

Pure, and the same for the same texts. Whatever a text holds, the time is bounded: so much of it is read, and once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import sqrt

from generation.markdown.fences import opened_fence

DIGESTED_CHARS = 200_000
"""Of one document; what stands behind it is in no digest."""
READ_HEADINGS = 1_000
READ_LINE_CHARS = 400
"""Of one line; what stands behind it is not read."""
BEGINNING_CHARS = 1_500
"""Of one section at most, however few there are."""
LEAST_BEGINNING_CHARS = 80
"""A beginning that would be shorter says nothing: fewer sections are told of."""
LEAST_PART_CHARS = 200
"""A document that would have less is left out."""
RELEVANCE_CHARS = 20_000
OUTLINE_PART = 3
"""The outline takes at most so many-th of a document's part."""

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(\S.*)")
_WORD = re.compile(r"\w+")
_WITHOUT_SPACES = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff]")


@dataclass(frozen=True, kw_only=True)
class EarlierDocument:
    """A document that others may be written from; they are given in the order in which they stand in the project."""

    key: int
    title: str
    text: str


@dataclass(frozen=True, kw_only=True)
class DigestPart:
    """What is told of the document with this key."""

    key: int
    text: str


@dataclass
class _Beginning:
    """A heading of the first or second level, and the text that follows it."""

    name: str
    lines: list[str] = field(default_factory=list)
    chars: int = 0

    def add(self, line: str) -> None:
        if self.chars < BEGINNING_CHARS and line.strip():
            self.lines.append(" ".join(line.split()))
            self.chars += len(self.lines[-1]) + 1


@dataclass
class _Read:
    """What was read of one document."""

    document: EarlierDocument
    headings: list[tuple[int, str]]
    sections: list[_Beginning]


def digest(documents: Sequence[EarlierDocument], *, about: str, limit: int) -> list[DigestPart]:
    """What a document that is `about` this should know of those before it, in `limit` characters in all."""
    wanted = _words(about)
    # Of those that are as relevant the last comes first: it builds on the others itself.
    found = [_read(document) for document in reversed(documents)]
    found.sort(key=lambda one: _relevance(one, wanted), reverse=True)
    parts: list[DigestPart] = []
    left = limit
    for place, one in enumerate(found):
        weights = [1 / (other + 2) for other in range(place, len(found))]
        text = _part(one, int(left * weights[0] / sum(weights)))
        if text:
            parts.append(DigestPart(key=one.document.key, text=text))
            left -= len(text) + 2
    return parts


def _read(document: EarlierDocument) -> _Read:
    headings: list[tuple[int, str]] = []
    sections = [_Beginning("")]
    fence = ""
    for whole in document.text[:DIGESTED_CHARS].splitlines():
        line = whole[:READ_LINE_CHARS]
        if not line:
            continue
        if "```" in line or "~~~" in line:
            before, fence = fence, opened_fence(line, fence)
            if before and not fence:
                continue
        if fence:
            continue
        heading = _HEADING.match(line)
        if heading is None:
            sections[-1].add(line)
            continue
        level, name = len(heading[1]), " ".join(heading[2].rstrip(" \t#").split())
        if len(headings) == READ_HEADINGS:
            break
        headings.append((level, name))
        if level <= 2:
            sections.append(_Beginning(name))
    return _Read(document, headings, [section for section in sections if section.lines])


def _relevance(one: _Read, wanted: set[str]) -> float:
    held = _words(" ".join([one.document.title, *(name for _, name in one.headings)]))
    return len(held & wanted) / sqrt(1 + len(held))


def _words(text: str) -> set[str]:
    """What a text is about: its longer words, and pairs of characters where a script has no spaces."""
    words = set[str]()
    for word in _WORD.findall(text[:RELEVANCE_CHARS].casefold()):
        if _WITHOUT_SPACES.search(word):
            words.update(word[at : at + 2] for at in range(max(1, len(word) - 1)))
        elif len(word) > 3:
            words.add(word)
    return words


def _part(one: _Read, limit: int) -> str:
    """The title, the outline and the beginnings, in so many characters; "" where that is too little to say anything."""
    title = f"# {' '.join(one.document.title.split())}"
    if limit < max(LEAST_PART_CHARS, 2 * len(title)):
        return ""
    outline = _outline(one.headings, limit // OUTLINE_PART)
    lines = [title, *outline]
    left = limit - len("\n".join(lines)) - 2
    sections = one.sections[: max(1, left // LEAST_BEGINNING_CHARS)]
    beginnings = []
    for place, section in enumerate(sections):
        name = f"{section.name}: " if section.name else ""
        line = _cut(name + " ".join(section.lines), min(BEGINNING_CHARS, left // (len(sections) - place) - 1))
        if line:
            beginnings.append(line)
            left -= len(line) + 1
    return "\n".join([*lines, "", *beginnings] if beginnings else lines)


def _outline(headings: Iterable[tuple[int, str]], limit: int) -> list[str]:
    """The headings, indented by level; the deeper ones go first where they are too many."""
    for deepest in (4, 3, 2):
        lines = [f"{'  ' * max(0, level - 2)}- {name}" for level, name in headings if level <= deepest]
        if sum(map(len, lines)) + len(lines) <= limit:
            return lines
    kept: list[str] = []
    for line in lines:
        limit -= len(line) + 1
        if limit < 0:
            break
        kept.append(line)
    return kept


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    if limit < 2:
        return ""
    end = text.rfind(" ", limit // 2, limit - 1)
    return text[: end if end > 0 else limit - 1] + "…"
