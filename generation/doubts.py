"""Says why an answer that repeats nothing of the text before it cannot be its continuation; pure.

Refusing a good answer costs one more call; appending a fresh one spoils the document. So doubt wins where signs are even.
"""

from __future__ import annotations

import re

from generation.endings import FENCE_LINE, HEADING, ITEM, Ending, block_of
from generation.overlaps import copied_letters

RESTART_LETTERS = 40
_LEAST_WORDS = 6
_BEGINNING_CHARS = 4_000
_MEMORY_CHARS = 24_000
_CHATTER = re.compile(
    r"(?:i'm|i am) (?:sorry|unable|happy|glad|not able)|i apologi[sz]e|i cannot|i can't"
    r"|i don't have|i do not have|i(?:'d| would) be (?:happy|glad)|as an ai\b|(?:it )?(?:looks|seems|appears) (?:like|that) "
    r"(?:your|you|the (?:text|message|document))|please (?:provide|share|let me know|give me)|could you (?:please )?"
    r"(?:provide|share|tell|clarify)|thank(?:s| you) for (?:sharing|providing|your)|here (?:is|are) (?:some|a few) suggestions"
    r"|let me know if|you can use this|the (?:text|section|document|passage|answer|response) (?:above |below )?(?:you (?:provided|shared)"
    r"|is (?:now )?(?:complete|finished|cut off))|(?:your|the) (?:text|message|answer) (?:was|is|got) (?:cut|incomplete)"
    r"|based on the (?:text|information|context) (?:you )?provided|what would you like|how can i (?:help|assist)"
    r"|here(?:'s| is) (?:the|a|an|your) (?:complete|full|revised|corrected|updated|rewritten|improved)"
    r"|(?:sure|certainly|absolutely|of course)[!,.:] (?:i'd|i would|i can|i'll|how|what|please|could|let me know)",
    re.IGNORECASE,
)
_FRONT_MATTER = re.compile(r"---\n[\w-]+:.*\n|<!--")
_STARTERS = frozenset(
    "a an the this that these those it its we our you your they their he she his her there here in on at to for from by with "
    "as if when while once after before during although though because since however therefore moreover furthermore also "
    "additionally finally first second third next then overall but and or so each every some many most all both another one "
    "such what why how where who sure certainly yes no not please let to".split()
)
_VERBS = frozenset(
    "is are was were has have had can could will would should must may might does do did provides allows offers includes "
    "contains refers plays involves requires helps makes means".split()
)
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_CONTENT = re.compile(r"[^\W\d_]{4,}")
_STOP = frozenset(
    "this that with from have will they their there these those which when what where your been were would could should "
    "about into than then them some more most other such only also each over under very just because while after before "
    "must used using make makes made does like well need needs being both many much same here been even however".split()
)
_STEM = 6


def doubt_of_chatter(answer: str) -> str | None:
    """The reason why an answer is no text of the document at all; None without one."""
    return "the answer talks about the text instead of going on with it" if _CHATTER.match(answer.lstrip("*_> \n")) else None


def doubt(ending: Ending, answer: str) -> str | None:
    """The reason why `answer`, which begins with a visible character, does not go on from the text; None without one."""
    first = answer.split("\n", 1)[0].rstrip()
    if max(copied_letters(part, answer) for part in _memory(ending.previous)) >= RESTART_LETTERS:
        return "the answer starts the text again"
    if _FRONT_MATTER.match(answer):
        return "the answer begins a new document"
    if ending.fence:
        return _doubt_in_code(answer, first)
    if ending.block == "table" and ending.is_line_open and "|" not in first:
        whole = ending.line.endswith("|")
        if not whole or first[0].islower():
            return "the answer leaves a table in the middle of a row"
    if ending.is_mid_sentence:
        return _doubt_mid_sentence(ending, answer, first)
    return _doubt_of_subject(ending, answer, first)


def _doubt_mid_sentence(ending: Ending, answer: str, first: str) -> str | None:
    """The sentence before the cut is not over, or the line is one that ends without a full stop."""
    may_be_over = _may_line_be_over(ending)
    begins_block = HEADING.match(first) or FENCE_LINE.match(first) or ITEM.match(first) or block_of(first) == "table"
    if begins_block and block_of(first) != ending.block:
        if not may_be_over or (ending.block == "table" and not ending.line.endswith("|")):
            return "a new block begins in the middle of a sentence"
    if begins_block:
        return _doubt_of_subject(ending, answer, first)
    word = _WORD.match(first.lstrip("_\"'“‘([`"))
    if word is None:
        return _doubt_of_subject(ending, answer, first, least=0.1)
    if not word[0][0].isupper():
        return None
    if _is_name(ending, word[0]):
        return None
    is_sentence = word[0].lower() in _STARTERS or first[word.end() :].split(maxsplit=1)[:1][:1] and (
        first[word.end() :].split(maxsplit=1)[0].lower() in _VERBS
    )
    if is_sentence and not may_be_over:
        return "a new sentence begins in the middle of another"
    return _doubt_of_subject(ending, answer, first, least=0.25)


def _may_line_be_over(ending: Ending) -> bool:
    """Whether the last line may end without a full stop: in a list as its other items do, in a heading, in a short line."""
    if ending.block != "item":
        return ending.block in ("heading", "table") or (len(ending.line) < 60 and "\n" not in ending.paragraph)
    items = [line for line in ending.lines[:-1] if block_of(line) == "item"]
    return not items or any(line.rstrip("*_)`")[-1:] not in ".!?:" for line in items[-6:])


def _memory(previous: str) -> tuple[str, str]:
    """The parts of the text that a restart is sought in."""
    return previous[:_BEGINNING_CHARS], previous[-_MEMORY_CHARS:]


def _is_name(ending: Ending, word: str) -> bool:
    """Whether the word keeps its capital inside sentences of this text, or must have it anyway."""
    if word == "I" or word.startswith(("I'", "I’")) or not word[1:].islower() and len(word) > 1:
        return True
    return word.lower() not in _STARTERS and re.search(rf"[a-z,;(] [*_`\"']*{re.escape(word)}\b", ending.tail) is not None


def _doubt_of_subject(ending: Ending, answer: str, first: str, *, least: float = 0.15) -> str | None:
    """Between sentences anything may begin, so the answer must speak of what the text speaks of."""
    level = _heading_level(first)
    if level and level <= min((found for line in ending.previous[:4_000].split("\n") if (found := _heading_level(line))), default=0) < 3:
        return "the answer begins a new document"
    known = {word[:_STEM] for word in _content_words(ending.tail)}
    words = [word[:_STEM] for word in _content_words(answer[:400])]
    if len(words) >= _LEAST_WORDS and len(known) >= 20 and sum(word in known for word in words) < least * len(words):
        return "the answer speaks of something else"
    return None


def _doubt_in_code(answer: str, first: str) -> str | None:
    if HEADING.match(first) and first.startswith("##"):
        return "a heading begins inside a code block"
    words = first.split()
    is_prose = first[0].isupper() and len(words) > 6 and not re.search(r"[{};=<>|\\]|\w\(", first)
    if is_prose and not first.isupper():
        return "prose begins inside a code block"
    return None


def _content_words(text: str) -> list[str]:
    return [word for found in _CONTENT.findall(text) if (word := found.lower()) not in _STOP]


def _heading_level(line: str) -> int:
    return len(line.lstrip()) - len(line.lstrip().lstrip("#")) if HEADING.match(line) else 0
