"""Outages of what this process depends on: which kind of trouble an error means, and one log line at each beginning
and end. It repairs nothing; whoever meets an outage goes on trying by itself.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from enum import StrEnum

from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError

logger = logging.getLogger(__name__)

QUIET_S = 2.0
"""Without a failure for so long, what answers again is believed to be back: some fail while others come through."""
QUIET_UNTRIED_S = 30.0
"""The same for what only a write meets, where nobody writes any more."""


class OutageKind(StrEnum):
    """What kind of trouble it is."""

    GONE = "gone"
    FULL = "full"
    LOCKED = "locked"
    READ_ONLY = "read_only"
    UNMIGRATED = "unmigrated"
    LAYER = "layer"


SENTENCES = {
    OutageKind.GONE: "The database does not answer.",
    OutageKind.FULL: "The disk of the database is full.",
    OutageKind.LOCKED: "The database is locked by another process.",
    OutageKind.READ_ONLY: "The database is read-only.",
    OutageKind.UNMIGRATED: "The database lacks a migration: manage.py migrate.",
    OutageKind.LAYER: "The channel layer is away, news comes from the database.",
}

_SEEN_BY_WRITERS = {OutageKind.FULL, OutageKind.LOCKED, OutageKind.READ_ONLY}
_SQLITE = {
    sqlite3.SQLITE_FULL: OutageKind.FULL,
    sqlite3.SQLITE_BUSY: OutageKind.LOCKED,
    sqlite3.SQLITE_LOCKED: OutageKind.LOCKED,
    sqlite3.SQLITE_READONLY: OutageKind.READ_ONLY,
    sqlite3.SQLITE_PERM: OutageKind.READ_ONLY,
}
_POSTGRES = {
    "53100": OutageKind.FULL,
    "55P03": OutageKind.LOCKED,
    "40P01": OutageKind.LOCKED,
    "57014": OutageKind.LOCKED,  # a statement that waited for too long
    "25006": OutageKind.READ_ONLY,
    "42501": OutageKind.READ_ONLY,  # no right to write
    "42P01": OutageKind.UNMIGRATED,
    "42703": OutageKind.UNMIGRATED,
}
_SQLITE_LACKS = ("no such table", "no such column", "has no column named")


def sqlstate(error: DatabaseError) -> str | None:
    """PostgreSQL's code of what went wrong."""
    return getattr(error.__cause__, "sqlstate", None)


def kind_of(error: BaseException) -> OutageKind | None:
    """What an error of the database says of the database; None where it is about what was asked of it."""
    if not isinstance(error, DatabaseError):
        return None
    code = getattr(error.__cause__, "sqlite_errorcode", None)
    if code is not None and (found := _SQLITE.get(code & 0xFF)):
        return found
    if code == sqlite3.SQLITE_ERROR:
        return OutageKind.UNMIGRATED if any(words in str(error) for words in _SQLITE_LACKS) else None
    if found := _POSTGRES.get(sqlstate(error) or ""):
        return found
    return OutageKind.GONE if isinstance(error, (OperationalError, InterfaceError)) else None


class Outage:
    """One thing that may be away. Told from any thread what failed and what came through, it logs two lines."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.kind: OutageKind | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._began_s = self._failed_s = self._same_s = 0.0

    def failed(self, kind: OutageKind) -> None:
        with self._lock:
            self._failed_s = now_s = self._clock()
            before, same_s = self.kind, self._same_s
            if before not in {None, kind} and now_s - same_s < QUIET_S:
                return  # both at once: the first one has its lines
            self._same_s = now_s
            if before is kind:
                return
            lasted_s = same_s - self._began_s
            self.kind, self._began_s = kind, now_s
        if before is not None:  # it has become another trouble, which another hand mends
            logger.warning("outage ends kind=%s seconds=%.0f", before, lasted_s)
        logger.warning("outage begins kind=%s: %s", kind, SENTENCES[kind])

    def failed_by(self, error: BaseException) -> OutageKind | None:
        """The same for an error of the database, where that is an outage."""
        kind = kind_of(error)
        if kind is not None:
            self.failed(kind)
        return kind

    def answered(self, *, wrote: bool = False) -> None:
        """Something came through. Costs nothing while there is no outage."""
        if self.kind is None:
            return
        with self._lock:
            kind, now_s = self.kind, self._clock()
            is_untried = kind in _SEEN_BY_WRITERS and not wrote
            if kind is None or now_s - self._failed_s < (QUIET_UNTRIED_S if is_untried else QUIET_S):
                return
            self.kind, lasted_s = None, self._failed_s - self._began_s
        logger.warning("outage ends kind=%s seconds=%.0f", kind, lasted_s)

    def forget(self) -> None:
        """As if nothing had failed: for a new beginning in the same process."""
        self.kind = None


of_database = Outage()
"""The outage of this process's database."""
of_layer = Outage()
"""The outage of its channel layer."""
