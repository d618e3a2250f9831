"""The asynchronous client: one server, one login, calls and watches."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from streamgen.client.calls import ApiCalls
from streamgen.client.document import WatchedDocument
from streamgen.client.events import TextPart, TextPlace, WatchEvent
from streamgen.client.watch import AWAY_S, PULSE_S, WatchLine, watched

AnswerJson = dict[str, Any]

ROWS_ASKED = 200
"""Of a list, in one answer: as many as there may be."""


class Client:
    """`server` is an installation's address (`https://docs.example.com/path/`), `token` a bearer token of its API.

    One client holds connections of one event loop. A line on which nothing came for `silence_s`, and no answer to a
    ping for as long again, is given up for a new one. Every call raises a `ClientError` where it fails.
    """

    def __init__(
        self,
        server: str,
        *,
        token: str = "",
        tls: ssl.SSLContext | None = None,
        silence_s: float = PULSE_S,
        application: Any = None,
    ) -> None:
        """`application`: an ASGI application that is called instead of a server; it cannot be watched."""
        parts = urlsplit(server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"server must be an address that begins with http:// or https://, not {server!r}")
        self._base = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
        self._token = token
        self._tls = tls
        self._silence_s = silence_s
        self._calls = ApiCalls(self._base, token=token, tls=tls, application=application)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        await self._calls.close()

    async def watch(
        self,
        artifact: int,
        *,
        since: TextPlace | None = None,
        goes_on: bool = False,
        away_s: float = AWAY_S,
        document: WatchedDocument | None = None,
    ) -> AsyncGenerator[WatchEvent, None]:
        """What becomes of a document, from `since` on, until its end; over every break of the line, nothing twice.

        With `goes_on` it also stays for the texts after this one. A pause is a state: who waits for no more may leave.
        `document` keeps the text for the caller. Raises `ServerAway` when nothing answers for `away_s`.
        """
        scheme, _, rest = self._base.partition("://")
        address = f"{'wss' if scheme == 'https' else 'ws'}://{rest}/ws/artifacts/{artifact}/"
        own = document or WatchedDocument(since)
        line = WatchLine(address=address, token=self._token, tls=self._tls, silence_s=self._silence_s)
        async with aclosing(watched(line, own, goes_on=goes_on, away_s=away_s, is_anew=since is None)) as events:
            async for event in events:
                yield event

    async def text(self, artifact: int) -> str:
        """The text as it stands now."""
        return str((await self.artifact(artifact))["text"])

    async def part(self, artifact: int, *, epoch: int | None = None, offset: int = 0, waits: bool = False) -> TextPart:
        """The text from that offset on, a bounded part of it; the newest text without an `epoch`. One that `waits` asks
        for what is not there yet, and may come back without any after some seconds.
        """
        return await self._calls.part(artifact, epoch, offset, waits=waits)

    async def call(self, method: str, path: str, body: AnswerJson | None = None) -> Any:
        """Any call of the API, `path` as docs/api.md has it, without `/api`; the JSON of the answer, None for 204."""
        return await self._calls.call(method, path, body)

    async def projects(self) -> list[AnswerJson]:
        """All that the caller may see and that are not archived, the newest first."""
        found: list[AnswerJson] = []
        before = ""
        while True:
            more = list(await self.call("GET", f"/projects?limit={ROWS_ASKED}{before}"))
            found += more
            if len(more) < ROWS_ASKED:
                return found
            before = f"&before={more[-1]['id']}"

    async def project(self, project: int) -> AnswerJson:
        return dict(await self.call("GET", f"/projects/{project}"))

    async def create_project(self, title: str, description: str = "") -> AnswerJson:
        return dict(await self.call("POST", "/projects", {"title": title, "description": description}))

    async def add_artifact(self, project: int, phase: str, title: str = "") -> AnswerJson:
        body = {"phase": phase} | ({"title": title} if title else {})
        return dict(await self.call("POST", f"/projects/{project}/artifacts", body))

    async def artifact(self, artifact: int) -> AnswerJson:
        """`{id, project, phase, title, epoch, seq, offset, text, state}`."""
        return dict(await self.call("GET", f"/artifacts/{artifact}"))

    async def start(self, artifact: int, **wishes: Any) -> AnswerJson:
        """Queue an idle document; `model`, `instructions`, `plan` as in docs/api.md."""
        return dict(await self.call("POST", f"/artifacts/{artifact}/start", wishes))

    async def regenerate(self, artifact: int, **wishes: Any) -> AnswerJson:
        return dict(await self.call("POST", f"/artifacts/{artifact}/regenerate", wishes))

    async def pause(self, artifact: int) -> AnswerJson:
        return dict(await self.call("POST", f"/artifacts/{artifact}/pause"))

    async def resume(self, artifact: int, **wishes: Any) -> AnswerJson:
        return dict(await self.call("POST", f"/artifacts/{artifact}/resume", wishes))

    async def cancel(self, artifact: int) -> AnswerJson:
        return dict(await self.call("POST", f"/artifacts/{artifact}/cancel"))

    async def delete(self, artifact: int) -> None:
        await self.call("DELETE", f"/artifacts/{artifact}")

    async def section(self, artifact: int, number: int) -> AnswerJson:
        """`{number, name, status, epoch, text, sha256}` of one section, from 1."""
        return dict(await self.call("GET", f"/artifacts/{artifact}/sections/{number}"))

    async def edit_section(self, artifact: int, number: int, text: str, *, base_sha256: str) -> AnswerJson:
        """Raises `CallRefused` with the code `base_changed` where the section is another than the one of the hash."""
        body = {"text": text, "base_sha256": base_sha256}
        return dict(await self.call("PUT", f"/artifacts/{artifact}/sections/{number}", body))

    async def rewrite(self, artifact: int, number: int, **wishes: Any) -> AnswerJson:
        """`{draft, task}`: the draft is a document that can be watched, and then accepted or rejected."""
        return dict(await self.call("POST", f"/artifacts/{artifact}/sections/{number}/rewrite", wishes))

    async def accept(self, draft: int) -> AnswerJson:
        return dict(await self.call("POST", f"/artifacts/{draft}/accept"))

    async def reject(self, draft: int) -> AnswerJson:
        return dict(await self.call("POST", f"/artifacts/{draft}/reject"))

    async def versions(self, artifact: int) -> list[AnswerJson]:
        """All that are kept, the newest first, without their texts."""
        found: list[AnswerJson] = []
        before = ""
        while True:
            more = await self.call("GET", f"/artifacts/{artifact}/versions?limit={ROWS_ASKED}{before}")
            found += more["items"]
            if more["next"] is None:
                return found
            before = f"&before={more['next']}"

    async def version(self, artifact: int, number: int) -> AnswerJson:
        return dict(await self.call("GET", f"/artifacts/{artifact}/versions/{number}"))

    async def restore(self, artifact: int, number: int) -> AnswerJson:
        return dict(await self.call("POST", f"/artifacts/{artifact}/versions/{number}/restore"))
