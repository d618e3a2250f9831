"""The way of the tutorial in a real browser, and what its pictures show."""

from __future__ import annotations

import re
import struct

import pytest

from tests.docs import pictures
from tests.support.servers import ROOT

BOLD = re.compile(r"\*\*([^*]+)\*\*")


def size_of(path) -> tuple[int, int]:
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    return struct.unpack(">II", head[16:24])


@pytest.mark.timeout(300)
@pytest.mark.skipif(
    pictures.CHROMIUM is None,
    reason="no Chromium on PATH (chromium-headless-shell, chromium, chromium-browser or google-chrome)",
)
def test_tutorial_is_walked_in_a_browser_and_its_pictures_are_taken(tmp_path):
    pictures.take(tmp_path)

    wanted = (round(pictures.VIEW["width"] * pictures.SCALE), round(pictures.VIEW["height"] * pictures.SCALE))
    taken = {path.name: size_of(path) for path in tmp_path.glob("*.png")}
    assert taken == dict.fromkeys(("live.png", "shared.png"), wanted)


def test_pictures_of_the_pages_are_those_that_are_taken():
    shown = {
        name for page in (ROOT / "docs").glob("*.md") for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text())
    }

    assert shown == {path.name for path in (ROOT / "docs").glob("*.png")} == {"live.png", "shared.png"}


def test_tutorial_names_what_the_walk_presses():
    source = (ROOT / "tests/docs/pictures.py").read_text("utf-8")
    pressed = set(re.findall(r'get_by_role\("\w+", name="([^"]+)"', source)) - {"A library of things"}

    assert pressed - set(BOLD.findall((ROOT / "docs/tutorial.md").read_text("utf-8"))) == set()
