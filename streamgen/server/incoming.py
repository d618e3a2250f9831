"""What comes in under Daphne is bounded, before it is in memory: websocket messages, and bodies of requests.

What goes out is not: Daphne's own options would count for both. It takes effect however Daphne was started, and it must
not be imported where Daphne's reactor is not the one that runs.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import unquote

from autobahn.exception import Disconnected
from daphne import http_protocol, ws_protocol
from daphne.http_protocol import WebRequest
from daphne.ws_protocol import WebSocketProtocol
from django.conf import settings
from twisted.internet import reactor

from artifacts.live.protocol import MESSAGE_BYTES
from streamgen.server.departure import kept_connections

REFUSED_LINGER_S = 30.0
"""So long we read, and throw away, what a client still sends of a body that was refused: closed too early, the
connection would take the answer with it."""
SOCKET_CLOSE_S = 5
"""So long a client that is told to go may take to answer."""
CONFIGURED = ("maxMessagePayloadSize", "maxFramePayloadSize", "failByDrop", "closeHandshakeTimeout")
"""What autobahn writes into each protocol, from its factory."""
_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}

twisted: Any = reactor


def bound() -> None:
    """Let the servers of this process, which do not run yet, use the protocols below."""
    ws_protocol.WebSocketFactory.protocol = BoundedSocket
    http_protocol.WebRequest = BoundedRequest


def bound_only(ours: Callable[[Any], bool]) -> None:
    """The same for the websockets that are ours by their scope; those of others stay Daphne's own."""

    class OurSocket(ws_protocol.WebSocketFactory.protocol):  # type: ignore[misc]  # Daphne has no types
        """Somebody's, until the handshake says whose: nothing else was read by then."""

        def onConnect(self, request: Any) -> Any:
            if not ours({"path": unquote(request.path), "root_path": self.factory.server_class.root_path}):
                return super().onConnect(request)
            for name in CONFIGURED:
                self.__dict__.pop(name, None)  # those of the class count
            self.__class__ = BoundedSocket
            return self.onConnect(request)

    ws_protocol.WebSocketFactory.protocol = OurSocket


class BoundedSocket(WebSocketProtocol):  # type: ignore[misc]  # Daphne has no types
    """A websocket that ends with 1009 where a message is too large, in one frame or in many; both sides hear of it."""

    maxMessagePayloadSize = MESSAGE_BYTES
    maxFramePayloadSize = MESSAGE_BYTES
    failByDrop = False  # the close code reaches the client, what it still sends is thrown away
    closeHandshakeTimeout = SOCKET_CLOSE_S
    muted = False

    def dataReceived(self, data: bytes) -> None:
        if self.state == self.STATE_CONNECTING and len(self.data) + len(data) > 2 * MESSAGE_BYTES:
            self.transport.abortConnection()  # nobody sends so much before the handshake is answered
        else:
            super().dataReceived(data)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self.state == self.STATE_OPEN:  # the application hears nothing more once it has closed
            super().onMessage(payload, isBinary)

    def sendMessage(self, *args: Any, **options: Any) -> None:
        """The limit counts for what comes in only. Raises `ConnectionError` where the client has gone."""
        limit, self.maxMessagePayloadSize = self.maxMessagePayloadSize, 0
        try:
            super().sendMessage(*args, **options)
        except Disconnected:
            raise ConnectionError("The client has gone.") from None
        finally:
            self.maxMessagePayloadSize = limit

    def serverClose(self, code: int | None = None) -> None:
        # Autobahn's method for applications refuses 1009 and 1012, which exist for just our cases.
        self.sendCloseFrame(code=code or self.CLOSE_STATUS_CODE_NORMAL)

    def _fail_connection(self, code: int = 1002, reason: str = "") -> None:
        super()._fail_connection(code, reason)
        if not self.muted and hasattr(self, "application_queue"):
            self.application_queue.put_nowait({"type": "websocket.disconnect", "code": code})
            self.muted = True


class BoundedRequest(WebRequest):  # type: ignore[misc]  # the same
    """A request whose body is thrown away as soon as it is too large. The application hears of it at once.

    It sees no body but a `Content-Length` over the limit, says what there is to say, and the connection ends.
    """

    content: Any
    is_too_large = False
    _received = 0
    _is_read = False
    _lingering: Any = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        kept_connections.note(self)
        self._parsePOSTFormSubmission = False  # Twisted would read forms too, on the event loop, for nobody

    def setResponseCode(self, code: int, message: bytes | None = None) -> None:
        """Twisted has no phrase for 422 and 429."""
        super().setResponseCode(code, message or _PHRASES.get(code))

    def gotLength(self, length: int | None) -> None:
        super().gotLength(length)
        if kept_connections.is_closing:
            kept_connections.mark_last(self)
        if length is not None and length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            self._refuse(length)

    def handleContentChunk(self, data: bytes) -> None:
        if self.is_too_large:
            return
        self._received += len(data)
        if self._received > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            self._refuse(self._received)
        else:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """All of it has come; called by the channel, for a body that was refused already by us."""
        if not self.is_too_large:
            super().requestReceived(command, path, version)
            return
        self._is_read = True
        if self._lingering is not None:
            self._end()

    def finish(self) -> None:
        if self.producer is not None:
            self.unregisterProducer()
        if self.is_too_large and not self._is_read and not self._disconnected:
            self._lingering = twisted.callLater(REFUSED_LINGER_S, self._end)
        else:
            super().finish()

    def connectionLost(self, reason: Any) -> None:
        self._stop_lingering()
        super().connectionLost(reason)

    def _refuse(self, length: int) -> None:
        self.is_too_large = True
        self.content.close()
        self.content = BytesIO()
        self.requestHeaders.setRawHeaders(b"Content-Length", [b"%d" % length])
        self.requestHeaders.removeHeader(b"Expect")
        self.requestHeaders.removeHeader(b"Upgrade")
        self.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        self.channel.persistent = False
        super().requestReceived(self.channel._command, self.channel._path, self.channel._version)

    def _end(self) -> None:
        self._stop_lingering()
        super().finish()

    def _stop_lingering(self) -> None:
        if self._lingering is not None and self._lingering.active():
            self._lingering.cancel()
