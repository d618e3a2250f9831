"""Where a webhook may go: addresses that are written as they should be, and machines that everybody may reach; pure.

A host's name says nothing: whoever connects asks `is_public` of the address that the name led to.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, quote, urlsplit

from artifacts.errors import InvalidInput
from artifacts.validation import URL_CHARS, line

PORTS = {"http": 80, "https": 443}
NOT_PUBLIC = "It leads to a machine of a private network, where webhooks do not go: STREAMGEN_WEBHOOKS_TO_PRIVATE."

_CARRIES_IPV4 = {  # what stands for an IPv4 address, and where in it that stands, in bits from the right
    IPv6Network("::/96"): 0,
    IPv6Network("::ffff:0:0/96"): 0,
    IPv6Network("64:ff9b::/96"): 0,
    IPv6Network("64:ff9b:1::/48"): 0,
    IPv6Network("2002::/16"): 80,
}
_UNICAST = IPv6Network("2000::/3")
_TEREDO = IPv6Network("2001::/32")


def checked_url(typed: str, *, allows_private: bool) -> str:
    """The address in ASCII. Raises `InvalidInput` where it is none for a webhook."""
    url = line("url", typed, limit=URL_CHARS)
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna").decode("ascii"), parts.port
    except ValueError:  # of `UnicodeError` as well
        raise InvalidInput("url", "url is not an address that can be read.") from None
    if parts.scheme not in PORTS or not host or port == 0 or any(character.isspace() for character in url):
        raise InvalidInput("url", "url must be an address such as https://example.org/hook.")
    if "@" in parts.netloc or parts.fragment:
        raise InvalidInput("url", "url must have no user name, no password and no fragment.")
    literal = _literal(host)
    if literal is not None and not allows_private and not is_public(literal):
        raise InvalidInput("url", NOT_PUBLIC)
    netloc = f"[{host}]" if ":" in host else host
    safe = "/:@!$&'()*+,;=~%-._"
    url = SplitResult(
        scheme=parts.scheme,
        netloc=netloc if port is None else f"{netloc}:{port}",
        path=quote(parts.path or "/", safe=safe),
        query=quote(parts.query, safe=safe + "?[]"),
        fragment="",
    ).geturl()
    return line("url", url, limit=URL_CHARS)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is a machine in the internet, whatever the address is wrapped in."""
    if isinstance(address, IPv6Address):
        if address in _TEREDO:
            return False
        for network, bits in _CARRIES_IPV4.items():
            if address in network:
                return is_public(IPv4Address(int(address) >> bits & 0xFFFF_FFFF))
        if address not in _UNICAST:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None
