"""Joins two turns of a model: what of the answer is to be appended to the text before it, or that nothing may be; pure.

In prefill mode an answer goes on exactly and is never touched. In reprompt mode models restart, repeat, comment and fence;
`join` finds where the answer goes on, and refuses it where that cannot be told. A restart is never appended.
"""

from __future__ import annotations

import re
from typing import Literal

from generation.doubts import doubt, doubt_of_chatter
from generation.endings import FENCE_LINE, Ending, block_of, opened_fence
from generation.overlaps import after_inside, after_overlap
from generation.spacing import lost_space

Mode = Literal["prefill", "reprompt"]

ECHO_CHARS = 8
"""A beginning of the answer that equals the whole text before it is an echo, unless the text is shorter than this."""
WORD_CHARS = 64
"""A last word longer than this is none, and is not held back."""
PREFACE_CHARS = 300

_LAST_WORD = re.compile(rf"[^\W_][\w'’.,-]{{0,{WORD_CHARS}}}$")
_PREFACE = re.compile(
    r"(?:sure|certainly|of course|absolutely|okay|ok|alright|all right|understood|got it|great|no problem|yes|apolog\w+|sorry|my apologies"
    r"|thank you|thanks|continu\w*|let me|let's|picking|resum\w*|as requested|here(?:'s| is| are the (?:rest|remaining|next))|below is|(?:the )?(?:rest|remain\w+|"
    r"continuation|following|next part)|i(?:'ll| will| have|'ve| apologi[sz]e)|this is)\b",
    re.IGNORECASE,
)
_GOING_ON = re.compile(
    r"\b(?:continu\w*|rest of|remain\w*|remainder|left off|cut off|where (?:we|i|you|it|the text)|stopped|pick(?:ing)? up|resum\w+"
    r"|complete|completed|full|next part|next section|requested|your (?:text|document|section)|the (?:text|document|answer|response))\b",
    re.IGNORECASE,
)
_MARKDOWN = ("markdown", "md")
_PLAIN = ("", "text", "txt", "plaintext")


class BadSeam(Exception):
    """The answer does not go on from the text: nothing of it may be appended. The message says why, without quoting it."""


def join(previous: str, answer: str, *, mode: Mode) -> str:
    """The text to append after `previous`; "" when the answer brings nothing new.

    Raises `BadSeam` when the answer must not be appended; never in prefill mode.
    """
    if len(previous) >= ECHO_CHARS and answer.startswith(previous):
        return answer[len(previous) :]
    if mode == "prefill" or not previous or not answer:
        return answer
    if not answer.strip():
        return ""
    return _join_asked(Ending(previous), answer)


def _join_asked(ending: Ending, answer: str) -> str:
    without = _without_preface(answer)
    said = answer if without is None else without
    inner = _without_fence(ending, said)
    readings = [text for text in (inner, without, answer) if text is not None]
    is_code = bool(ending.fence)
    for reading in readings:
        rest = after_overlap(ending.previous, reading, is_code=is_code)
        if rest is not None:
            return rest
    if answer[0] == " " and not ending.space and answer[1:2].strip():
        return answer  # a blank kept at its beginning: who answers anew does not begin with one
    for reading in readings:
        rest = after_inside(ending.previous, reading, is_code=is_code, is_strict=True)
        if rest is not None:
            return rest
    alone = said if inner is None or not _is_wrapped(ending, said, inner) else inner
    why = doubt_of_chatter(answer, is_preface=without is not None) or doubt(ending, alone.lstrip())
    if why is None:
        return _clean(ending, alone, begins_line=alone is inner and is_code)
    rest = after_inside(ending.previous, alone, is_code=is_code, is_strict=False)
    if rest is None:
        raise BadSeam(why)
    return rest


def _without_preface(answer: str) -> str | None:
    """The answer after a first paragraph that only announces it; None without one."""
    text = answer.lstrip()
    end = re.search(r"\n[ \t]*\n|\n(?=[ \t]*(?:`{3,}|~{3,}))", text)
    if end is None or end.start() > PREFACE_CHARS:
        return None
    said = text[: end.start()].strip("*_#>()[]\"'“” \t")
    if "\n" in said.strip() or not _PREFACE.match(said):
        return None
    if _GOING_ON.search(said) or said.endswith("!") or len(said.split()) <= 3:
        return text[end.end() :].lstrip("\n")
    return None


def _without_fence(ending: Ending, answer: str) -> str | None:
    """The answer without a fence around all of it, or without one that is open already; None where there is no such."""
    text = answer.strip()
    first, _, rest = text.partition("\n")
    if not opened_fence(first, ""):
        return None
    lines = rest.split("\n")
    fences = [number for number, line in enumerate(lines) if FENCE_LINE.match(line)]
    closes = bool(fences) and fences[-1] == len(lines) - 1
    info = _info_of(first)
    if ending.fence:
        if not info and len(fences) % 2 == 0:
            return None  # it closes the open block
        return "\n".join(lines[:-1] if info in _MARKDOWN and closes and len(fences) % 2 == 0 else lines)
    if closes and len(fences) % 2 == 1:
        return "\n".join(lines[:-1])
    return rest if info in _MARKDOWN else None


def _is_wrapped(ending: Ending, answer: str, inner: str) -> bool:
    """Whether the fence that `inner` is without belongs to the answer and not to the document."""
    info = _info_of(answer.lstrip().split("\n", 1)[0])
    if ending.fence or info in _MARKDOWN:
        return True
    return info in _PLAIN and (ending.is_mid_sentence or _reads_as_text(inner.split("\n")))


def _info_of(line: str) -> str:
    found = FENCE_LINE.match(line)
    return found[2].strip().lower() if found else ""


def _reads_as_text(lines: list[str]) -> bool:
    """Whether the lines are more likely Markdown than the content of a code block."""
    lines = [line for line in lines if line.strip()]
    blocks = [block_of(line) for line in lines]
    marked = sum(block in ("heading", "item", "table") for block in blocks)
    prose = sum(block == "prose" and len(line.split()) > 7 for block, line in zip(blocks, lines, strict=False))
    return (marked + prose) * 2 > len(blocks)


def _reopens(fences: list[int]) -> bool:
    """Whether a bare fence at the beginning of the answer opens the block again: then another one closes it."""
    return len(fences) % 2 == 1


def _clean(ending: Ending, answer: str, *, begins_line: bool) -> str:
    """An answer that goes on by itself, with the white space that got lost. After a fence it begins a line."""
    own = answer[: len(answer) - len(answer.lstrip())]
    if ending.fence:
        is_whole = ending.space or "\n" in own or (own and not begins_line)
        return answer if is_whole else lost_space(ending, answer) + answer
    if own and ending.space:
        return answer if "\n" in own and own != ending.space else answer[len(own) :]
    return answer if own or ending.space else lost_space(ending, answer) + answer


def is_settled(previous: str, head: str, *, mode: Mode) -> bool:
    if mode == "prefill":
        return len(head) >= len(previous) or not previous.startswith(head)
    return len(head) >= 4000


def certain(text: str) -> int:
    """How much of the text may be committed: all but a last word that may not be whole yet."""
    found = _LAST_WORD.search(text)
    return found.start() if found else len(text)
