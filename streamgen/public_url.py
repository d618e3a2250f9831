"""The address under which people reach this site, and what follows from it; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import urlsplit

_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f:.]+")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class PublicUrl:
    """`https://docs.example.com:8443/path/` in its parts; `prefix` is "" or begins with a slash and ends with none."""

    scheme: str
    host: str
    netloc: str
    prefix: str

    @property
    def is_secure(self) -> bool:
        return self.scheme == "https"

    @property
    def origin(self) -> str:
        """As browsers send it: without the port that the scheme has anyway."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def address(self) -> str:
        """Without a slash at its end."""
        return self.origin + self.prefix


def public_url(address: str) -> PublicUrl:
    """Raises `ValueError` with what is wrong, as the rest of a sentence that begins with the variable's name."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise ValueError("is not an address that can be read.") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("must be the whole address that people open, as in https://docs.example.com/.")
    if "@" in parts.netloc or "?" in address or "#" in address:
        raise ValueError("must have no user name, no ? and no #: scheme, host, port and path are all it has.")
    if not _HOST.fullmatch(parts.hostname) or port == 0:
        raise ValueError(
            "has a host or port that no browser would send; a name in other letters is written as xn--...."
        )
    prefix = parts.path.rstrip("/")
    if not _PATH.fullmatch(prefix) or {".", ".."} & set(prefix.split("/")):
        raise ValueError("may have letters, digits and - . _ ~ in its path, as in https://example.com/docs/.")
    host = f"[{_shortest(parts.hostname)}]" if ":" in parts.hostname else parts.hostname
    netloc = host if port in {None, _PORTS[parts.scheme]} else f"{host}:{port}"
    return PublicUrl(scheme=parts.scheme, host=host, netloc=netloc, prefix=prefix)


def _shortest(address: str) -> str:
    """An IPv6 address as browsers send it, however it is written."""
    try:
        return str(IPv6Address(address))
    except ValueError:
        raise ValueError("has an IPv6 address that cannot be read.") from None


def origin_of(address: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port of an Origin; None of what is none."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if not parts.scheme or not parts.hostname or address != f"{parts.scheme}://{parts.netloc}":
        return None
    return parts.scheme, parts.hostname, port or _PORTS.get(parts.scheme)
