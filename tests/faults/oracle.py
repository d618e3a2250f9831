"""The texts that the endpoint of a run knows: natural enough for every joint, each sentence found once. Pure."""

from __future__ import annotations

import random

_SYLLABLES = "ba co di fu ge ha ki lo mu ne po ra si tu ve wa xi yo za bri cla dro fle gro pli sta tre".split()  # noqa: SIM905
_ROMAN = "BCDFGHKLMNPRSTVWXZ"


def _word(rng: random.Random) -> str:
    return "".join(rng.choices(_SYLLABLES, k=rng.randint(1, 4)))


def _sentence(rng: random.Random) -> str:
    words = [_word(rng) for _ in range(rng.randint(5, 14))]
    if rng.random() < 0.15:
        words[1] = f"**{words[1]}**"
    if rng.random() < 0.1:
        words[-1] += " — ünïcödé 🌍"
    return " ".join(words).capitalize() + rng.choice(".....?!")


def section_name(rng: random.Random) -> str:
    """Names of which none is a part of another."""
    return f"{_word(rng).capitalize()} {''.join(rng.choices(_ROMAN, k=8))}"


def section_text(rng: random.Random, chars: int) -> str:
    """Paragraphs, lists and code of about that many characters."""
    blocks: list[str] = []
    while sum(map(len, blocks)) < chars:
        kind = rng.random()
        if kind < 0.65:
            blocks.append(" ".join(_sentence(rng) for _ in range(rng.randint(2, 5))))
        elif kind < 0.9:
            blocks.append("\n".join(f"- {_sentence(rng)}" for _ in range(rng.randint(2, 5))))
        else:
            blocks.append("```\n" + "\n".join(f"{_word(rng)} = {rng.random():.6f}" for _ in range(4)) + "\n```")
    return "\n\n".join(blocks) + "\n"
