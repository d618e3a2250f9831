"""What a section has cost: reported where a provider says it, estimated until then, and never counted twice."""

from __future__ import annotations

from generation.costs.section_tokens import SectionTokens


def test_received_text_counts_four_characters_a_token_until_its_price_is_told():
    tokens = SectionTokens(10)
    tokens.received(7)
    assert tokens.count == 11
    tokens.received(1)
    assert tokens.count == 12
    tokens.reported(5)
    assert tokens.count == 15
    tokens.received(4)
    assert tokens.count == 16


def test_call_whose_price_is_not_told_keeps_its_estimate_until_one_is():
    tokens = SectionTokens()
    tokens.received(40)
    tokens.received(40)
    assert tokens.count == 20
    tokens.reported(30)
    assert tokens.count == 30


def test_answer_that_is_read_on_is_priced_as_a_whole():
    tokens = SectionTokens(50, priced=20)
    assert (tokens.before, tokens.count) == (20, 50)
    tokens.received(8)
    assert tokens.count == 52
    tokens.reported(45)
    assert tokens.count == 65


def test_end_replaces_every_estimate():
    tokens = SectionTokens(10)
    tokens.received(400)
    tokens.ended(33)
    assert tokens.count == 43
