"""Behind a proxy that ends TLS on another port and a sub-path: pages, static files, links, websockets, on both servers.

The proxy is played by its headers; a test with a real one is where proxies are set up.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from artifacts.accounts.tokens import issue_token
from artifacts.models import Artifact, ArtifactVersion
from generation import control
from tests.support.servers import Server, serving_product

PUBLIC = "https://docs.example.com:8443/path"
ORIGIN = "https://docs.example.com:8443"
WAIT_S = 30
PROXIES = {
    "keeps the path": ("/path", {"Host": "docs.example.com:8443", "X-Forwarded-Proto": "https"}),
    "takes the path off": ("", {"Host": "docs.example.com:8443", "X-Forwarded-Proto": "https"}),
    "leaves the port out": ("/path", {"Host": "Docs.example.com", "X-Forwarded-Proto": "https"}),
    "says no scheme": ("/path", {"Host": "docs.example.com:8443"}),
}
PASSED_ON = PROXIES["keeps the path"][1]
WRONG_HOSTS = [
    ["evil.example"],
    ["docs.example.com.evil.example"],
    ["127.0.0.1:8000"],
    [""],
    ["docs.example.com:port"],
    ["docs.example.com/path"],
    ["пример.рф".encode().decode("latin-1")],
    ["a" * 5_000],
    ["[::1"],
    ["docs.example.com", "evil.example"],
]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def server(
    request: pytest.FixtureRequest, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp(request.param)
    database = Path(connection.settings_dict["NAME"])
    with serving_product(request.param, database=database, folder=folder, PUBLIC_URL=f"{PUBLIC}/") as running:
        yield running
    log = running.log.read_text()
    assert "Traceback" not in log, log


def told(
    server: Server,
    path: str,
    headers: dict[str, str],
    method: str = "GET",
    body: str = "",
    hosts: list[str] | None = None,
) -> tuple[HTTPResponse, str]:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=WAIT_S)) as client:
        client.putrequest(method, path, skip_host=True)
        for name, value in [*(("Host", host) for host in hosts or []), *headers.items()]:
            client.putheader(name, value.encode("latin-1"))
        client.putheader("Content-Length", str(len(body)))
        client.endheaders(body.encode())
        response = client.getresponse()
        return response, response.read().decode()


@pytest.mark.parametrize("proxy", PROXIES)
def test_page_its_static_files_its_cookies_and_where_it_leads_are_the_public_ones(server: Server, proxy: str) -> None:
    prefix, headers = PROXIES[proxy]
    response, page = told(server, f"{prefix}/sign-in/", headers)
    assert response.status == 200
    assert all(link.startswith("/path/") for link in re.findall(r'(?:href|src|action)="(/[^"]*)"', page))
    cookie = response.headers["Set-Cookie"]
    assert ("; Path=/path/;" in cookie, "; Secure" in cookie) == (True, True)
    assert response.headers["Strict-Transport-Security"] == "max-age=2592000"
    static = re.search(r'href="/path(/static/artifacts/css/[^"]+)"', page)
    assert static
    assert told(server, prefix + static[1], headers)[0].status == 200
    assert told(server, f"{prefix}/", headers)[0].headers["Location"] == "/path/sign-in/?next=/path/"
    problem, _ = told(server, f"{prefix}/api/projects", headers)
    assert (problem.status, problem.headers["Content-Type"]) == (401, "application/problem+json")


def test_way_from_the_admin_back_to_the_pages_needs_no_detour(server: Server, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(is_staff=True, is_superuser=True)
    browser = Client()
    browser.force_login(owner)
    session = f"sessionid={browser.cookies['sessionid'].value}"
    _, page = told(server, "/path/admin/", PASSED_ON | {"Cookie": session})
    assert '<a href="/path/">View site</a>' in page


def test_log_tells_where_below_the_path_nothing_was_found(server: Server) -> None:
    assert told(server, "/path/nowhere/hidden", PASSED_ON)[0].status == 404
    assert "GET /path/nowhere/*** 404" in server.log.read_text()


def test_without_tls_one_is_sent_to_the_public_address(server: Server) -> None:
    response, _ = told(server, "/path/sign-in/?next=/x", {"Host": "docs.example.com", "X-Forwarded-Proto": "http"})
    assert (response.status, response.headers["Location"]) == (301, f"{PUBLIC}/sign-in/?next=/x")


def test_links_in_full_have_the_public_address(server: Server, owner: User, artifact: Artifact) -> None:
    headers = PROXIES["leaves the port out"][1] | {"Authorization": f"Bearer {issue_token(owner)}"}
    path = f"/path/api/projects/{artifact.project_id}/links"
    _, made = told(server, path, headers | {"Content-Type": "application/json"}, "POST", "{}")
    assert json.loads(made)["url"].startswith(f"{PUBLIC}/shared/")


@pytest.mark.parametrize(
    ("origin", "is_own"), [(ORIGIN, True), ("https://docs.example.com", False), ("http://docs.example.com:8443", False)]
)
@pytest.mark.parametrize("proxy", ["keeps the path", "leaves the port out"])
def test_form_and_websocket_are_taken_from_the_public_origin_only(
    server: Server, owner: User, artifact: Artifact, proxy: str, origin: str, is_own: bool
) -> None:
    prefix, headers = PROXIES[proxy]
    page, _ = told(server, f"{prefix}/sign-in/", headers)
    token = re.search(r"csrftoken=(\w+)", page.headers["Set-Cookie"])
    assert token
    form = f"csrfmiddlewaretoken={token[1]}&username=nobody&password=wrong"
    sent = headers | {
        "Origin": origin,
        "Cookie": f"csrftoken={token[1]}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    answer, text = told(server, f"{prefix}/sign-in/", sent, "POST", form)
    assert answer.status == (200 if is_own else 403)
    assert is_own or origin in text

    login = {"Authorization": f"Bearer {issue_token(owner)}"}
    name = headers["Host"]
    address = f"ws://{name if ':' in name else name + ':80'}/path/ws/artifacts/{artifact.pk}/"
    proxied = {key: value for key, value in headers.items() if key != "Host"} | login
    line = socket.create_connection(("127.0.0.1", server.port), timeout=WAIT_S)
    if is_own:
        with connect(address, sock=line, origin=origin, additional_headers=proxied) as viewer:
            assert json.loads(viewer.recv(WAIT_S))["type"] == "snapshot"
        return
    with pytest.raises(InvalidStatus) as refused:
        connect(address, sock=line, origin=origin, additional_headers=proxied)
    line.close()
    assert refused.value.response.status_code == 403
    assert server.log.stem == "daphne" or origin.encode() in (refused.value.response.body or b"")
    assert f"websocket refused: This was sent by a page of {origin!r}" in server.log.read_text()


def test_any_wrong_host_is_refused_with_one_line_in_the_log_and_as_json_in_the_api(server: Server) -> None:
    for hosts in WRONG_HOSTS:
        for path, kind in (
            ("/path/sign-in/", "text/html; charset=utf-8"),
            ("/path/api/projects", "application/problem+json"),
            ("/path/api/artifacts/1/events", "application/problem+json"),
            ("/path/v1/models", "application/json"),
        ):
            before = len(server.log.read_text().splitlines())
            response, _ = told(server, path, {"X-Forwarded-Proto": "https"}, hosts=hosts)
            assert response.status == 400, hosts
            lines = [line for line in server.log.read_text().splitlines()[before:] if " INFO " not in line]
            if response.headers["Content-Type"] == kind:
                assert len(lines) == 1, (hosts, lines)
                assert len(lines[0]) < 700
            else:  # the server itself could not read it
                assert lines == [], hosts


@pytest.mark.parametrize("proxy", PROXIES)
def test_next_answers_are_at_public_addresses_and_lead_through_all(server: Server, owner: User, proxy: str) -> None:
    prefix, headers = PROXIES[proxy]
    login = headers | {"Authorization": f"Bearer {issue_token(owner)}"}
    projects = [control.create_project(owner, f"Project {number}") for number in range(5)]
    seen, path = [], f"{prefix}/api/projects?limit=2"
    while path:
        response, body = told(server, path, login)
        seen += [row["id"] for row in json.loads(body)]
        link = response.headers.get("Link", "")
        assert not link or link.startswith(f"<{PUBLIC}/api/projects?"), link
        path = prefix + link.partition(PUBLIC)[2].partition(">")[0] if link else ""
    assert seen == [project.pk for project in reversed(projects)]


def test_versions_lead_on_behind_a_proxy_too(server: Server, owner: User) -> None:
    artifact = control.create_project(owner, "Lighthouse").artifacts.first()
    assert artifact is not None
    for epoch in range(1, 5):
        ArtifactVersion.objects.create(artifact=artifact, epoch=epoch, stream_status="complete", content="x")
    login = PASSED_ON | {"Authorization": f"Bearer {issue_token(owner)}"}
    response, body = told(server, f"/path/api/artifacts/{artifact.pk}/versions?limit=3", login)
    assert [one["number"] for one in json.loads(body)["items"]] == [4, 3, 2]
    assert response.headers["Link"] == f'<{PUBLIC}/api/artifacts/{artifact.pk}/versions?limit=3&before=2>; rel="next"'


def test_what_explains_the_api_is_at_home_on_a_sub_path(server: Server) -> None:
    for page in ("docs", "docs/frames", "errors"):
        response, body = told(server, f"/path/api/{page}", PASSED_ON)
        assert response.status == 200
        assert all(link.startswith("/path/") for link in re.findall(r'(?:href|src|data-document)="(/[^"]*)"', body))
    assert json.loads(told(server, "/path/api/asyncapi.json", PASSED_ON)[1])["servers"]["websocket"] == {
        "host": "docs.example.com:8443",
        "pathname": "/path",
        "protocol": "wss",
    }
    for path in ("/path/api/projects", "/path/api/artifacts/1/events", "/path/streams/artifacts/1"):
        problem = json.loads(told(server, path, PASSED_ON)[1])
        assert problem["type"] == "/path/api/errors#login_required"
