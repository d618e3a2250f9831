"""Makes joints out of real documents: a text cut somewhere, and what models really answer when they are asked to go on.

A joint knows the text that belongs after the cut, so that any joiner can be judged; nothing here knows how to join.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

Place = Literal["word", "sentence", "line", "list", "table", "code"]
PLACES: tuple[Place, ...] = ("word", "sentence", "line", "list", "table", "code")

_FENCE = re.compile(r"[ \t]*(?:`{3,}|~{3,})")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d+[.)])[ \t]")
_SPACES = re.compile(r"\s*")
_ANSWER_CHARS = (250, 1400)
_LEAST_BEFORE = 200
_LEAST_AFTER = 60

PREFACES = (
    "Here is the rest of the document:",
    "Sure! Here is the continuation:",
    "Certainly, continuing from where I left off:",
    "Continuing from the previous text:",
    "Of course. Here's the remaining part of the section:",
    "Sure, here is the continuation of the text you provided.",
    "**Continuation:**",
    "I apologize for the interruption. Let me continue:",
    "Absolutely! I'll pick up exactly where the text stopped.",
    "Here's the continuation:",
    "(continued)",
    "Okay, let's continue with the document.",
)
CHATTER = (
    "I'm sorry, but I can't continue this text without more context. Could you tell me what it should cover?",
    "It looks like your message was cut off. Please provide the rest of the text so that I can help you.",
    "Sure! I'd be happy to help you with that. What would you like me to write about?",
    "As an AI language model, I do not have access to the earlier parts of this conversation.",
    "The section is complete. Let me know if you would like me to write the next one!",
    "Thank you for sharing this document. Overall it is well structured and easy to follow, but it could say more.",
    "Here are some suggestions for improving the text:\n\n1. Add more detail to the introduction.\n2. Be brief.",
    "You can use this text as a starting point and adapt it to your needs.",
)


@dataclass(frozen=True, kw_only=True)
class Joint:
    """`expected` is the text to append; None where the answer must be refused."""

    kind: str
    place: Place
    mode: Literal["prefill", "reprompt"]
    previous: str
    answer: str
    expected: str | None
    source: str


@dataclass(frozen=True, kw_only=True)
class Document:
    name: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Before the white space that follows a word: `text[at:after]` is that white space."""

    at: int
    after: int
    place: Place


@dataclass(frozen=True, kw_only=True)
class _Case:
    document: Document
    cut: Cut
    other: Document
    dice: random.Random

    @property
    def before(self) -> str:
        return self.document.text[: self.cut.at]

    @property
    def rest(self) -> str:
        """What follows, white space first, of the length of one turn; ends with a word."""
        end = self.cut.after + self.dice.randint(*_ANSWER_CHARS)
        text = self.document.text
        end = len(text) if end >= len(text) else max(text.rfind(" ", 0, end), text.rfind("\n", 0, end))
        return text[self.cut.at : end].rstrip()


@cache
def cuts_of(text: str) -> list[Cut]:
    """Every place where a word ends, with the kind of place it is."""
    cuts: list[Cut] = []
    is_code = False
    start = 0
    for line in text.splitlines(keepends=True):
        is_fence = _FENCE.match(line) is not None
        for gap in re.finditer(r"(?<=\S)\s+", line):
            word = line[: gap.start()].split()[-1]
            if not any(map(str.isalnum, word)) or re.fullmatch(r"\d+[.)]", word):
                continue  # a mark is no place where a turn is likely to end
            at, after = start + gap.start(), start + gap.end()
            if gap.end() == len(line):
                spaces = _SPACES.match(text, at)
                after = spaces.end() if spaces else after
            cuts.append(Cut(at=at, after=after, place=_place(line, gap, is_code=is_code and not is_fence)))
        is_code ^= is_fence
        start += len(line)
    return [cut for cut in cuts if cut.at >= _LEAST_BEFORE and cut.after <= len(text) - _LEAST_AFTER]


def _place(line: str, gap: re.Match[str], *, is_code: bool) -> Place:
    if is_code:
        return "code"
    if line.lstrip().startswith("|"):
        return "table"
    if _ITEM.match(line):
        return "list"
    if gap.end() == len(line):
        return "line"
    return "sentence" if line[gap.start() - 1] in ".!?" else "word"


def make(documents: list[Document], *, per_kind: int, seed: int) -> Iterator[Joint]:
    """`per_kind` joints of each kind, spread over the kinds of place and the documents."""
    for kind, maker in KINDS.items():
        dice = random.Random(f"{seed} {kind}")
        made = attempts = 0
        while made < per_kind and attempts < 200 * per_kind:
            attempts += 1
            document, other = dice.sample(documents, 2)
            place = PLACES[attempts % len(PLACES)]
            cuts = [cut for cut in cuts_of(document.text) if cut.place == place]
            if not cuts:
                continue
            case = _Case(document=document, cut=dice.choice(cuts), other=other, dice=dice)
            joint = maker(kind, case)
            if joint is not None:
                made += 1
                yield joint


def _joint(
    kind: str, case: _Case, answer: str, expected: str | None, *, previous: str | None = None, prefill: bool = False
) -> Joint:
    return Joint(
        kind=kind,
        place=case.cut.place,
        mode="prefill" if prefill else "reprompt",
        previous=case.before if previous is None else previous,
        answer=answer,
        expected=expected,
        source=case.document.name,
    )


def _exact(kind: str, case: _Case) -> Joint:
    """Prefill, cut anywhere, also inside a word."""
    text = case.document.text
    at = case.dice.randint(_LEAST_BEFORE, len(text) - 1)
    rest = text[at : at + case.dice.randint(*_ANSWER_CHARS)]
    return _joint(kind, case, rest, rest, previous=text[:at], prefill=True)


def _echoed(kind: str, case: _Case) -> Joint:
    exact = _exact(kind, case)
    return _joint(kind, case, exact.previous + exact.answer, exact.answer, previous=exact.previous, prefill=True)


def _bare(kind: str, case: _Case) -> Joint:
    """A clean continuation with its own white space."""
    rest = case.rest
    return _joint(kind, case, rest, rest)


def _space_kept(kind: str, case: _Case) -> Joint:
    """The answer comes stripped; the text ends with the white space."""
    rest = case.rest.lstrip()
    return _joint(kind, case, rest, rest, previous=case.document.text[: case.cut.after])


def _space_lost(kind: str, case: _Case) -> Joint:
    """The answer comes stripped, and nobody has the white space any more."""
    rest = case.rest
    return _joint(kind, case, rest.lstrip(), rest)


def _words_again(kind: str, case: _Case) -> Joint | None:
    """The last one to eight words again."""
    words = list(re.finditer(r"\S+", case.before))
    start = words[-case.dice.randint(1, 8)].start()
    return _again(kind, case, start)


def _sentence_again(kind: str, case: _Case) -> Joint | None:
    """The sentence that was cut begins again."""
    starts = [found.end() for found in re.finditer(r"[.!?:]\s+|\n\s*(?:[-*+]|\d+[.)]|#+)?\s*", case.before)]
    starts = [start for start in starts if start < len(case.before)]
    return _again(kind, case, starts[-1]) if starts else None


def _line_again(kind: str, case: _Case) -> Joint | None:
    """The line that was cut begins again, its indentation lost."""
    start = case.before.rfind("\n") + 1
    return _again(kind, case, start + len(case.before[start:]) - len(case.before[start:].lstrip()))


def _spaced_again(kind: str, case: _Case) -> Joint | None:
    """The last line or two begin again with white space of their own."""
    start = case.before.rfind("\n", 0, case.before.rfind("\n")) + 1
    rest = case.rest
    repeated = " ".join(case.before[start:].split()) if case.cut.place != "code" else case.before[start:].strip()
    return _joint(kind, case, repeated + rest, rest) if repeated else None


def _again(kind: str, case: _Case, start: int) -> Joint | None:
    rest = case.rest
    repeated = case.before[start:]
    return _joint(kind, case, (repeated + rest).strip(), rest) if repeated.strip() else None


def _preface(kind: str, case: _Case) -> Joint:
    rest = case.rest
    return _joint(kind, case, f"{case.dice.choice(PREFACES)}\n\n{rest.lstrip()}", rest)


def _preface_again(kind: str, case: _Case) -> Joint | None:
    joint = _words_again(kind, case) if case.dice.random() < 0.5 else _sentence_again(kind, case)
    if joint is None:
        return None
    return _joint(kind, case, f"{case.dice.choice(PREFACES)}\n\n{joint.answer}", joint.expected)


def _fence_again(kind: str, case: _Case) -> Joint | None:
    """Inside a code block the model opens the block once more, sometimes with the line that was cut."""
    if case.cut.place != "code":
        return None
    before, rest = case.before, case.rest
    opener = next(line for line in reversed(before.splitlines()) if _FENCE.match(line)).strip()
    line_start = before.rfind("\n") + 1
    if case.dice.random() < 0.5:
        return _joint(kind, case, f"{opener}\n{before[line_start:]}{rest}", rest)
    at_line_end = rest.startswith("\n")
    answer = rest.lstrip("\n") if at_line_end else rest.lstrip()
    return _joint(kind, case, f"{opener}\n{answer}", rest)


def _fenced_whole(kind: str, case: _Case) -> Joint | None:
    """The whole answer inside a fence of its own."""
    if case.cut.place == "code" or "```" in (rest := case.rest):
        return None
    info = case.dice.choice(["markdown", "md", "", "text"])
    again = _words_again(kind, case)
    inner = again.answer if again is not None and case.dice.random() < 0.5 else rest.lstrip()
    expected = again.expected if again is not None and inner == again.answer else rest
    return _joint(kind, case, f"```{info}\n{inner}\n```", expected)


def _tail_inside(kind: str, case: _Case) -> Joint | None:
    """The model copies the last paragraphs and then goes on."""
    paragraphs = [found.end() for found in re.finditer(r"\n\n+", case.before)]
    if len(paragraphs) < 3:
        return None
    return _again(kind, case, paragraphs[-case.dice.randint(2, 3)])


def _restart(kind: str, case: _Case) -> Joint:
    """The document from its beginning, or the present part of it, and never as far as the cut."""
    starts = [0, *(found.end() for found in re.finditer(r"\n(?=#{1,3} )|\n\n", case.before[: case.cut.at - 150]))]
    start = case.dice.choice([0, starts[-1], case.dice.choice(starts)])
    end = min(case.cut.at - 30, start + case.dice.randint(*_ANSWER_CHARS))
    return _joint(kind, case, case.document.text[start:end].strip(), None)


def _fresh_document(kind: str, case: _Case) -> Joint:
    return _joint(kind, case, case.other.text[: case.dice.randint(*_ANSWER_CHARS)].strip(), None)


def _fresh_paragraph(kind: str, case: _Case) -> Joint | None:
    """A paragraph or section out of another document."""
    starts = [found.end() for found in re.finditer(r"\n\n(?=[#A-Z*])", case.other.text[:-200])]
    if not starts:
        return None
    start = case.dice.choice(starts)
    return _joint(kind, case, case.other.text[start : start + case.dice.randint(*_ANSWER_CHARS)].strip(), None)


def _chatter(kind: str, case: _Case) -> Joint:
    return _joint(kind, case, case.dice.choice(CHATTER), None)


KINDS: dict[str, Callable[[str, _Case], Joint | None]] = {
    "prefill, exact": _exact,
    "prefill, echoed": _echoed,
    "clean": _bare,
    "white space kept": _space_kept,
    "white space lost": _space_lost,
    "words again": _words_again,
    "sentence again": _sentence_again,
    "line again": _line_again,
    "lines again, respaced": _spaced_again,
    "preface": _preface,
    "preface, words again": _preface_again,
    "fence reopened": _fence_again,
    "fenced as a whole": _fenced_whole,
    "tail inside": _tail_inside,
    "restart": _restart,
    "fresh document": _fresh_document,
    "fresh paragraph": _fresh_paragraph,
    "chatter": _chatter,
}
