"""How a process ends in time although threads of its libraries would keep it. What the process does, it ignores."""

from __future__ import annotations

import os
import threading
from typing import Any

from django.db import connections

END_WITHIN_S = 9.5
"""After the first signal. Whatever hangs then, such as a thread in a database that does not answer, hangs alone."""
GOODBYE_S = 2.0
"""After everything is given back and answered. What hangs then, such as a cancelled driver, hangs for nothing."""


def end_within(seconds: float = END_WITHIN_S) -> None:
    """End this process by then, also where the interpreter waits for a thread; leases give back what it held."""
    timer = threading.Timer(seconds, os._exit, [0])
    timer.daemon = True
    timer.start()


def close_pools() -> None:
    """Close the connection pools while their threads still run; left to the interpreter's end each costs seconds."""
    connection: Any  # only PostgreSQL's has a pool
    for connection in connections.all():
        if connection.alias in getattr(connection, "_connection_pools", {}):
            connection.close_pool()
