"""What a reader sees of a growing document, and what of it changes under the reader's eyes."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from artifacts.preview import LivePreview
from tests.artifacts.preview.oracles.structure import Node, tree

# Raw marks that show and then go are counted by themselves.
RAW_MARKS = ("```", "**", "](", "|---", "| ---")

_LEAVES = frozenset(("p", "h1", "h2", "h3", "h4", "h5", "h6", "th", "td", "pre", "summary"))
_HOLDERS = frozenset(("root", "blockquote", "ul", "ol", "li", "table", "thead", "tbody", "tr", "details", "section"))

Seen = tuple[str, str]  # the block a text stands in, and the text


def seen(html: str) -> list[Seen]:
    """The blocks with text, in order. Whether a list is loose is spacing only: its paragraphs count as its items."""
    return list(_walk(tree(html), ""))


def _walk(node: Node, path: str) -> Iterator[Seen]:
    run: list[str] = []
    for child in node.children:
        if isinstance(child, str) or child.tag not in _LEAVES | _HOLDERS | {"hr"}:
            run.append(child if isinstance(child, str) else _text(child))
            continue
        if "".join(run).strip():
            yield path, "".join(run).strip()
        run.clear()
        if child.tag in _HOLDERS:
            yield from _walk(child, f"{path} {child.tag}")
        else:
            place = path if child.tag == "p" and path.endswith(" li") else f"{path} {child.tag}"
            yield place, _text(child).strip()
    if "".join(run).strip():
        yield path, "".join(run).strip()


def _text(node: Node) -> str:
    return "".join(child if isinstance(child, str) else _text(child) for child in node.children)


def _kept(before: str, after: str) -> bool:
    """Is every character of `before` still there, in its order?"""
    if after.startswith(before):
        return True
    rest = iter(after)
    return all(character in rest for character in before)


@dataclass
class Flicker:
    """What was counted."""

    events: int = 0
    raw_marks: int = 0
    examples: list[tuple[Seen, Seen | None]] = field(default_factory=list)

    def compare(self, before: list[Seen], after: list[Seen]) -> None:
        for place, old in enumerate(before):
            new = after[place] if place < len(after) else None
            if new is None or new[0] != old[0] or not _kept(old[1], new[1]):
                self.events += 1
                self.examples.append((old, new))
                now = new[1] if new else ""
                self.raw_marks += any(old[1].count(mark) > now.count(mark) for mark in RAW_MARKS)


def watch(text: str, sizes: Iterator[int]) -> Flicker:
    """Streams a document in pieces of these sizes and compares what is seen after each."""
    preview, flicker = LivePreview(), Flicker()
    settled: list[list[Seen]] = []
    tail: list[Seen] = []
    place = 0
    while place < len(text):
        size = next(sizes)
        preview.append(text[place : place + size])
        place += size
        update = preview.update()
        fresh = [seen(html) for html in update.fragments]
        replaced = settled[update.first :]
        new_tail = seen(update.tail)
        flicker.compare(
            [entry for entries in replaced for entry in entries] + tail,
            [entry for entries in fresh for entry in entries] + new_tail,
        )
        settled[update.first :] = fresh
        tail = new_tail
    preview.finish()
    update = preview.update()
    flicker.compare(
        [entry for entries in settled[update.first :] for entry in entries] + tail,
        [entry for html in update.fragments for entry in seen(html)],
    )
    return flicker
