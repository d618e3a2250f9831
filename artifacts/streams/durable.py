"""Each epoch of a document as a Durable Stream: a read-only stream of a public protocol, of which clients are there.

It reads what is asked for and answers what need not wait. `docs/streams.md` says what the answers mean.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, quote

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import Error as DatabaseError

from artifacts.accounts.sessions import Sight
from artifacts.errors import NotFound
from artifacts.live import connections
from artifacts.live.close_codes import GOING_AWAY, NOT_FOUND, SocketRefused
from artifacts.streams.durable_answers import Live, StreamRead, kept, load, part_headers
from artifacts.streams.durable_live import LongPoll, TextEvents
from artifacts.streams.exchange import Exchange, Refused, refusal
from artifacts.streams.offsets import BadOffset, parse_offset
from artifacts.streams.parts import newest_epoch

METHODS = ("GET", "HEAD", "OPTIONS")
CROSS_ORIGIN = {
    "Access-Control-Allow-Origin": "*",  # so a browser shows no page an answer that it asked for with cookies
    "Access-Control-Expose-Headers": (
        "ETag, Location, Stream-Next-Offset, Stream-Cursor, Stream-Up-To-Date, Stream-Closed"
    ),
    "Cross-Origin-Resource-Policy": "cross-origin",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": ", ".join(METHODS),
    "Access-Control-Allow-Headers": "authorization, *",
    "Access-Control-Max-Age": "86400",
}


async def durable_stream(scope: Any, receive: Any, send: Any) -> None:
    """GET and HEAD of a stream, or of the document's newest one. Raises `Refused`."""
    exchange = Exchange(scope, receive, send, always=CROSS_ORIGIN)
    try:
        await _answer(exchange, **{"epoch": None, **scope["url_route"]["kwargs"]})
    except Refused as refused:
        refused.headers = CROSS_ORIGIN | refused.headers
        raise


async def _answer(exchange: Exchange, artifact_id: int, epoch: int | None, secret: str = "") -> None:
    exchange.demand_method(*METHODS)
    if exchange.method == "OPTIONS":
        await exchange.answer(204, PREFLIGHT.items())
        return
    asked = None if epoch is None else _read(exchange, artifact_id, epoch)
    try:
        sight = await connections.admit(exchange.credentials, artifact_id, stays=bool(asked and asked.live))
    except SocketRefused as refused:
        raise refusal(refused.ending) from None
    if asked is None:
        await _redirect(exchange, artifact_id)
        return
    if asked.live:
        await _answer_live(exchange, sight, asked)
        return
    part = await load(asked, asked.begin)
    headers = part_headers(asked, part, exchange)
    await exchange.answer(200, headers.items(), part.text.encode())


async def _answer_live(exchange: Exchange, sight: Sight, asked: StreamRead) -> None:
    part = await load(asked, asked.begin)
    if asked.live == "sse":
        await TextEvents(exchange, sight, asked, part.begin).run()
    elif part.is_full or part.is_over:
        await exchange.answer(
            200 if part.text else 204, part_headers(asked, part, exchange).items(), part.text.encode()
        )
    else:
        await LongPoll(exchange, sight, asked, part.begin, wait_s=settings.STREAMGEN_LONG_POLL_SECONDS).run()


async def _redirect(exchange: Exchange, artifact_id: int) -> None:
    try:
        epoch = await database_sync_to_async(newest_epoch)(artifact_id)
    except NotFound:
        raise refusal(NOT_FOUND) from None
    except DatabaseError:
        raise refusal(GOING_AWAY) from None
    query = f"?{exchange.query.decode('latin-1')}" if exchange.query else ""
    await exchange.answer(307, {"Location": f"{quote(exchange.path)}/{epoch}{query}", **kept(exchange, 1)}.items())


def _read(exchange: Exchange, artifact_id: int, epoch: int) -> StreamRead:
    """Raises `Refused`."""
    try:
        fields = parse_qs(exchange.query.decode("latin-1"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise Refused(400, "The query has too many fields.", code="bad_query") from None
    is_head = exchange.method == "HEAD"
    live: Live = "" if is_head else _live(fields.get("live", []))
    offsets = ["now"] if is_head else fields.get("offset", [] if live else ["-1"])
    if len(offsets) != 1:
        raise Refused(
            400, "A live read needs one offset, -1 for the beginning; any other read one at most.", code="bad_offset"
        )
    try:
        begin = parse_offset(offsets[0])
    except BadOffset:
        detail = "The offset must be -1, now, or what Stream-Next-Offset said."
        raise Refused(400, detail, code="bad_offset") from None
    return StreamRead(
        artifact_id=artifact_id,
        epoch=epoch,
        begin=begin,
        live=live,
        cursor=fields.get("cursor", [""])[-1],
        by_link=bool(exchange.credentials.link_digest),
    )


def _live(said: list[str]) -> Live:
    match said:
        case []:
            return ""
        case ["long-poll"]:
            return "long-poll"
        case ["sse"]:
            return "sse"
    raise Refused(400, "live must be long-poll or sse.", code="bad_query")
