"""Joins two turns of a model: what of the answer is to be appended to the text before it, or that nothing may be; pure.

In prefill mode an answer goes on exactly and is never touched. In reprompt mode models restart, repeat, comment and
fence; `join` finds where the answer goes on, and refuses it where that cannot be told. A restart is never appended.
"""

from __future__ import annotations

import re
from typing import Literal

from generation.seams.doubts import RESTART, doubt, doubt_of_chatter
from generation.seams.endings import FENCE_LINE, WINDOW_CHARS, Ending, block_of, opened_fence
from generation.seams.errors import BadSeam, UnsureSpace
from generation.seams.overlaps import (
    HEAD_CHARS,
    LEAST_INSIDE,
    after_inside,
    after_overlap,
    is_inside,
    without_doubled_space,
)
from generation.seams.spacing import lost_space

__all__ = ["BadSeam", "Mode", "UnsureSpace", "certain", "is_settled", "join"]

Mode = Literal["prefill", "reprompt"]

ECHO_CHARS = 8
"""A beginning of the answer that equals the whole text before it is an echo, unless the text is shorter than this."""
JUDGED_CHARS = 1_500
"""So much of an answer decides whether and how it goes on by itself."""
SURE_CHARS = 400
"""An answer that repeats the end of the text is joined as soon as so much of it is there."""
WORD_CHARS = 64
"""Characters without white space are not held back as a last word when there are more of them."""
PREFACE_CHARS = 300

_LAST_WORD = re.compile(r"\S+\Z")
_WHOLE_WORD_END = re.compile(r"(?:[^\w'’.,-]|(?<!\d)[.,]|[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef])\Z")
_PREFACE = re.compile(
    r"""(?: sure | certainly | of[ ]course | absolutely | okay | ok | all[ ]?right | understood | got[ ]it | great | yes
    | no[ ]problem | apolog\w+ | sorry | my[ ]apologies | thanks | thank[ ]you | continu\w* | let[ ]me | let's | picking
    | resum\w* | as[ ]requested | here(?:'s|[ ]is|[ ]are[ ]the[ ](?:rest|remaining|next)) | below[ ]is
    | (?:the[ ])?(?:rest|remain\w+|continuation|following|next[ ]part) | i(?:'ll|[ ]will|'ve|[ ]have|[ ]apologi[sz]e)
    | this[ ]is )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_GOING_ON = re.compile(
    r"""\b(?: continu\w* | the[ ]rest | remain\w* | left[ ]off | cut[ ]off | where[ ](?:we|i|you|it|the[ ]text)
    | stopped | pick(?:ing)?[ ]up | resum\w+ | completed? | full | next[ ](?:part|section) | requested
    | your[ ](?:text|document|section) | the[ ](?:text|document|answer|response) )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_ANNOUNCEMENT = re.compile(
    r"[^\n|]{1,120}[:：][*_]*|[(（\[【][^\n]{1,80}[)）\]】]|(?:\*\*|__)[^\n*_]{1,80}(?:\*\*|__)|[^\n|]{1,120}(?:…|\.{3})"
)
"""A first line that may announce the answer, in any language."""
_GOING_ON_ABROAD = re.compile(
    r"\b(?:fortsetz\w*|geht(?: es)? weiter|schreibe weiter|rest des|suite|continu\w*|poursui\w*|prosegu\w*|resto del"
    r"|продолж\w*)|续|続き|接上|이어",
    re.IGNORECASE,
)
_FENCE_AGAIN = re.compile(r"\n?[ \t]*(`{3,}|~{3,})([^\n]*)(?=\n|\Z)")
_BRACKETED = re.compile(r"[(（\[【][^\n]{1,30}[)）\]】]")
_CODE_LIKE = re.compile(r"[={};\"]|\W'|'\W|\w\(|^[\w.-]+:$")
_MARKDOWN = ("markdown", "md")
_LANGUAGES = {"py": "python", "js": "javascript", "ts": "typescript", "yml": "yaml", "sh": "bash", "shell": "bash"}
_PLAIN = ("", "text", "txt", "plaintext")


def join(previous: str, answer: str, *, mode: Mode) -> str:
    """The text to append after `previous`; "" when the answer brings nothing new.

    Raises `BadSeam` when the answer must not be appended; never in prefill mode. It is an `UnsureSpace` where only the
    white space is in doubt.
    """
    if len(previous) >= ECHO_CHARS and answer.startswith(previous):
        return answer[len(previous) :]
    if mode == "prefill" or not previous:
        return answer
    if not answer.strip():
        return ""
    if "\r\n" not in answer and "\r\n" not in previous[-WINDOW_CHARS:]:
        return _join_asked(Ending(previous), answer)
    line_end = "\r\n" if "\r\n" in answer or "\n" not in answer else "\n"
    try:
        rest = _join_asked(Ending(previous.replace("\r\n", "\n")), answer.replace("\r\n", "\n"))
    except UnsureSpace as unsure:
        raise UnsureSpace(unsure.likely.replace("\n", line_end)) from None
    return rest.replace("\n", line_end)


def is_settled(previous: str, head: str, *, mode: Mode) -> bool:
    """Whether `head`, the beginning of an answer, decides the seam: whatever follows is appended as it comes."""
    if previous.startswith(head):
        return not previous  # an echo so far
    if mode == "prefill" or not previous:
        return True
    if len(head) < SURE_CHARS or FENCE_LINE.match(_unprefaced(head).lstrip().split("\n", 1)[0]):
        return False  # a fence around the whole answer is known by its end
    if len(head) >= HEAD_CHARS:
        return True
    if is_inside(previous, head):
        return False  # a repetition so far
    ending = Ending(previous)
    if len(head) < JUDGED_CHARS:
        return bool(after_overlap(previous, _unprefaced(head), is_code=bool(ending.fence)))
    try:
        return bool(_join_asked(ending, head))
    except BadSeam:
        return False  # the text may still be found further on


def certain(text: str) -> int:
    """How much of the text may be committed before more follows: all but a last word that may be only a part of one."""
    word = _LAST_WORD.search(text[-WORD_CHARS - 1 :])
    if word is None or len(word[0]) > WORD_CHARS or _WHOLE_WORD_END.search(text):
        return len(text)
    return len(text) - len(word[0])


def _join_asked(ending: Ending, answer: str) -> str:
    said = _unannounced(ending, _unprefaced(answer))
    inner = _without_fence(ending, said)
    readings = [*([inner] if inner is not None else []), *([said] if said is not answer else []), answer]
    if (announced := _announced(said)) is not None:
        readings.append(announced)
    is_code = bool(ending.fence)
    if (rest := _after_fence_again(ending, said)) is not None:
        return rest
    for reading in readings:
        rest = after_overlap(ending.previous, reading, is_code=is_code)
        if rest is not None:
            return rest
    if answer[0] == " " and not ending.space and answer[1:2].strip():
        return answer  # a blank kept at its beginning: who answers anew does not begin with one
    for reading in readings:
        rest = after_inside(ending.previous, reading, is_code=is_code)
        if rest is not None:
            return rest
    alone = said if inner is None or not _is_wrapped(ending, said, inner) else inner
    why = doubt_of_chatter(answer, is_preface=said is not answer) or _doubt_alone(ending, said, alone)
    if why is None:
        rest = _without_space(ending, alone)
        try:
            return _missing_space(ending, alone, begins_line=alone is inner and is_code) + rest
        except UnsureSpace as unsure:
            raise UnsureSpace(unsure.likely + rest) from None
    least = LEAST_INSIDE if why == RESTART else 2 * LEAST_INSIDE
    rest = after_inside(ending.previous, alone, is_code=is_code, least=least, is_strict=False)
    if rest is None:
        raise BadSeam(why)
    return rest


def _doubt_alone(ending: Ending, said: str, alone: str) -> str | None:
    judged = alone.lstrip()[:JUDGED_CHARS]
    if not judged:
        return "the answer is empty"
    infos = {ending.info, _info_of(said.lstrip().split("\n", 1)[0])} - {*_PLAIN, *_MARKDOWN}
    if alone is not said and len({_LANGUAGES.get(info, info) for info in infos}) > 1:
        return "the answer is a code block in another language"
    return doubt(ending, judged)


def _unprefaced(answer: str) -> str:
    """The answer after a first paragraph that only announces it; the answer itself where there is none."""
    text = answer.lstrip()
    end = re.search(r"\n[ \t]*\n|\n(?=[ \t]*(?:`{3,}|~{3,}))", text[: PREFACE_CHARS + 2])
    if end is None:
        return answer
    said = text[: end.start()].strip("*_#>()[]\"'“” \t")
    if "\n" in said or not _PREFACE.match(said):
        return answer
    announces = _GOING_ON.search(said) or said.endswith("!") or len(said.split()) <= 3
    return text[end.end() :].lstrip("\n") if announces else answer


def _announced(answer: str) -> str | None:
    """What stands below a first line that may only announce it; None where there is no such line."""
    text = answer.lstrip()
    line, _, rest = text.partition("\n")
    is_alone = re.match(r"[ \t]*(?:\n|`{3}|~{3})", rest) is not None
    return rest.lstrip("\n") if is_alone and rest.strip() and _ANNOUNCEMENT.fullmatch(line.strip()) else None


def _unannounced(ending: Ending, answer: str) -> str:
    """The answer without a first line that cannot stand where the text was cut, while what is below it can.

    Raises BadSeam where the line could belong to either, the document or the talk about it.
    """
    below = _announced(answer)
    if below is None:
        return answer
    line = answer.lstrip().split("\n", 1)[0].strip()
    if ending.fence:
        return answer if _CODE_LIKE.search(line) and not _BRACKETED.fullmatch(line) else below
    if after_overlap(ending.previous, answer, is_code=False) is not None:
        return answer
    is_talk = len(line) <= 60 and _GOING_ON_ABROAD.search(line) is not None
    if is_talk or _BRACKETED.fullmatch(line) or after_overlap(ending.previous, below, is_code=False) is not None:
        return below
    if block_of(below) != "prose" or FENCE_LINE.match(below.split("\n", 1)[0]) or line.endswith(("…", "...")):
        return answer
    if ending.is_mid_sentence and not below[0].isupper() and (line[0].isupper() or not line[0].isalpha()):
        return below
    raise BadSeam("the answer may begin with an announcement")


def _without_fence(ending: Ending, answer: str) -> str | None:
    """The answer without a fence around all of it, or without one that is open already; None where there is neither."""
    first, _, rest = answer.strip().partition("\n")
    if not opened_fence(first, ""):
        return None
    lines = rest.split("\n")
    fences = [number for number, line in enumerate(lines) if FENCE_LINE.match(line)]
    ends_with_fence = bool(fences) and fences[-1] == len(lines) - 1
    info = _info_of(first)
    if ending.fence:
        if not info and len(fences) % 2 == 0:
            return None  # it closes the open block
        is_around = info in _MARKDOWN and ends_with_fence and len(fences) % 2 == 0
        return "\n".join(lines[:-1] if is_around else lines)
    if ends_with_fence and len(fences) % 2 == 1:
        return "\n".join(lines[:-1])
    return rest if info in _MARKDOWN else None


def _after_fence_again(ending: Ending, answer: str) -> str | None:
    """What follows the fence that the text ends with, where the answer begins with it once more; None elsewhere."""
    last, again = FENCE_LINE.fullmatch(ending.line), _FENCE_AGAIN.match(answer)
    if last is None or again is None or again[1] != last[1] or again[2].strip() not in ("", last[2].strip()):
        return None
    rest = answer[again.end() :]
    opens_block = last[1] == ending.fence  # nobody closes a block before its first line
    is_copied = opens_block or (not ending.fence and not rest.split("\n", 2)[:2][-1].strip())
    return without_doubled_space(ending.space, rest) if is_copied else None


def _is_wrapped(ending: Ending, answer: str, inner: str) -> bool:
    """Whether the fence that `inner` is without belongs to the answer and not to the document."""
    info = _info_of(answer.lstrip().split("\n", 1)[0])
    if ending.fence or info in _MARKDOWN:
        return True
    return info in _PLAIN and (ending.is_mid_sentence or _reads_as_text(inner))


def _info_of(line: str) -> str:
    found = FENCE_LINE.match(line)
    return found[2].strip().lower() if found else ""


def _reads_as_text(text: str) -> bool:
    """Whether the lines are more likely Markdown than the content of a code block."""
    lines = [line for line in text.split("\n") if line.strip()]
    likely = [line for line in lines if block_of(line) != "prose" or len(line.split()) > 7]
    return len(likely) * 2 >= len(lines)


def _missing_space(ending: Ending, answer: str, *, begins_line: bool) -> str:
    """What got lost between the text and an answer that goes on by itself. After a reopened fence it begins a line."""
    own = answer[: len(answer) - len(answer.lstrip())]
    if ending.space or "\n" in own or (own and not (ending.fence and begins_line)):
        return ""
    return lost_space(ending, answer[:JUDGED_CHARS])


def _without_space(ending: Ending, answer: str) -> str:
    """The answer without blanks that the text ends with already; in code they may be indentation."""
    own = answer[: len(answer) - len(answer.lstrip())]
    is_doubled = ending.space and own and not ending.fence and ("\n" not in own or own == ending.space)
    return answer[len(own) :] if is_doubled else answer
