"""Waits for the database: a transaction that failed because it is away, or aborted, is tried again until it answers."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from typing import TypeVar

from channels.db import database_sync_to_async
from django.db import InterfaceError, InternalError, OperationalError

from artifacts.operating import outages
from artifacts.operating.outages import OutageKind, sqlstate
from generation.errors import DiskFull

logger = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_BASE_S = 0.05
RETRY_CAP_S = 1.0
POSTGRES_SLEPT = "25P03"
"""We were frozen inside a transaction, and the server ended it."""


async def until_answered(work: Callable[[], T], *, waits_for_room: bool = True) -> T:
    """Run one short transaction in the database's thread, again and again while the database is away.

    Raises `DiskFull`, unless it waits for room as well.
    """
    for failures in itertools.count(1):
        try:
            answer: T = await database_sync_to_async(work)()
            outages.of_database.answered(wrote=True)
            return answer
        except (OperationalError, InterfaceError, InternalError) as error:
            if isinstance(error, InternalError) and sqlstate(error) != POSTGRES_SLEPT:
                raise
            kind = outages.of_database.failed_by(error)
            if not waits_for_room and kind is OutageKind.FULL:
                raise DiskFull from None
            if kind is None:  # the class only: the text of a database error may carry what was being written
                logger.warning("tried again, attempt=%s: %s", failures, type(error).__name__)
            await asyncio.sleep(min(RETRY_CAP_S, RETRY_BASE_S * 2 ** min(failures, 10)))
    raise AssertionError("unreachable")
