"""`python -m tests.faults`: runs the scenarios one by one and prints the table; exit code 1 where a promise broke."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
import traceback

from tests.faults.result import Line, Result, table
from tests.faults.scenarios import SCENARIOS, Scenario


async def _run(scenario: Scenario, database: str, seed: int, runs: int) -> Line:
    began = time.monotonic()
    try:
        async with asyncio.timeout(scenario.limit_s):
            result = await scenario.play(database, seed, runs)
    except Exception as error:
        last = traceback.format_exception(error)[-4:]
        result = Result(runs=0, figures="did not end", broken=["".join(last)])
    return Line(name=scenario.name, database=database, result=result, seconds=time.monotonic() - began)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="The same seed makes the same texts, points and delays.")
    parser.add_argument("--only", action="append", metavar="NAME", help=", ".join(s.name for s in SCENARIOS))
    parser.add_argument("--database", choices=["sqlite", "postgres"], help="Only with this one.")
    parser.add_argument("--runs", type=int, help="How often, instead of each scenario's own count.")
    parser.add_argument("--issue", action="store_true", help="The full counts; they take far longer than 15 minutes.")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of every `finally`: no server is left behind
    lines = []
    for scenario in SCENARIOS:
        if options.only and scenario.name not in options.only:
            continue
        for database in scenario.databases:
            if options.database in (None, database):
                runs = options.runs or (scenario.issue_runs if options.issue else scenario.runs)
                line = asyncio.run(_run(scenario, database, options.seed, runs))
                lines.append(line)
                print(f"{line.name} {database} {line.seconds:.0f} s, {len(line.result.broken)} broken", file=sys.stderr)  # noqa: T201
    load = "/".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"seed {options.seed}, {os.cpu_count()} processors, load {load}\n\n{table(lines)}")  # noqa: T201
    return int(any(line.result.broken for line in lines))


if __name__ == "__main__":
    sys.exit(main())
