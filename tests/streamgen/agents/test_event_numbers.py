"""Numbers of events: where in the text they stand, the same for everybody."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamgen.agents.event_numbers import ResponseId, characters_seen, event_number, parse_response_id

LENGTHS = st.integers(0, 10**8)


@given(LENGTHS, st.integers(0, 8), LENGTHS, st.integers(0, 8))
def test_numbers_rise_with_the_text_and_say_where_it_goes_on(length, kind, other, other_kind):
    number, later = event_number(length, kind), event_number(other, other_kind)
    assert characters_seen(number) == length
    assert (number < later) == ((length, kind) < (other, other_kind))


def test_who_saw_nothing_has_no_text():
    assert characters_seen(-1) == 0


@given(st.integers(1, 10**12), st.integers(1, 10**6))
def test_id_of_a_response_is_that_of_a_text(artifact, epoch):
    said = ResponseId(artifact, epoch)
    assert parse_response_id(str(said)) == said


def test_other_ids_are_none_of_ours():
    for said in (
        "resp_1",
        "resp_1_",
        "resp_1_2_3",
        "resp_-1_2",
        "msg_1_2",
        "resp_1_x",
        "resp_68af4030592c81938ec0a5fbab4a3e9f",
    ):
        assert parse_response_id(said) is None
