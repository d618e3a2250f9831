"""The websocket as clients meet it: who is let in, what is said, and that misbehaviour is no fault."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.contrib.auth.models import User

from artifacts.live.rate_limit import RateLimit
from tests.support.line import Closed, Headers, Line, bearer, cookie
from tests.support.place import Place, errors_of, in_database, person, place, session_of
from tests.support.reader import Reader

__all__ = ["place"]

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


NOBODIES: list[Headers] = [
    [],
    [(b"origin", b"http://localhost:8000")],
    bearer("sg_wrong"),
    bearer(""),
    [(b"authorization", b"Basic abc")],
    [(b"authorization", b"Bearer \xff\xfe")],
    cookie("0" * 32),
    cookie("'; drop table"),
    [(b"cookie", b"sessionid=\x00\xff; ;;=;"), (b"origin", b"http://localhost:8000")],
]
FOREIGN_ORIGINS = [
    b"http://evil.example",
    b"https://localhost.evil.example",
    b"http://evil.example:8000@other",
    b"null",
    b"",
    b"http://[",
    b"http://localhost, http://evil.example",
    b"\xff\xfe",
    b"file://",
    b"http://localhost",
    b"http://localhost:8001",
    b"https://localhost:8000",
    b"http://localhost:8000/",
    b"http://127.0.0.1:8000",
]
NO_CURSORS = [
    "",
    "?epoch=1",
    "?offset=2",
    "?epoch=1&offset=",
    "?epoch=1&offset=-1",
    "?epoch=1&offset=2.0",
    "?epoch=one&offset=2",
    "?epoch=1&offset=\u0662",
    "?epoch=1&offset=" + "9" * 5_000,
    "?epoch=1&offset=6",
    "?epoch=2&offset=2",
    "?" + "&".join(f"a{number}=1" for number in range(500)),
    "?%ff=%fe&;;&&==",
]


class TestLogin:
    async def test_owner_with_a_bearer_needs_no_origin(self, place: Place) -> None:
        async with place.line() as line:
            assert (await line.frame())["text"] == "Hello"

    async def test_session_with_an_allowed_origin_is_a_login(self, place: Place) -> None:
        key = await in_database(session_of)(place.owner)
        async with place.line(headers=cookie(key)) as line:
            assert (await line.frame())["text"] == "Hello"

    async def test_staff_sees_every_document(self, place: Place) -> None:
        _, token = await in_database(person)("boss", is_staff=True, is_superuser=True)
        async with place.line(headers=bearer(token)) as line:
            assert (await line.frame())["text"] == "Hello"

    async def test_who_is_nobody_is_told_to_sign_in(self, place: Place) -> None:
        for headers in NOBODIES:
            async with place.line(headers=headers) as line:
                assert await errors_of(line) == (["login_required"], 4401), headers

    async def test_cookie_without_an_origin_is_no_login(self, place: Place) -> None:
        key = await in_database(session_of)(place.owner)
        async with place.line(headers=cookie(key)[:1]) as line:
            assert await errors_of(line) == (["login_required"], 4401)

    async def test_wrong_bearer_is_no_login_even_with_a_good_session(self, place: Place) -> None:
        key = await in_database(session_of)(place.owner)
        async with place.line(headers=cookie(key) + bearer("sg_wrong")) as line:
            assert await errors_of(line) == (["login_required"], 4401)

    async def test_inactive_user_is_nobody(self, place: Place) -> None:
        await in_database(User.objects.filter(pk=place.owner.pk).update)(is_active=False)
        async with place.line() as line:
            assert await errors_of(line) == (["login_required"], 4401)

    async def test_stranger_learns_no_more_than_of_a_document_that_is_not_there(self, place: Place) -> None:
        _, token = await in_database(person)("stranger")
        answers = []
        for number in (place.draft.pk, 10**6, 0, 10**30):
            async with Line(f"/ws/artifacts/{number}/", bearer(token)) as line:
                answers.append(await line.end())
        assert answers[0][1] == 4404
        assert answers[0][0][0]["code"] == "not_found"
        assert all(answer == answers[0] for answer in answers)


class TestOrigin:
    async def test_foreign_origin_is_refused_before_the_handshake_even_with_a_bearer(self, place: Place) -> None:
        for origin in FOREIGN_ORIGINS:
            assert await place.line(headers=[*bearer(place.token), (b"origin", origin)]).is_refused(), origin

    async def test_one_foreign_origin_among_several_is_refused(self, place: Place) -> None:
        headers = [*bearer(place.token), (b"origin", b"http://evil.example"), (b"origin", b"http://localhost:8000")]
        assert await place.line(headers=headers).is_refused()

    async def test_own_origin_is_scheme_host_and_port_that_the_handshake_came_to(self, place: Place) -> None:
        for host, origin in (
            (b"localhost:8000", b"http://localhost:8000"),
            (b"LOCALHOST", b"http://localhost:80"),
            (b"[::1]:8000", b"http://[::1]:8000"),
        ):
            async with place.line(headers=[*bearer(place.token), (b"host", host), (b"origin", origin)]) as line:
                assert (await line.frame())["type"] == "snapshot", origin

    async def test_allowed_hosts_say_which_hosts_and_open_no_origin(
        self, place: Place, settings: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        def asked(host: bytes, origin: bytes) -> Line:
            return place.line(headers=[*bearer(place.token), (b"host", host), (b"origin", origin)])

        settings.ALLOWED_HOSTS = ["*"]
        assert await asked(b"docs.example.com", b"http://evil.example").is_refused()
        async with asked(b"docs.example.com", b"http://docs.example.com") as line:
            assert (await line.frame())["type"] == "snapshot"
        settings.ALLOWED_HOSTS = [".example.com"]
        assert await asked(b"example.org", b"http://example.org").is_refused()
        said = [record.getMessage() for record in caplog.records if record.name == "streamgen.websocket_auth"]
        assert len(said) == 2
        assert "'http://evil.example'" in said[0]
        assert "'http://docs.example.com'" in said[0]
        assert "ALLOWED_HOSTS" in said[1]

    async def test_unknown_path_is_refused_quietly(self, place: Place) -> None:
        for path in ("/", "/ws/", "/ws/artifacts/", "/ws/artifacts/x/", "/ws/artifacts/-1/", "/a\nb"):
            assert await Line(path, bearer(place.token)).is_refused(), path


class TestCursor:
    async def test_malformed_half_or_foreign_cursor_gets_everything(self, place: Place) -> None:
        for query in NO_CURSORS:
            async with place.line(query) as line:
                snapshot = await line.frame()
                assert (snapshot["offset"], snapshot["text"]) == (0, "Hello"), query

    async def test_cursor_gets_what_is_missing(self, place: Place) -> None:
        async with place.line("?epoch=1&offset=3", reader=Reader(text="Hel")) as line:
            snapshot = await line.frame()
            assert (snapshot["offset"], snapshot["text"]) == (3, "lo")

    async def test_unknown_format_is_refused(self, place: Place) -> None:
        for query in ("?format=pdf", "?format=TEXT", "?format=html%00"):
            async with place.line(query) as line:
                assert await errors_of(line) == (["bad_format"], 4409), query


class TestMessages:
    async def test_ping_is_answered(self, place: Place) -> None:
        async with place.line() as line:
            await line.say({"type": "ping"})
            assert await line.frame_of("pong") == {"type": "pong"}

    async def test_first_protocol_error_is_told_and_the_second_ends_the_socket(self, place: Place) -> None:
        for wrong in ("nonsense", "[]", '{"type":"cancel"}', '{"type":"ack","epoch":1}', "[" * 60_000, b"\x00\x01"):
            async with place.line() as line:
                await line.say(wrong)
                assert (await line.frame_of("error"))["code"] == "bad_message"
                await line.say({"type": "ping"})
                await line.frame_of("pong")
                await line.say(wrong)
                assert await errors_of(line) == (["bad_message"], 4409), wrong

    async def test_message_over_the_limit_ends_the_socket_with_1009(self, place: Place) -> None:
        for message in ("x" * 65_537, "é" * 32_769, b"x" * 65_537):
            async with place.line() as line:
                await line.say(message)
                assert await errors_of(line) == ([], 1009), message[:1]

    async def test_message_of_the_limit_is_read(self, place: Place) -> None:
        async with place.line() as line:
            empty = json.dumps({"type": "ping", "padding": ""})
            await line.say(json.dumps({"type": "ping", "padding": "x" * (65_536 - len(empty))}))
            await line.frame_of("pong")

    async def test_large_messages_leave_others_their_turn(self, place: Place) -> None:
        turns = 0

        async def take_turns() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        async with place.line() as line:
            await line.frame_of("snapshot")
            for _ in range(50):
                await line.say('{"type":"ping","more":[' + "[]," * 20_000 + "0]}")
            others = asyncio.create_task(take_turns())
            for _ in range(50):
                await line.frame_of("pong")
            others.cancel()
        assert turns >= 50

    async def test_flood_of_messages_ends_the_socket(self, place: Place) -> None:
        async with place.line() as line:
            for _ in range(2_000):
                await line.say({"type": "ack", "epoch": 1, "offset": 1})
            assert await errors_of(line) == (["too_many_messages"], 4429)

    async def test_allowance_fills_up_again_with_time(self) -> None:
        allowance = RateLimit(at_once=2, per_second=8)
        assert [allowance.take(5.0) for _ in range(3)] == [True, True, False]
        assert [allowance.take(5.125), allowance.take(5.125)] == [True, False]
        assert [allowance.take(9.0) for _ in range(3)] == [True, True, False]


async def test_closed_line_says_its_code(place: Place) -> None:
    async with place.line(headers=[]) as line:
        await line.frame()
        with pytest.raises(Closed):
            await line.frame()
