"""The digest of other documents: bounded, the same for the same, and nobody's text is lost to another's size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.markdown.digest import EarlierDocument, digest

HOSTILE = [
    "# " + " " * 1_000_000 + "b",
    "#" * 1_000_000,
    "```\n" * 250_000,
    "# a\n" * 250_000,
    "x" * 1_000_000,
    "`" * 1_000_000,
    "\x0b## a" * 100_000,
]
TEXTS = st.text(st.sampled_from("# ~`\n.aé灯\u0301\x0b|"), max_size=400)


def of(*texts: str) -> list[EarlierDocument]:
    return [EarlierDocument(key=number, title=f"Paper {number}", text=text) for number, text in enumerate(texts)]


def test_it_has_outline_and_beginnings_and_nothing_of_code():
    text = "## Goals\n\nLight for\nthe coast.\n\n### Near\n\nSoon.\n\n```\n## no heading\n```\n\n## Risks\n\nFog."
    (part,) = digest(of(text), about="", limit=1_000)
    assert part.text == ("# Paper 0\n- Goals\n  - Near\n- Risks\n\nGoals: Light for the coast. Soon.\nRisks: Fog.")


@pytest.mark.parametrize("about", ["The lamps of the harbour", "灯台守の手引き"])
def test_most_relevant_comes_first_and_among_equals_the_last(about):
    texts = ["## Coffee\n\nx", "## Harbour lamps, 灯台守\n\nx", "## Tea\n\nx", "## Milk\n\nx"]
    assert [part.key for part in digest(of(*texts), about=about, limit=4_000)] == [1, 3, 2, 0]


@given(st.lists(TEXTS, max_size=6), TEXTS, st.integers(min_value=0, max_value=3_000))
def test_it_is_bounded_and_the_same_for_the_same(texts, about, limit):
    parts = digest(of(*texts), about=about, limit=limit)
    assert len("\n\n".join(part.text for part in parts)) <= limit
    assert parts == digest(of(*texts), about=about, limit=limit)
    assert len({part.key for part in parts}) == len(parts)


@pytest.mark.timeout(100)  # squared, one of them takes hours
def test_huge_documents_take_nothing_from_the_others():
    parts = digest(of(*HOSTILE, "## Goals\n\nLight."), about="goals", limit=12_000)
    assert len(parts) == len(HOSTILE) + 1
    assert parts[0].text.endswith("Goals: Light.")
