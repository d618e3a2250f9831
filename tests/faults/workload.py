"""Work for the processes of a scenario: documents under way, some of them watched."""

from __future__ import annotations

import asyncio

from tests.faults.environment import Document, Rig

DOCUMENTS_AT_ONCE = 4
VIEWERS = 20


async def top_up(rig: Rig, documents: list[Document], **size: int) -> None:
    """Begin as many as are missing; the first ones of a run get a viewer each."""
    under_way = documents[-2 * DOCUMENTS_AT_ONCE :]
    statuses = await asyncio.to_thread(rig.statuses, under_way) if under_way else {}
    missing = DOCUMENTS_AT_ONCE - sum(status == "streaming" for status, _ in statuses.values())
    for document in await rig.begin(max(0, missing), **size):
        documents.append(document)
        if len(rig.bots) < VIEWERS:
            rig.watch(document)
