"""Checks of what a server refuses, and how it says so: access, formats, messages, calls."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx2

from streamgen.conformance.spec import require
from streamgen.conformance.subject import NotAsked, Subject
from streamgen.conformance.target import ViewerClosed

NOBODYS = 2_000_000_000
LARGEST_MESSAGE = 65_536
FLOOD = 3_000
"""500 messages may come at once, 100 a second in the long run."""


def _ends(closed: ViewerClosed, code: int, *errors: str) -> None:
    require(closed.code == code, f"closed with {closed.code}, not {code}")
    require(closed.errors[-1:] and closed.errors[-1] in errors, f"the error before {code} is {closed.errors}")


async def login_required(subject: Subject) -> None:
    """Without a login, or with a wrong token: login_required, 4401"""
    artifact = (await subject.resting())[0].artifact
    for token in ("", "sg_nobody-has-this-one"):
        _ends(await subject.target.refusal(artifact, token=token), 4401, "login_required")


async def not_found(subject: Subject) -> None:
    """A document that is not there: not_found, 4404"""
    _ends(await subject.target.refusal(NOBODYS), 4404, "not_found")


async def unknown_format(subject: Subject) -> None:
    """An unknown format: bad_format, 4409; a speed that is none: bad_replay, 4409"""
    artifact = (await subject.resting())[0].artifact
    _ends(await subject.target.refusal(artifact, format="pdf"), 4409, "bad_format")
    _ends(await subject.target.refusal(artifact, replay="fast"), 4409, "bad_replay")


async def pings(subject: Subject) -> None:
    """A ping is answered with a pong, also after the end, and one of the largest size that is allowed"""
    artifact = (await subject.resting())[0].artifact
    async with subject.target.viewer(artifact) as viewer:
        require(await viewer.pong(), "a ping is not answered")
        await viewer.until_end()
        require(await viewer.pong(), "a ping after the end is not answered")
        frame = {"type": "ping", "padding": ""}
        frame["padding"] = "x" * (LARGEST_MESSAGE - len(json.dumps(frame)))
        await viewer.say(frame)
        require(await viewer.pong(), f"a message of {LARGEST_MESSAGE} bytes ended the socket")


async def protocol_errors(subject: Subject) -> None:
    """The first message that is not in the protocol is told, the second ends the socket: bad_message, 4409"""
    artifact = (await subject.resting())[0].artifact
    strange: list[Any] = [
        "no json",
        "[]",
        {"type": "delta"},
        {"type": "ack"},
        {"type": "ack", "epoch": 1, "offset": "1"},
        b"{}",
    ]
    for message in strange:
        async with subject.target.viewer(artifact) as viewer:
            await viewer.until_end()
            await viewer.say(message)
            frame = await viewer.frame()
            require((frame["type"], frame.get("code")) == ("error", "bad_message"), f"{message!r} is answered {frame}")
            require(
                await viewer.pong(), f"the first message that is not in the protocol, {message!r}, ended the socket"
            )
            await viewer.say(message)
            _ends(await viewer.close_code(), 4409, "bad_message")


async def acks_are_forgiven(subject: Subject) -> None:
    """An ack for more than was sent, of another epoch or with unknown fields is no error"""
    artifact = (await subject.resting())[0].artifact
    async with subject.target.viewer(artifact) as viewer:
        await viewer.until_end()
        for ack in ({"epoch": 1, "offset": 10**9}, {"epoch": 10**6, "offset": 1}, {"epoch": 1, "offset": 0, "of": "x"}):
            await viewer.say({"type": "ack"} | ack)
        require(await viewer.pong() and not viewer.errors, f"such an ack is answered {viewer.errors}")


async def message_too_big(subject: Subject) -> None:
    """A message of more than 64 KiB ends the socket: 1009"""
    artifact = (await subject.resting())[0].artifact
    async with subject.target.viewer(artifact) as viewer:
        await viewer.until_end()
        await viewer.say(json.dumps({"type": "ping", "padding": "x" * LARGEST_MESSAGE}))
        closed = await viewer.close_code()
        require(closed.code == 1009, f"closed with {closed.code}, not 1009")


async def too_many_messages(subject: Subject) -> None:
    """Thousands of messages at once: too_many_messages, 4429"""
    artifact = (await subject.resting())[0].artifact
    async with subject.target.viewer(artifact) as viewer:
        await viewer.until_end()
        for _ in range(FLOOD):
            await viewer.say({"type": "ping"})
        _ends(await viewer.close_code(), 4429, "too_many_messages")


# Calls


async def problems(subject: Subject) -> None:
    """A refused call answers application/problem+json with its status and a code"""
    ask, artifact = subject.target.ask, (await subject.resting())[0].artifact
    for wanted, answer in (
        (404, await ask("GET", f"/api/artifacts/{NOBODYS}")),
        (404, await ask("GET", "/api/no-such-call")),
        (405, await ask("PUT", f"/api/artifacts/{artifact}")),
        (401, await ask("GET", f"/api/artifacts/{artifact}", authorization="")),
        (401, await ask("GET", f"/api/artifacts/{artifact}", authorization="Bearer nobodys")),
        (422, await ask("GET", f"/api/artifacts/{artifact}/events?format=pdf")),
        (401, await ask("GET", f"/api/artifacts/{artifact}/events", authorization="")),
        (404, await ask("GET", f"/api/artifacts/{NOBODYS}/events")),
    ):
        request = f"{answer.request.method} {answer.request.url.path}"
        require(answer.status_code == wanted, f"{request} answered {answer.status_code}, not {wanted}")
        kind = answer.headers.get("Content-Type", "")
        require(kind.startswith("application/problem+json"), f"{request} answered {wanted} as {kind!r}")
        told = answer.json()
        require(told.get("status") == wanted, f"{request}: status {told.get('status')} in the body of a {wanted}")
        for name in ("type", "title", "detail", "code"):
            require(isinstance(told.get(name), str) and told[name], f"{request}: the problem has no {name}")


async def entity_tags(subject: Subject) -> None:
    """A read has an ETag, and If-None-Match with it is answered 304 without a body"""
    for document in await subject.resting():
        path = f"/api/artifacts/{document.artifact}"
        tag = (await subject.target.ask("GET", path)).headers.get("ETag", "")
        require(tag, "a read has no ETag")
        again = await subject.target.ask("GET", path, if_none_match=tag)
        require((again.status_code, again.content) == (304, b""), f"If-None-Match is answered {again.status_code}")
        other = await subject.target.ask("GET", path, if_none_match='"another"')
        require(other.status_code == httpx2.codes.OK, f"with another tag {other.status_code} is answered, not 200")


async def idempotency(subject: Subject) -> None:
    """A command that comes again with its Idempotency-Key is done once and answered alike; with another body: 422"""
    if subject.own is None:
        raise NotAsked("it makes a document of its own: run it without --document")
    path, key = f"/api/projects/{subject.own}/artifacts", str(uuid.uuid4())
    phase = f"once-{key[:8]}"
    first = await subject.target.ask("POST", path, {"phase": phase}, idempotency_key=key)
    require(first.status_code == 201, f"POST answered {first.status_code}: {first.text[:200]}")
    again = await subject.target.ask("POST", path, {"phase": phase}, idempotency_key=key)
    same = (again.status_code, again.content) == (first.status_code, first.content)
    require(same, f"the second time it answered {again.status_code}: {again.text[:200]}")
    other = await subject.target.ask("POST", path, {"phase": f"{phase}-b"}, idempotency_key=key)
    require(other.status_code == 422, f"another body with that key is answered {other.status_code}, not 422")
