"""The short version of `make faults`: real processes, servers and sockets, a few faults of each kind, both databases.

It takes over a minute by nature: leases must run out, processes must start.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.scenarios import SCENARIOS

SHORT = [
    ("worker-killed", "sqlite", 4),
    ("worker-killed", "postgres", 4),
    ("ended-in-turn", "postgres", 2),
    ("deleted", "sqlite", 2),
    ("answers-lost", "postgres", 5),
    ("endpoint-fails", "sqlite", 4),
]
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


@pytest.mark.timeout(300)  # real processes, on whatever machine
@pytest.mark.parametrize(("name", "database", "runs"), SHORT, ids=[f"{name}-{database}" for name, database, _ in SHORT])
def test_nothing_is_lost(name, database, runs):
    result = asyncio.run(BY_NAME[name].play(database, seed=1, runs=runs))
    assert not result.broken, "\n".join(result.broken)
