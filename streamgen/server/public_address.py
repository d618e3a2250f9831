"""What comes by way of a proxy is told as a visitor sees it: scheme, host, path, and the visitor's own address.

Only where `PUBLIC_URL` says that there is a proxy: then its headers count, and nobody else must reach this process.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from streamgen.public_url import PublicUrl

REPLACED = frozenset({b"host", b"x-forwarded-proto"})


class AtPublicUrl:
    """An ASGI application that knows no proxy. Without an address everything passes as it came."""

    def __init__(self, app: Any, public: PublicUrl | None) -> None:
        self._app = app
        self._public = public

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._public is not None:
            scope = _seen_from_outside(scope, self._public)
        await self._app(scope, receive, send)


def _seen_from_outside(scope: Any, public: PublicUrl) -> Any:
    said = [(name.lower(), value) for name, value in scope["headers"]]
    hosts = [value.decode("latin-1") for name, value in said if name == b"host"]
    # A proxy that does not say what it was asked by was asked by what the address says.
    schemes = [value.decode("latin-1") for name, value in said if name == b"x-forwarded-proto"] or [public.scheme]
    scheme = schemes[0].partition(",")[0].strip().lower()
    headers = [(name, value) for name, value in said if name not in REPLACED]
    headers += [(b"host", _host(host, public).encode("latin-1")) for host in hosts]
    headers.append((b"x-forwarded-proto", scheme.encode("latin-1")))
    plain = "ws" if scope["type"] == "websocket" else "http"
    changed = dict(
        scope,
        headers=headers,
        path=_path(scope["path"], public.prefix),
        root_path=public.prefix,
        scheme=plain + ("s" if scheme == "https" else ""),
    )
    if address := _visitor([value.decode("latin-1") for name, value in said if name == b"x-forwarded-for"]):
        changed["client"] = [address, 0]
    return changed


def _host(said: str, public: PublicUrl) -> str:
    """Many proxies leave the port out; then links would lead elsewhere, and another port's pages would be at home."""
    name, _, port = said.lower().removeprefix(public.host).partition(":")
    is_public = said.lower().startswith(public.host) and not name and (not port or port.isdecimal())
    return public.netloc if is_public else said


def _path(path: str, prefix: str) -> str:
    """With the prefix, which some proxies take off and others leave."""
    if path == prefix or path.startswith(f"{prefix}/"):
        return path if path != prefix else f"{prefix}/"
    return prefix + path


def _visitor(forwarded: list[str]) -> str:
    """The address that the proxy itself saw is the last of the list; what stands before it anybody may have written."""
    last = forwarded[-1].rpartition(",")[2].strip() if forwarded else ""
    try:
        return str(ip_address(last))
    except ValueError:
        return ""
