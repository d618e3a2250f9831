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
