"""The conformance suite: it passes where the protocol is kept, and each check fails where its rule is broken."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection

from artifacts.accounts.tokens import issue_token
from streamgen.conformance.report import CheckResult, as_table, conforms
from streamgen.conformance.subject import Subject
from streamgen.conformance.suite import CONFORMANCE_CHECKS, run_checks
from streamgen.conformance.target import Target
from tests.streamgen.conformance.fake import TOKEN, serving_fake
from tests.support.servers import ROOT, serving_product

RULES = {
    "loses-a-delta": "whole-text",
    "ends-early": "whole-text",
    "wrong-hash": "whole-text",
    "counts-backwards": "whole-text",
    "binary": "whole-text",
    "frames-without-bounds": "whole-text",
    "offsets-in-bytes": "whole-text",
    "resumes-one-late": "every-offset",
    "always-all": "every-offset",
    "ends-at-any-cursor": "cursor-beyond",
    "ends-at-foreign-cursor": "cursor-foreign",
    "any-epoch": "cursor-other-epoch",
    "half-a-cursor": "cursor-malformed",
    "changes-its-text": "immutable",
    "leaves-a-tail": "whole-page",
    "pages-by-cursor": "whole-page",
    "sends-without-acks": "slow-reader",
    "loses-an-event": "events",
    "forgets-last-event-id": "events",
    "never-204": "events",
    "closes-without-a-word": "login-required",
    "lets-anybody-in": "login-required",
    "closes-with-1000": "not-found",
    "one-error-for-all": "not-found",
    "any-format": "unknown-format",
    "never-pongs": "ping",
    "forgives-all": "protocol-errors",
    "forgives-nothing": "protocol-errors",
    "wants-exact-acks": "odd-acks",
    "takes-any-size": "message-too-big",
    "takes-any-number": "too-many-messages",
    "errors-as-pages": "problems",
    "errors-without-codes": "problems",
    "no-tags": "entity-tags",
    "never-304": "entity-tags",
    "loses-a-word": "twenty-viewers",
    "no-states": "twenty-viewers",
    "pages-differ": "twenty-viewers",
    "pauses-as-end": "pause",
    "resumes-anew": "pause",
    "edits-in-place": "new-epoch",
    "deletes-in-silence": "deleted",
    "does-twice": "idempotency",
    "any-body": "idempotency",
}
"""What a fake breaks, and the check that is there for it."""
WRITES = {"twenty-viewers", "pause", "new-epoch", "deleted", "idempotency"}
OF_TWO = {"slow-reader", "whole-text", "cursor-foreign", "events"}


async def asked(address: str, *names: str, named: tuple[int, ...] = ()) -> list[CheckResult]:
    async with Target(address, TOKEN, wait_s=3.0, quiet_s=0.4) as target:
        subject = Subject(target=target, named=named, places=40, wait_s=20)
        await subject.prepare()
        return [result async for result in run_checks(subject, names)]


@pytest.mark.asyncio
@pytest.mark.parametrize("named", [(), (1, 2)], ids=["documents of its own", "named documents"])
async def test_another_implementation_that_keeps_the_protocol_passes(named: tuple[int, ...]) -> None:
    async with serving_fake() as address:
        results = await asked(address, named=named)
    assert conforms(results), as_table(results)
    assert {result.name for result in results if result.verdict == "skipped"} == (WRITES if named else set())


def test_every_check_has_a_rule_that_is_broken_for_it() -> None:
    assert set(RULES.values()) == set(CONFORMANCE_CHECKS)


@pytest.mark.asyncio
@pytest.mark.parametrize("breaks", RULES)
async def test_broken_rule_fails_its_check(breaks: str) -> None:
    name = RULES[breaks]
    async with serving_fake(breaks) as address:
        named = () if name in WRITES else (1, 2) if name in OF_TWO else (1,)
        results = await asked(address, name, named=named)
    assert [(result.name, result.verdict) for result in results] == [(name, "failed")], as_table(results)
    assert results[0].detail


def test_suite_needs_neither_django_nor_our_server() -> None:
    program = "import sys, streamgen.conformance.suite, streamgen.conformance.__main__; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout.replace("'", '"')))
    assert not {name for name in loaded if name.partition(".")[0] in {"django", "channels", "artifacts", "generation"}}


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_our_server_conforms(owner: User, tmp_path: Path) -> None:
    """With its worker, embedded, under Daphne: as anybody would ask it, on the command line."""
    database = Path(connection.settings_dict["NAME"])
    with serving_product("daphne", database=database, folder=tmp_path) as server:
        command = [sys.executable, "-m", "streamgen.conformance", server.origin, issue_token(owner), "--json"]
        done = subprocess.run([*command, "--offsets", "60"], cwd=ROOT, capture_output=True, text=True, check=False)
        told = json.loads(done.stdout)
    failed = [check for check in told["checks"] if check["verdict"] != "passed"]
    assert (failed, done.returncode) == ([], 0)
    assert {check["name"] for check in told["checks"]} == set(CONFORMANCE_CHECKS)


@pytest.mark.asyncio
async def test_exit_code_says_what_came_of_it() -> None:
    async with serving_fake("wrong-hash") as address:
        words = [sys.executable, "-m", "streamgen.conformance", address, TOKEN, "--document", "1", "--only"]
        codes = []
        for name in ("ping", "whole-text"):
            process = await asyncio.create_subprocess_exec(*words, name, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
            out, _ = await process.communicate()
            codes.append((process.returncode, b"FAIL" in out))
    assert codes == [(1, True), (1, True)]  # a viewer of a ping sees the wrong hash as well


def test_server_that_is_away_is_said_in_a_sentence() -> None:
    words = [sys.executable, "-m", "streamgen.conformance", "http://127.0.0.1:1", TOKEN]
    away = subprocess.run(words, cwd=ROOT, capture_output=True, check=False)
    assert (away.returncode, b"could not be asked" in away.stderr) == (2, True)
