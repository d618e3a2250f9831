"""What came of the checks, as a table for people or as JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

Verdict = Literal["passed", "failed", "skipped"]
_SIGNS: dict[str, str] = {"passed": "ok  ", "failed": "FAIL", "skipped": "skip"}


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """One check; `detail` says what was broken, or why it was skipped."""

    name: str
    claim: str
    verdict: Verdict
    detail: str
    seconds: float


def as_table(results: Sequence[CheckResult]) -> str:
    """A line for each, and the sum."""
    width = max((len(result.name) for result in results), default=0)
    lines = []
    for result in results:
        lines.append(f"{_SIGNS[result.verdict]}  {result.name:<{width}}  {result.claim}")
        if result.detail:
            lines.append(f"      {' ' * width}  -> {result.detail}")
    counts = ", ".join(
        f"{sum(result.verdict == verdict for result in results)} {verdict}"
        for verdict in ("passed", "failed", "skipped")
    )
    return "\n".join([*lines, "", counts])


def as_report(server: str, results: Sequence[CheckResult]) -> str:
    """The same as JSON."""
    told = {"server": server, "conforms": conforms(results), "checks": [asdict(result) for result in results]}
    return json.dumps(told, ensure_ascii=False, indent=2)


def conforms(results: Sequence[CheckResult]) -> bool:
    """Whether nothing failed, and something was asked at all."""
    return any(result.verdict == "passed" for result in results) and not any(
        result.verdict == "failed" for result in results
    )
