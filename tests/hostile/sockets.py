"""Hostile websockets: frames that are no frames, messages that are no messages, and handshakes that are neither."""

from __future__ import annotations

import json
import os
import random
import socket
import struct
from contextlib import suppress
from typing import Any

from tests.hostile.target import Target
from tests.support.limits import WAIT_S

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
CODES = {1000, 1002, 1003, 1007, 1009, 4409, 4429}
"""With which the server may end a socket that is not used as the protocol says."""
SHOWN = 3


def fuzz(target: Target, *, sockets: int = 400, seed: int = 7) -> list[str]:
    chance = random.Random(seed)
    broken = []
    for number in range(sockets):
        opening, name = _opening(target, chance)
        with suppress(ConnectionError), socket.create_connection(("127.0.0.1", target.server.port), WAIT_S) as one:
            one.sendall(opening)
            head = _until(one, b"\r\n\r\n") if name == "whole" else b""
            if name == "whole" and b" 101 " not in head:
                broken.append(f"socket {number}: a good handshake is answered with {head[:60]!r}")
                continue
            for _ in range(chance.randint(1, 30)):
                one.sendall(_portion(chance))
            code = _close_code(one) if name == "whole" and chance.random() < 0.3 else None
            if code is not None and code not in CODES:
                broken.append(f"socket {number} is closed with {code}")
    if not target.serves():
        broken.append("nobody is served afterwards")
    return broken[:SHOWN]


def _opening(target: Target, chance: random.Random) -> tuple[bytes, str]:
    head = [
        f"GET /ws/artifacts/{target.artifact}/?format={chance.choice(['text', 'html'])} HTTP/1.1",
        f"Host: 127.0.0.1:{target.server.port}",
        f"Authorization: Bearer {target.token}",
        *("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}"),
    ]
    name = chance.choice(["whole", "whole", "whole", "cut", "odd", "noise"])
    if name == "noise":
        return chance.randbytes(chance.randint(1, 5_000)), name
    if name == "odd":
        head[chance.randrange(3, len(head))] = chance.choice(["Sec-WebSocket-Version: 99", "Upgrade: h2c", "X" * 9_000])
    whole = "\r\n".join([*head, "", ""]).encode()
    return (whole[: chance.randrange(len(whole))] if name == "cut" else whole), name


def _portion(chance: random.Random) -> bytes:
    match chance.randrange(6):
        case 0:
            return chance.randbytes(chance.randint(1, 2_000))
        case 1:
            return _frame(1, json.dumps(_message(chance)).encode())
        case 2:
            return _frame(chance.choice([1, 2]), chance.randbytes(chance.choice([0, 10, 70_000])))
        case 3:
            return _frame(chance.randrange(16), chance.randbytes(chance.randint(0, 130)), last=chance.random() < 0.5)
        case 4:
            return bytes([0x81, 0xFF]) + struct.pack(">Q", 2 ** chance.choice([20, 40, 63])) + os.urandom(100)
    return _frame(
        8, struct.pack(">H", chance.choice([999, 1000, 1005, 5_000, 65_535])) + b"\xff" * chance.randint(0, 3)
    )


def _message(chance: random.Random) -> Any:
    odd: list[Any] = [None, True, -1, 2**70, 1e308, "", "\x00", [], {}, [[[]]], "ack" * 500]
    number = chance.choice([*odd, 0, 1, 5])
    kind = chance.choice(["ack", "ping", "nothing", *odd])
    return chance.choice([{"type": kind, "epoch": number, "offset": chance.choice(odd)}, *odd])


def _frame(opcode: int, payload: bytes, *, last: bool = True) -> bytes:
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else bytes([0xFE]) + struct.pack(">H", min(length, 65_535))
    if length > 65_535:
        size = bytes([0xFF]) + struct.pack(">Q", length)
    return bytes([(0x80 if last else 0) | opcode]) + size + b"\x00\x00\x00\x00" + payload


def _until(one: socket.socket, end: bytes) -> bytes:
    got = b""
    while end not in got and (piece := one.recv(65_536)):
        got += piece
    return got


def _close_code(one: socket.socket) -> int | None:
    """The code of the close frame, if one comes before the line ends; frames before it are passed over."""
    one.settimeout(2)
    got = b""
    with suppress(TimeoutError, ConnectionError):
        while piece := one.recv(65_536):
            got += piece
    while len(got) >= 2:
        opcode, length, at = got[0] & 15, got[1] & 127, 2
        if length == 126:
            length, at = struct.unpack(">H", got[2:4])[0], 4
        elif length == 127:
            length, at = struct.unpack(">Q", got[2:10])[0], 10
        if opcode == 8 and length >= 2:
            return int(struct.unpack(">H", got[at : at + 2])[0])
        got = got[at + length :]
    return None
