"""The application without a worker, as `up --no-worker` serves it: a test's tasks are left to the test's own worker."""

from __future__ import annotations

from streamgen.asgi import application
from streamgen.server.lifespan import host

__all__ = ["application"]

host.runs_worker = False
