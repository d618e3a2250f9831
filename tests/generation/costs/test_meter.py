"""The meter of a document: what is reported counts, what is not is estimated and marked, and nothing counts twice."""

from __future__ import annotations

from artifacts.costs import Spent
from generation.costs.meter import Meter
from generation.costs.prices import Price, PriceList
from generation.providers.base import Finish, FinishReason, Life, Piece, Usage

# A token of the prompt is a billionth, one of the answer ten.
PRICES = PriceList(currency="EUR", models={"m": Price(input=1_000, cached_input=500, output=10_000)})
NOTHING = Spent(cost=0, estimated=0, under_way=0)


def finish(prompt: int = 0, completion: int = 0, *, cached: int = 0, model: str = "m") -> Finish:
    usage = Usage(prompt_tokens=prompt, completion_tokens=completion, cached_tokens=cached) if prompt else None
    return Finish(reason=FinishReason.COMPLETE, usage=usage, model=model)


def test_estimate_grows_with_the_text_and_the_report_takes_its_place():
    meter = Meter(PRICES)
    call = meter.begin("Why", "m", 400)
    assert meter.spent == NOTHING  # nobody works on it yet
    call.take(Life(is_accepted=True))
    assert meter.spent == NOTHING
    call.take(Piece(text="Ein Satz. "))
    assert meter.spent == Spent(cost=130, estimated=130, under_way=130)

    call.take(finish(90, 5, cached=40))

    assert meter.spent == Spent(cost=120, estimated=0, under_way=0)
    (charge,) = meter.charges
    assert (charge.section, charge.cost, charge.is_estimated) == ("Why", 120, False)
    assert (charge.prompt_tokens, charge.cached_tokens, charge.completion_tokens) == (90, 40, 5)
    meter.committed(1)
    assert meter.charges == []


def test_call_without_a_report_is_charged_as_estimated_and_one_that_was_refused_not_at_all():
    meter = Meter(PRICES)
    refused, broken = meter.begin("Why", "m", 400), meter.begin("How", "m", 40)
    broken.take(Piece(text="12345678"))
    meter.close(refused)
    meter.close(broken)
    meter.close(broken)

    assert meter.spent == Spent(cost=30, estimated=30, under_way=0)
    (charge,) = meter.charges
    assert (charge.section, charge.is_estimated, charge.completion_tokens, charge.number) == ("How", True, 2, 1)


def test_kept_answer_that_is_read_on_is_paid_once():
    meter = Meter(PRICES)
    first = meter.begin("Why", "m", 40, is_kept=True)
    first.take(Piece(text="12345678"))
    meter.close(first)
    assert meter.charges == []

    again = meter.begin("Why", "m", 40, is_kept=True, reads_on=True)
    again.take(Piece(text="1234"))
    assert meter.spent.cost == 40
    again.take(finish(12, 3))

    assert meter.spent == Spent(cost=42, estimated=0, under_way=0)
    assert len(meter.charges) == 1


def test_what_a_dead_worker_left_under_way_is_charged_unless_it_is_read_on():
    before = Spent(cost=100, estimated=70, under_way=50)
    settled, read_on = Meter(PRICES), Meter(PRICES)
    for meter in (settled, read_on):
        meter.take_up(before)
        assert meter.spent == before

    settled.begin("Why", "m", 40)
    read_on.begin("Why", "m", 40, is_kept=True, reads_on=True).take(finish(30, 3))

    assert settled.spent == Spent(cost=100, estimated=70, under_way=0)
    assert [(charge.cost, charge.is_estimated) for charge in settled.charges] == [(50, True)]
    assert read_on.spent == Spent(cost=110, estimated=20, under_way=0)


def test_of_several_that_a_dead_worker_left_each_is_paid_once_whichever_is_read_on():
    """Of two sections written at once one answer is lost and asked for anew, the other one is read on."""
    before = Spent(cost=1_000, estimated=1_000, under_way=1_000)
    meter = Meter(PRICES)
    meter.take_up(before, {"Why": 6_000, "How": 0})
    assert meter.spent == before

    meter.begin("Why", "m", 40).take(finish(10, 0))  # anew: its part stays an estimate
    meter.begin("How", "m", 40, is_kept=True, reads_on=True).take(finish(300, 0))  # and this one is reported

    parts = [(charge.section, charge.cost, charge.is_estimated) for charge in meter.charges]
    assert parts == [("Why", 714, True), ("Why", 10, False), ("How", 300, False)]
    assert meter.spent == Spent(cost=714 + 10 + 300, estimated=714, under_way=0)


def test_what_was_left_is_all_charged_where_nothing_is_read_on():
    meter = Meter(PRICES)
    meter.take_up(Spent(cost=7, estimated=7, under_way=7), {"A": 1, "B": 2, "C": 3})
    meter.settle()

    assert sum(charge.cost or 0 for charge in meter.charges) == 7 == meter.spent.cost


def test_model_without_a_price_costs_nothing_that_is_known_and_keeps_its_tokens():
    meter = Meter(PRICES)
    meter.begin("Why", "other", 40).take(finish(12, 3, model="another"))

    (charge,) = meter.charges
    assert (charge.cost, charge.model, charge.completion_tokens) == (None, "another", 3)
    assert meter.spent == NOTHING
    meter.begin("How", "", 40).take(finish(12, 3))  # the endpoint's own model, which has a price
    assert meter.spent.cost == 42


def test_ceiling_is_met_with_the_piece_that_reaches_it():
    over: list[int] = []
    meter = Meter(PRICES, on_over=lambda: over.append(meter.spent.cost))
    meter.ceiling = 50
    call = meter.begin("Why", "m", 40)
    for _ in range(5):
        call.take(Piece(text="1234"))

    assert over[0] == 50
