"""A server that is asked to end answers what came and takes nothing more, on connections that a proxy keeps as well."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection

from artifacts.accounts.tokens import issue_token
from tests.support.limits import WAIT_S
from tests.support.servers import up

pytestmark = pytest.mark.django_db(transaction=True)


def test_nothing_that_was_asked_is_lost_and_nothing_more_is_taken(owner: User, tmp_path: Path) -> None:
    database = Path(connection.settings_dict["NAME"])
    headers = {"Authorization": f"Bearer {issue_token(owner)}", "Content-Type": "application/json"}
    with up(database=database, folder=tmp_path) as server, ExitStack() as stack:

        def connected() -> HTTPConnection:
            """A connection that was of use already, as a proxy keeps it."""
            client = stack.enter_context(closing(HTTPConnection("127.0.0.1", server.port, timeout=WAIT_S)))
            client.request("GET", "/api/projects", headers=headers)
            answer = client.getresponse()
            answer.read()
            assert (answer.status, answer.getheader("Connection")) == (200, None)
            return client

        idle, busy, late = connected(), connected(), connected()
        with closing(sqlite3.connect(database, isolation_level=None)) as lock:
            lock.execute("BEGIN IMMEDIATE")  # so a request that writes takes as long as we like
            busy.request("POST", "/api/projects", json.dumps({"title": "Asked before"}), headers)
            body = json.dumps({"title": "Asked by halves"})
            late.putrequest("POST", "/api/projects")
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                late.putheader(name, value)
            late.endheaders(body[:5].encode())
            _until_asked(server.port, headers)
            server.process.send_signal(signal.SIGTERM)
            assert idle.sock is not None
            assert idle.sock.recv(1) == b""
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", server.port), timeout=WAIT_S)
            late.send(body[5:].encode())
            lock.execute("ROLLBACK")
        for client in (busy, late):
            answer = client.getresponse()
            assert (answer.status, answer.getheader("Connection")) == (201, "close")
            assert json.loads(answer.read())["title"].startswith("Asked")
        assert server.process.wait(WAIT_S) == 0


def _until_asked(port: int, headers: dict[str, str]) -> None:
    """What was sent before on other connections has been read: this one was sent later, and is answered."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=WAIT_S)) as client:
        client.request("GET", "/api/projects", headers=headers | {"Connection": "close"})
        assert client.getresponse().status == 200
