"""artifacts without the app that writes: its pages, exports and admin work, and offer nothing to be done."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def visited(tmp_path_factory) -> dict[str, tuple[int, str]]:
    """What each page answered in a process in which generation is not installed."""
    database = tmp_path_factory.mktemp("alone") / "alone.sqlite3"
    settings = {"DJANGO_SETTINGS_MODULE": "tests.support.alone.settings", "DATABASE_URL": f"sqlite:///{database}"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.alone.visit"],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["loaded"] == []
    return {path: (status, body) for path, (status, body) in report["answers"].items()}


def test_every_page_is_there_and_shows_its_document(visited):
    shown = "".join(body for _, body in visited.values())

    assert {status for status, _ in visited.values()} == {200}
    assert "<strong>bold</strong>" in shown
    assert "<em>upon</em>" in shown


def test_no_page_offers_a_command(visited):
    offered = {
        path: found
        for path, (_, body) in visited.items()
        if not path.startswith("/admin")
        if (
            found := set(re.findall(r'data-(?:command|asks)="\w+"|<form method="post" action="([^"]*)"', body))
            - {"/sign-out/"}
        )
    }

    assert not offered
    assert 'name="action"' not in visited["/admin/artifacts/artifact/"][1]
