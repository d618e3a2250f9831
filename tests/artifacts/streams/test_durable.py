"""Durable Streams as their clients meet them: every part of the text once, how long it may be kept, and its end."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest

from artifacts.accounts import tokens
from artifacts.accounts.sessions import Login
from artifacts.lifecycle import commands
from artifacts.live import connections
from artifacts.live.close_codes import GOING_AWAY
from artifacts.live.replica import Replica
from artifacts.models import Project
from artifacts.sharing import links
from artifacts.streams.durable_live import TickEnds
from artifacts.streams.offsets import CHUNK_CHARS, CURSORS_SINCE, next_cursor, offset_token
from tests.artifacts.streams.answer import Answer
from tests.support import documents
from tests.support.line import Headers, bearer
from tests.support.place import Place, in_database, place

__all__ = ["place"]

GONE = {
    "type": "/api/errors#not_found",
    "title": "It is not there, or not yours",
    "status": 404,
    "detail": "There is no such text, or it is not kept any more.",
    "code": "not_found",
}

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


@dataclass(frozen=True, kw_only=True)
class Got:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def next(self) -> str:
        return self.headers["stream-next-offset"]


async def got(path: str, headers: Headers, **options: str) -> Got:
    async with Answer(path, headers, **options) as answer:
        return Got(status=answer.status, headers=answer.headers, body=await answer.body())


def stream_of(place: Place, query: str = "", epoch: int | str = 1) -> str:
    return f"/streams/artifacts/{place.draft.pk}/{epoch}{query}"


async def read(place: Place, query: str = "", epoch: int | str = 1, *extra: tuple[bytes, bytes]) -> Got:
    return await got(stream_of(place, query, epoch), [*bearer(place.token), *extra])


async def end(place: Place, text: str = "") -> None:
    await in_database(commands.request_stop)(place.draft.pk, "cancel")
    await in_database(place.draft.stop)(text)


async def test_text_comes_whole_in_chunks_that_never_change(place: Place) -> None:
    await in_database(place.draft.append)("\U0001f600\u91cd\u8981\r\n\u0e01\u0301" * 20_000)
    await end(place, "The end")
    text, parts, offset = (await in_database(documents.row)(place.draft.pk)).text, [], "-1"
    offsets = [offset_token(0)]
    while "stream-closed" not in (part := await read(place, f"?offset={offset}")).headers:
        assert (part.status, len(part.body.decode())) == (200, CHUNK_CHARS)  # of whole characters
        assert "stream-up-to-date" not in part.headers
        again = await read(place, f"?offset={offset}", 1, (b"if-none-match", part.headers["etag"].encode()))
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", part.headers["etag"])
        for said, status in ((f'"other", W/{part.headers["etag"]}', 304), ("*", 304), (part.headers["etag"][:-2], 200)):
            again = await read(place, f"?offset={offset}", 1, (b"if-none-match", said.encode()))
            assert again.status == status
        parts.append(part.body)
        offsets.append(offset := part.next)
    assert b"".join([*parts, part.body]).decode() == text
    assert len(parts) == 2
    untagged = await read(place, "?offset=now", 1, (b"if-none-match", b'"none"'))
    assert untagged.status == 200
    assert sorted(offsets) == offsets
    at_the_end = await read(place, f"?offset={part.next}")
    assert (at_the_end.status, at_the_end.body, at_the_end.headers["stream-closed"]) == (200, b"", "true")


async def test_reader_that_waits_gets_what_is_written_and_the_end(place: Place) -> None:
    first = await read(place)
    assert (first.body, first.headers["stream-up-to-date"]) == (b"Hello", "true")
    waiting = [asyncio.create_task(read(place, f"?offset={first.next}&live=long-poll")) for _ in range(3)]
    for piece in (" \U0001f600", " again", " and again"):
        await in_database(place.draft.append)(piece)
    answers = await asyncio.gather(*waiting)
    assert {answer.status for answer in answers} == {200}
    assert len({(answer.body, answer.next, answer.headers["stream-cursor"]) for answer in answers}) == 1
    text, part = "Hello" + answers[0].body.decode(), answers[0]
    while not text.endswith("and again"):
        part = await read(place, f"?offset={part.next}&live=long-poll")
        text += part.body.decode()
    waiting = [asyncio.create_task(read(place, f"?offset={part.next}&live=long-poll"))]
    await end(place, " the end")
    (part,) = await asyncio.gather(*waiting)
    assert text + part.body.decode() == "Hello \U0001f600 again and again the end"
    assert part.headers["stream-closed"] == "true"
    over = await read(place, f"?offset={part.next}&live=long-poll")
    assert (over.status, over.headers["stream-closed"], over.next) == (204, "true", part.next)


async def test_who_is_answered_within_one_half_second_gets_one_place_whatever_comes_meanwhile() -> None:
    ends, replica = TickEnds(), Replica(1)
    replica.epoch, replica.length = 1, 5
    found = [ends.end(replica, 100.1)]
    replica.length = 9
    found += [ends.end(replica, 100.49), ends.end(replica, 100.51)]
    replica.epoch, replica.length = 2, 3
    assert [*found, ends.end(replica, 100.99), ends.end(Replica(2), 100.99)] == [5, 5, 9, 3, 0]


async def test_wait_ends_with_a_greater_cursor_and_the_same_place(place: Place, settings: Any) -> None:
    settings.STREAMGEN_LONG_POLL_SECONDS = 0.1
    said = str(2**40)
    answer = await read(place, f"?cursor={said}&live=long-poll&offset=now")
    assert (answer.status, answer.next) == (204, offset_token(5))
    assert answer.headers["stream-up-to-date"] == "true"
    assert int(answer.headers["stream-cursor"]) > int(said)


async def test_each_epoch_is_a_stream_of_its_own(place: Place) -> None:
    await end(place, " there")
    waiting = asyncio.create_task(read(place, f"?offset={offset_token(11)}&live=long-poll"))
    await in_database(commands.reset)(place.draft.pk, documents.sections(), "Anew.")
    assert (await waiting).headers["stream-closed"] == "true"
    old, new = await read(place), await read(place, epoch=2)
    assert (old.body, old.headers["stream-closed"]) == (b"Hello there", "true")
    assert (new.body, "stream-closed" in new.headers) == (b"", False)
    newest = await got(f"/streams/artifacts/{place.draft.pk}?offset=-1", bearer(place.token))
    assert (newest.status, newest.headers["location"]) == (307, stream_of(place, "?offset=-1", 2))
    for epoch in (0, 3, 10**30):
        assert (await read(place, epoch=epoch)).status == 404


async def test_events_carry_every_line_as_it_is(place: Place) -> None:
    await in_database(place.draft.append)("\r")
    answer = Answer(stream_of(place, "?offset=-1&live=sse"), bearer(place.token))
    async with answer:
        assert answer.headers["content-type"] == "text/event-stream"
        body = await answer.chunk()
        await in_database(place.draft.append)("\n  two\r\n\nevent: control\rdata: no\n")
        await end(place, " \U0001f600\n")
        body += await answer.body()
    text, last = "", {}
    for block in body.decode().split("\n\n"):
        kind, _, rest = block.partition("\n")
        data = "\n".join(line.removeprefix("data:").removeprefix(" ") for line in rest.split("\n"))
        text += data if kind == "event: data" else ""
        last = json.loads(data) if kind == "event: control" else last
    stored = (await in_database(documents.row)(place.draft.pk)).text
    assert text == stored.replace("\r\n", "\n").replace("\r", "\n")
    assert last == {"streamNextOffset": offset_token(len(stored)), "upToDate": True, "streamClosed": True}


async def test_only_what_a_link_shows_may_be_kept_by_everybodys_caches(place: Place) -> None:
    project = await in_database(lambda: Project.objects.get(artifacts=place.draft.pk))()
    _, secret = await in_database(links.share)(project, place.owner)
    shared = stream_of(place, epoch=f"link/{secret}/1")
    assert (await got(shared, [])).headers["cache-control"] == "public, max-age=1"
    assert (await read(place)).headers["cache-control"] == "private, max-age=1"
    await end(place)
    assert (await got(shared, [])).headers["cache-control"] == "public, max-age=60"
    private = await read(place)
    assert (private.headers["cache-control"], private.headers["vary"]) == (
        "private, max-age=60",
        "Authorization, Cookie",
    )
    for never in (await got(shared, [], method="HEAD"), await got(f"{shared}?offset=now", [])):
        assert never.headers["cache-control"] == "no-store"
    newest = await got(stream_of(place, epoch=f"link/{secret}"), [])
    assert (newest.status, newest.headers["location"]) == (307, shared)


async def test_link_shows_no_earlier_text(place: Place) -> None:
    project = await in_database(lambda: Project.objects.get(artifacts=place.draft.pk))()
    _, secret = await in_database(links.share)(project, place.owner)
    waiting = asyncio.create_task(
        got(stream_of(place, f"?offset={offset_token(5)}&live=long-poll", f"link/{secret}/1"), [])
    )
    await end(place, " there")
    await in_database(commands.reset)(place.draft.pk, documents.sections(), "Anew.")
    assert (await waiting).body in {b" there", json.dumps(GONE).encode()}
    answer = await got(stream_of(place, epoch=f"link/{secret}/1"), [])
    assert (answer.status, json.loads(answer.body)) == (404, GONE)
    assert (await got(stream_of(place, epoch=f"link/{secret}/2"), [])).status == 200


async def test_answer_at_once_takes_no_place_from_those_who_wait(place: Place, settings: Any) -> None:
    settings.STREAMGEN_SOCKETS_PER_USER = 1
    async with Answer(stream_of(place, "?offset=-1&live=sse"), bearer(place.token)) as answer:
        assert answer.status == 200
        assert (await read(place)).status == 200
        assert (await read(place, "?offset=-1&live=sse")).status == 429


@pytest.mark.parametrize("query", ["?offset=", "?offset=5", "?offset=a&offset=b", "?offset=0000000000000006",
                                   "?live=sse", "?live=long-poll", "?offset=-1&live=socket",
                                   "?offset=%D9%A10000000000000000", "?" + "&a=1" * 30])  # fmt: skip
async def test_request_that_is_none_is_400(place: Place, query: str) -> None:
    answer = await read(place, query)
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_writing_is_for_others(place: Place) -> None:
    for method in ("PUT", "POST", "DELETE"):
        answer = await got(stream_of(place), bearer(place.token), method=method)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_reader_who_may_not_any_more_gets_no_text(place: Place) -> None:
    waiting = asyncio.create_task(read(place, f"?offset={offset_token(5)}&live=long-poll"))
    await has_come(place)
    row = await in_database(place.owner.access_tokens.get)()
    await in_database(tokens.revoke_token)(place.owner, row.pk)
    answer = await waiting
    assert (answer.status, json.loads(answer.body)["code"]) == (401, "login_required")


async def has_come(place: Place) -> None:
    """A reader waits."""
    while not connections.current().count(Login(user_id=place.owner.pk)):
        await asyncio.sleep(0.01)


async def test_server_that_goes_answers_whoever_waits(place: Place) -> None:
    waiting = asyncio.create_task(read(place, f"?offset={offset_token(5)}&live=long-poll"))
    await has_come(place)
    await connections.current().close_all(GOING_AWAY)
    answer = await waiting
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


async def test_cursor_is_the_same_for_all_who_said_the_same_and_never_falls() -> None:
    now = CURSORS_SINCE + 1_000.3
    assert [next_cursor(now, said) for said in ("", "1999", "none", "\u0661", "-1", "9" * 30)] == ["2000"] * 6
    assert int(next_cursor(now, "2000")) > 2_000
    assert next_cursor(now, "2000") == next_cursor(now + 0.1, "2000")
    assert next_cursor(now + 0.2, "") == "2001"
