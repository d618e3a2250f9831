"""What is attacked: a real server, a document whose owner has a token, and the questions a stock client asks of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPMessage
from typing import Any

from tests.support.limits import WAIT_S
from tests.support.servers import Server

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, kw_only=True)
class Target:
    server: Server
    token: str
    artifact: int
    ids: dict[str, list[Any]]
    hostile: dict[str, int] = field(default_factory=dict)
    """Documents with hostile titles and texts, by the name of what is hostile about them."""

    @property
    def login(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def told(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterable[bytes] = b"",
        hosts: Iterable[str] | None = None,
        source: str = "127.0.0.1",
    ) -> HttpAnswer:
        address = ("127.0.0.1", self.server.port)
        with closing(HTTPConnection(*address, timeout=WAIT_S, source_address=(source, 0))) as client:
            client.putrequest(method, path, skip_host=True)
            for host in [f"127.0.0.1:{self.server.port}"] if hosts is None else hosts:
                client.putheader("Host", host.encode("latin-1"))
            for name, value in (headers or {}).items():
                client.putheader(name, value.encode("latin-1"))
            if isinstance(body, bytes):
                client.putheader("Content-Length", str(len(body)))
                client.endheaders(body or None)
            else:
                client.putheader("Transfer-Encoding", "chunked")
                client.endheaders(body, encode_chunked=True)
            response = client.getresponse()
            return HttpAnswer(status=response.status, headers=response.headers, body=response.read())

    def serves(self) -> bool:
        """Whether it still answers, a page and a call."""
        page, call = self.told("/sign-in/"), self.told(f"/api/artifacts/{self.artifact}", headers=self.login)
        return (page.status, call.status) == (200, 200)


@dataclass(frozen=True, kw_only=True)
class HttpAnswer:
    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def kind(self) -> str:
        return self.headers.get_content_type()

    def json(self) -> Any:
        return json.loads(self.body)
