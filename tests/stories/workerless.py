"""The application without a worker, as `up --no-worker` serves it: a test's tasks are left to the test's own worker."""

from __future__ import annotations

from streamgen.asgi import application
from streamgen.server.lifespan import this_process

__all__ = ["application"]

this_process.runs_worker = False
