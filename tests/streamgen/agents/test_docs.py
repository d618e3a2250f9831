"""What docs/agents.md names beside its blocks, which tests/docs runs."""

from __future__ import annotations

import json
import re

from streamgen.agents.event_numbers import ENDED, ITEM_DONE, PART_DONE, PAUSE_TOLD, TEXT_DONE
from tests.support.servers import ROOT

PAGE = (ROOT / "docs/agents.md").read_text()


def test_numbers_are_those_of_the_table():
    for kind in (PAUSE_TOLD, TEXT_DONE, PART_DONE, ITEM_DONE, ENDED):
        assert f"10 L + {kind}" in PAGE


def test_configuration_is_json():
    (block,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert json.loads(block)["mcpServers"]["streamgen"]["args"][1:] == ["mcp", "--user", "admin"]
