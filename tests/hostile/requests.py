"""Hostile requests: bodies of 200 MB, wrong passwords, wrong hosts, wrong origins, and clients that take their time."""

from __future__ import annotations

import re
import socket
import time
from contextlib import ExitStack, suppress
from urllib.parse import urlencode

from tests.hostile.target import FORM, Target
from tests.support.limits import WAIT_S

MEGABYTE = b"x" * 1_048_576
PASSWORDS_A_MINUTE = 10
FILE = "/static/artifacts/css/base.css"
HOSTS = [
    "evil.example",
    "localhost.evil.example",
    "",
    "localhost:port",
    "a b",
    "127.0.0.1, evil.example",
    "[::1",
    "é" * 300,
]
ORIGINS = [
    "http://evil.example",
    "http://localhost.evil.example",
    "https://127.0.0.1:{port}",
    "http://127.0.0.1",
    "http://localhost:{port}",
    "http://127.0.0.1:{other}",
    "http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@evil.example",
    "null",
    "file://",
    "é\x80",
]


def large_bodies(target: Target, *, megabytes: int = 200) -> list[str]:
    broken = []
    for path in ("/sign-in/", "/admin/login/", "/api/projects", "/nothing/here", FILE):
        for is_told in (True, False):
            # One string, however often it is sent: the server's memory is looked at, not ours.
            body = MEGABYTE * megabytes if is_told else (MEGABYTE for _ in range(megabytes))
            told = target.told(path, method="POST", headers=FORM, body=body)
            if told.status != 413:
                broken.append(f"{megabytes} MB to {path}, length {'told' if is_told else 'not told'}: {told.status}")
    return broken


def wrong_passwords(target: Target, *, seconds: float = 60, sources: int = 40) -> list[str]:
    """From many addresses, at both doors; what is answered with 429 was not compared with anything."""
    compared, tried, ends_at = 0, 0, time.monotonic() + seconds
    while time.monotonic() < ends_at:
        source = f"127.0.0.{2 + tried % sources}"
        door = ("/sign-in/", "/admin/login/")[tried % 2]
        page = target.told(door, source=source)
        token = re.search(r"csrftoken=(\w+)", page.headers.get("Set-Cookie", ""))
        assert token
        form = urlencode({"csrfmiddlewaretoken": token[1], "username": "owner", "password": f"guess {tried}"})
        sent = FORM | {"Cookie": f"csrftoken={token[1]}"}
        told = target.told(door, method="POST", headers=sent, body=form.encode(), source=source)
        if told.status not in {200, 429}:
            return [f"a wrong password is answered with {told.status}"]
        compared += told.status == 200
        tried += 1
    # The last one that is counted is answered with the refusal as well.
    most = PASSWORDS_A_MINUTE * max(1, round(seconds / 60))
    return [] if compared + 1 <= most and tried > compared else [f"{compared} of {tried} wrong passwords were compared"]


def wrong_hosts(target: Target) -> list[str]:
    broken = []
    of_document = f"/api/artifacts/{target.artifact}"
    for host in HOSTS:
        for path in ("/sign-in/", "/api/projects", f"{of_document}/events", "/v1/models", FILE, "/nothing"):
            told = target.told(path, hosts=[host])
            # Files of ours hold nothing that depends on the name.
            if told.status != 400 and not (path == FILE and told.status == 200):
                broken.append(f"Host {host!r} at {path}: {told.status}")
    return broken


def wrong_origins(target: Target) -> list[str]:
    """Forms and calls by cookie; a foreign origin is 403 and named."""
    broken = []
    page = target.told("/sign-in/")
    token = re.search(r"csrftoken=(\w+)", page.headers.get("Set-Cookie", ""))
    assert token
    form = urlencode({"csrfmiddlewaretoken": token[1], "username": "nobody", "password": "wrong"}).encode()
    for pattern in ORIGINS:
        origin = pattern.format(port=target.server.port, other=target.server.port + 1)
        told = target.told(
            "/sign-in/", method="POST", headers=FORM | {"Cookie": f"csrftoken={token[1]}", "Origin": origin}, body=form
        )
        if told.status != 403:
            broken.append(f"Origin {origin!r}: {told.status}")
    return broken


def slow_clients(target: Target, *, clients: int = 250, seconds: float = 20) -> list[str]:
    """So many that never finish: a head, a body, a handshake, an answer that nobody reads. Others are served."""
    path = f"/ws/artifacts/{target.artifact}/"
    port = target.server.port
    unread = target.hostile.get("text: long", target.artifact)
    openings = [
        b"GET /sign-in/ HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        f"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\n{''.join(f'{k}: {v}' for k, v in FORM.items())}\r\n"
        "Content-Length: 3000000\r\n\r\n".encode(),
        f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n".encode(),
        f"GET /api/artifacts/{unread} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {target.token}\r\n\r\n".encode()
        * 20,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ]
    broken: list[str] = []
    with ExitStack() as stack:
        slow = []
        for number in range(clients):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=WAIT_S))
            one.sendall(openings[number % len(openings)])
            slow.append(one)
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at and not broken:
            for number, one in enumerate(slow):
                if number % len(openings) < 2:
                    with suppress(OSError):  # the server has had enough of it
                        one.send(b"x")
            if not target.serves():
                broken.append(f"beside {clients} slow clients nobody is served")
    return broken
