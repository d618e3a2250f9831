"""Calls of both clients through a proxy that does not reach the server at first: each is done once, and answered."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from streamgen.client import BlockingClient
from tests.support.servers import ROOT

MADE = {"id": 1, "title": "Lighthouse", "artifacts": []}
MODULE = ROOT / "artifacts" / "static" / "artifacts" / "js" / "client.js"
PROGRAM = """
const {{ Client }} = await import({module});
console.log(JSON.stringify(await new Client({server}, {{ token: "t" }}).createProject("Lighthouse")));
"""


class Proxy(BaseHTTPRequestHandler):
    """Says twice what nginx says while its server is being replaced, then what the server said."""

    keys: list[str]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.keys.append(self.headers["Idempotency-Key"])
        status, kind, body = {
            1: (502, "text/html", b"<html>502 Bad Gateway</html>"),
            2: (409, "application/problem+json", b'{"code": "idempotency_in_flight", "detail": "Still."}'),
        }.get(len(self.keys), (201, "application/json", json.dumps(MADE).encode()))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == 409:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str]]]:
    """Its address, and the keys of what came."""
    keys: list[str] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Proxy,), {"keys": keys})) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", keys
        server.shutdown()
        thread.join()


def in_python(address: str) -> object:
    with BlockingClient(address, token="t") as client:
        return client.create_project("Lighthouse")


def in_node(address: str) -> object:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on PATH")
    program = PROGRAM.format(module=json.dumps(MODULE.as_uri()), server=json.dumps(address))
    ran = subprocess.run(
        [node, "--input-type=module", "-e", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.parametrize("call", [in_python, in_node])
def test_command_is_asked_again_by_the_same_key_where_a_proxy_reached_no_server(call, proxy) -> None:
    address, keys = proxy
    assert call(address) == MADE
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert len(keys[0]) >= 20
