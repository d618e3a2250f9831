"""The bytes of a frame on the network, and the straight way there, where a server offers one. Pure.

It knows no server: `streamgen.server.wires` has the ways that are known.
"""

from __future__ import annotations

from typing import Protocol

SHORT, MEDIUM = 126, 65_536


class Wire(Protocol):
    """One socket's straight way to the network, beside ASGI's `send`."""

    def take(self, message: bytes) -> bool:
        """Send one message, as `framed` makes it, at once. False where it was not taken: `send` is the way then."""


def framed(payload: bytes) -> bytes:
    """A whole text message from a server, RFC 6455: one frame, not masked, not compressed."""
    size = len(payload)
    if size < SHORT:
        return bytes((0x81, size)) + payload
    if size < MEDIUM:
        return b"\x81\x7e" + size.to_bytes(2) + payload
    return b"\x81\x7f" + size.to_bytes(8) + payload
