"""The text of the scripted provider: plausible Markdown for any section, the same for the same section; pure."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable

_OPENINGS = (
    "{project} has to earn its place in a working day. This part, {section}, sets down what that means in practice.",
    "Three questions decide about {section}: who is waiting for the result, what they do today instead, and how soon "
    "they would notice a difference.",
    "For {project}, {section} is where good intentions meet the calendar. What follows is deliberately short.",
    "Most of what matters about {section} can be said on one page, so this is that page.",
)
_SENTENCES = (
    "The first release serves a single team well instead of ten teams badly.",
    "Every step that a person does twice a week is worth a look; every step that a person fears is worth two.",
    "A decision that can be taken back is taken quickly and written down.",
    "A decision that cannot be taken back waits for the people who will live with it.",
    "Numbers are collected from the first day, because a trend needs a beginning.",
    "Nothing here depends on a heroic effort; if a plan needs one, the plan is what has to change.",
    "An early version in real hands teaches more than another round of review.",
    "The cost of waiting is small in the first month and grows after that.",
    "Support requests are read by the people who wrote the feature.",
    "What is not in this list is not forgotten, it is later.",
    "A failure should be visible within a minute and repaired within an hour.",
    "The words in the product are the words that its users already have.",
)
_POINTS = (
    ("Start small", "one workflow from end to end before a second one begins"),
    ("Say what happened", "each change tells who made it, when, and what it was before"),
    ("Keep the exits open", "everything can be exported as plain files, at any time"),
    ("Fail in the open", "an error names the next step instead of a number"),
    ("Respect attention", "no message is sent that nobody would miss"),
    ("Measure twice", "a number without a second source is a rumour"),
    ("Leave no orphans", "every page, job and alert has an owner"),
    ("Make the safe way the short way", "the default is the setting we would recommend"),
)
_STEPS = (
    "Talk to five people who have the problem today, and write down their words.",
    "Draw the shortest path from the first click to the first useful result.",
    "Build that path with real data and throw away what it does not need.",
    "Let two teams use it for a week without explaining anything.",
    "Fix what made them stop, and only that.",
    "Decide on the basis of the notes whether the next step is worth it.",
)
_ROWS = (
    ("Time to first result", "20 minutes", "2 minutes", "every release"),
    ("Questions to support", "14 a week", "5 a week", "Mondays"),
    ("Work done twice", "11 %", "under 3 %", "monthly"),
    ("Weekly returning users", "38 %", "60 %", "monthly"),
    ("Longest outage", "4 hours", "15 minutes", "each quarter"),
    ("Open decisions", "9", "3", "Fridays"),
)
_CODE = """```json
{{
  "name": "{slug}",
  "owner": "platform-team",
  "steps": ["collect", "check", "publish"],
  "retry": {{"times": 3, "wait_seconds": 20}},
  "notify": false
}}
```"""
_ASIDES = (
    "*(A note on the text itself: it comes from a script that ships with this software, not from a language model, "
    "and shows how a document grows. With an API key the same button asks a real one.)*",
    "*(These lines were not thought up by a model. They are a prepared script for trying things out, and everything "
    "except the wording works as it will with a real one.)*",
)
_ENDINGS = (
    "If only one thing of this section is remembered, it should be the order: first useful, then complete.",
    "This is enough to begin with. The parts that are still open are listed where they will be decided.",
    "The next review of these points takes place when the first numbers are in, and not before.",
)


def section_text(section: str, project: str = "", *, says_what_it_is: bool = True) -> str:
    """One section of 1 to 2 KB, without its heading, no line break at the end."""
    dice = random.Random(zlib.crc32(f"{project}\n{section}".encode(errors="replace")))
    named = {"section": f"“{section}”", "project": f"**{project}**" if project else "The project"}
    sentences = iter(dice.sample(_SENTENCES, len(_SENTENCES)))
    blocks = [
        f"{dice.choice(_OPENINGS).format(**named)} {next(sentences)}",
        " ".join(next(sentences) for _ in range(3)),
        "\n".join(f"- **{point}**: {meaning}." for point, meaning in dice.sample(_POINTS, 4)),
        *_middle(dice, section),
        " ".join(next(sentences) for _ in range(3)),
        f"{next(sentences)} {dice.choice(_ENDINGS)}",
    ]
    if says_what_it_is:
        blocks.insert(dice.choice((1, 2, len(blocks) - 1)), dice.choice(_ASIDES))
    return "\n\n".join(blocks)


def _middle(dice: random.Random, section: str) -> list[str]:
    """The block that makes sections differ: a table, steps, or code, each with its sub-heading."""
    kinds: list[Callable[[], list[str]]] = [
        lambda: ["### What we watch", _table(dice)],
        lambda: ["### In this order", "\n".join(f"{n}. {step}" for n, step in enumerate(_STEPS[:5], start=1))],
        lambda: ["### How it is set up", _CODE.format(slug=_slug(section)), "The values are `defaults`, not advice."],
    ]
    return dice.choice(kinds)()


def _table(dice: random.Random) -> str:
    head = "| Measure | Today | Aim | Looked at |\n| --- | ---: | ---: | --- |"
    return "\n".join([head, *("| " + " | ".join(row) + " |" for row in dice.sample(_ROWS, 4))])


def _slug(section: str) -> str:
    return "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in section.lower()).split()) or "section"
