"""What a script found out: one table and one JSON line, and the command line that all scripts share."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bench.support import machine

Cell = str | int | float | None


@dataclass(kw_only=True)
class Report:
    """A table, and figures by name that other computations start from; `faults` make every figure worthless."""

    name: str
    title: str
    columns: list[str]
    rows: list[list[Cell]] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0
    quick: bool = False
    machine: dict[str, Any] = field(default_factory=dict)

    def add(self, *cells: Cell) -> None:
        assert len(cells) == len(self.columns), (cells, self.columns)
        self.rows.append(list(cells))

    def text(self) -> str:
        rows = [[shown(cell) for cell in row] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(self.columns, *rows, strict=True)]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        head = "  ".join(name.rjust(width) for name, width in zip(self.columns, widths, strict=True))
        faults = [f"FAULT: {fault}" for fault in self.faults]
        return "\n".join([f"\n{self.name}: {self.title}", head, *lines, *self.notes, *faults])

    def markdown(self) -> str:
        rows = [self.columns, ["---:" if place else "---" for place in range(len(self.columns))]]
        rows += [[shown(cell) for cell in row] for row in self.rows]
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)

    def line(self) -> str:
        return json.dumps(asdict(self))


def shown(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:.0f}" if abs(cell) >= 100 else f"{cell:.1f}" if abs(cell) >= 10 else f"{cell:.2f}"
    return str(cell)


def parse(line: str) -> Report:
    return Report(**json.loads(line))


def publish(report: Report, *, json_file: Path | None) -> None:
    print(report.text())
    print(report.line(), flush=True)
    if json_file:
        with json_file.open("a") as file:
            file.write(report.line() + "\n")


def timed(measure: Callable[[argparse.Namespace], Report], options: argparse.Namespace) -> Report:
    """The report, with what the machine was and how long it took; the load is that of before."""
    began, facts, since = time.monotonic(), machine.facts(), psutil.cpu_times()
    report = measure(options)
    facts |= machine.shares(since)
    report.seconds, report.machine, report.quick = time.monotonic() - began, facts, options.quick
    report.notes.append(
        f"{report.seconds:.0f} s; load average {facts['load']} before, {machine.facts()['load']} after; all cores busy"
        f" {facts['busy_percent']:.0f} % of the time, stolen by the host {facts['steal_percent']:.0f} %"
    )
    return report


def parser(about: str | None) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--quick", action="store_true", help="a few seconds: shows that it runs, its figures mean little")
    made.add_argument("--json", type=Path, metavar="FILE", help="append the JSON line to a file")
    return made


def run(measure: Callable[[argparse.Namespace], Report], made: argparse.ArgumentParser) -> None:
    """A script's main."""
    machine.prepare()
    options = made.parse_args()
    report = timed(measure, options)
    publish(report, json_file=options.json)
    if report.faults:
        raise SystemExit(1)
