"""Carries what is due, beside whatever else its event loop does: a few at once, one of a webhook. It writes no text."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import Error as DatabaseError

from artifacts.operating import outages
from artifacts.webhooks import deliveries, signing
from artifacts.webhooks.deliveries import Parcel
from artifacts.webhooks.posting import Undelivered, post_to

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
MOST_UNDER_WAY = 8


class Courier:
    """The events that one worker has under way, by their webhooks."""

    def __init__(self, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._look_every_s = look_every_s
        self._under_way: dict[int, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Until it is cancelled. What it has under way then is sent again by another worker."""
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    free = MOST_UNDER_WAY - len(self._under_way)
                    parcels = await database_sync_to_async(deliveries.take_due)(free, list(self._under_way))
                except DatabaseError as error:
                    outages.of_database.failed_by(error)
                    parcels = []
                for parcel in parcels:
                    self._under_way[parcel.webhook] = group.create_task(self._carry(parcel))
                await asyncio.sleep(self._look_every_s)

    async def _carry(self, parcel: Parcel) -> None:
        try:
            answer, trouble = await self._sent(parcel)
            await database_sync_to_async(deliveries.note_outcome)(parcel, answer, trouble)
            logger.info(
                "webhook=%s event=%s attempt=%s answer=%s", parcel.webhook, parcel.event, parcel.attempt, answer
            )
        except Exception as error:  # nothing of a foreign server may end a worker; the row is taken up again
            logger.warning("webhook=%s event=%s failed: %s", parcel.webhook, parcel.event, type(error).__name__)
        finally:
            del self._under_way[parcel.webhook]

    async def _sent(self, parcel: Parcel) -> tuple[int | None, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "streamgen",
            "webhook-id": parcel.event,
            "webhook-timestamp": str(parcel.timestamp),
            "webhook-signature": signing.signatures(parcel.nonces, parcel.event, parcel.timestamp, parcel.body),
        }
        allows_private = settings.STREAMGEN_WEBHOOKS_TO_PRIVATE
        try:
            answer = await post_to(parcel.url, headers, parcel.body.encode(), allows_private=allows_private)
        except Undelivered as error:
            return None, str(error)
        if HTTPStatus.OK <= answer < HTTPStatus.MULTIPLE_CHOICES:
            return answer, ""
        moved = " Redirects are not followed." if 300 <= answer < 400 else ""
        return answer, f"It answered {answer}.{moved}"
