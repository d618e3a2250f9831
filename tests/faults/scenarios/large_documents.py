"""Scenarios: documents of 1 MB."""

from __future__ import annotations

import time

from tests.faults.environment import LARGE_CHARS, LARGE_SECTIONS, Database, rigged
from tests.faults.result import Result

DOCUMENTS_A_RUN = 2
VIEWERS_EACH = 3
KILLS_A_DOCUMENT = 4


async def large_documents(database: Database, seed: int, runs: int) -> Result:
    """kill -9 of the worker and of the web process of all viewers in turn, while documents of 1 MB are written; more
    viewers come when they are complete.
    """
    began = time.monotonic()
    async with rigged(database, seed=seed, redis=database == "postgres", large=True) as rig:
        await rig.web()
        victim = await rig.web()
        port = rig.port_of(victim)
        worker = await rig.worker()
        documents = []
        for turn in range(runs):
            if turn % KILLS_A_DOCUMENT == 0:
                documents = await rig.begin(DOCUMENTS_A_RUN)
                for document in documents * VIEWERS_EACH:
                    rig.watch(document, address=f"127.0.0.1:{port}")
            part = (turn % KILLS_A_DOCUMENT + 0.5) / KILLS_A_DOCUMENT
            await rig.until(documents, int(LARGE_SECTIONS * LARGE_CHARS * part), within_s=120)
            if turn % 2:
                await victim.kill()
                victim = await rig.web(port=port)
            else:
                await worker.kill()
                worker = await rig.worker()
            if (turn + 1) % KILLS_A_DOCUMENT == 0 or turn + 1 == runs:
                await rig.until(documents, within_s=180)
                for document in documents:
                    rig.watch(document, address=f"127.0.0.1:{port}")
                await rig.caught_up(within_s=30)
        verdict = await rig.verdict()
        count = len(rig.documents)
    figures = f"{count} documents of 1 MB, {len(rig.bots)} viewers, {time.monotonic() - began:.0f} s"
    return Result(runs=runs, figures=figures, broken=verdict.broken)
