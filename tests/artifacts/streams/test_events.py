"""Server-sent events as clients meet them: who is let in, how a reader goes on, and how a stream ends."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from django.contrib.sessions.models import Session

from artifacts.accounts import tokens
from artifacts.accounts.admission import Credentials
from artifacts.lifecycle import commands
from artifacts.live import connections
from artifacts.live.close_codes import GOING_AWAY
from artifacts.models import Project
from artifacts.sharing import links
from artifacts.streams.event_ids import parse_event_id
from artifacts.streams.events import event_stream
from tests.artifacts.streams.answer import Answer
from tests.support import documents
from tests.support.line import Headers, bearer, cookie
from tests.support.place import Place, in_database, person, place, session_of
from tests.support.reader import Reader

__all__ = ["place"]

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


def path_of(place: Place, query: str = "") -> str:
    return f"/api/artifacts/{place.draft.pk}/events{query}"


def answer_for(place: Place, query: str = "", *, last: str = "", **options: Any) -> Answer:
    headers = [*bearer(place.token), (b"last-event-id", last.encode("latin-1"))]
    return Answer(path_of(place, query), headers if last else headers[:1], **options)


async def test_text_goes_on_from_the_last_event_without_hole_or_overlap(place: Place) -> None:
    """Cut off after each event once, as EventSource comes back: with the id of the last one that it saw."""
    reader, last, cuts = Reader(), "", 0
    pieces = iter(["\U0001f600 \u91cd\u8981", "\r\n\ndata: no\n\n", "\u2028\u0085end", ""])
    while not reader.is_ended:
        reader.epoch = 0  # a connection begins with a snapshot
        async with answer_for(place, last=last, reader=reader) as answer:
            event = await answer.event()
            if event.frame["type"] == "snapshot" and (piece := next(pieces, None)) is not None:
                if piece:
                    await in_database(place.draft.append)(piece)
                else:
                    await in_database(commands.request_stop)(place.draft.pk, "cancel")
                    await in_database(place.draft.stop)()
                while (event := await answer.event()).frame["type"] == "state":
                    pass
            elif event.frame["type"] == "snapshot" and cuts > 5:
                event = await answer.event()
            last, cuts = event.id, cuts + 1
    assert reader.text == (await in_database(documents.row)(place.draft.pk)).text
    assert last == f"1:{len(reader.text)}:end"
    async with answer_for(place, last=last) as answer:
        assert (answer.status, await answer.body()) == (204, b"")


async def test_html_comes_whole_and_ends(place: Place) -> None:
    async with answer_for(place, "?format=html") as answer:
        assert (await answer.event()).frame["fragments"] is not None
        await in_database(commands.request_stop)(place.draft.pk, "cancel")
        await in_database(place.draft.stop)(" *there*")
        found = await answer.events()
    assert found[-1].frame["type"] == "end"
    assert "<em>there</em>" in answer.reader.html


async def test_reader_of_an_ended_text_gets_the_one_that_took_its_place(place: Place) -> None:
    await in_database(place.draft.finish)("One", "Two")
    length = (await in_database(documents.row)(place.draft.pk)).length
    async with answer_for(place, last=f"1:{length + 1}:end") as answer:
        assert answer.status == 200  # no end of ours
        assert [event.frame["type"] for event in await answer.events()] == ["snapshot", "end"]
    await in_database(commands.reset)(place.draft.pk, documents.sections(), "Anew.")
    async with answer_for(place, last=f"1:{length}:end") as answer:
        event = await answer.event()
    assert (event.frame["type"], event.frame["epoch"], event.id) == ("snapshot", 2, "2:0")


async def test_answer_is_kept_by_nobody_and_passed_on_at_once(place: Place) -> None:
    async with answer_for(place) as answer:
        assert await answer.chunk() == b"retry: 2000\n\n"
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-accel-buffering"] == "no"
        assert answer.headers["x-content-type-options"] == "nosniff"
    async with answer_for(place, method="HEAD") as answer:
        assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert await answer.body() == b""


async def test_silence_is_broken_by_a_comment(place: Place) -> None:
    often = partial(event_stream, heartbeat_s=0.01)
    scoped = {
        "credentials": Credentials(token_digest=tokens.token_digest(place.token)),
        "url_route": {"kwargs": {"artifact_id": place.draft.pk}},
    }
    async with Answer("/", [], app=often, **scoped) as answer:
        await answer.event()
        while await answer.chunk() != b":\n\n":
            pass


@pytest.mark.parametrize(
    ("headers", "query", "status", "code"),
    [
        ([], "", 401, "login_required"),
        (bearer("sg_wrong"), "", 401, "login_required"),
        (cookie("0" * 32), "", 401, "login_required"),
        ("stranger", "", 404, "not_found"),
        ("owner", "?format=pdf", 422, "bad_format"),
    ],
)
async def test_refusal_is_a_problem(place: Place, headers: Any, query: str, status: int, code: str) -> None:
    if headers == "stranger":
        headers = bearer((await in_database(person)("stranger"))[1])
    async with Answer(path_of(place, query), bearer(place.token) if headers == "owner" else headers) as answer:
        problem = json.loads(await answer.body())
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    assert (problem["status"], problem["code"], answer.headers["cache-control"]) == (status, code, "no-store")


async def test_only_reading_is_allowed(place: Place) -> None:
    async with answer_for(place, method="POST") as answer:
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_as_many_streams_as_sockets_are_open_at_once(place: Place, settings: Any) -> None:
    settings.STREAMGEN_SOCKETS_PER_USER = 2
    async with answer_for(place) as first, place.line():
        await first.event()
        async with answer_for(place) as third:
            assert third.status == 429


async def test_cookie_and_link_let_in_and_what_takes_them_away_ends_the_stream(place: Place) -> None:
    project = await in_database(lambda: Project.objects.get(artifacts=place.draft.pk))()
    link, secret = await in_database(links.share)(project, place.owner)
    key = await in_database(session_of)(place.owner)
    ways: list[tuple[str, Headers, Any, str]] = [
        (path_of(place), [(b"cookie", f"sessionid={key}".encode())], delete_sessions, "login_required"),
        (path_of(place), bearer(place.token), lambda: revoke_tokens(place), "login_required"),
        (
            f"/api/artifacts/{place.draft.pk}/link/{secret}/events",
            [],
            lambda: links.revoke_link(link, place.owner),
            "not_found",
        ),
    ]
    for path, headers, take_away, code in ways:
        async with Answer(path, headers) as answer:
            await answer.event()
            await in_database(take_away)()
            *_, said = await answer.events()
            assert (said.frame["type"], said.frame["code"], said.id) == ("error", code, "")
        async with Answer(path, headers) as answer:
            assert answer.status == {"login_required": 401, "not_found": 404}[code]


def delete_sessions() -> None:
    Session.objects.all().delete()


def revoke_tokens(place: Place) -> None:
    for token in place.owner.access_tokens.all():
        tokens.revoke_token(place.owner, token.pk)


async def test_deleted_document_ends_its_streams(place: Place) -> None:
    async with answer_for(place) as answer:
        await answer.event()
        await in_database(commands.delete)(place.draft.pk)
        *_, said = await answer.events()
    assert said.frame["code"] == "deleted"


async def test_server_that_goes_ends_streams_and_asks_to_come_again(place: Place) -> None:
    async with answer_for(place) as answer:
        await answer.event()
        await connections.current().close_all(GOING_AWAY)
        assert await answer.events() == []
    async with answer_for(place) as answer:
        assert (answer.status, await answer.body()) == (200, b"retry: 2000\n\n")


@pytest.mark.parametrize("said", ["", "1", "1:", "1:2:", "1:2:END", "-1:2", "1:2 ", "\u0661:2", "1:" + "9" * 13])
async def test_foreign_id_is_none(said: str) -> None:
    assert parse_event_id(said) is None


async def test_id_is_read_as_it_was_written() -> None:
    for said in ("1:0", "12:99:end"):
        assert str(parse_event_id(said)) == said
