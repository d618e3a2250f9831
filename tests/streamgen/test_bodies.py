"""Bodies that are too large, under Daphne and uvicorn: refused with an answer that arrives, and never in memory."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection

from artifacts.accounts.tokens import issue_token
from tests.support.memory import grown
from tests.support.servers import Server, serving_product

MEGABYTE = b"x" * 1_048_576
LARGE = 40 * len(MEGABYTE)
WAIT_S = 30
SPARE_MB = 8

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def server(
    request: pytest.FixtureRequest, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    database = Path(connection.settings_dict["NAME"])
    with serving_product(request.param, database=database, folder=tmp_path_factory.mktemp(request.param)) as running:
        assert told(running, "/sign-in/", b"", method="GET")[0] == 200  # what is loaded once is loaded
        yield running
    log = running.log.read_text()
    assert "Traceback" not in log, log


def told(server: Server, path: str, body: bytes | Iterable[bytes], method: str = "POST") -> tuple[int, str, bytes]:
    """Status, type and body of the answer that a stock client gets."""
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=WAIT_S)) as client:
        client.request(method, path, body, {"Content-Type": "application/x-www-form-urlencoded"})
        return _read(client.getresponse())


def _read(response: HTTPResponse) -> tuple[int, str, bytes]:
    return response.status, response.headers["Content-Type"], response.read()


@pytest.mark.parametrize("path", ["/sign-in/", "/api/projects", "/v1/responses", "/nothing/here"])
@pytest.mark.parametrize("is_length_told", [True, False], ids=["length told", "chunked"])
def test_large_body_is_refused_and_costs_no_memory(server: Server, path: str, is_length_told: bool) -> None:
    body = MEGABYTE * (LARGE // len(MEGABYTE)) if is_length_told else (MEGABYTE for _ in range(LARGE // len(MEGABYTE)))
    with grown(server.process.pid) as growth:
        status, kind, page = told(server, path, body)
    if path.startswith("/v1/") and status == 401:  # the token is asked for first, and what is not told is not read
        assert not is_length_told
        return
    assert status == 413
    if path.startswith("/v1/"):
        assert (kind, json.loads(page)["error"]["code"]) == ("application/json", "too_large")
    elif path.startswith("/api/"):
        assert (kind, json.loads(page)["status"]) == ("application/problem+json", 413)
    else:
        assert (kind, b"4 MB" in page) == ("text/html; charset=utf-8", True)
    assert growth.megabytes < SPARE_MB


@pytest.mark.parametrize("expects", ["", "Expect: 100-continue\r\n"])
def test_length_alone_is_refused_before_anything_of_the_body_is_sent(server: Server, expects: str) -> None:
    head = f"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\n{expects}Content-Length: {LARGE}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=WAIT_S) as raw:
        raw.sendall(head.encode())
        response = HTTPResponse(raw)
        response.begin()
        assert _read(response)[0] == 413


@pytest.mark.parametrize("is_length_told", [True, False], ids=["length told", "chunked"])
def test_body_of_the_limit_is_read_and_one_byte_more_is_not(server: Server, is_length_told: bool) -> None:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    for size, expected in ((limit, 401), (limit + 1, 413)):
        body = b"x" * size
        parts = (body[at : at + 65_536] for at in range(0, size, 65_536))
        assert told(server, "/api/projects", body if is_length_told else parts)[0] == expected


def test_status_has_its_phrase_also_where_the_server_knows_none(server: Server, owner: User) -> None:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=WAIT_S)) as client:
        head = {"Authorization": f"Bearer {issue_token(owner)}", "Content-Type": "application/json"}
        client.request("POST", "/api/projects", b"{}", head)
        response = client.getresponse()
        assert (response.status, response.reason) == (422, HTTPStatus(422).phrase)


def test_connection_ends_after_a_refusal_and_the_next_one_is_served(server: Server) -> None:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=WAIT_S)) as client:
        client.request("POST", "/sign-in/", MEGABYTE * 5)
        response = client.getresponse()
        assert (response.status, response.headers["Connection"]) == (413, "close")
        response.read()
    assert told(server, "/sign-in/", b"", method="GET")[0] == 200


def test_client_that_leaves_in_the_middle_of_a_refused_body_is_no_fault(server: Server) -> None:
    """What the log holds is looked at at the end."""
    for head in (f"Content-Length: {LARGE}", "Transfer-Encoding: chunked"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=WAIT_S) as raw:
            raw.sendall(f"POST / HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n600000\r\n".encode() + MEGABYTE * 6)
    assert told(server, "/sign-in/", b"", method="GET")[0] == 200
