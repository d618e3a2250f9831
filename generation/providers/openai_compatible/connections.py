"""The HTTP client for an endpoint: what it trusts, where it goes, and how much of a refusal it reads."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, suppress
from functools import cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

import httpx2
import openai

from generation.errors import ProviderError
from generation.providers.openai_compatible import call_errors
from generation.providers.openai_compatible.call_errors import Asked
from generation.providers.openai_compatible.dialects import host_of

logger = logging.getLogger(__name__)

Response = openai.AsyncAPIResponse[Any]

DRAIN_S = 0.05
"""How long to wait for the end of a body after its last event, so that the connection can be used again."""
KEEP_S = 3.0
"""How long an idle connection is kept. Many servers close theirs after 5 s, and a call must not meet that moment."""
PORTION_BYTES = 16_384
"""So much of what has come is taken at once."""
MAX_REFUSAL_BYTES = 32_000
MAX_PATH_CHARS = 40
"""What is longer is no address of an API, and may hold a key."""
_CALL_PATH = r"/(chat/completions|responses|models)/?$"


class Elsewhere(httpx2.RequestError):
    """It redirects; `base_url` is "" where there is nothing to set instead."""

    def __init__(self, other: str, base_url: str) -> None:
        super().__init__("a redirect was not followed")
        self.other = other
        self.base_url = base_url


class _Bounded(httpx2.AsyncByteStream):
    """The beginning of a body, unpacked: packed twice, a few hundred bytes become gigabytes."""

    def __init__(self, headers: httpx2.Headers, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream
        self._whole = httpx2.Response(200, headers=headers, stream=stream)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_REFUSAL_BYTES
        async with aclosing(self._whole.aiter_bytes()) as chunks:
            async for chunk in chunks:
                yield chunk[:left]
                left -= len(chunk)
                if left <= 0:
                    return

    async def aclose(self) -> None:
        await self._stream.aclose()


def timeout_of(connect_s: float, read_s: float) -> httpx2.Timeout:
    return httpx2.Timeout(read_s, connect=connect_s)


def options_for(address: str) -> dict[str, Any]:
    """The arguments of a client for this address."""
    is_near = is_loopback(address)
    return {
        "verify": _trusted(),
        # On this machine a new connection costs nothing, and llama.cpp sometimes closes one that it promised to keep
        # just when the next call begins.
        "limits": httpx2.Limits(max_keepalive_connections=0 if is_near else None, keepalive_expiry=KEEP_S),
        # A proxy of the environment is not meant for a server on this machine.
        "trust_env": not is_near,
        "follow_redirects": False,
        "event_hooks": {"response": [_refuse_redirect, _bound_refusal]},
    }


async def _refuse_redirect(response: httpx2.Response) -> None:
    """A prompt goes where the setting says, and nowhere else; who set it is told the other address."""
    location = response.headers.get("location")
    if not 300 <= response.status_code < 400 or location is None:
        return
    asked = response.request.url
    try:
        target = asked.join(location)
    except (ValueError, httpx2.InvalidURL):
        raise Elsewhere("an address that cannot be read", "") from None
    if target == asked:
        raise Elsewhere("itself", "")
    host = f"{target.host}:{target.port}" if target.port else target.host
    path = re.sub(_CALL_PATH, "", target.path)
    base_url = f"{target.scheme}://{host}{path if len(path) <= MAX_PATH_CHARS else ''}"
    raise Elsewhere(base_url if target.host == asked.host else host, base_url)


async def _bound_refusal(response: httpx2.Response) -> None:
    """The SDK reads the body of an error to its end; its words stand at its beginning."""
    if response.status_code >= 300 and isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Bounded(response.headers.copy(), response.stream)
        response.headers.pop("content-encoding", None)


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that are trusted. Loading them takes longer than a call on this machine, so it is done once."""
    return httpx2.create_ssl_context()


async def next_of(chunks: AsyncIterator[bytes], wait_s: float | None) -> bytes | None:
    """The next bytes; none at the end of the body. None when `wait_s` is over."""
    if wait_s is None:
        return await anext(chunks, b"")
    try:
        async with asyncio.timeout(wait_s):
            return await anext(chunks, b"")
    except TimeoutError:
        return None


async def in_turns(chunk: bytes) -> AsyncIterator[bytes]:
    """These bytes, at the ends of events where there are any: what comes in heaps leaves others their turn."""
    at = 0
    while at < len(chunk):
        if at:
            await asyncio.sleep(0)
        end = chunk.find(b"\n\n", at + PORTION_BYTES, at + 2 * PORTION_BYTES) + 2
        end = end if end > 1 else at + PORTION_BYTES
        yield chunk[at:end]
        at = end


async def drain(chunks: AsyncIterator[bytes]) -> None:
    """Read to the end of the body if it is there already: only then can the connection be used again."""
    with suppress(httpx2.HTTPError):
        await next_of(chunks, DRAIN_S)


def why_unreached(asked: Asked, err: Exception, read_s: float) -> ProviderError:
    """The error for a call that got no answer."""
    causes = list(_causes(err))

    def is_a(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if elsewhere := next((cause for cause in causes if isinstance(cause, Elsewhere)), None):
        logger.warning("the endpoint redirects place=%s to=%s", asked.place, elsewhere.other)
        return call_errors.elsewhere(asked, elsewhere.other, elsewhere.base_url)
    if is_a(httpx2.ConnectTimeout):
        return call_errors.unreachable(asked, "slow")
    if is_a(httpx2.TimeoutException, TimeoutError):
        return call_errors.too_slow(asked, read_s)
    if is_a(socket.gaierror):
        return call_errors.unreachable(asked, "name")
    if is_a(ssl.SSLError):
        return call_errors.unreachable(asked, "certificate")
    if is_a(httpx2.ProxyError):
        return call_errors.unreachable(asked, "proxy")
    if is_a(httpx2.ConnectError):
        return call_errors.unreachable(asked, "refused")
    # A port that is forwarded takes the call also while nobody is behind it.
    if is_a(httpx2.ReadError, httpx2.WriteError) or any("disconnected" in str(cause) for cause in causes):
        return call_errors.hung_up(asked)
    return call_errors.empty(asked)


def _causes(err: BaseException | None) -> Iterator[BaseException]:
    for _ in range(10):
        if err is None:
            return
        yield err
        if isinstance(err, BaseExceptionGroup):
            yield from err.exceptions
        err = err.__cause__ or err.__context__


def is_address(address: str) -> bool:
    try:
        httpx2.URL(address)
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except (ValueError, httpx2.InvalidURL):
        return False


def without_login(address: str) -> tuple[str, tuple[str, str] | None]:
    """The address, and the user and password that must not stay in it: addresses are logged."""
    parts = urlsplit(address)
    login = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])), login


def secrets_in(address: str) -> list[str]:
    """The values of an address's query, which may hold a key."""
    return [value for _, value in parse_qsl(urlsplit(address).query)]


def is_loopback(address: str) -> bool:
    host = host_of(address)
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
