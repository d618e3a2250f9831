"""An answer that lasts while somebody may see a document: it ends with the login, the document, the client, the server.

It knows no frames and no parts of texts; whoever fills the answer says them.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from artifacts.accounts.sessions import Sight
from artifacts.live import connections
from artifacts.live.close_codes import GOING_AWAY, SocketEnding
from artifacts.live.query import Viewing
from artifacts.live.replica import Replica
from artifacts.replay import playback
from artifacts.streams.exchange import Exchange, Stalled

logger = logging.getLogger(__name__)

HEARTBEAT_S = 15.0
"""After so long a silence a comment says that the line stands; proxies cut what is silent for longer."""
HEARTBEAT = b":\n\n"
CLOSE_S = 1.0
"""What is still to be said may take so long to be handed to the network."""


class LastingAnswer:
    """One reader of one document, who counts as a socket."""

    shows_html = False
    viewing = Viewing()

    def __init__(self, exchange: Exchange, sight: Sight) -> None:
        self.sight = sight
        self.exchange = exchange
        self.ending: SocketEnding | None = None
        """Why it must end, once it must."""
        self._news = asyncio.Event()
        self._filling: asyncio.Task[None] | None = None

    @property
    def unacknowledged_bytes(self) -> int:
        """What was sent and not taken, as far as this side knows."""
        return 0

    async def fill(self, replica: Replica) -> None:
        """Answer, as each kind of stream does; return when that is complete, soon where there is an `ending`."""
        raise NotImplementedError

    def on_news(self) -> None:
        self._news.set()

    async def news(self, timeout_s: float) -> bool:
        """Wait for news that came after the last time; False where there was none for so long."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return True

    async def run(self) -> None:
        """Until the answer is complete, or either side goes. Raises what `fill` raises."""
        connections.current().enter(self)
        entered = playback.enter(self.sight.artifact_id, self, self.viewing)
        self._filling = asyncio.create_task(self._fill(entered.replica))
        gone = asyncio.create_task(self.exchange.gone())
        try:
            await asyncio.wait({self._filling, gone}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:  # how a server ends what still runs; the answer is to be whole nevertheless
            await self.end(GOING_AWAY)
        finally:
            gone.cancel()
            self._filling.cancel()
            connections.current().leave(self)
            await playback.leave(entered, self)
        with suppress(asyncio.CancelledError):
            await self._filling

    async def end(self, ending: SocketEnding) -> None:
        """For `connections`: the answer ends, also where it is not read."""
        self.ending = ending
        self._news.set()
        if self._filling is not None:
            _, stuck = await asyncio.wait({self._filling}, timeout=CLOSE_S)
            if stuck:
                await self.exchange.abort()
                self._filling.cancel()

    async def _fill(self, replica: Replica) -> None:
        try:
            await self.fill(replica)
        except Stalled:
            logger.info("A reader takes nothing, its answer ends artifact=%s", self.sight.artifact_id)
            await self.exchange.abort()
