"""What a reader of a Durable Stream asks for, and the head of an answer: where it ends, and how long it may be kept."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from artifacts.errors import NotFound
from artifacts.live.close_codes import GOING_AWAY
from artifacts.streams.exchange import Exchange, Refused, refusal
from artifacts.streams.offsets import BadOffset, next_cursor, offset_token
from artifacts.streams.parts import Part, load_part

KEPT_S = 60
"""A cache may keep for so long what cannot change; then it asks again whether it may still be seen."""
KEPT_AT_THE_TAIL_S = 1
NO_STORE = {"Cache-Control": "no-store"}

Live = Literal["", "long-poll", "sse"]


@dataclass(frozen=True, kw_only=True)
class StreamRead:
    """What a reader asks for: the place, None for the end; how it wants to wait; and what it heard last."""

    artifact_id: int
    epoch: int
    begin: int | None
    live: Live
    cursor: str
    by_link: bool
    """Links show no earlier versions."""


async def load(asked: StreamRead, begin: int | None) -> Part:
    """The part at that place. Raises `Refused`."""
    try:
        find = database_sync_to_async(load_part)
        part: Part = await find(asked.artifact_id, asked.epoch, begin, earlier=not asked.by_link)
    except BadOffset:
        raise Refused(400, "The offset lies behind the end of this text.", code="bad_offset") from None
    except NotFound as error:
        raise Refused(404, error.detail, code="not_found") from None
    except DatabaseError:
        raise refusal(GOING_AWAY) from None
    return part


def part_headers(asked: StreamRead, part: Part, exchange: Exchange) -> dict[str, str]:
    """The head of an answer with that part; how long it may be kept, and by whom."""
    headers = {"Content-Type": "text/plain; charset=utf-8", "Stream-Next-Offset": offset_token(part.end)}
    if part.is_at_tail:
        headers["Stream-Up-To-Date"] = "true"
    if part.is_last:
        headers["Stream-Closed"] = "true"
    if exchange.method == "HEAD":
        return headers | NO_STORE
    if asked.live:  # else whoever begins to wait at one place asks for the same
        headers["Stream-Cursor"] = next_cursor(time.time(), asked.cursor)
    if asked.begin is None:
        return headers | NO_STORE
    closed = ":closed" if part.is_last else ""
    headers["ETag"] = f'"{asked.artifact_id}:{asked.epoch}:{part.begin}:{part.end}{closed}"'
    is_settled = part.is_full or part.is_last or (asked.live and part.text)
    return headers | kept(exchange, KEPT_S if is_settled else KEPT_AT_THE_TAIL_S)


def kept(exchange: Exchange, seconds: int) -> dict[str, str]:
    """Everybody's caches keep what a link shows, since its address is the secret; else only the reader's own one."""
    if exchange.credentials.link_digest:
        return {"Cache-Control": f"public, max-age={seconds}"}
    return {"Cache-Control": f"private, max-age={seconds}", "Vary": "Authorization, Cookie"}
