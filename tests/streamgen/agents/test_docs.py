"""What docs/agents.md shows, done."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from streamgen.agents.event_numbers import ENDED, ITEM_DONE, PART_DONE, PAUSE_TOLD, TEXT_DONE
from tests.streamgen.agents.installation import ServedProduct, served_product
from tests.support.servers import ROOT

PAGE = (ROOT / "docs/agents.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedProduct]:
    with served_product(tmp_path_factory.mktemp("docs")) as running:
        yield running


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_block_runs_as_it_stands(product, number):
    block = BLOCKS[number].replace("http://localhost:8000", product.address)
    # Otherwise a document takes a minute.
    short = 'extra_body={"plan": [{"name": "Why"}]}, model="streamgen"'
    ran = subprocess.run(
        [sys.executable, "-c", block.replace('model="streamgen"', short)],
        capture_output=True,
        text=True,
        check=False,
        env=product.environment | {"TOKEN": product.token},
    )
    assert ran.returncode == 0, ran.stderr
    if "print" in block:
        assert ran.stdout.startswith("## Why\n\n")


def test_numbers_are_those_of_the_table():
    for kind in (PAUSE_TOLD, TEXT_DONE, PART_DONE, ITEM_DONE, ENDED):
        assert f"10 L + {kind}" in PAGE


def test_configuration_is_json():
    (block,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert json.loads(block)["mcpServers"]["streamgen"]["args"][1:] == ["mcp", "--user", "admin"]
