"""What browsers are given: vendored files as published, small scripts, and nothing that the policy would refuse."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PLACES = (ROOT, ROOT / "artifacts", ROOT / "generation")
VENDOR = ROOT / "artifacts/static/artifacts/vendor"
SCRIPTS = sorted(path for place in PLACES for path in (place / "static").rglob("*.js"))
SHEETS = sorted(path for place in PLACES for path in (place / "static").rglob("*.css"))
TEMPLATES = sorted(path for place in PLACES for path in (place / "templates").rglob("*.html"))
JAVASCRIPT_BYTES = 20 * 1024
EDITOR = "edit.js"
IMPORTED = re.compile(r'^import .* from "(\./\w+\.js)";$', re.MULTILINE)
WHEN_USED = {
    "pictures.js",
    "notices.js",
    "fallback.js",
    "estimate.js",
    "signed-out.js",
    "mermaid.tiny.js",
    "tex-svg.js",
}
"""Imported where there is something to draw, to tell, or no websocket; of the drawing, in a frame of its own."""


def manifest() -> dict[str, dict[str, object]]:
    return json.loads((VENDOR / "manifest.json").read_text(encoding="utf-8"))


def test_every_vendored_file_is_named_with_version_licence_and_hash() -> None:
    hashes: dict[str, str] = {}
    for package in manifest().values():
        assert package["version"]
        assert package["licence"]
        hashes |= package["files"]
    found = {path.relative_to(VENDOR).as_posix(): path for path in VENDOR.rglob("*") if path.is_file()}
    del found["manifest.json"]
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items()} == hashes


def loaded_by(*templates: str) -> set[Path]:
    """The scripts that a page names, and those that these import."""
    frame = ("templates/base.html", "artifacts/templates/artifacts/head.html")
    source = "".join((ROOT / name).read_text(encoding="utf-8") for name in (*frame, *templates))
    found: set[Path] = set()
    named = re.findall(r"""<script[^>]+static '(\w+)/([^']+)'""", source)
    wanted = [ROOT / app / "static" / app / name for app, name in named]
    while wanted:
        path = wanted.pop()
        if path not in found:
            found.add(path)
            wanted += [path.parent / name for name in IMPORTED.findall(path.read_text(encoding="utf-8"))]
    return found


def test_all_that_the_live_page_loads_together_stays_small() -> None:
    loaded = loaded_by("artifacts/templates/artifacts/artifact.html", "generation/templates/generation/artifact.html")
    assert {"artifact.js", "commands.js", "socket.js", "idiomorph.min.js"} <= {path.name for path in loaded}
    sizes = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in loaded}
    assert sum(sizes.values()) <= JAVASCRIPT_BYTES, sizes
    assert not set(sizes) & WHEN_USED


@pytest.mark.parametrize("name", ["streamgen-document.js", "client.js"])
def test_what_other_pages_load_stays_small_and_is_all_ours(name: str) -> None:
    """With its style sheets, and what it imports on demand."""
    folder = VENDOR.parent / "js"
    wanted, found = [folder / name], set()
    while wanted:
        if (path := wanted.pop()) not in found:
            found.add(path)
            imported = re.findall(r"""(?:from|import\()\s*"(\./[\w-]+\.js)\"""", path.read_text(encoding="utf-8"))
            wanted += [folder / other for other in imported]
    assert {"socket.js", "event-stream.js", "watched-text.js"} <= {path.name for path in found}
    if name == "streamgen-document.js":
        found |= {folder.parent / "css" / f"{sheet}.css" for sheet in ("document", "pygments", "element")}
    sizes = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in found}
    assert sum(sizes.values()) <= JAVASCRIPT_BYTES, sizes


def test_types_name_every_call_of_the_client() -> None:
    folder = VENDOR.parent / "js"
    code = (folder / "client.js").read_text(encoding="utf-8").partition("export class Client")[2].partition("\n}\n")[0]
    types = (folder / "client.d.ts").read_text(encoding="utf-8").partition("export class Client")[2]
    calls = set(re.findall(r"^  (?:async )?\*?(\w+)\(.*\) \{$", code, re.MULTILINE))
    assert calls - {"line", "headers", "asked"} == set(re.findall(r"^  (\w+)\(", types, re.MULTILINE))


@pytest.mark.parametrize("path", [path for path in SCRIPTS if VENDOR not in path.parents], ids=lambda path: path.name)
def test_own_scripts_make_html_only_where_the_server_sanitised_it(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert not re.search(r"\beval\(|new Function\(|insertAdjacentHTML|outerHTML|document\.write", source)
    assert path.name in {"document.js", EDITOR} or not re.search(r"\.innerHTML\s*=", source)


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
def test_style_sheets_load_nothing(path: Path) -> None:
    own = r"url\(|@import"
    foreign = r"url\((?!\"?data:)|@import"  # a viewer's signs stand in its own sheet
    assert not re.search(foreign if VENDOR in path.parents else own, path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_inline_style_or_handler_and_no_foreign_address(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|\son\w+=|javascript:|(?:src|href)=\"(?:https?:)?//", source)
    assert path.name == "export.html" or "<style" not in source
    assert "|safe" not in source
    assert "autoescape off" not in source
