"""Packs the pieces of documents that are over, beside whatever else its event loop does.

While a document is written its pieces bring viewers what they miss; afterwards only a replay and a timeline ask for
them, and when which one came is all that the text does not tell. So what a piece takes at rest are a few bytes. The
saved page is compressed.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError
from django.utils import timezone

from artifacts.errors import NotFound
from artifacts.lifecycle.pruning import documents_to_pack, pack_pieces
from artifacts.operating import outages

logger = logging.getLogger(__name__)

PACKED_AFTER = timedelta(minutes=10)
"""Whoever was there at the end, or comes back soon, is still served from the pieces."""
PACK_EVERY_S = 60.0
PAUSE_S = 0.05
"""Between two documents: what is being written comes first."""


async def pack_what_is_over(*, after: timedelta = PACKED_AFTER) -> int:
    """All there are just now; how many documents there were."""
    packed, before = 0, timezone.now() - after
    while found := await database_sync_to_async(documents_to_pack)(before):
        for artifact_id, epoch in found:
            with suppress(NotFound):  # deleted meanwhile
                await database_sync_to_async(pack_pieces)(artifact_id, epoch, before)
            packed += 1
            await asyncio.sleep(PAUSE_S)
    return packed


async def keep_packing(*, every_s: float = PACK_EVERY_S) -> None:
    """Until it is cancelled. A database that is away only delays; two workers that meet do no harm."""
    while True:
        await asyncio.sleep(every_s)
        try:
            if packed := await pack_what_is_over():
                logger.info("packed the pieces of %s documents that are over", packed)
        except DatabaseError as error:
            outages.of_database.failed_by(error)
