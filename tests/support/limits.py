"""How long a test waits for what has to happen: far longer than it takes, so that only a fault runs into it."""

from __future__ import annotations

WAIT_S = 90.0
SERVER_READY_S = 60.0
