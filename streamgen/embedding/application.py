"""A project's ASGI application with the websockets and streams of documents beside its own, and a worker beside both.

What is not a document's goes to the project's application as it came.
"""

from __future__ import annotations

from typing import Any

from channels.routing import URLRouter

from artifacts.routing import websocket_urlpatterns
from streamgen.api_calls.any_origin import AnyOrigin
from streamgen.embedding.place import path_below
from streamgen.http_streams import WithStreams
from streamgen.server.lifespan import this_process
from streamgen.server.program_answers import ProgramAnswers
from streamgen.server.wires import WithWires
from streamgen.websocket_auth import websocket_login

OF_SOCKETS = "ws/artifacts/"


class WithDocuments:
    """Lifespan is spoken here: the project's own application is not told of it."""

    def __init__(self, application: Any) -> None:
        self._own = application
        self._http = AnyOrigin(WithStreams(ProgramAnswers(application)))
        self._sockets = WithWires(websocket_login(URLRouter(websocket_urlpatterns)))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await this_process.speak(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket" and is_of_documents(scope):
            await self._sockets(dict(scope, path_remaining=path_below(scope)), receive, send)
        else:
            await self._own(scope, receive, send)


def is_of_documents(scope: Any) -> bool:
    """Whether a websocket's path is one of documents."""
    return (path_below(scope) or "").startswith(OF_SOCKETS)


def with_documents(application: Any) -> WithDocuments:
    """The last line of a project's `asgi.py`: `application = with_documents(application)`."""
    this_process.hook_daphne(ours=is_of_documents)
    return WithDocuments(application)
