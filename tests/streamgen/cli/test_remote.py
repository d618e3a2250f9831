"""`watch` and `generate` at a server elsewhere: the database of the one who types them has nothing of it."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from streamgen.cli.remote import write_remotely
from streamgen.client import Client
from tests.streamgen.agents.installation import PLAN, ServedProduct
from tests.support.servers import ROOT

pytestmark = pytest.mark.timeout(180)


RUN_ENDED = {"run": 0, "status": "complete", "detail": "", "complete": 2, "total": 2}


def ids(rows: list[dict[str, int]]) -> list[int]:
    return [row["id"] for row in rows]


class Elsewhere:
    """A folder without a database, and the commands that are typed there."""

    def __init__(self, product: ServedProduct, folder: Path) -> None:
        self._product = product
        self._environment = product.environment | {
            "DATABASE_URL": f"sqlite:///{folder / 'nothing.sqlite3'}",
            "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
            "STREAMGEN_TOKEN": product.token,
        }

    def begin(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *words, "--server", self._product.address],
            cwd=ROOT,
            env=self._environment | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, **variables: str) -> tuple[int, str, str]:
        with self.begin(*words, **variables) as process:
            out, err = process.communicate()
        return process.returncode, out, err


@pytest.fixture
def elsewhere(product: ServedProduct, tmp_path: Path) -> Elsewhere:
    return Elsewhere(product, tmp_path)


def test_watch_shows_a_document_to_its_end(product, elsewhere):
    with product.client() as client:
        artifact = client.create_project("Lighthouse")["artifacts"][0]["id"]
        client.start(artifact, plan=PLAN)
        code, out, err = elsewhere.run("watch", str(artifact))
        assert (code, out) == (0, client.text(artifact))
    assert "[1/1] Why:" in err
    assert err.splitlines()[-1].startswith("complete: 1 of 1 sections")


def test_generate_writes_there_pauses_goes_on_and_finds_it_complete(product, elsewhere):
    words = ("generate", "--project", "Harbour", "--phase", "notes", "--title", "Notes")
    with elsewhere.begin(*words) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 3, err
    assert "--server" in err.splitlines()[-1]
    assert product.token not in err
    code, whole, err = elsewhere.run(*words)
    assert code == 0, err
    assert whole.startswith("## Overview\n\n")
    again = elsewhere.run(*words)
    assert again[:2] == (0, whole)
    assert "--again" in again[2]
    with product.client() as client:
        (project,) = [one for one in client.projects() if one["title"] == "Harbour"]
        (notes,) = [one for one in project["artifacts"] if one["phase"] == "notes"]
        assert client.text(notes["id"]) == whole


def test_generate_all_writes_each_document_there_pauses_and_goes_on(product, elsewhere):
    with product.client() as client:
        project = client.create_project("Canal")
        for row in project["artifacts"]:
            client.delete(row["id"])
        rows = [client.add_artifact(project["id"], phase, phase.title()) for phase in ("notes", "locks")]
        with elsewhere.begin("generate", "--project", " Canal ", "--all") as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            _, err = process.communicate()
        assert (process.returncode, "To go on: " in err.splitlines()[-1]) == (3, True), err
        assert [one["state"]["status"] for one in map(client.artifact, ids(rows))] == ["paused", "idle"]
        code, out, err = elsewhere.run("generate", "--project", "Canal", "--all", "--json")
        assert code == 0, err
        assert json.loads(out) | {"run": 0, "detail": ""} == RUN_ENDED | {"artifact": rows[1]["id"]}
        assert [one["state"]["status"] for one in map(client.artifact, ids(rows))] == ["complete"] * 2
        code, _, err = elsewhere.run("generate", "--project", "Canal", "--all")
        assert (code, "started already" in err) == (1, True), err


def test_phase_that_is_mistyped_makes_nothing_there(product, elsewhere):
    with product.client() as client:
        before = client.projects()
        code, _, err = elsewhere.run("generate", "--project", "Weir", "--phase", "breif")
        assert (code, "only brief, prd, specs" in err, "--title" in err) == (1, True, True), err
        assert client.projects() == before


def test_database_of_ones_own_is_not_touched(product, elsewhere, tmp_path):
    assert elsewhere.run("watch", "999999")[0] == 1
    assert elsewhere.run("generate", "--project", "Weir", "--phase", "breif")[0] == 1
    assert list(tmp_path.glob("*.sqlite3*")) == []


class Interrupting(io.StringIO):
    """A screen whose reader presses Ctrl-C once they see these words."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words

    def write(self, text: str) -> int:
        if self._words and self._words in text:
            self._words = ""
            signal.raise_signal(signal.SIGINT)
        return super().write(text)


@pytest.mark.asyncio
async def test_interrupt_behind_the_pause_cancels_and_is_told(product):
    connect = partial(Client, product.address, token=product.token)
    options = {"project": "Quay", "phase": "notes", "title": "Notes", "describe": "", "parallel": 1}
    options |= {"model": "", "instructions": "", "again": False}
    out, err = Interrupting("##"), Interrupting("paused: 0 of")

    status, document = await write_remotely(connect, options, out=out, err=err)

    assert status == document["state"]["status"] == "cancelled"
    assert err.getvalue().splitlines()[-2:][0].startswith("paused: 0 of ")
    assert err.getvalue().splitlines()[-1] == "cancelled: what is written stays."


def test_token_is_asked_for_where_none_stands(product, elsewhere, tmp_path):
    code, _, err = elsewhere.run("watch", "1", STREAMGEN_TOKEN="")
    assert (code, "STREAMGEN_TOKEN" in err) == (1, True)
    code, _, err = elsewhere.run("watch", "1", "--token-file", str(tmp_path / "none"))
    assert (code, "No such file" in err) == (1, True)
    code, _, err = elsewhere.run("watch", "1", STREAMGEN_TOKEN="sg_wrong")
    assert (code, "sg_wrong" in err, "Traceback" in err) == (1, False, False)
