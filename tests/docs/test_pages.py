"""Every block of every page does what the page says, in order, as somebody would type it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.docs.answers import difference, has_lines, last_json
from tests.docs.blocks import Block, blocks_of
from tests.docs.place import ANSWER, PagePlace, copied, linked
from tests.support.servers import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUNNING = [page for page in PAGES if any(not block.not_run for block in blocks_of(page.read_text("utf-8")))]


FROM_NOTHING = ("tutorial",)
"""Pages that begin with a clone in which nothing was run; the others find what `up` makes."""


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    script = tmp_path_factory.mktemp("endpoint") / "script.json"
    script.write_text(json.dumps({"default": {"text": ANSWER, "piece_tokens": 4}}))
    command = [sys.executable, "-m", "tests.support.endpoint.openai_server", "--port", "0", "--script", str(script)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        process.terminate()


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory, endpoint: str) -> tuple[Path, str]:
    """The project as it is once it was run, and its administrator's token."""
    folder = tmp_path_factory.mktemp("project")
    with closing(PagePlace(folder=folder, clone=copied(folder), endpoint=endpoint)) as place:
        place.give("served")
        place.give(f"shell .venv/bin/python manage.py token admin > {folder / 'token'}")
    return place.clone, (folder / "token").read_text("utf-8").strip()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", RUNNING, ids=lambda page: page.stem)
def test_every_block_of_the_page_does_what_it_says(
    page: Path, seed: tuple[Path, str], endpoint: str, tmp_path: Path
) -> None:
    clone, token = linked(seed[0], tmp_path / "clone"), seed[1]
    if page.stem in FROM_NOTHING:
        shutil.rmtree(clone / "var")
        token = ""
    with closing(PagePlace(folder=tmp_path, clone=clone, endpoint=endpoint, token=token)) as place:
        place.set_pace(0)
        for block in blocks_of(page.read_text("utf-8")):
            if not block.not_run and block.language != "text":
                try:
                    follow(place, block)
                except AssertionError as failure:
                    raise AssertionError(f"{page.relative_to(ROOT)}:{block.line}: {failure}") from None


def follow(place: PagePlace, block: Block) -> None:
    for words in block.given:
        place.give(words)
    if block.language == "output" and not block.title:
        assert has_lines(place.said, block.text), f"what was said is another:\n{place.said}"
    elif block.language == "json" and not block.title:
        wrong = difference(last_json(place.said), json.loads(block.text))
        assert not wrong, wrong
    else:
        place.run(block)
