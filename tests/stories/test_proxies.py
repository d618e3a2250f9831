"""The examples for nginx and Caddy in `deploy`, run by the real programs: pages and growing text pass, over TLS."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from websockets.sync.client import connect

from artifacts.accounts.tokens import issue_token
from tests.support.limits import WAIT_S
from tests.support.servers import ROOT, serving_product

NAME = "docs.example.com"
DEPLOY = ROOT / "deploy"
WITHOUT_LOGS = "error_log stderr;\npid nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temps}{server}\n}}\n"
OPTIONS = "{{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\thttps_port {port}\n\thttp_port {other}\n}}\n"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def nginx(folder: Path, port: int, upstream: int) -> list[str]:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    server = (DEPLOY / "nginx.conf").read_text()
    for old, new in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        (f"/etc/ssl/{NAME}.pem", str(certificate)),
        (f"/etc/ssl/{NAME}.key", str(key)),
        ("127.0.0.1:8000", f"127.0.0.1:{upstream}"),
        ("127.0.0.1:8001", f"localhost:{upstream}"),
    ):
        assert old in server
        server = server.replace(old, new)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temps = "".join(f"{kind}_temp_path {folder / kind};\n" for kind in kinds)
    (folder / "nginx.conf").write_text(WITHOUT_LOGS.format(temps=temps, server=server))
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    return [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]


def caddy(folder: Path, port: int, upstream: int) -> list[str]:
    text = (DEPLOY / "Caddyfile").read_text()
    for old, new in (("127.0.0.1:8000", f"127.0.0.1:{upstream}"), ("127.0.0.1:8001", f"localhost:{upstream}")):
        assert old in text
        text = text.replace(old, new)
    (folder / "Caddyfile").write_text(OPTIONS.format(port=port, other=free_port()) + text)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


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

    def until_it_answers(self) -> None:
        """Caddy makes its certificate when it begins, and both may begin before the server does."""
        ends_at = time.monotonic() + WAIT_S
        while True:
            with suppress(ssl.SSLError):
                if self.ask("GET", "/livez")[0] == 200:
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


@contextmanager
def proxied(command: list[str], folder: Path, port: int) -> Iterator[None]:
    log = folder / "proxy.log"
    environment = os.environ | {"XDG_DATA_HOME": str(folder), "HOME": str(folder)}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        ends_at = time.monotonic() + WAIT_S
        while not _listens(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < ends_at, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(WAIT_S)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("proxy", [nginx, caddy])
def test_example_passes_pages_calls_and_text_that_grows(
    proxy: Callable[[Path, int, int], list[str]], owner: User, tmp_path: Path
) -> None:
    database = Path(connection.settings_dict["NAME"])
    client = Client(port := free_port(), issue_token(owner))
    allowed = {"ALLOWED_HOSTS": f"{NAME},localhost,127.0.0.1"}
    with (
        serving_product("uvicorn", database=database, folder=tmp_path, **allowed) as server,
        proxied(proxy(tmp_path, port, server.port), tmp_path, port),
    ):
        client.until_it_answers()
        assert client.ask("GET", "/sign-in/")[0] == 200
        assert {client.ask("GET", path)[0] for path in ("/metrics", "/readyz")} == {403}
        _, project = client.ask("POST", "/api/projects", {"title": "Behind a proxy"})
        artifact = json.loads(project)["artifacts"][0]["id"]
        plan = [{"name": "One", "max_tokens": 200}]
        assert client.ask("POST", f"/api/artifacts/{artifact}/start", {"plan": plan})[0] == 202
        kinds = []
        for frame in client.frames(f"/ws/artifacts/{artifact}/?format=text"):
            kinds.append(frame["type"])
            if frame["type"] == "end":
                break
        assert kinds[0] == "snapshot"
        assert kinds.count("delta") > 3  # it grew, and did not come at once
