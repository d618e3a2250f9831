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
    lines = [*report.notes, *(f"FAULT: {fault}" for fault in report.faults)]
    notes = "".join(f"\n{line}\n" for line in lines)
    about = f"{report.title[0].upper()}{report.title[1:]}. {where(report)}".strip() + "\n"
    text, count = place_of(report.name).subn(
        lambda found: f"{found[1]}{about}\n{report.markdown()}\n{notes}{found[2]}", page
    )
    if not count:
        raise ValueError(f"{PAGE.name} has no place for {report.name}")
    return text


def where(report: Report) -> str:
    """The machine and the moment; nothing for what was not measured."""
    if not (facts := report.machine):
        return ""
    quick = " A quick run: its figures mean little." if report.quick else ""
    return (
        f"{facts['cores']} cores of {facts['cpu']}, {facts['memory_gb']} GB, {facts['system']},"
        f" Python {facts['python']}.{quick}"
    )


def write(reports: Iterable[Report]) -> None:
    page = PAGE.read_text()
    for report in reports:
        page = filled(page, report)
    PAGE.write_text(page)
