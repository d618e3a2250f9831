"""Is this process fit to serve? Its checks by name: of the database, the channel layer and the workers.

Cheap when asked every second, and bounded: whatever hangs, the answer comes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from django.db import Error as DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from artifacts.messaging import subscription
from artifacts.messaging.per_loop import PerLoop
from artifacts.operating import outages
from artifacts.operating.database_check import find_trouble, own_connection
from artifacts.operating.outages import OutageKind
from generation.queue import workers

logger = logging.getLogger(__name__)

OK, FAILED, NOT_ASKED = "ok", "failed", "unknown"
ANSWER_S = 2.0
"""A database or a layer that has not answered by then does not answer."""
FRESH_S = 0.5
"""What was found is told again for so long."""
ROOM_EVERY_S = 10.0
"""To look for room on a server's disk takes some of it; where there was none, it is looked for each time."""
FAILS = {OutageKind.GONE: "database", OutageKind.UNMIGRATED: "migrations"}
"""The check that each kind of trouble fails; any other one fails the writing."""
OF_THE_DATABASE = ("database", "migrations", "writing", "workers")
READINESS_CHECKS = (*OF_THE_DATABASE, "layer")


class Readiness:
    """The checks of one event loop's process. The database is asked in one thread, never twice at once."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="readiness")
        self._connection: BaseDatabaseWrapper | None = None
        self._asking: asyncio.Future[OutageKind | bool] | None = None
        self._asked_s = float("-inf")
        self._has_workers = True
        self._room_s = float("-inf")
        self._found_full = False

    async def found(self) -> Mapping[str, str]:
        """`ok`, `failed` or `unknown` for each of `READINESS_CHECKS`."""
        found = dict.fromkeys(READINESS_CHECKS, OK)
        is_layer_there, trouble = await asyncio.gather(
            subscription.current().answers(ANSWER_S, fresh_s=FRESH_S), self._ask()
        )
        if not is_layer_there:
            found["layer"] = FAILED
        if isinstance(trouble, OutageKind):
            failed = FAILS.get(trouble, "writing")
            found[failed] = FAILED
            found |= dict.fromkeys(OF_THE_DATABASE[OF_THE_DATABASE.index(failed) + 1 :], NOT_ASKED)
        elif not trouble:
            found["workers"] = FAILED
        return found

    async def _ask(self) -> OutageKind | bool:
        """What is wrong with the database, else whether a worker is heard of."""
        loop = asyncio.get_running_loop()
        if self._asking is None or (self._asking.done() and loop.time() - self._asked_s > FRESH_S):
            self._asked_s = loop.time()
            self._asking = loop.run_in_executor(self._thread, self._examine)
        if not self._asking.done():
            await asyncio.wait([self._asking], timeout=max(0.0, self._asked_s + ANSWER_S - loop.time()))
        return self._asking.result() if self._asking.done() else OutageKind.GONE

    def _examine(self) -> OutageKind | bool:
        if self._connection is None:
            self._connection = own_connection()
        now_s = time.monotonic()
        is_local = self._connection.vendor == "sqlite"
        looks_for_room = is_local or self._found_full or now_s - self._room_s > ROOM_EVERY_S
        trouble = find_trouble(self._connection, looks_for_room=looks_for_room)
        if trouble is None:  # what is full though it was not found here is known by those who write
            wrote = self._found_full or outages.of_database.kind is not OutageKind.FULL
            outages.of_database.answered(wrote=wrote)
        else:
            outages.of_database.failed(trouble)
        if looks_for_room and not is_local:
            self._room_s = now_s
            still = self._found_full and outages.of_database.kind is OutageKind.FULL
            self._found_full = still or trouble is OutageKind.FULL
        if trouble is None and outages.of_database.kind is OutageKind.FULL:
            trouble = OutageKind.FULL
        if trouble is not None:
            return trouble
        return self._is_worker_alive()

    def _is_worker_alive(self) -> bool:
        assert self._connection is not None
        rows = workers.living().values("pk")[:1].query
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(*rows.get_compiler(connection=self._connection).as_sql())
                has_workers = cursor.fetchone() is not None
        except DatabaseError:
            return False
        if has_workers != self._has_workers:
            logger.warning("a worker is heard of" if has_workers else "no worker is heard of: tasks wait")
        self._has_workers = has_workers
        return has_workers


current = PerLoop(Readiness)
"""The running loop's checks."""
