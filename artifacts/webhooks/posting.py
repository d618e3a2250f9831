"""One request to a foreign server: to the address that was checked, after nobody else, and read only as far as needed.

A library for HTTP would resolve the name once more, and follow where it is sent: it would have to be told of each.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from artifacts.webhooks.addresses import NOT_PUBLIC, PORTS, is_public

ANSWER_TIMEOUT_S = 15.0
HEAD_BYTES = 16_384
MOST_HEADS = 4
"""Answers such as 103 that go before the answer, and it."""
MOST_ADDRESSES = 3
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)[ \r\n]")
_resolver = ThreadPoolExecutor(4, "webhook-names")


class Undelivered(Exception):
    """A sentence for the owner, without the address: that may hold a key."""


async def post_to(url: str, headers: Mapping[str, str], body: bytes, *, allows_private: bool) -> int:
    """The status of the answer. Raises `Undelivered`."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await _post_to(url, headers, body, allows_private)
    except TimeoutError:
        raise Undelivered(f"It gave no answer within {ANSWER_TIMEOUT_S:.0f} s.") from None
    except ssl.SSLCertVerificationError as error:
        raise Undelivered(f"Its certificate was refused: {error.verify_message.rstrip('.')}.") from None
    except socket.gaierror:
        raise Undelivered("Its name leads nowhere.") from None
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise Undelivered("Its answer was not HTTP, or too long.") from None
    except OSError as error:
        raise Undelivered(f"It could not be reached: {type(error).__name__}.") from None


async def _post_to(url: str, headers: Mapping[str, str], body: bytes, allows_private: bool) -> int:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    addresses = await _resolved(host, port, allows_private)
    tls = _tls() if parts.scheme == "https" else None
    reader, writer = await _connected(addresses, port, tls, host)
    try:
        path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        head = [f"POST {path} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {len(body)}", "Connection: close"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*head, "", ""]).encode("ascii") + body)
        await writer.drain()
        for _ in range(MOST_HEADS):
            answer = _STATUS.match(await reader.readuntil(b"\r\n\r\n"))
            if answer is None:
                break
            if not answer[1].startswith(b"1"):
                return int(answer[1])
        raise Undelivered("Its answer was not HTTP.")
    finally:
        writer.transport.abort()  # whatever it has to say more, nobody reads


async def _resolved(host: str, port: int, allows_private: bool) -> list[str]:
    """The addresses of a name, all of which may be gone to: one that may not is reason enough to go to none."""
    ask = asyncio.get_running_loop().run_in_executor
    found = await ask(_resolver, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    addresses = list(dict.fromkeys(str(where[0]) for *_, where in found))
    if not allows_private and not all(is_public(ip_address(one.partition("%")[0])) for one in addresses):
        raise Undelivered(NOT_PUBLIC)
    return addresses[:MOST_ADDRESSES]


async def _connected(
    addresses: list[str], port: int, tls: ssl.SSLContext | None, host: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To the first that answers, under the name that its certificate must have."""
    name = host if tls else None
    for address in addresses[:-1]:
        with suppress(ConnectionError):
            return await asyncio.open_connection(address, port, ssl=tls, server_hostname=name, limit=HEAD_BYTES)
    return await asyncio.open_connection(addresses[-1], port, ssl=tls, server_hostname=name, limit=HEAD_BYTES)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
