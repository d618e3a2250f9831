"""Daphne as `up` runs it: it says when it listens, and it ends in order: viewers, worker, requests."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

from channels.routing import get_default_application
from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server
from twisted.internet import defer

from artifacts.operating.shutdown import GOODBYE_S, end_within
from streamgen.server.departure import depart
from streamgen.server.lifespan import this_process

WAITING_CONNECTIONS = 2_048
"""Connections that may wait to be accepted: Twisted's 50 are few when all viewers of a document come back at once."""


class HostedServer(Server):  # type: ignore[misc]  # Daphne has no types
    """Serves the project's ASGI application; `failure` says afterwards why it could not listen."""

    def __init__(self, address: str, port: int, *, on_listening: Callable[[str, int], None]) -> None:
        super().__init__(
            get_default_application(),
            endpoints=[
                f"{endpoint}:backlog={WAITING_CONNECTIONS}"
                for endpoint in build_endpoint_description_strings(host=address, port=port)
            ],
            server_name="",
            verbosity=0,
        )
        self.on_listening = on_listening
        self.failure = ""

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        self.on_listening(port.getHost().host, port.getHost().port)

    def listen_error(self, failure: Any) -> None:
        self.failure = failure.getErrorMessage()
        self.stop()

    def kill_all_applications(self) -> Any:
        """Daphne's last act before its reactor stops; a second signal during it ends the process at once."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: os._exit(1))
        end_within()
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._end()))

    async def _end(self) -> None:
        await depart(self, this_process.stop)
        end_within(GOODBYE_S)
