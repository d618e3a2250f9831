"""Puts the tables of reports where docs/performance.md has a place for them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bench.support.child import ROOT
from bench.support.report import Report

PAGE = ROOT / "docs" / "performance.md"


def place_of(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- bench: {name} -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str, report: Report) -> str:
    """The page with the report's table in its place; a `ValueError` where there is no such place."""
    facts = report.machine
    about = (
        f"{report.title[0].upper()}{report.title[1:]}. {facts['cores']} cores of {facts['cpu']}, Python"
        f" {facts['python']}, load average {facts['load']} before, stolen {facts['steal_percent']} %,"
        f" {report.seconds:.0f} s{', a quick run: figures mean little' if report.quick else ''}.\n"
    )
    lines = [*report.notes[:-1], *(f"FAULT: {fault}" for fault in report.faults)]
    notes = "".join(f"\n{line}\n" for line in lines)
    text, count = place_of(report.name).subn(
        lambda found: f"{found[1]}{about}\n{report.markdown()}\n{notes}{found[2]}", page
    )
    if not count:
        raise ValueError(f"{PAGE.name} has no place for {report.name}")
    return text


def write(reports: Iterable[Report]) -> None:
    page = PAGE.read_text()
    for report in reports:
        page = filled(page, report)
    PAGE.write_text(page)
