"""Labels of footnotes and links where sections become one document for another reader: made unique where they meet.

A label that only one section knows stays as it is, and so does all else: code, addresses, the white space.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from artifacts.preview.block.block import VERBATIM
from artifacts.preview.block.lines import Lines
from artifacts.preview.block.link_definitions import definition_at, label_key
from artifacts.preview.block.reader import Reader
from artifacts.preview.inline.inline import without_opaque

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_BRACKETS = re.compile(r"\\.|\[((?:[^\\\[\]]|\\.)*+)\]", re.DOTALL)
_BEFORE_DEFINITION = re.compile(r"(?:[ \t]*(?:>|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t])))*[ \t]*\Z")

IMAGES_CHARS = 500
"""So much of a text before a label is looked at, whether it holds images."""

Key = tuple[bool, str]  # of a footnote or of a link, and the label as it is compared


@dataclass(frozen=True, kw_only=True, slots=True)
class _Label:
    """Where a label stands in a text: what is written anew is the text from `start` to `end`."""

    key: Key
    start: int
    end: int
    before: str = "["  # the label, in what is written there
    after: str = "]"
    is_definition: bool


def unique_labels(markdown: str, sections: Iterable[int]) -> str:
    """The text with the labels of its sections told apart; `sections` are the offsets at which they begin."""
    borders = sorted({0, len(markdown), *(start for start in sections if 0 < start < len(markdown))})
    texts = [markdown[start:end] for start, end in pairwise(borders)]
    if len(texts) < 2 or "[" not in markdown:
        return markdown
    found = [_places(text) for text in texts]
    names = _new_names(found)
    return "".join(map(_renamed, texts, found, names))


def _new_names(found: list[list[_Label]]) -> list[dict[Key, str]]:
    """For each section the labels that it has to write in another way."""
    defining, using = defaultdict[Key, list[int]](list), defaultdict[Key, set[int]](set)
    for number, places in enumerate(found):
        for key in {place.key for place in places if place.is_definition}:
            defining[key].append(number)
        for place in places:
            using[place.key].add(number)
    taken = set(using)
    names: list[dict[Key, str]] = [{} for _ in found]
    for key, owners in defining.items():
        # The first keeps its label, unless a section without a definition would find it.
        for number in owners if using[key] - set(owners) else owners[1:]:
            names[number][key] = _free(key, number + 1, taken)
    return names


def _free(key: Key, number: int, taken: set[Key]) -> str:
    name = f"{key[1]}-{number}"
    while (key[0], name) in taken:
        name += "x"
    taken.add((key[0], name))
    return name


def _renamed(text: str, places: list[_Label], names: dict[Key, str]) -> str:
    pieces, end = list[str](), 0
    for place in places if names else ():
        if place.key in names:
            pieces += [text[end : place.start], place.before + names[place.key] + place.after]
            end = place.end
    return "".join([*pieces, text[end:]])


# -- where labels stand


def _places(text: str) -> list[_Label]:
    if "[" not in text:
        return []
    reader, runs = _read(text)
    places = [place for start, end in runs for place in _in_run(text, start, end)]
    defined = {(False, key) for key in reader.definitions} | {(True, key) for key in reader.footnotes}
    return [_as_use(place, text) if place.is_definition and place.key not in defined else place for place in places]


def _as_use(place: _Label, text: str) -> _Label:
    """Of what looks like a definition and is none: the label in it leads to where another one says."""
    before = place.before if place.key[0] else f"{text[place.start : place.end]}["
    return replace(place, is_definition=False, before=before)


def _read(text: str) -> tuple[Reader, list[tuple[int, int]]]:
    """What the text defines, and its runs of lines that are not code, HTML or a formula."""
    reader, runs, is_text = Reader(), list[tuple[int, int]](), False
    for line in _LINE.finditer(text):
        if line.start() == line.end():
            break
        was_verbatim = reader.tip.kind in VERBATIM
        for content in Lines().feed(line[0].rstrip("\r\n") + "\n"):
            reader.feed(content)
        goes_on, is_text = is_text, not (was_verbatim or reader.tip.kind in VERBATIM) and bool(line[0].strip())
        if is_text and goes_on:
            runs[-1] = (runs[-1][0], line.end())
        elif is_text:
            runs.append((line.start(), line.end()))
    reader.finish()
    return reader, runs


def _in_run(text: str, start: int, end: int) -> Iterator[_Label]:
    run = text[start:end]
    if "[" not in run:
        return
    seen, place = without_opaque(run), 0
    after_text = -1  # where `[text]` ended a label may follow
    while found := _BRACKETS.search(seen, place):
        place = found.end()
        if not found[0].startswith("["):
            continue
        label, follows = run[found.start(1) : found.end(1)], run[found.end() : found.end() + 1]
        begin, behind = start + found.start(), start + found.end()
        is_definition = follows == ":" and _begins_line(run, found.start())
        is_definition = is_definition and (label.startswith("^") or definition_at(run, found.start()) is not None)
        if label.startswith("^") and len(label) > 1 and not re.search(r"\s", label):
            yield _Label(
                key=(True, label[1:].casefold()), before="[^", is_definition=is_definition, start=begin, end=behind
            )
            after_text = -1
            continue
        key = (False, label_key(label))
        if found.start() == after_text or _ends_images(seen, found.start()):
            after_text = -1
            if label.strip():
                yield _Label(key=key, is_definition=False, start=begin, end=behind)
            continue
        after_text = found.end()
        if is_definition:
            yield _Label(key=key, is_definition=True, start=begin, end=behind)
        elif label.strip() and follows != "(" and not (follows == "[" and not run.startswith("[]", found.end())):
            collapsed = 2 if run.startswith("[]", found.end()) else 0
            behind += collapsed
            yield _Label(key=key, before=f"[{label}][", is_definition=False, start=begin, end=behind)
            place += collapsed


def _ends_images(run: str, place: int) -> bool:
    """Whether a text in brackets ends there that holds images and no links: what follows is the label of all of it."""
    depth = 0
    for at in range(place - 1, max(-1, place - 1 - IMAGES_CHARS), -1):
        before = run[at - 1] if at else ""
        if before == "\\" or run[at] not in "[]":
            if depth == 0:
                break
        elif run[at] == "]":
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                return "![" in run[at + 1 : place]
            if before not in "!]":
                break
    return False


def _begins_line(run: str, place: int) -> bool:
    line = max(run.rfind("\n", 0, place), run.rfind("\r", 0, place)) + 1
    return _BEFORE_DEFINITION.match(run[line:place]) is not None
