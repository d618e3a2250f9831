"""`python -m tests.hostile`: every attack on both servers, and what memory each costs; exit code 1 where one succeeds.

The growth is that of the server's process: its peak while an attack lasts, above what it held when that began, after
twelve visitors at once looked at each kind of page.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.hostile import api_cases, exports, requests, sockets
from tests.hostile.target import Target
from tests.support.memory import grown
from tests.support.servers import COMMANDS, serving_product

MOST_GROWTH_MB = 20.0
HOSTILE_CASES = 2_000
VISITORS = 12
Attack = Callable[[Target], list[str]]


def documented_answers(target: Target, *, folder: Path, seed: int, examples: int) -> list[str]:
    asked = api_cases.ask(
        target.server, target.token, target.ids, folder=folder, examples=examples, seed=seed, phases="coverage,fuzzing"
    )
    _say(f"           {asked.cases} cases of the API")
    if asked.failed:
        return [asked.said]
    return [] if asked.cases >= HOSTILE_CASES else [f"only {asked.cases} cases"]


def attacks_for(folder: Path, seed: int, examples: int) -> dict[str, Attack]:
    return {
        "bodies of 200 MB": requests.large_bodies,
        "wrong passwords": requests.wrong_passwords,
        "wrong hosts": requests.wrong_hosts,
        "wrong origins": requests.wrong_origins,
        "slow clients": requests.slow_clients,
        "websocket fuzz": partial(sockets.fuzz, seed=seed),
        "names and exports": exports.exports,
        "answers of the API": partial(documented_answers, folder=folder, seed=seed, examples=examples),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--only", default="", help="Attacks whose name has these words.")
    parser.add_argument("--server", choices=[*COMMANDS], action="append")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--examples", type=int, default=32, help="Cases of each operation, beside the fixed ones (32).")
    options = parser.parse_args()
    is_broken = False
    with tempfile.TemporaryDirectory(prefix="streamgen-hostile-") as made:
        folder = Path(made)
        for kind in options.server or [*COMMANDS]:
            target_of = _furnished(folder / f"{kind}.sqlite3")
            with serving_product(
                kind, database=folder / f"{kind}.sqlite3", folder=folder, STREAMGEN_CONCURRENCY="0"
            ) as server:
                target = Target(server=server, **target_of)
                _look_around(target)
                chosen = attacks_for(folder, options.seed, options.examples)
                chosen = {name: attack for name, attack in chosen.items() if options.only in name}
                is_broken |= _run(kind, target, chosen)
    return int(is_broken)


def _run(kind: str, target: Target, chosen: dict[str, Attack]) -> bool:
    pid = target.server.process.pid
    broken: list[str] = []
    with grown(pid) as all_of_it:
        for name, attack in chosen.items():
            began = time.monotonic()
            with grown(pid) as growth:
                found = attack(target)
            broken += found
            seconds = time.monotonic() - began
            _say(f"{kind:>8}  {name:<20} {seconds:4.0f} s  {growth.megabytes:+.1f} MB  {len(found)} broken")
            for sentence in found[:5]:
                _say(f"           {sentence}")
    total = max(all_of_it.megabytes, 0.0)
    _say(f"{kind:>8}  memory over all of it {total:+.1f} MB, {MOST_GROWTH_MB:.0f} at most")
    log = target.server.log.read_text(errors="replace")
    if "Traceback" in log:
        broken.append(log[log.index("Traceback") - 500 :][:4_000])
        _say(broken[-1])
    return bool(broken) or total > MOST_GROWTH_MB


def _look_around(target: Target) -> None:
    """What is loaded once is loaded, and a few ordinary visitors were there at once."""
    pages = ["/sign-in/", "/admin/login/", "/nothing", "/api/openapi.json", f"/api/artifacts/{target.artifact}"]
    pages += [f"/api/artifacts/{target.artifact}/export?format={kind}" for kind in ("md", "html")]
    with ThreadPoolExecutor(VISITORS) as visitors:
        for method in ("GET", "POST"):
            for path in pages:
                look = partial(target.told, path, method=method, headers=target.login)
                for seen in [visitors.submit(look) for _ in range(VISITORS)]:
                    seen.result()


def _furnished(database: Path) -> dict[str, object]:
    """A database with an owner, projects and documents, made in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.hostile.furnish"],
        env=os.environ | {"DATABASE_URL": f"sqlite:///{database}", "REDIS_URL": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    made: dict[str, object] = json.loads(ran.stdout)
    return made


def _say(sentence: str) -> None:
    print(sentence, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
