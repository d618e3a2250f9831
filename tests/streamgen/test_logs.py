"""Log lines: what each is about, as text and as JSON, and a line for each request that gives no secret away."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from contextvars import copy_context
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from django.db import connection
from django.test import Client
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from artifacts.accounts.tokens import issue_token
from artifacts.models.user_model import User
from artifacts.operating.log_context import lines_about, tell_about
from artifacts.sharing import links
from streamgen.logs import JsonLine, TextLine
from tests.support.limits import WAIT_S
from tests.support.servers import serving_product


def formatted(formatter: logging.Formatter, *, failed: bool = False, **ids: object) -> str:
    def line() -> str:
        tell_about(**ids)
        try:
            raise ValueError("Größe\n二")
        except ValueError:
            info = sys.exc_info() if failed else None
        record = logging.LogRecord("streamgen.x", logging.WARNING, "", 1, "said %s", ("ö\n二",), info)
        return formatter.format(record)

    return copy_context().run(line)


def test_line_of_json_says_what_it_is_about_and_stays_one_line():
    line = formatted(JsonLine(), failed=True, task=7, artifact=3, worker="here:1", user=None)
    assert "\n" not in line
    told = json.loads(line)
    assert "ValueError: Größe" in told.pop("traceback")
    assert told.pop("at").endswith("Z")
    assert told == {
        "level": "warning",
        "logger": "streamgen.x",
        "message": "said ö\n二",
        "process": os.getpid(),
        "task": 7,
        "artifact": 3,
        "worker": "here:1",
    }


def test_line_of_text_ends_with_what_it_is_about():
    assert formatted(TextLine(), task=7).endswith(f"WARNING streamgen.x: said ö\\n二  [process={os.getpid()} task=7]")


def test_what_is_known_later_stands_in_the_lines_from_then_on():
    known: list[int] = []
    assert "user" not in formatted(TextLine(), user=lambda: known[0] if known else None)
    known.append(7)
    assert formatted(TextLine(), user=lambda: known[0] if known else None).endswith("user=7]")


def test_lines_within_are_about_more_and_those_behind_are_not():
    def lines() -> list[str]:
        tell_about(worker="here:1")
        with lines_about(task=7):
            within = formatted(TextLine())
        return [within, formatted(TextLine())]

    within, behind = copy_context().run(lines)
    assert within.endswith("worker=here:1 task=7]")
    assert behind.endswith("worker=here:1]")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["stock daphne", "stock uvicorn"])
def test_server_as_its_own_command_starts_it_logs_no_secret(kind, artifact, owner, tmp_path):
    _, secret = links.share(artifact.project, owner)
    database = Path(connection.settings_dict["NAME"])
    with serving_product(kind, database=database, folder=tmp_path) as server:
        urlopen(f"{server.origin}/shared/{secret}/?also=hidden", timeout=WAIT_S).close()
        with connect(server.url(f"/ws/artifacts/{artifact.pk}/link/{secret}/")) as line:
            line.recv(WAIT_S)
        with pytest.raises(InvalidStatus):
            connect(server.url(f"/ws/artifacts/{artifact.pk}/"), origin="https://evil.example")
        urlopen(f"{server.origin}/streams/artifacts/{artifact.pk}/link/{secret}", timeout=WAIT_S).close()
        bearer = {"Authorization": f"Bearer {issue_token(owner)}"}
        _start_on_its_page(server.origin, artifact.pk, owner)
        deletion = Request(f"{server.origin}/api/artifacts/{artifact.pk}", method="DELETE", headers=bearer)
        urlopen(deletion, timeout=WAIT_S).close()
    log = server.log.read_text()
    assert "GET /shared/***/ 200" in log
    at = f"artifacts/{artifact.pk}"
    for line in (f"WEBSOCKET /ws/{at}/link/***/ 1000", f"WEBSOCKET /ws/{at}/ 403", f"GET /streams/{at}/link/***/1 200"):
        assert line in log
    assert re.search(rf"GET /streams/{at}/link/\*\*\*/1 200 .*\[.*\bartifact={artifact.pk}\b", log)
    assert re.search(rf"queued task=(\d+) artifact={artifact.pk} .*\[.* user={owner.pk} .*\btask=\1\b", log)
    assert re.search(rf"deleted artifact={artifact.pk}  \[.*\buser={owner.pk}\b", log)
    assert [line for line in log.splitlines() if secret in line or "hidden" in line or "ERROR" in line] == []


@pytest.mark.django_db
def test_each_request_is_a_line_without_a_secret(caplog, artifact, owner):
    caplog.set_level(logging.INFO, "streamgen.access")
    token = issue_token(owner)
    _, secret = links.share(artifact.project, owner)
    Client().get(f"/api/artifacts/{artifact.pk}?key=hidden", headers={"authorization": f"Bearer {token}"})
    signed_in = Client()
    signed_in.force_login(owner)
    signed_in.get(f"/artifacts/{artifact.pk}/")
    for path in (f"/shared/{secret}/", f"/shared/{secret}", "/sign-in/abc/hidden-token/", "/hid%0Aden/x"):
        Client().get(path)
    lines = [
        " ".join(record.getMessage().split()[:2]) for record in caplog.records if record.name == "streamgen.access"
    ]
    assert lines == [
        f"GET /api/artifacts/{artifact.pk}",
        f"GET /artifacts/{artifact.pk}/",
        "GET /shared/***/",
        "GET /shared/***",
        "GET /sign-in/***/***/",
        "GET /hid%0Aden/***",
    ]


def _start_on_its_page(origin: str, artifact_id: int, owner: User) -> None:
    browser = Client()
    browser.force_login(owner)
    token = "a" * 32
    cookies = f"sessionid={browser.cookies['sessionid'].value}; csrftoken={token}"
    headers = {"Cookie": cookies, "X-CSRFToken": token, "Accept": "application/json"}
    start = Request(f"{origin}/artifacts/{artifact_id}/start/", data=b"", headers=headers, method="POST")
    urlopen(start, timeout=WAIT_S).close()
