"""What people may type: each refusal names the field, and nothing that a database cannot hold gets through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts import validation
from artifacts.errors import InvalidInput

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize("value", ["a", "Über uns", "漢字 🚀", "x" * 200, 'quotes " and <b>'])
def test_good_title_is_kept_as_it_is(value):
    assert validation.title(value) == value


def test_outer_white_space_is_no_part_of_a_title():
    assert validation.title("  Two words \n") == "Two words"


@pytest.mark.parametrize("value", ["", "   ", "\n\t", "\u200b", "\u202e \u2069", "\u3164\u2800", "\u115f\ufe0f"])
def test_empty_title_is_refused(value):
    with pytest.raises(InvalidInput, match="title must not be empty") as refusal:
        validation.title(value)
    assert refusal.value.field == "title"


@pytest.mark.parametrize("value", ["", " ", "\n\n", "\u3000\t\xa0", " \0 "])
def test_long_text_of_blanks_is_none(value):
    assert validation.long_text("instructions", value) == ""


@pytest.mark.parametrize("value", ["1_000", "\uff11\uff10", "1e3", "0x10", "1,5", "", "-", "1.5.", "١", "inf"])
def test_only_plain_digits_are_a_number(value):
    with pytest.raises(ValueError):
        validation.whole_number(value)
    with pytest.raises(ValueError):
        validation.plain_number(value)


def test_plain_digits_are_a_number():
    assert [validation.whole_number(typed) for typed in (" 12 ", "-3", "+4", "007")] == [12, -3, 4, 7]
    assert [validation.plain_number(typed) for typed in ("12.50", ".5", "3.")] == ["12.50", ".5", "3."]


@pytest.mark.parametrize("name", ["Two words", "Über uns 🚀", "漢字", "1, 2 (3)"])
def test_name_that_turns_nothing_is_shown_as_it_is(name):
    assert validation.isolated(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [("מגדלור", "מגדלור"), ("a \u202eb", "a b"), ("\u2066a\u2069\u2069 b", "a b"), ("\u200fa", "\u200fa"), ("٣", "٣")],
)
def test_name_that_turns_what_stands_around_it_is_isolated(name, shown):
    assert validation.isolated(name) == f"\u2068{shown}\u2069"


def test_model_may_be_left_out():
    assert validation.line("model", " ", limit=200, required=False) == ""


def test_long_title_is_refused_with_both_numbers():
    with pytest.raises(InvalidInput, match="title may have 200 characters at most, not 201"):
        validation.title("x" * 201)


@pytest.mark.parametrize("bad", ["\0", "\n", "\r", "\t", "\x1b[31m", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"])
def test_control_characters_and_line_breaks_are_refused_in_one_line(bad):
    for check, field in [
        (validation.title, "title"),
        (lambda value: validation.section_name(value, "plan[3].name"), "plan[3].name"),
    ]:
        with pytest.raises(InvalidInput, match="control characters") as refusal:
            check(f"a{bad}b")
        assert refusal.value.field == field
        assert bad not in refusal.value.detail


def test_section_name_has_its_own_limit():
    assert validation.section_name("x" * 120)
    with pytest.raises(InvalidInput, match="120 characters at most"):
        validation.section_name("x" * 121)


@pytest.mark.parametrize("value", ["a", "brief", "my-own-2", "a" * 40])
def test_good_phase_is_kept(value):
    assert validation.phase(value) == value


@pytest.mark.parametrize("value", ["", "Brief", "2nd", "-a", "a b", "a" * 41, "brief\n", "é", "a_b", "../etc"])
def test_bad_phase_is_refused(value):
    with pytest.raises(InvalidInput) as refusal:
        validation.phase(value)
    assert refusal.value.field == "phase"


def test_long_text_is_bounded_and_cleaned():
    assert validation.long_text("description", "x" * 1_000_000)
    assert validation.long_text("description", "a\0b\ud800\r\n") == "ab\ufffd\r\n"
    with pytest.raises(InvalidInput, match="description may have 1000000 characters at most, not 1000001") as refusal:
        validation.long_text("description", "x" * 1_000_001)
    assert refusal.value.field == "description"


@given(ANY_TEXT)
def test_clean_text_can_be_stored_and_loses_nothing_else(text):
    clean = validation.clean(text)

    assert clean.encode().decode() == clean
    assert validation.clean(clean) == clean
    assert clean == "".join(
        "\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text if character != "\0"
    )


@given(ANY_TEXT)
def test_line_that_is_accepted_is_one_printable_line(text):
    try:
        value = validation.title(text)
    except InvalidInput:
        return
    assert value == value.strip() != ""
    assert len(value.splitlines()) == 1
    assert validation.clean(value) == value
