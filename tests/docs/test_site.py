"""The site builds with every link and anchor leading somewhere, has every page, and asks no other host for anything."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.docs.blocks import blocks_of
from tests.support.servers import ROOT

CONFIG = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]
PAGES = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}
FOREIGN = re.compile(r"^(?:https?:)?//")


def pages_in(nav: list[dict[str, object]]) -> list[str]:
    found = []
    for entry in nav:
        for value in entry.values():
            found += [value] if isinstance(value, str) else pages_in(value)  # type: ignore[arg-type]
    return found


def built(folder: Path) -> subprocess.CompletedProcess[str]:
    """The site out of the pages in `folder/docs`, as `make docs` builds it."""
    shutil.copy(ROOT / "zensical.toml", folder)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)


def numbered_lists(page: str) -> int:
    """How many begin in its source."""
    prose = re.sub(r"^ *(```+|~~~+).*?^ *\1$", "", page, flags=re.MULTILINE | re.DOTALL)
    return len(re.findall(r"^1\. ", prose, re.MULTILINE))


class Loaded(HTMLParser):
    """What a browser loads by itself when it shows a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "link" and known.get("rel") in {"canonical", "next", "prev", "alternate"}:
            return
        if address := known.get(LOADS.get(tag, "")):
            self.addresses.append(address)


def test_every_page_is_in_the_navigation_once():
    assert sorted(pages_in(CONFIG["nav"])) == PAGES


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *(ROOT / "docs" / name for name in PAGES)], ids=lambda one: one.stem
)
def test_every_block_says_what_becomes_of_it(path):
    """A language that docs/contributing.md has, a `title="FILE"`, or `<!-- not run: REASON -->` above it."""
    unclear = [
        f"{path.name}:{block.line} {block.language}"
        for block in blocks_of(path.read_text("utf-8"))
        if not block.is_known
    ]

    assert unclear == []


@pytest.mark.timeout(200)
def test_site_builds_strictly_and_loads_nothing_from_elsewhere(tmp_path):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")

    ran = built(tmp_path)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    site = tmp_path / CONFIG["site_dir"]
    assert {path.stem for path in site.glob("*.html")} >= {Path(name).stem for name in PAGES}
    begun = {name: numbered_lists((ROOT / "docs" / name).read_text("utf-8")) for name in PAGES}
    shown = {name: (site / name).with_suffix(".html").read_text("utf-8").count("<ol>") for name in PAGES}
    assert shown == begun  # what stands between two items belongs to the first, else the second is no. 1 again
    foreign = []
    for page in site.rglob("*.html"):
        loaded = Loaded()
        loaded.feed(page.read_text("utf-8"))
        foreign += [f"{page.name} {address}" for address in loaded.addresses if FOREIGN.match(address)]
    for sheet in site.rglob("*.css"):
        foreign += [
            f"{sheet.name} {found}"
            for found in re.findall(r"(?:url\(|@import )[\"']?((?:https?:)?//[^\"')]+)", sheet.read_text("utf-8"))
        ]
    assert foreign == []


@pytest.mark.timeout(200)
@pytest.mark.parametrize("link", ["(nowhere.md)", "(settings.md#no-such-heading)"])
def test_link_that_leads_nowhere_ends_the_build(tmp_path, link):
    (tmp_path / "docs").mkdir()
    for name in PAGES:
        (tmp_path / "docs" / name).write_text("# A page\n", "utf-8")
    (tmp_path / "docs/index.md").write_text(f"# A page\n\n[a link]{link}\n", "utf-8")

    ran = built(tmp_path)

    assert ran.returncode != 0, ran.stdout + ran.stderr
