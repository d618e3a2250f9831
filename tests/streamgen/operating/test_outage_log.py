"""A server in the middle of twelve documents loses its database: what it logs, and what it answers meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.limits import WAIT_S
from tests.support.postgres import make_database
from tests.support.servers import ROOT, SECRET_KEY, Server, serving_product

PROJECTS, PHASES = 2, 6
OUTAGE_S = 4
LOOK_S = 0.1
TOKEN_OF_A_NEW_USER = """
from django.contrib.auth.models import User
from django.core.management import call_command
User.objects.create_user("ann", is_staff=True)
call_command("token", "ann")
"""


def call(server: Server, method: str, path: str, token: str, body: object = None) -> tuple[int, Any]:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=WAIT_S)) as client:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        client.request(method, path, None if body is None else json.dumps(body), headers)
        response = client.getresponse()
        text = response.read().decode()
        return response.status, json.loads(text) if "json" in response.headers["Content-Type"] else text


@pytest.mark.long
def test_outage_is_two_lines_and_answers_of_503_and_nothing_is_lost(
    postgres_server: str, migrated_template: str, tmp_path: Path
) -> None:
    url = make_database(postgres_server, "outage", template=migrated_template)
    shared = {"DATABASE_URL": url, "SECRET_KEY": SECRET_KEY}
    shared |= {"STREAMGEN_USER_RUNNING": "100", "STREAMGEN_USER_STARTS_PER_MINUTE": "100"}
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", TOKEN_OF_A_NEW_USER]
    environment = os.environ | shared | {"REDIS_URL": ""}
    token = subprocess.check_output(command, cwd=ROOT, env=environment, text=True).strip()
    with (
        psycopg.connect(postgres_server, autocommit=True) as admin,
        serving_product("uvicorn", database=tmp_path, folder=tmp_path, **shared, LOG_FORMAT="json") as server,
    ):
        documents = []
        for _ in range(PROJECTS):
            _, project = call(server, "POST", "/api/projects", token, {"title": "Project"})
            documents += [artifact["id"] for artifact in project["artifacts"]]
        for document in documents:
            assert call(server, "POST", f"/api/artifacts/{document}/start", token, {})[0] == 202
        assert len(documents) == PROJECTS * PHASES
        for document in documents:
            until(lambda: _state(server, document, token)["tokens_generated"])  # noqa: B023
        admin.execute("ALTER DATABASE outage ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'outage'")
        ends_at = time.monotonic() + OUTAGE_S
        while time.monotonic() < ends_at:
            status, problem = call(server, "GET", "/api/projects", token)
            assert (status, problem["code"]) == (503, "database_gone")
            for page in ("/", "/sign-in/", f"/artifacts/{documents[0]}/"):
                status, text = call(server, "GET", page, token)
                assert status in {200, 302} or (status == 503 and problem["detail"].split(".")[0] in text)
            time.sleep(LOOK_S)
        admin.execute("ALTER DATABASE outage ALLOW_CONNECTIONS true")
        until(lambda: "outage ends kind=gone" in server.log.read_text())
        for document in documents:
            assert call(server, "POST", f"/api/artifacts/{document}/cancel", token)[0] in {200, 202}
        for document in documents:
            until(lambda: _state(server, document, token)["status"] == "cancelled")  # noqa: B023
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    told = [line for line in lines if line["level"] not in {"info", "debug"}]
    assert [line["message"].partition(" kind=")[0] for line in told] == ["outage begins", "outage ends"], told
    assert not [line for line in lines if "traceback" in line]
    assert {"task", "artifact", "worker"} <= {name for line in lines for name in line}


def _state(server: Server, document: int, token: str) -> Any:
    return call(server, "GET", f"/api/artifacts/{document}", token)[1]["state"]


def until(condition: Any) -> None:
    ends_at = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(LOOK_S)
