"""What a scenario brings: how often it was tried, what was measured, what was broken; and the table of all of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Result:
    runs: int
    figures: str
    broken: list[str] = field(default_factory=list)


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which that part lies; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


def allowed(seconds: float) -> float:
    """How long something may take here that a machine with nothing else to do must manage in `seconds`."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@dataclass(frozen=True, kw_only=True)
class TableRow:
    name: str
    database: str
    result: Result
    seconds: float


def results_table(lines: Sequence[TableRow]) -> str:
    """One row a scenario, then what was broken in full."""
    rows = ["| fault | database | runs | result | broken | seconds |", "|---|---|---|---|---|---|"]
    for line in lines:
        result = line.result
        cells = (line.name, line.database, result.runs, result.figures, len(result.broken), f"{line.seconds:.0f}")
        rows.append(f"| {' | '.join(map(str, cells))} |")
    for line in lines:
        rows += [f"\n{line.name} ({line.database}): {sentence}" for sentence in line.result.broken]
    return "\n".join(rows)
