"""Watches one document over websockets that break: reconnects with the cursor, acknowledges what was taken.

What the frames mean is `document`'s to know.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from streamgen.client.document import FrameJson, WatchedDocument
from streamgen.client.errors import NoSuchDocument, ProtocolViolated, ServerAway, SignInNeeded, TextDiffers
from streamgen.client.events import DocumentEnded, TextPlace, WatchEvent

AWAY_S = 900.0
OPEN_S = 10.0
PULSE_S = 15.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 15.0
ACK_CHARS, ACK_S = 32_768, 0.9
LEAP_S, WOKEN_S = 5.0, 2.0
"""A clock that leaps: the machine slept, and the line may be dead without knowing it."""

_ERROR_OF = {"login_required": SignInNeeded, "not_found": NoSuchDocument, "deleted": NoSuchDocument}
_REFUSED = {401: SignInNeeded, 403: SignInNeeded, 404: NoSuchDocument}
_COMES_LATER = ("too_many_messages", "too_many_sockets")


@dataclass(frozen=True, kw_only=True)
class WatchLine:
    """Where a document is watched, and how."""

    address: str
    token: str
    tls: ssl.SSLContext | None
    silence_s: float

    def open(self, place: TextPlace | None) -> connect:
        query = f"?format=text&epoch={place.epoch}&offset={place.offset}" if place else "?format=text"
        return connect(
            self.address + query,
            additional_headers={"Authorization": f"Bearer {self.token}"} if self.token else {},
            ssl=self.tls if self.address.startswith("wss:") else None,
            open_timeout=OPEN_S,
            ping_interval=self.silence_s,
            ping_timeout=self.silence_s,
        )


async def watched(
    line: WatchLine, document: WatchedDocument, *, goes_on: bool, away_s: float, is_anew: bool
) -> AsyncGenerator[WatchEvent, None]:
    """Raises `ServerAway` when nothing came for `away_s`, and what the server says that no reconnect can mend."""
    attempts, heard_at, differed = 0, time.monotonic(), False
    while True:
        try:
            async with aclosing(_until_it_breaks(line, document)) as events:
                async for event in events:
                    attempts, heard_at = 0, time.monotonic()
                    yield event
                    if isinstance(event, DocumentEnded) and not goes_on:
                        return
        except TextDiffers:
            if differed or not is_anew:
                raise
            differed = True
            document.forget()
        except (ConnectionClosed, OSError, TimeoutError, InvalidHandshake, _Later) as error:
            attempts += 1
            if time.monotonic() - heard_at > away_s:
                raise ServerAway(f"The server does not answer ({type(error).__name__}).") from error
            slowest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(attempts, 10))
            await asyncio.sleep(slowest if isinstance(error, _Later) else random.uniform(slowest / 2, slowest))


class _Later(Exception):
    """The server wants this client to come back more slowly."""


async def _until_it_breaks(line: WatchLine, document: WatchedDocument) -> AsyncGenerator[WatchEvent, None]:
    try:
        socket = await line.open(document.place)
    except InvalidURI as error:
        raise ProtocolViolated(f"{line.address} is no address of a websocket.") from error
    except InvalidStatus as error:
        if error.response.status_code in _REFUSED:
            sentence = f"The server refused the websocket with {error.response.status_code}."
            raise _REFUSED[error.response.status_code](sentence) from error
        raise
    async with socket:
        waker = asyncio.create_task(_notice_sleep(socket))
        try:
            async for frame in _frames(socket, document):
                for event in document.apply(frame):
                    yield event
        finally:
            waker.cancel()


async def _frames(socket: ClientConnection, document: WatchedDocument) -> AsyncGenerator[FrameJson, None]:
    """The frames as they come. Going on with the next one acknowledges, in time, what was made of those before."""
    acknowledged, due_at = document.place, time.monotonic() + ACK_S
    while True:
        place = document.place
        if place and place != acknowledged:
            is_due = acknowledged is None or place.epoch != acknowledged.epoch or time.monotonic() >= due_at
            if is_due or place.offset - acknowledged.offset >= ACK_CHARS:  # type: ignore[union-attr]
                await socket.send(json.dumps({"type": "ack", "epoch": place.epoch, "offset": place.offset}))
                acknowledged = place
        else:
            due_at = time.monotonic() + ACK_S
        wait = max(0.0, due_at - time.monotonic()) if place != acknowledged else None
        try:
            async with asyncio.timeout(wait):
                message = await socket.recv()
        except TimeoutError:
            continue
        frame = _read(message)
        if frame.get("type") == "error":
            _raise(frame)
        yield frame


def _read(message: str | bytes) -> FrameJson:
    try:
        frame = json.loads(message)
    except ValueError:
        frame = None
    if not isinstance(frame, dict):
        raise ProtocolViolated("A frame is no JSON object: is this a streamgen server?")
    return frame


def _raise(frame: FrameJson) -> None:
    code, detail = frame.get("code"), str(frame.get("detail") or "The server refused the watch.")
    if code in _COMES_LATER:
        raise _Later(detail)
    raise _ERROR_OF.get(str(code), ProtocolViolated)(detail)


async def _notice_sleep(socket: ClientConnection) -> None:
    then = time.time()
    while True:
        await asyncio.sleep(1)
        now = time.time()
        if now - then > LEAP_S:
            try:
                async with asyncio.timeout(WOKEN_S):
                    await (await socket.ping())
            except (TimeoutError, ConnectionClosed, OSError):
                socket.transport.abort()
                return
        then = now
