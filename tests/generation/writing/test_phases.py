"""The built-in phases are complete and well formed, and every key of a user's own gets a plan."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.planned_section import SECTION_TOKENS, PlannedSection
from generation.pages.api import PlanEntry
from generation.pages.forms import GenerationForm
from generation.writing.phases import BUILT_IN, PHASE_KEY, Phase, is_phase_key, phase_of

MAX_TITLE, MAX_NAME, MAX_TOKENS = 200, 120, 32_000


def assert_well_formed(phase: Phase) -> None:
    assert is_phase_key(phase.key)
    assert 0 < len(phase.title) <= MAX_TITLE
    assert phase.purpose.endswith(".")
    assert phase.instructions.strip()
    assert 3 <= len(phase.plan) <= 6
    names = [section.name for section in phase.plan]
    assert len({name.casefold() for name in names}) == len(names)
    for section in phase.plan:
        assert 0 < len(section.name) <= MAX_NAME
        assert section.name == section.name.strip()
        assert section.name.isprintable()
        assert section.instructions.endswith(".")
        assert 300 <= section.max_tokens <= MAX_TOKENS


def test_built_in_phases_stand_in_their_order():
    assert [phase.key for phase in BUILT_IN] == ["brief", "prd", "specs", "stories", "artifacts", "handoff"]


@pytest.mark.parametrize("phase", BUILT_IN, ids=lambda phase: phase.key)
def test_built_in_phase_is_well_formed(phase):
    assert_well_formed(phase)
    assert "  " not in phase.purpose + phase.instructions + "".join(section.instructions for section in phase.plan)
    assert phase_of(phase.key, title="ignored") is phase


@given(st.from_regex(PHASE_KEY, fullmatch=True), st.text(max_size=30))
def test_own_phase_gets_a_plain_plan(key, title):
    phase = phase_of(key, title=title)
    assert phase.key == key
    if phase not in BUILT_IN:
        assert_well_formed(phase)
        assert phase.title == (title.strip() or key.replace("-", " ").strip().capitalize())


@pytest.mark.parametrize("key", ["", "Brief", "1st", "-a", "a b", "a_b", "ä", "a" * 41, "brief\n"])
def test_other_keys_are_refused(key):
    assert not is_phase_key(key)
    with pytest.raises(ValueError, match="phase key"):
        phase_of(key)


@pytest.mark.django_db
def test_budget_is_one_and_the_same_for_api_and_page():
    assert GenerationForm({"plan": "A"}).fields["section_tokens"].initial == SECTION_TOKENS
    assert PlanEntry(name="A").planned().max_tokens == SECTION_TOKENS == PlannedSection(name="A").max_tokens


def test_longest_key_is_a_key():
    assert is_phase_key("a" + "-" * 39)
