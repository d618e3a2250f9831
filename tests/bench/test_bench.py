"""Every script of the benchmark runs and says what it promises; what its figures are is not judged here."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from bench import revocation
from bench.__main__ import NAMES
from bench.support.pages import PAGE, filled, place_of
from bench.support.report import Report

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.long
@pytest.mark.timeout(400)  # a busy machine makes it several times as long
@pytest.mark.asyncio
async def test_every_script_prints_one_table_and_one_line_of_json(tmp_path):
    found = tmp_path / "found.jsonl"

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench", "--quick", "--json", str(found)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()

    assert process.returncode == 0, (out + err).decode()
    reports = [json.loads(line) for line in found.read_text().splitlines()]
    assert [report["name"] for report in reports] == list(NAMES)
    printed = [json.loads(line) for line in out.decode().splitlines() if line.startswith("{")]
    assert printed == reports
    for report in reports:
        assert report["rows"]
        assert not report["faults"]
        assert {len(row) for row in report["rows"]} == {len(report["columns"])}


def test_a_table_goes_where_the_page_has_a_place_for_it():
    report = Report(name="one", title="what one costs", columns=["what", "ms"], rows=[["a", 1.0]], machine={})

    page = filled("before\n<!-- bench: one -->\nold\n<!-- end -->\nafter\n", report)

    assert "old" not in page
    assert "| a | 1.00 |" in page
    assert filled(page, report) == page
    assert page.endswith("<!-- end -->\nafter\n")


@pytest.mark.parametrize("name", [*NAMES, "growth-viewers", "growth-documents", "growth-streams", "capacity"])
def test_the_page_has_a_place_for_every_table(name):
    assert len(place_of(name).findall(PAGE.read_text())) == 1


def test_revocation_makes_what_it_takes_away(db, capsys):
    revocation.make(1)

    made = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(made["tries"]) == list(revocation.KINDS)
    assert all(one["token"].startswith("sg_") for tries in made["tries"].values() for one in tries)
