"""The ways to the tools of the Model Context Protocol: one user over stdio, or anybody with a token over HTTP.

Calls go to a server, or are made in this process, on its own database; then documents are written here, too.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from django.conf import settings
from django.urls import reverse
from mcp.server.transport_security import TransportSecuritySettings

from streamgen.agents.mcp_tools import documents_server
from streamgen.api_calls.any_origin import AnyOrigin
from streamgen.api_calls.json_bodies import TooManyValues, demand_few_values
from streamgen.client import Client
from streamgen.server.bodies import BoundedBodies
from streamgen.server.lifespan import this_process

ANY_NAME = TransportSecuritySettings(enable_dns_rebinding_protection=False)
"""Under the name of a proxy as well. The check is for servers that take whoever comes: here nobody has the token but
its user's programs, under whatever name a page has them call.
"""
UNAUTHORIZED = {"error": "Send Authorization: Bearer TOKEN. `manage.py token USER` makes one."}


@dataclass(frozen=True, kw_only=True)
class ToolServing:
    """Whose documents, and where: at a `server`, or by the application of this process. `token` is the user's over
    stdio; over HTTP everybody brings their own.
    """

    server: str
    application: Any
    token: str

    def client_of(self, headers: Mapping[str, str] | None) -> Client:
        token = self.token if headers is None else bearer_in(headers.get("authorization", ""))
        return Client(self.server, token=token, application=self.application)

    async def over_stdio(self) -> None:
        """Until the other side closes our input."""
        async with self._writing():
            await documents_server(self.client_of).run_stdio_async()

    async def over_http(self, host: str, port: int) -> None:
        """Until a signal comes. Says where it listens."""
        app = documents_server(self.client_of).streamable_http_app(stateless_http=True, transport_security=ANY_NAME)
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
            shown = f"[{host}]" if ":" in host else host
            sys.stderr.write(f"address  http://{shown}:{listener.getsockname()[1]}/mcp\n")
            sys.stderr.flush()
            config = uvicorn.Config(
                AnyOrigin(BearersOnly(app), lambda scope: scope["type"] == "http"),
                log_level="warning",
                access_log=False,
            )
            async with self._writing():
                await ToolServer(config).serve(sockets=[listener])

    @asynccontextmanager
    async def _writing(self) -> AsyncGenerator[None, None]:
        """Where the documents are here, so is a worker, unless somebody else is to write."""
        if self.application is None:
            yield
            return
        this_process.start()
        try:
            yield
        finally:
            await this_process.stop()


class ToolServer(uvicorn.Server):
    """Ends with 0 where it is told to end: the stock one raises the signal once more when it is done."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.handle_exit, number, None)
        yield


class BearersOnly:
    """Requests without a token are refused before anything else is read; whether it is good is found out by the API."""

    def __init__(self, app: Any) -> None:
        self._app, self._bounded = app, BoundedBodies(FewValues(app))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        said = dict(scope.get("headers", ())).get(b"authorization", b"").decode("latin-1")
        if scope["type"] != "http" or bearer_in(said):
            await (self._bounded if scope["type"] == "http" else self._app)(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json"), (b"www-authenticate", b'Bearer realm="streamgen"')]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(UNAUTHORIZED).encode()})


class FewValues:
    """Bodies are read whole in front of what parses them, and refused where that would take long."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        parts, message = [], {"more_body": True}
        while message.get("more_body"):
            message = await receive()
            parts.append(message.get("body", b""))
        try:
            demand_few_values(b"".join(parts))
        except TooManyValues as error:
            await send(
                {"type": "http.response.start", "status": 413, "headers": [(b"content-type", b"application/json")]}
            )
            await send({"type": "http.response.body", "body": json.dumps({"error": str(error)}).encode()})
            return
        read = iter([{"type": "http.request", "body": b"".join(parts)}])

        async def again() -> Any:
            return next(read, None) or await receive()

        await self._app(scope, again, send)


def bearer_in(authorization: str) -> str:
    """The token, "" for none."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def own_address() -> str:
    """An address that this installation takes for its own."""
    if settings.PUBLIC_URL:
        origin = settings.PUBLIC_URL.origin
    else:
        named = [name.lstrip(".") for name in settings.ALLOWED_HOSTS if name != "*"]
        origin = f"http://{named[0] if named else 'localhost'}"
    return f"{origin}{reverse('artifacts:projects').rstrip('/')}"
