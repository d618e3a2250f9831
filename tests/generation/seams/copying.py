"""Texts cut anywhere, and the ways in which models copy the last words before they go on. It knows no rule that joins.

Each way gives the answer of a model that was asked to begin with `words`, the end of the text, and whose next
characters are `rest`.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

TEXTS = Path(__file__).parent / "texts"
PREFACES = (
    "Here is the rest:",
    "Sure! I will continue exactly where the text was cut off.",
    "Hier geht es weiter:",
    "Voici la suite :",
    "Claro, continúo:",
    "Вот продолжение:",
    "以下是续写的内容：",
    "続きは次のとおりです。",
    "다음은 이어지는 내용입니다:",
    "فيما يلي بقية النص:",
    "यहाँ शेष पाठ है:",
    "นี่คือส่วนที่เหลือ:",
    "(continued)",
)


def texts() -> list[str]:
    """Documents of a real model and of people, in many languages and scripts."""
    files = sorted([*TEXTS.glob("*.md"), *(TEXTS / "languages").glob("*.md")])
    return [path.read_text(encoding="utf-8") for path in files]


def given_joints() -> list[dict[str, str | None]]:
    """The labelled joints."""
    joints: list[dict[str, str | None]] = json.loads((TEXTS / "joints.json").read_text(encoding="utf-8"))["joints"]
    return joints


@dataclass(frozen=True, kw_only=True)
class Cut:
    before: str
    rest: str


def cuts(count: int, dice: Random) -> list[Cut]:
    """Texts cut anywhere; two of five within white space or at its edge."""
    made: list[Cut] = []
    documents = texts()
    while len(made) < count:
        text = documents[len(made) % len(documents)]
        at = dice.randrange(1, len(text) - 1)
        if dice.random() < 0.4:
            space = dice.choice(list(re.finditer(r"\s+", text)))
            at = dice.randrange(space.start(), space.end() + 1)
        before = text[max(0, at - dice.choice((150, 1_500, 20_000))) : at]
        rest = text[at : at + dice.randrange(40, 1_200)]
        if before.strip() and rest.strip():
            made.append(Cut(before=before, rest=rest.rstrip()))
    return made


def _spaced(words: str, dice: Random) -> str:
    return re.sub(r"\s+", lambda _: dice.choice((" ", "\n", "  ", "\n\n")), words.strip())


def _typed(words: str) -> str:
    return words.replace("'", "’").replace('"', "”").replace(" - ", " – ")


Way = Callable[[str, str, Random], str]
WAYS: dict[str, Way] = {
    "exactly": lambda words, rest, dice: words + rest,
    "below a preface": lambda words, rest, dice: f"{dice.choice(PREFACES)}\n\n{words}{rest}",
    "in a fence": lambda words, rest, dice: f"```markdown\n{words}{rest}\n```",
    "in a fence below a preface": lambda words, rest, dice: f"{dice.choice(PREFACES)}\n\n~~~~md\n{words}{rest}\n~~~~\n",
    "with other white space": lambda words, rest, dice: _spaced(words, dice) + words[len(words.rstrip()) :] + rest,
    "with typographic marks": lambda words, rest, dice: _typed(words) + rest,
    "decomposed": lambda words, rest, dice: unicodedata.normalize("NFD", words) + rest,
    "behind an ellipsis": lambda words, rest, dice: f"…{words}{rest}",
    "with a capital": lambda words, rest, dice: words[:1].upper() + words[1:] + rest,
}


def _part(words: str) -> str:
    """The second half of the words, from the beginning of a word where there is one."""
    return words[words.find(" ", len(words) // 2) + 1 or len(words) // 2 :]


PARTS: dict[str, Callable[[str, str], str]] = {
    "half of the words": lambda words, rest: _part(words) + rest,
    "a quarter of the words": lambda words, rest: words[3 * len(words) // 4 :] + rest,
    "none of the words": lambda words, rest: rest,
    "half of the words below a preface": lambda words, rest: f"Here is the rest:\n\n{_part(words)}{rest}",
    "the words without their marks": lambda words, rest: re.sub(r"[*_`#>]|^\s*[-+] ", "", words, flags=re.M) + rest,
}
"""Answers that begin with less than the words, as a text that repeats itself goes on too."""


def _tokens(words: str) -> list[str]:
    return re.findall(r"\s*\S+", words)


def _stuttered(words: str, *runs: tuple[int, int], between: str = " ") -> str:
    """These runs of the words, one behind the other, and the white space that they end with."""
    tokens = _tokens(words)
    said = ["".join(tokens[begin:end]).strip() for begin, end in runs]
    return between.join(filter(None, said)) + words[len(words.rstrip()) :]


def _some(words: str, dice: Random) -> int:
    """How many of the words come again: enough to hold letters, where there are any."""
    tokens, most = _tokens(words), max(2, len(_tokens(words)))
    count = dice.randrange(1, most)
    return next((many for many in range(count, most) if sum(map(str.isalpha, "".join(tokens[-many:]))) > 1), count)


ALL = 10_000
STUTTERS: dict[str, Way] = {
    "all twice": lambda words, rest, dice: _stuttered(words, (0, ALL), (0, ALL)) + rest,
    "all twice, in paragraphs": lambda words, rest, dice: _stuttered(words, (0, ALL), (0, ALL), between="\n\n") + rest,
    "all, an announcement, all": lambda words, rest, dice: (
        _stuttered(words, (0, ALL), (0, ALL), between=f"\n\n{dice.choice(PREFACES)}\n\n") + rest
    ),
    "the end again": lambda words, rest, dice: _stuttered(words, (0, ALL), (-_some(words, dice), ALL)) + rest,
    "the end again, in a new line": lambda words, rest, dice: (
        _stuttered(words, (0, ALL), (-_some(words, dice), ALL), between="\n") + rest
    ),
    "the beginning again, then other words": lambda words, rest, dice: (
        _stuttered(words, (0, ALL), (0, len(_tokens(words)) // 2 + 1)) + rest
    ),
    "the beginning, then all": lambda words, rest, dice: _stuttered(words, (0, _some(words, dice)), (0, ALL)) + rest,
    "the end, then all": lambda words, rest, dice: _stuttered(words, (-_some(words, dice), ALL), (0, ALL)) + rest,
    "the end, then all in a new line": lambda words, rest, dice: (
        _stuttered(words, (-_some(words, dice), ALL), (0, ALL), between="\n\n") + rest
    ),
    "a run in the middle twice": lambda words, rest, dice: (
        _stuttered(words, (0, 2 + (at := _some(words, dice))), (max(0, at - 1), ALL)) + rest
    ),
}
"""Copies in which some of the words come twice. Cells that may well be equal are no stutter."""

_LINES = (
    "The lamp at the gate of the harbor is lit when the first boat comes in.",
    "A member lists the tool, sets the free days, and receives requests for it.",
    "Nobody is asked for a reason.",
)


def repeating_texts(dice: Random) -> dict[str, str]:
    """Texts that say the same again, each kind once."""
    lines = [dice.choice(_LINES) for _ in range(12)]
    tools = [dice.choice(("drill", "saw", "ladder")) for _ in range(12)]
    end = "\n\nThat was all that the keeper of the harbor wrote down in the year of the flood."
    kinds = {
        "equal lines": "\n".join([lines[0]] * 12),
        "each thrice": " ".join(" ".join([line] * 3) for line in lines),
        "refrain": "\n\n".join(f"{line}\n\nSo the tide goes out, and so it comes in." for line in lines),
        "equal rows": "| Day | Lamp |\n|---|---|\n" + "| Monday | lit |\n" * 12,
        "equal cells": "| Tool | Free | Late |\n|---|---|---|\n"
        + "".join(f"| {tool} | yes | no |\n" for tool in tools),
        "items": "- the tool\n" * 20,
        "nested items": "".join(f"- tool\n  - {tool}\n    - clean\n" for tool in tools),
        "objects": "[\n" + "".join(f'  {{"name": "{tool}", "ok": true}},\n' for tool in tools) + "]",
        "code": "".join(f"    {dice.choice(('check(value)', 'value = step(value)'))}\n" for _ in tools),
        "numbers": "\n".join(["3 1 4 1 5 9"] * 12),
        "laughter": "He laughed: " + "ha " * 60,
        "refrain without blanks": "".join(
            f"春天来了，花儿开了。{dice.choice(('梯子要还。', '没有人忘记。'))}" for _ in tools
        ),
        "forms": "\n\n".join(f"**{tool}**\n\n{_LINES[1]} The lender of the {tool} can refuse." for tool in tools),
        "headings": "\n\n".join(f"### Borrowing\n\n{dice.choice(('None.', lines[0]))}" for _ in tools),
    }
    return {kind: f"The book of the harbor, page {dice.randrange(99)}.\n\n{text}{end}" for kind, text in kinds.items()}


def repeating_cuts(times: int, dice: Random) -> list[Cut]:
    made: list[Cut] = []
    for _ in range(times):
        for text in repeating_texts(dice).values():
            at = dice.randrange(40, len(text) - 20)
            made.append(Cut(before=text[:at], rest=text[at:].rstrip()))
    return made
