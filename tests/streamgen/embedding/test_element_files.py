"""What a page of another site loads: all that the element imports, with a browser's leave, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.test import Client

from streamgen.embedding.element_files import OFFERED

IMPORTED = re.compile(r"""(?:from|import\()\s*["']\./([\w-]+\.js)["']""")
STATIC = Path(apps.get_app_config("artifacts").path) / "static" / "artifacts"


@pytest.mark.parametrize("name", sorted(OFFERED))
def test_it_is_for_pages_of_any_origin_and_whole(name: str):
    answer = Client().get(f"/element/{name}")
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (200, "*")
    assert answer["Content-Type"] == OFFERED[name]
    assert b"".join(answer.streaming_content) == (STATIC / name).read_bytes()  # type: ignore[attr-defined]
    again = Client().get(f"/element/{name}", headers={"If-Modified-Since": answer["Last-Modified"]})
    assert (again.status_code, again["Access-Control-Allow-Origin"]) == (304, "*")


def test_whatever_a_module_imports_is_there_too():
    scripts = [name for name in OFFERED if name.endswith(".js")]
    wanted = {f"js/{found}" for name in scripts for found in IMPORTED.findall((STATIC / name).read_text())}
    assert wanted
    assert wanted <= set(OFFERED)


@pytest.mark.parametrize("name", ["js/artifact.js", "../templates/artifacts/base.html", "js/", "css/base.css"])
def test_nothing_else_is_there(name: str):
    assert Client().get(f"/element/{name}").status_code == 404
