"""The names that the site answers to, for what stands beside Django: websockets, streams and the OpenAI API."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from artifacts.streams.exchange import Refused
from streamgen.refusals import WRONG_HOST

logger = logging.getLogger(__name__)

LOCAL_HOSTS = [".localhost", "127.0.0.1", "[::1]"]
"""Those that Django answers to where DEBUG is on and no others are named."""
ASKED_NAME_CHARS = 200


def is_site_name(hosts: list[str]) -> bool:
    """Whether the site answers to what the Host headers of a request say. To none it does: old programs send none."""
    allowed = settings.ALLOWED_HOSTS or (LOCAL_HOSTS if settings.DEBUG else [])
    names = [split_domain_port(host)[0] for host in hosts]
    return len(names) <= 1 and all(name and validate_host(name, allowed) for name in names)


def names_asked_by(scope: Any) -> list[str]:
    """What the Host headers say."""
    return [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"host"]


def demand_site_name(scope: Any) -> None:
    """Raises `Refused` with one line in the log where the site does not answer to the name."""
    hosts = names_asked_by(scope)
    if not is_site_name(hosts):
        logger.warning("request refused: the Host header names %r", ", ".join(hosts)[:ASKED_NAME_CHARS])
        raise Refused(400, WRONG_HOST, code="wrong_host")
