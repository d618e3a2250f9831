"""The list of what is tried, with which databases and how often."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.faults.result import Result
from tests.faults.scenarios import (
    frozen,
    kept_answers,
    kills,
    large_documents,
    outages,
    projects,
    provider_faults,
    races,
    reworked,
    rolled_out,
    shutdowns,
    slow_endpoint,
)

SQLITE = ("sqlite",)
POSTGRES = ("postgres",)
BOTH = (*SQLITE, *POSTGRES)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """`runs` fit into the 15 minutes of `make faults`, `issue_runs` are what the product promises to survive.

    `short` are the databases of `make faults`, where those are not all; `large_runs` are for documents of 1 MB, where
    `runs` of those would take hours.
    """

    name: str
    play: Callable[[Any, int, int], Awaitable[Result]]
    runs: int
    issue_runs: int
    databases: tuple[str, ...] = BOTH
    short: tuple[str, ...] = ()
    limit_s: float = 3_600.0
    large_runs: int = 0

    @property
    def short_databases(self) -> tuple[str, ...]:
        return self.short or self.databases


SCENARIOS = (
    Scenario(name="worker-killed", play=kills.worker_killed, runs=30, issue_runs=200),
    Scenario(name="parallel-killed", play=kills.parallel_killed, runs=10, issue_runs=200),
    Scenario(name="web-killed", play=kills.web_killed, runs=5, issue_runs=50, databases=POSTGRES),
    Scenario(name="embedded-killed", play=kills.embedded_killed, runs=5, issue_runs=50, databases=SQLITE),
    Scenario(name="large-documents", play=large_documents.large_documents, runs=3, issue_runs=20, short=POSTGRES),
    Scenario(name="poison", play=kills.poison, runs=1, issue_runs=10, short=SQLITE),
    Scenario(name="redis-away", play=outages.redis_away, runs=3, issue_runs=3, databases=POSTGRES),
    Scenario(name="postgres-restarted", play=outages.postgres_restarted, runs=4, issue_runs=20, databases=POSTGRES),
    Scenario(name="answers-lost", play=outages.answers_lost, runs=20, issue_runs=100, databases=POSTGRES),
    Scenario(
        name="transactions-aborted", play=outages.transactions_aborted, runs=40, issue_runs=500, databases=POSTGRES
    ),
    Scenario(name="database-locked", play=outages.database_locked, runs=2, issue_runs=10, short=SQLITE),
    Scenario(name="disk-full", play=outages.disk_full, runs=1, issue_runs=1, databases=SQLITE),
    Scenario(name="endpoint-fails", play=provider_faults.endpoint_fails, runs=20, issue_runs=200, short=SQLITE),
    Scenario(name="endpoint-half-open", play=outages.provider_half_open, runs=2, issue_runs=10, databases=SQLITE),
    Scenario(name="endpoint-away", play=slow_endpoint.endpoint_away, runs=2, issue_runs=10, short=SQLITE),
    Scenario(name="model-thinks", play=slow_endpoint.model_thinks, runs=3, issue_runs=30, short=SQLITE),
    Scenario(name="announced-100-times", play=races.announced, runs=3, issue_runs=10, databases=POSTGRES),
    Scenario(name="worker-frozen", play=frozen.worker_frozen, runs=3, issue_runs=20),
    Scenario(
        name="frozen-in-transaction",
        play=frozen.frozen_in_transaction,
        runs=1,
        issue_runs=10,
        databases=POSTGRES,
    ),
    Scenario(name="worker-replaced", play=slow_endpoint.worker_replaced, runs=6, issue_runs=100),
    Scenario(name="frozen-while-waiting", play=slow_endpoint.frozen_while_waiting, runs=2, issue_runs=20),
    Scenario(name="background-killed", play=kept_answers.killed_in_mid_answer, runs=10, issue_runs=50),
    Scenario(name="background-left", play=kept_answers.left_in_mid_answer, runs=8, issue_runs=40, short=SQLITE),
    Scenario(name="project-killed", play=projects.project_killed, runs=8, issue_runs=60, short=SQLITE),
    Scenario(name="rework-killed", play=reworked.rework_killed, runs=9, issue_runs=200, short=SQLITE),
    Scenario(name="clock-wrong", play=frozen.clock_wrong, runs=6, issue_runs=20, short=POSTGRES),
    Scenario(name="cancel-meets-completion", play=races.cancel_meets_completion, runs=30, issue_runs=500),
    Scenario(name="pause-resume-hammered", play=races.hammered, runs=20, issue_runs=200, short=POSTGRES),
    Scenario(name="deleted", play=races.deleted, runs=8, issue_runs=50, short=POSTGRES),
    Scenario(name="long-queue", play=races.long_queue, runs=300, issue_runs=10_000, short=SQLITE, large_runs=20),
    Scenario(name="ended-in-turn", play=shutdowns.ended_in_turn, runs=4, issue_runs=20, short=POSTGRES),
    Scenario(name="rolled-out", play=rolled_out.rolled_out, runs=1, issue_runs=6, databases=POSTGRES),
    Scenario(name="told-twice", play=shutdowns.told_twice, runs=2, issue_runs=20, short=POSTGRES),
)
