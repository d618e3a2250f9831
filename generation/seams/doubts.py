"""Says why an answer that repeats nothing of the text before it cannot be its continuation; pure.

Refusing a good answer costs one more call; appending a fresh one spoils the document: doubt wins where signs are even.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import takewhile

from generation.seams.endings import FENCE_LINE, GOES_ON, HEADING, ITEM, Ending, block_of
from generation.seams.kinship import kinship
from generation.seams.overlaps import RESTART_LETTERS, copied_letters

RESTART = "the answer starts the text again"
LEAST_KINSHIP = 0.23
"""Measured on documents of models and people: less have some 5 % of true continuations and 90 % of fresh texts."""
_BEGINNING_CHARS = 4_000
_MEMORY_CHARS = 24_000

_CHATTER = re.compile(
    r"""(?: (?:i'm|i[ ]am)[ ](?:(?:so|very|really)[ ])?(?:sorry|unable|happy|glad|not[ ]able)
    | i[ ](?:cannot|can't|don't[ ]have|do[ ]not[ ]have)
    | i(?:'d|[ ]would)[ ]be[ ](?:happy|glad) | as[ ]an[ ]ai\b
    | (?:it[ ])?(?:looks|seems|appears)[ ](?:like|that)[ ](?:your|you|the[ ](?:text|message|document))
    | please[ ](?:provide|share|let[ ]me[ ]know|give[ ]me) | could[ ]you[ ](?:please[ ])?(?:provide|share|tell|clarify)
    | thank(?:s|[ ]you)[ ]for[ ](?:sharing|providing|the[ ](?:text|document))
    | here[ ](?:is|are)[ ](?:some|a[ ]few)[ ]suggestions | let[ ]me[ ]know[ ]if | you[ ]can[ ]use[ ]this
    | the[ ](?:text|section|document|passage|answer|response)[ ](?:(?:above|below)[ ])?
      (?:you[ ](?:provided|shared)|is[ ](?:now[ ])?(?:complete|finished|cut[ ]off))
    | (?:your|the)[ ](?:text|message|answer)[ ](?:was|is|got)[ ](?:cut|incomplete)
    | based[ ]on[ ]the[ ](?:text|information|context)[ ](?:you[ ])?provided
    | what[ ]would[ ]you[ ]like | how[ ]can[ ]i[ ](?:help|assist)
    | here(?:'s|[ ]is)[ ](?:the|a|an|your)[ ](?:complete|full|revised|corrected|updated|rewritten|improved)
    | (?:sure|certainly|absolutely|of[ ]course)[!,.:][ ]
      (?:i'd|i[ ]would|i[ ]can|how|what|please|could|let[ ]me[ ]know) )""",
    re.IGNORECASE | re.VERBOSE,
)
_CHATTER_ABROAD = re.compile(
    r"(?:es tut mir leid|tut mir leid|entschuldig|leider kann ich|als ki\b|je suis désolé|désolée?\b|je ne peux pas"
    r"|lo siento|no puedo (?:ver|continuar)|mi dispiace|desculpe|sinto muito|извините|простите"
    r"|к сожалению, я|я не (?:вижу|могу)"
    r"|抱歉|对不起|很抱歉|我无法|我看不到|申し訳|すみません|죄송)",
    re.IGNORECASE,
)
_POLITE = re.compile(r"i apologi[sz]e|my apologies|sorry\b", re.IGNORECASE)
_FRONT_MATTER = re.compile(
    r"---\n[\w-]+:.*\n|<!--|#+ .*\n+(?:<!--.*\n+)?[-*] \[[^\]\n]+\]\(#|(?:[-*] [^\W\d_a-z][\w ]{2,20}: +\S.*\n){3}"
)
"""The head of a document: its data, a table of contents, a list of its properties."""
_TABLE_HEAD = re.compile(r"[^\n]*\n[ \t]*\|?[ \t]*:?-{3,}")
_BOLD_LABEL = re.compile(r"(?:\*\*|__)[^*_]+(?:\*\*|__)\W*")
_STARTER = re.compile(
    r"""(?: a|an|the|this|that|these|those|it|its|we|our|you|your|they|their|he|she|his|her|there|here|in|on|at|to|for
    |from|by|with|as|if|when|while|once|after|before|during|although|though|because|since|however|therefore|moreover|furthermore
    |also|additionally|finally|first|second|third|next|then|overall|but|and|or|so|each|every|some|many|most|all|both
    |another|one|such|what|why|how|where|who|sure|certainly|yes|no|not|please|let )""",
    re.IGNORECASE | re.VERBOSE,
)
"""Words whose capital says that a sentence begins with them."""
_VERB_NEXT = re.compile(
    r"""\W+(?: is|are|was|were|has|have|had|can|could|will|would|should|must|may|might|does|do|did|provides|allows
    |offers|includes|contains|refers|plays|involves|requires|helps|makes|means )\b""",
    re.VERBOSE,
)
LINKS_BACK = re.compile(
    r"""(?: they|it|its|their|these|this|those|he|she|his|her|however|therefore|thus|additionally|furthermore|moreover
    |also|as[ ]a[ ]result|in[ ]addition|finally|for[ ]example|another|such|similarly|instead|otherwise|then|but|and|or
    |so|if|both|once|after[ ]that|we )\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""Beginnings that point to what was said just before."""
_SCRIPT_CHARS = 400
_SCRIPTS = (("\u024f", "latin"), ("\u03ff", "greek"), ("\u052f", "cyrillic"), ("\u06ff", "semitic"))
_FIRST_PERSON = re.compile(r"\bI(?![\w-])")
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_PROSE_LINE = re.compile(
    r"(?:#{1,6} |[-*+] |\d+[.)] |> |\*\*|\|)*\W?(?:[A-Z][\w'’-]*|\w[\w'’-]+ \w+ \w+)(?:\W+\w+)+|#{1,6} |---$|\|.*\|"
)
_BLOCK_BEGUN = re.compile(r"\s+(?:if|elif|else|for|while|try|except|with)\b.*:$")
_PROGRAM_BEGINS = re.compile(r"(?:import|from|class|def|package|#include|function|export|CREATE|public class)\b")
_UNTOLD = ("", "text", "txt", "markdown", "md", "diff", "console", "output", "log")
"""Code blocks that may well hold sentences."""
_LEAST_SENTENCE_WORDS = 8
_CODE_MARK = re.compile(
    r"[{}=<>\\]|\w\(|[;,({]$|^\s+\S|::|->|\$\w|^[A-Z_ ]+$|\b[A-Z]{3,} [A-Z]{3,}\b|^\w+ -|^#!|--\w|\"\s*:"
)


def doubt_of_chatter(answer: str, *, is_preface: bool) -> str | None:
    """The reason why an answer is no text of the document at all; None without one. A preface may be polite."""
    said = answer.lstrip("*_> \n")
    if _CHATTER.match(said) or _CHATTER_ABROAD.match(said) or (not is_preface and _POLITE.match(said)):
        return "the answer talks about the text instead of going on with it"
    return None


def doubt(ending: Ending, answer: str) -> str | None:
    """The reason why `answer`, which begins with a visible character, does not go on from the text, or None."""
    first = answer.split("\n", 1)[0].rstrip()
    if _restarts(ending, answer, first):
        return RESTART
    if _FRONT_MATTER.match(answer) and not (ending.block == "item" and ": " in ending.line):
        return "the answer begins a new document"
    if ending.fence:
        return _doubt_in_code(ending, answer)
    if len({_script(ending.prose.rstrip()[-_SCRIPT_CHARS:]), _script(answer.split("\n\n", 1)[0])} - {""}) > 1:
        return "the answer is written in another alphabet"
    if ending.is_formula:
        return None
    number = _number_of(first)
    if number is not None and not _may_come(ending, number):
        return "a list begins anew or skips numbers"
    if ending.block == "table" and ending.is_line_open:
        return _doubt_in_row(ending, answer, first)
    if ending.is_mid_sentence:
        return _doubt_mid_sentence(ending, answer, first)
    return _doubt_of_subject(ending, answer, first)


def _restarts(ending: Ending, answer: str, first: str) -> bool:
    """Whether the answer begins with text that is there already; restarts begin where a sentence or a block does."""
    allowed = RESTART_LETTERS
    if ending.fence:
        allowed *= 2
    elif ending.is_mid_sentence and first[0].islower():
        allowed *= 3
    places = ending.previous[:_BEGINNING_CHARS], ending.previous[-_MEMORY_CHARS:]
    if max(copied_letters(place, answer) for place in places) >= allowed:
        return True
    title = " ".join(first.split())
    if block_of(first) not in ("table", "heading") or len(title) < 12:
        return False
    seen = [" ".join(line.split()) for line in ending.lines]
    begun = [" ".join(line.split()) for line in ending.previous[:_BEGINNING_CHARS].split("\n")]
    return seen.count(title) == 1 or (title not in seen and begun.count(title) == 1)


def _doubt_in_code(ending: Ending, answer: str) -> str | None:
    """Inside a code block code must follow, unless the block holds text."""
    if HEADING.match(answer) and re.match(r"[^\n]*\n[ \t]*\n", answer):
        return "a heading begins inside a code block"  # a comment has its code below it
    if _BLOCK_BEGUN.match(ending.line) and _PROGRAM_BEGINS.match(answer):
        return "code begins anew inside a block"
    if _PROGRAM_BEGINS.match(answer) and ending.line.replace('\\"', "").count('"') % 2:
        return "code begins anew inside a block"
    if ending.info not in _UNTOLD and _reads_as_sentence(ending, answer):
        return "no code goes on inside a code block"
    block = ending.tail[ending.tail.rfind(ending.fence) :].split("\n")
    if ending.info == "diff" and ending.line[:1] in "+-@":
        return None if answer[0] in "+-@ " else "no code goes on inside a code block"
    lines = list(takewhile(lambda line: not FENCE_LINE.match(line), answer.split("\n")))
    is_code = len(block) < 4 or _code_share(block[1:]) > 0.6
    return "no code goes on inside a code block" if lines and is_code and _code_share(lines) < 0.4 else None


def _reads_as_sentence(ending: Ending, answer: str) -> bool:
    """Whether one of the first lines, outside comments and strings, is a whole sentence or more."""
    is_inside = re.search(r"#|//|--|\*", ending.line) is not None or ending.line.count('"') % 2 == 1
    return not is_inside and any(
        line[:1].isupper()
        and len(line.split()) >= _LEAST_SENTENCE_WORDS
        and _PROSE_LINE.match(line)
        and not _CODE_MARK.search(line)
        for line in takewhile(lambda line: not FENCE_LINE.match(line), answer.split("\n")[:2])
    )


def _script(text: str) -> str:
    """The alphabet that most letters of a text have; "" where there are few or none prevails."""
    letters = [char for char in text[:_SCRIPT_CHARS] if char.isalpha()]
    counts = Counter(next((name for last, name in _SCRIPTS if char <= last), "other") for char in letters)
    name, count = counts.most_common(1)[0] if counts else ("", 0)
    return name if count >= 20 and count > 0.7 * len(letters) else ""


def _code_share(lines: list[str]) -> float:
    """The part of the lines that looks like code rather than like sentences, titles and lists."""
    seen = [line for line in lines if line.strip()][:12]
    prose = [line for line in seen if _PROSE_LINE.match(line) and not _CODE_MARK.search(line)]
    return 1 - len(prose) / len(seen) if seen else 1.0


def _doubt_in_row(ending: Ending, answer: str, first: str) -> str | None:
    """After a whole row anything may come that has a bar or begins like a paragraph; inside a row only its rest."""
    if "|" in first:
        return "a table begins inside a row" if _TABLE_HEAD.match(answer) and not _ends_head(ending, answer) else None
    if not ending.is_row_whole or first[0].islower():
        return "the answer leaves a table in the middle of a row"
    return _doubt_of_subject(ending, answer, first)


def _ends_head(ending: Ending, answer: str) -> bool:
    """Whether the row that was cut is the head of its table, and the answer the rest of it."""
    if len(ending.lines) > 1 and block_of(ending.lines[-2]) == "table":
        return False
    first, dashes = answer.split("\n")[:2]
    bars = (ending.line + first).count("|")
    return bars == dashes.count("|")


def _doubt_mid_sentence(ending: Ending, answer: str, first: str) -> str | None:
    """The sentence before the cut is not over, or the line is one that ends without a full stop."""
    may_be_over = _may_line_be_over(ending)
    block = block_of(first)
    if block in ("heading", "item", "table") or FENCE_LINE.match(first):
        is_cut = ending.block != "heading" and GOES_ON.fullmatch(ending.line.split()[-1])
        if (block != ending.block or is_cut) and not may_be_over:
            return "a new block begins in the middle of a sentence"
        return _doubt_of_subject(ending, answer, first)
    word = _WORD.match(first.lstrip("_\"'“‘([`"))
    if word is None:
        return _doubt_of_subject(ending, answer, first, least=0.5 * LEAST_KINSHIP)
    if not word[0][0].isupper() or _is_name(ending, word[0]):
        return None
    if _FIRST_PERSON.match(word[0]):
        speaks = _FIRST_PERSON.search(ending.tail) is not None
        return (
            _doubt_of_subject(ending, answer, first)
            if speaks
            else "somebody begins to speak in the middle of a sentence"
        )
    is_sentence = _STARTER.fullmatch(word[0]) or _VERB_NEXT.match(first, word.end())
    is_title = first.endswith(":") or (
        len(first) < 60 and first[-1] not in ".!?" and answer[len(first) :].lstrip(" \t").startswith("\n\n")
    )
    if (is_sentence or is_title) and not may_be_over:
        return "a new sentence begins in the middle of another"
    least = 0.5 if _has_capital_nouns(ending) else 1.2
    return _doubt_of_subject(ending, answer, first, least=least * LEAST_KINSHIP)


def begins_sentence(answer: str) -> bool:
    """Whether the answer begins with a word whose capital says that a sentence begins with it."""
    word = _WORD.match(answer.lstrip("_\"'“‘([`*"))
    if word is None or not word[0][0].isupper():
        return False
    return _STARTER.fullmatch(word[0]) is not None or _VERB_NEXT.match(answer, word.end()) is not None


def _may_line_be_over(ending: Ending) -> bool:
    """Whether the last line may end without a full stop: a title, a label, a short line, an item like the others."""
    if ending.line.endswith(",") or GOES_ON.fullmatch(ending.line.split()[-1]):
        return False
    item = ITEM.match(ending.line)
    if item is None:
        return ending.block in ("heading", "table") or (len(ending.line) < 60 and "\n" not in ending.paragraph)
    items = [line for line in ending.lines[:-1] if block_of(line) == "item"]
    is_label = _BOLD_LABEL.fullmatch(ending.line, item.end()) is not None
    return is_label or not items or any(line.rstrip("*_)`")[-1:] not in ".!?:" for line in items[-6:])


def _is_name(ending: Ending, word: str) -> bool:
    """Whether the word keeps its capital inside sentences of this text, or must have it anyway."""
    if len(word) > 1 and not word[1:].islower() and not _FIRST_PERSON.match(word):
        return True
    inside = re.search(rf"[a-z,;(] [*_`\"']*{re.escape(word)}\b", ending.tail)
    return inside is not None and not _STARTER.fullmatch(word)


def _has_capital_nouns(ending: Ending) -> bool:
    """Whether capitals are common inside the sentences of this text, as in German."""
    words = re.findall(r"(?<=[^\W\d_] )[^\W\d_]{2,}", ending.tail)
    return len(words) > 20 and sum(word[0].isupper() for word in words) > 0.15 * len(words)


def _number_of(line: str) -> int | None:
    found = ITEM.match(line)
    return int(found[2][:-1]) if found and found[2][0].isdigit() else None


def _may_come(ending: Ending, number: int) -> bool:
    """Whether an item with that number can follow: the next one of a list that is open, or the first one of a list."""
    numbers = [found for line in ending.lines[-60:] if (found := _number_of(line)) is not None]
    if number <= 1 or not numbers:
        return number <= 1 and (_number_of(ending.line) is None or ending.line.endswith(":"))
    if number - 1 not in numbers:
        return False
    last = len(numbers) - 1 - numbers[::-1].index(number - 1)
    return number not in numbers[last:]


def _doubt_of_subject(ending: Ending, answer: str, first: str, *, least: float = LEAST_KINSHIP) -> str | None:
    """Between sentences anything may begin, so the answer must speak of what the text speaks of."""
    level = _heading_level(first)
    if level:
        levels = [found for line in ending.previous[:_BEGINNING_CHARS].split("\n") if (found := _heading_level(line))]
        if level < 3 and level <= min(levels, default=0):
            return "the answer begins a new document"
        if ending.block == "heading" and level <= _heading_level(ending.line):
            return "a heading follows a heading that has no text yet"
    if level == 1:
        least *= 1.5
    elif LINKS_BACK.match(answer) or (ending.block == "item" and block_of(first) == "item"):
        least *= 0.6
    if FENCE_LINE.match(first) and ending.line.endswith((":", "：")):
        least *= 0.4  # what was announced; code has words of its own
    shared = kinship(ending.tail, answer)
    return "the answer speaks of something else" if shared is not None and shared < least else None


def _heading_level(line: str) -> int:
    return len(line.lstrip()) - len(line.lstrip().lstrip("#")) if HEADING.match(line) else 0
