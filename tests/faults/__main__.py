"""`python -m tests.faults`: runs the scenarios side by side and prints the table; exit code 1 where a promise broke."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Coroutine
from dataclasses import asdict
from typing import Any, TypeVar

from tests.faults.registry import SCENARIOS, Scenario
from tests.faults.result import Result, TableRow, results_table

T = TypeVar("T")
SCENARIO_OF = {scenario.name: scenario for scenario in SCENARIOS}
Job = tuple[Scenario, str, int]
"""A scenario, the database, and how often."""


async def _play(scenario: Scenario, database: str, seed: int, runs: int) -> TableRow:
    began = time.monotonic()
    try:
        async with asyncio.timeout(scenario.limit_s):
            result = await scenario.play(database, seed, runs)
    except Exception as error:
        last = traceback.format_exception(error)[-4:]
        result = Result(runs=0, figures="did not end", broken=["".join(last)])
    return TableRow(name=scenario.name, database=database, result=result, seconds=time.monotonic() - began)


async def _play_all(jobs: list[Job], seed: int, at_once: int) -> list[TableRow]:
    """Each in a process of its own: they mostly wait, and none shares an event loop with another."""
    turn = asyncio.Semaphore(at_once)

    async def one(job: Job) -> TableRow:
        scenario, database, runs = job
        async with turn:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.faults", "--line", scenario.name, "--database", database),
                *("--seed", str(seed), "--runs", str(runs)),
                stdout=asyncio.subprocess.PIPE,
            )
            try:
                printed, _ = await process.communicate()
            finally:
                if process.returncode is None:
                    process.terminate()  # it ends its servers
                    await process.wait()
        line = _from_json(printed) if process.returncode == 0 else _dead(scenario, database, process.returncode)
        broken = line.result.broken
        said = f"{line.name} {line.database} {line.seconds:.0f} s, {len(broken)} broken"
        print("\n  ".join([said, *broken]), file=sys.stderr)  # noqa: T201
        return line

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(job)) for job in jobs]
    return [task.result() for task in tasks]


def _from_json(said: bytes) -> TableRow:
    fields = json.loads(said.splitlines()[-1])
    return TableRow(**fields | {"result": Result(**fields["result"])})


def _dead(scenario: Scenario, database: str, code: int | None) -> TableRow:
    result = Result(runs=0, figures="did not end", broken=[f"the suite's own process ended with {code}"])
    return TableRow(name=scenario.name, database=database, result=result, seconds=0)


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Its result. SIGTERM cancels the work alone, so that it can end its servers in order."""

    async def supervised() -> T:
        task = asyncio.ensure_future(work)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    try:
        return asyncio.run(supervised())
    except asyncio.CancelledError:
        sys.exit(143)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="The same seed makes the same texts, points and delays.")
    parser.add_argument("--only", action="append", metavar="NAME", choices=SCENARIO_OF, help=", ".join(SCENARIO_OF))
    parser.add_argument("--database", choices=["sqlite", "postgres"], help="Only with this one.")
    parser.add_argument("--runs", type=int, help="How often, instead of each scenario's own count.")
    parser.add_argument("--issue", action="store_true", help="The full counts, on every database; about 40 minutes.")
    parser.add_argument("--large", action="store_true", help="With documents of 1 MB; takes far longer.")
    parser.add_argument("--at-once", type=int, default=2, help="Scenarios side by side; 1 measures times best.")
    parser.add_argument("--line", choices=SCENARIO_OF, help=argparse.SUPPRESS)  # how it calls itself for one of them
    options = parser.parse_args()
    if options.line:
        line = _run(_play(SCENARIO_OF[options.line], options.database, options.seed, options.runs))
        print(json.dumps(asdict(line)))  # noqa: T201
        return 0
    if options.large:
        os.environ["FAULTS_LARGE"] = "1"  # for the processes of the scenarios
    is_full = options.issue or options.only
    jobs = [
        (scenario, database, options.runs or _runs_of(scenario, is_issue=options.issue, is_large=options.large))
        for scenario in SCENARIOS
        if not options.only or scenario.name in options.only
        for database in (scenario.databases if is_full else scenario.short_databases)
        if options.database in (None, database)
    ]
    lines = _run(_play_all(jobs, options.seed, options.at_once))
    load = "/".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"seed {options.seed}, {os.cpu_count()} processors, load {load}\n\n{results_table(lines)}")  # noqa: T201
    return int(any(line.result.broken for line in lines))


def _runs_of(scenario: Scenario, *, is_issue: bool, is_large: bool) -> int:
    if is_large and scenario.large_runs:
        return scenario.large_runs
    return scenario.issue_runs if is_issue else scenario.runs


if __name__ == "__main__":
    sys.exit(main())
