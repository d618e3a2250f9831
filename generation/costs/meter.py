"""What a document costs while it is written: of each call what its endpoint reports, an estimate until it does; pure.

The money is counted here, and stored by who commits the text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from artifacts.costs import CallCost, Spent
from generation.costs.prices import Price, PriceList
from generation.providers.base import CHARS_PER_TOKEN, Finish, FinishReason, Item, Life, Piece, Usage

PROMPT_CHARS = 4_000
"""What the prompt of a call weighs, where the estimate of several that a dead worker left is parted among them."""


class Call:
    """One call. It costs nothing before its endpoint works on it."""

    def __init__(self, meter: Meter, section: str, model: str, price: Price | None, prompt_chars: int) -> None:
        self.section = section
        self.model = model
        self.price = price
        self.prompt_chars = prompt_chars
        self.chars = 0
        self.before = 0  # what an answer had cost that is read on
        self.is_begun = False
        self.is_kept = False  # its endpoint keeps the answer, which may be read on
        self._meter = meter

    def take(self, item: Item) -> None:
        """What the endpoint sends."""
        if isinstance(item, Finish):
            self._meter.close(self, item)
            return
        if isinstance(item, Piece):
            self.chars += len(item.text)
        self.is_begun = self.is_begun or not (isinstance(item, Life) and item.is_accepted)
        if self._meter.ceiling is not None:
            self._meter.check_ceiling()

    @property
    def estimate(self) -> int:
        if self.price is None or not self.is_begun:
            return self.before
        return self.before + self.price.estimate(self.prompt_chars, self.chars)


class Meter:
    """What one claim's document has cost: `before` by earlier ones, of which a part may belong to an answer that is
    read on. `on_over` is called, again and again, where it has reached its `ceiling`.
    """

    def __init__(self, prices: PriceList, on_over: Callable[[], None] = lambda: None) -> None:
        self.prices = prices
        self.ceiling: int | None = None
        """The most that the document may cost, as its project's budget has it just now."""
        self._on_over = on_over
        self._cost = 0  # of all calls that are charged
        self._estimated = 0
        self._open: list[Call] = []
        self._left: list[Call] = []  # ended without a report, and perhaps to be read on
        self._number = 0
        self.charges: list[CallCost] = []
        """Those that are not committed yet."""

    def take_up(self, before: Spent, under_way: Mapping[str, int] | None = None) -> None:
        """Go on from what is committed. `under_way` has the characters so far of each section that was being written:
        one may be read on and another begun anew, so each has a part of the estimate, and all of them all of it.
        """
        self._cost, self._estimated = before.cost - before.under_way, before.estimated - before.under_way
        weights = {name: PROMPT_CHARS + chars for name, chars in (under_way or {"": 0}).items()}
        rest, of = before.under_way, sum(weights.values())
        for name, weight in weights.items():
            part = rest * weight // of
            rest, of = rest - part, of - weight
            if part:
                left = Call(self, name, "", None, 0)
                left.before = part
                self._left.append(left)

    def begin(
        self, section: str, model: str, prompt_chars: int, *, is_kept: bool = False, reads_on: bool = False
    ) -> Call:
        """A call was made. One that reads an earlier answer on costs what that does, and its prompt once."""
        call = Call(self, section, model, self.prices.of(model), 0 if reads_on else prompt_chars)
        call.is_kept = is_kept
        if reads_on:
            ours = [left for left in self._left if left.section in {section, ""}]
            call.before = sum(left.estimate for left in ours)
            self._left = [left for left in self._left if left not in ours]
        else:
            self.settle(section)
        self._open.append(call)
        return call

    def close(self, call: Call, finish: Finish | None = None) -> None:
        """The call has ended; without a report it is charged as estimated, one that is kept only once it is settled."""
        if call not in self._open:
            return
        self._open.remove(call)
        if finish is not None:
            call.model = finish.model or call.model
            call.price = call.price or self.prices.of(call.model)
        if finish is not None and finish.usage is not None:
            self._charge(call, finish.usage)
        elif call.is_kept and (finish is None or finish.reason is FinishReason.INTERRUPTED):
            self._left.append(call)
        elif call.is_begun or call.before:
            self._charge(call, None)
        self.check_ceiling()

    def settle(self, section: str | None = None) -> None:
        """Nobody reads on what was left, of this section or of any."""
        ours = [left for left in self._left if section is None or left.section in {section, ""}]
        self._left = [left for left in self._left if left not in ours]
        for left in ours:
            if left.is_begun or left.before:
                self._charge(left, None)

    def check_ceiling(self) -> None:
        if self.is_over:
            self._on_over()

    @property
    def is_over(self) -> bool:
        return self.ceiling is not None and self.spent.cost >= self.ceiling

    @property
    def spent(self) -> Spent:
        under_way = sum(call.estimate for call in (*self._open, *self._left))
        return Spent(cost=self._cost + under_way, estimated=self._estimated + under_way, under_way=under_way)

    def committed(self, number: int) -> int:
        """So many of the charges are; what they cost."""
        committed, self.charges[:number] = self.charges[:number], []
        return sum(charge.cost or 0 for charge in committed)

    def _charge(self, call: Call, usage: Usage | None) -> None:
        price = call.price
        used = usage or Usage(prompt_tokens=_tokens(call.prompt_chars), completion_tokens=_tokens(call.chars))
        cost = None
        if price is not None or call.before:
            cost = price.of(used) if usage and price else call.estimate
        self._cost += cost or 0
        self._estimated += 0 if usage else cost or 0
        self._number += 1
        self.charges.append(
            CallCost(
                number=self._number,
                section=call.section,
                model=call.model,
                prompt_tokens=used.prompt_tokens,
                cached_tokens=min(used.cached_tokens, used.prompt_tokens),
                completion_tokens=used.completion_tokens,
                is_estimated=usage is None,
                cost=cost,
            )
        )


def _tokens(chars: int) -> int:
    return -(-chars // CHARS_PER_TOKEN)
