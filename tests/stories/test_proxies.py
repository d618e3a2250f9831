"""The examples for nginx and Caddy in `deploy`, run by the real programs: pages and growing text pass, over TLS."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from websockets.sync.client import connect

from artifacts.accounts.tokens import issue_token
from tests.support.limits import WAIT_S
from tests.support.proxies.caddy import caddy, caddy_on_path
from tests.support.proxies.nginx import nginx, nginx_on_path
from tests.support.proxies.running import NAME, free_port, proxied
from tests.support.servers import serving_product


class Client:
    """A stock client that trusts the proxy's own certificate, and calls it by its name."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token
        self._tls = ssl._create_unverified_context()

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        with closing(HTTPSConnection("127.0.0.1", self._port, timeout=WAIT_S, context=self._tls)) as client:
            client.sock = self._tls.wrap_socket(self._raw(), server_hostname=NAME)
            headers = {"Host": f"{NAME}:{self._port}", "Authorization": f"Bearer {self._token}"}
            client.request(method, path, json.dumps(body or {}), headers | {"Content-Type": "application/json"})
            response = client.getresponse()
            return response.status, response.read()

    def until_it_answers(self, path: str) -> None:
        """Caddy makes its certificate when it begins, and both may begin before the server does."""
        ends_at = time.monotonic() + WAIT_S
        while True:
            with suppress(ssl.SSLError):
                if self.ask("GET", path)[0] == 200:
                    return
            assert time.monotonic() < ends_at
            time.sleep(0.1)

    def frames(self, path: str) -> Iterator[dict[str, Any]]:
        with connect(
            f"wss://{NAME}:{self._port}{path}",
            sock=self._raw(),
            ssl=self._tls,
            server_hostname=NAME,
            additional_headers={"Authorization": f"Bearer {self._token}"},
        ) as line:
            for message in line:
                yield json.loads(message)

    def _raw(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), timeout=WAIT_S)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("proxy", "path"), [(nginx, ""), (nginx_on_path, "/path"), (caddy, ""), (caddy_on_path, "/path")]
)
def test_example_passes_pages_calls_and_text_that_grows(
    proxy: Callable[..., list[str]], path: str, owner: User, tmp_path: Path
) -> None:
    database = Path(connection.settings_dict["NAME"])
    client = Client(port := free_port(), issue_token(owner))
    public = {"PUBLIC_URL": f"https://{NAME}:{port}{path}/"}
    with serving_product("uvicorn", database=database, folder=tmp_path, **public) as server:
        upstreams = [server.port, free_port()]  # nobody is at the second: the proxy passes it over
        with proxied(proxy(tmp_path, port, upstreams), tmp_path, port):
            client.until_it_answers(f"{path}/sign-in/")
            assert f'href="{path}/static/css/'.encode() in client.ask("GET", f"{path}/sign-in/")[1]
            assert client.ask("GET", path)[0] in {301, 302}
            assert client.ask("GET", f"{path}/livez")[0] == 200
            assert {client.ask("GET", path + probe)[0] for probe in ("/metrics", "/readyz")} == {403}
            _, project = client.ask("POST", f"{path}/api/projects", {"title": "Behind a proxy"})
            artifact = json.loads(project)["artifacts"][0]["id"]
            plan = [{"name": "One", "max_tokens": 200}]
            assert client.ask("POST", f"{path}/api/artifacts/{artifact}/start", {"plan": plan})[0] == 202
            kinds = []
            for frame in client.frames(f"{path}/ws/artifacts/{artifact}/?format=text"):
                kinds.append(frame["type"])
                if frame["type"] == "end":
                    break
    assert kinds[0] == "snapshot"
    assert kinds.count("delta") > 3  # it grew, and did not come at once
