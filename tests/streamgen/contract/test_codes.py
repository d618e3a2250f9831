"""The codes of errors: those of the code are those of the page, each is explained, and problems lead there."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client

from artifacts.live import close_codes
from artifacts.live.close_codes import SocketEnding
from artifacts.operating.outages import OutageKind
from streamgen.contract.codes import CODES, OF_STATUS, errors_page
from streamgen.problems import Problem
from tests.support.servers import ROOT

SAID = re.compile(r"""\bcode(?:: str)? ?= ?"([a-z_]+)"|, 4\d\d, "([a-z_]+)"\)""")
ANOTHERS = {"seams", "agents"}
"""Folders that speak of other codes: of joints, and in the errors of OpenAI's API."""
SAYS_CODES = ("Problem(", "Refused(", "LimitReached(", "BadBody", "_refused(", "SocketEnding(")


def said_in_the_source() -> dict[str, str]:
    """Each code that some line gives to a refusal, with a file that does."""
    found = {}
    for app in ("artifacts", "generation", "streamgen"):
        for path in (ROOT / app).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            if any(name in source for name in SAYS_CODES) and not ANOTHERS & set(path.parts):
                for match in SAID.finditer(source):
                    found[match[1] or match[2]] = path.relative_to(ROOT).as_posix()
    return found


def test_every_code_of_the_source_is_explained() -> None:
    found = said_in_the_source()
    assert {"busy", "base_changed", "queue_full", "bad_offset", "idempotency_in_flight"} <= set(found)
    assert {code: path for code, path in found.items() if code not in CODES} == {}


def test_every_code_that_is_explained_is_one_of_the_source() -> None:
    endings = {ending.error for ending in vars(close_codes).values() if isinstance(ending, SocketEnding)}
    outages = {f"database_{kind.value}" for kind in OutageKind}
    known = set(said_in_the_source()) | endings | outages | set(OF_STATUS.values()) | {"bad_message"}
    assert set(CODES) - known == set()
    assert endings - {""} <= set(CODES)


def test_page_of_the_docs_is_made_of_the_codes() -> None:
    """Where this fails, write it anew: `python -m streamgen.contract.codes > docs/errors.md`."""
    page = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    assert page.rstrip("\n") == errors_page()
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == [
        code.code for code in sorted(CODES.values(), key=lambda code: (code.status or 999, code.close))
    ]


@pytest.mark.parametrize("code", CODES)
def test_problem_leads_to_its_entry_on_the_servers_page(client: Client, code: str) -> None:
    response = Problem(status=CODES[code].status or 400, detail="No.", code=code).response()
    told = json.loads(response.content)
    path, _, anchor = told["type"].partition("#")
    assert (told["code"], told["title"]) == (code, CODES[code].title)
    page = client.get(path).content.decode()
    assert f'id="{anchor}"' in page


def test_refusal_without_a_code_has_that_of_its_status() -> None:
    for status, code in OF_STATUS.items():
        assert f'"code": "{code}"' in Problem(status=status, detail="No.").response().content.decode()
        assert CODES[code].status == status
