"""Calls of the HTTP API: JSON out and in, errors as exceptions, tried again while the server is away."""

from __future__ import annotations

import asyncio
import ssl
import uuid
from typing import Any

import httpx2

from streamgen.client.errors import CallRefused, NoSuchDocument, ProtocolViolated, ServerAway, SignInNeeded
from streamgen.client.events import TextPart

TIMEOUT_S = 30.0
CALL_TRIES = 5
LONGEST_RETRY_S = 10.0
NOT_REACHED = (502, 503, 504)
"""The server for a moment; or what stands before it reaches none."""


class ApiCalls:
    """Commands come with a key, so that one whose answer was lost is not done twice."""

    def __init__(self, base: str, *, token: str, tls: ssl.SSLContext | None, application: Any = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx2.AsyncClient(
            base_url=base,
            headers=headers,
            timeout=TIMEOUT_S,
            verify=tls if tls is not None else True,
            transport=httpx2.ASGITransport(application) if application is not None else None,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def call(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        """The JSON of an answer of the API."""
        return _content(await self._asked(method, f"/api{path}", body))

    async def part(self, artifact: int, epoch: int | None, offset: int, *, waits: bool) -> TextPart:
        """A part of the text, by its Durable Stream; `waits` for it where there is none yet."""
        stream = f"/streams/artifacts/{artifact}"
        if epoch is None:
            epoch = int(_checked(await self._asked("GET", stream)).headers["Location"].rpartition("/")[2].split("?")[0])
        query = f"offset={offset:016}" + ("&live=long-poll" if waits else "")
        answer = _checked(await self._asked("GET", f"{stream}/{epoch}?{query}"))
        return TextPart(
            epoch=epoch,
            offset=offset,
            text=answer.text,
            is_last=answer.headers.get("Stream-Closed") == "true",
            is_newest=answer.headers.get("Stream-Up-To-Date") == "true",
        )

    async def _asked(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
        headers = {} if method == "GET" else {"Idempotency-Key": str(uuid.uuid4())}
        for number in range(1, CALL_TRIES + 1):
            try:
                answer = await self._http.request(method, path, json=body, headers=headers)
            except httpx2.HTTPError as error:
                wait, away = 0.25 * 2**number, f"The server does not answer ({type(error).__name__})."
            else:
                if not _comes_later(answer):
                    return answer
                wait, away = _wait_of(answer), _detail(answer) or "The server is busy."
            if number == CALL_TRIES:
                raise ServerAway(away)
            await asyncio.sleep(min(wait, LONGEST_RETRY_S))
        raise AssertionError("unreachable")


def _comes_later(answer: httpx2.Response) -> bool:
    """The server is away for a moment, or still answers the same command, whose first answer was lost."""
    if answer.status_code == httpx2.codes.CONFLICT:
        return _problem(answer).get("code") == "idempotency_in_flight"
    return answer.status_code in NOT_REACHED


def _wait_of(answer: httpx2.Response) -> float:
    value = answer.headers.get("Retry-After", "1")
    return float(value) if value.isdecimal() else 1.0


def _detail(answer: httpx2.Response) -> str:
    problem = _problem(answer)
    return str(problem.get("detail", ""))


def _problem(answer: httpx2.Response) -> dict[str, Any]:
    try:
        problem = answer.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _content(answer: httpx2.Response) -> Any:
    try:
        return _checked(answer).json() if answer.content else None
    except ValueError:
        raise ProtocolViolated("The answer is no JSON: is this a streamgen server?") from None


def _checked(answer: httpx2.Response) -> httpx2.Response:
    """Raises what an answer says that is none."""
    if answer.is_success or answer.is_redirect:
        return answer
    problem = _problem(answer)
    detail = str(problem.get("detail") or f"The server answered {answer.status_code}.")
    match answer.status_code:
        case httpx2.codes.UNAUTHORIZED:
            raise SignInNeeded(detail)
        case httpx2.codes.NOT_FOUND:
            raise NoSuchDocument(detail)
    raise CallRefused(
        detail,
        status=answer.status_code,
        code=str(problem.get("code", "")),
        field=str(problem.get("field", "")),
    )
