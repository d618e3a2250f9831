"""Dockerfile, .dockerignore and compose.yaml fit one another and the tree. No test runs them: that takes an engine."""

from __future__ import annotations

import re

from tests.support.servers import ROOT


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_image_is_made_of_what_is_there_and_is_let_in() -> None:
    sources = [
        name for line in re.findall(r"^COPY (.+) \S+$", read("Dockerfile"), re.MULTILINE) for name in line.split()
    ]
    assert {"streamgen", "artifacts", "generation", "templates", "static", "manage.py"} <= set(sources)
    assert [name for name in sources if not (ROOT / name).exists()] == []
    assert set(re.findall(r"^!(.+)$", read(".dockerignore"), re.MULTILINE)) == set(sources)


def test_proxy_finds_each_web_process_on_a_port_that_stays() -> None:
    web = read("compose.yaml").partition("\n  web:")[2].partition("\n\n")[0]
    replicas = re.search(r"replicas: (\d+)", web)
    ports = re.search(r":(\d+)-(\d+):8000", web)
    assert replicas
    assert ports
    assert int(ports[2]) - int(ports[1]) + 1 == int(replicas[1])
    assert {f"127.0.0.1:{port}" for port in range(int(ports[1]), int(ports[2]) + 1)} <= set(
        re.findall(r"server (127\.0\.0\.1:\d+)", read("deploy/nginx.conf"))
    )
