"""Scenarios: a project is written as a whole, and processes are killed while it is."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

from generation.writing.phases import BUILT_IN
from tests.faults.environment import Database, Document, Rig, rigged
from tests.faults.history import History
from tests.faults.oracle import section_text
from tests.faults.polling import until
from tests.faults.result import Result

PLANNED_CHARS = 500
"""Of each of its 32 sections."""
PIECE_CHARS = 4.5
BETWEEN_S = (0.6, 2.4)


async def project_killed(database: Database, seed: int, runs: int) -> Result:
    """kill -9 of a worker or of the web process while all documents of a project are written: each once and whole, in
    their order, each told of the ones before.
    """
    sections = sum(len(phase.plan) for phase in BUILT_IN)
    pieces = sections * PLANNED_CHARS / PIECE_CHARS
    pause_s = max(0.004, runs * sum(BETWEEN_S) / 2 / pieces)  # so that it lasts for as many deaths
    async with rigged(database, seed=seed, redis=database == "postgres", pause_s=pause_s) as rig:
        web = await rig.web()
        port = rig.port_of(web)
        worker = await rig.worker()
        project, documents = await _planned(rig)
        status, answer = await rig.call("POST", f"/projects/{project}/write", {})
        assert status == 202, answer
        rig.watch(documents[-1])
        deaths: Counter[str] = Counter()
        while deaths.total() < runs and _run(rig, project) != "complete":
            await asyncio.sleep(rig.rng.uniform(*BETWEEN_S))
            if rig.rng.random() < 0.3:
                await web.kill()
                web = await rig.web(port=port)
                deaths["web process"] += 1
            else:
                await worker.kill()
                worker = await rig.worker()
                deaths["worker"] += 1
        await until(lambda: _run(rig, project) == "complete", within_s=300, what="the project is written")
        await rig.caught_up()
        history = await asyncio.to_thread(rig.store.dump)
        wrong = [*_begun_in_order(history, documents), *_fed(rig, documents), *_tasks(rig)]
        verdict = await rig.verdict()
        figures = ", ".join(f"{number} x {who}" for who, number in sorted(deaths.items()))
        complete = sum(row.status == "complete" for row in history.rows.values())
        return Result(
            runs=deaths.total(),
            figures=f"{figures}; {complete} of {len(documents)} documents complete, {len(rig.calls())} calls",
            broken=[*verdict.broken, *wrong],
        )


async def _planned(rig: Rig) -> tuple[int, list[Document]]:
    """A project of the built-in documents, each with texts that the endpoint knows."""
    status, project = await rig.call("POST", "/projects", {"title": "Lighthouse"})
    assert status == 201, project
    artifacts = {row["phase"]: row["id"] for row in project["artifacts"]}
    documents = []
    for phase in BUILT_IN:
        texts = {section.name: section_text(rig.rng, PLANNED_CHARS) for section in phase.plan}
        rig.endpoint.script = replace(rig.endpoint.script, texts={**rig.endpoint.script.texts, **texts})
        rig.sections |= dict.fromkeys(texts, artifacts[phase.key])
        expected = "\n\n".join(f"## {name}\n\n{text.strip(chr(10))}" for name, text in texts.items())
        document = Document(artifact=artifacts[phase.key], names=tuple(texts), expected=expected)
        rig.documents[document.artifact] = document
        documents.append(document)
    return project["id"], documents


def _run(rig: Rig, project: int) -> str:
    sql = f"SELECT status FROM generation_projectrun WHERE project_id = {project} ORDER BY id DESC"
    rows: list[Any] = rig.store.query(sql)
    return str(rows[0][0]) if rows else ""


def _begun_in_order(history: History, documents: list[Document]) -> list[str]:
    """None is begun before the one ahead of it is complete."""
    places: dict[tuple[int, str], int] = {}
    for place, write in enumerate(history.writes):
        places.setdefault((write.artifact, write.status), place)
    return [
        f"artifact {after.artifact} was begun before {before.artifact} was complete"
        for before, after in pairwise(documents)
        if places.get((after.artifact, "streaming"), -1) < places.get((before.artifact, "complete"), 0)
    ]


def _fed(rig: Rig, documents: list[Document]) -> list[str]:
    """Each is written from all before it, as they are; and every call of it was told so, in the same words."""
    wrong = []
    rows = rig.store.query("SELECT artifact_id, earlier_id, sha256, part FROM artifacts_sourcetext")
    for number, document in enumerate(documents):
        mine = {earlier: (sha256, part) for artifact, earlier, sha256, part in rows if artifact == document.artifact}
        before = {one.artifact: hashlib.sha256(one.expected.encode()).hexdigest() for one in documents[:number]}
        if {earlier: sha256 for earlier, (sha256, _) in mine.items()} != before:
            wrong.append(f"artifact {document.artifact} is written from {sorted(mine)}, not from {sorted(before)}")
        for call in rig.endpoint.requests:
            if call.section in document.names:
                prompt = "\n".join(str(message["content"]) for message in call.body["messages"])
                if any(part not in prompt for _, part in mine.values()):
                    wrong.append(f"a call for {call.section} was not told of the documents before")
    return wrong


def _tasks(rig: Rig) -> list[str]:
    """Nothing was asked for twice."""
    rows = rig.store.query("SELECT artifact_id, count(*) FROM generation_generationtask GROUP BY artifact_id")
    twice = [f"artifact {artifact} has {count} tasks" for artifact, count in rows if count != 1]
    (row,) = rig.store.query("SELECT count(*) FROM generation_projectrun")
    return twice + ([f"{row[0]} runs"] if row[0] != 1 else [])
