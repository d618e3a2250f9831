"""What ends a socket, how, and that nothing is left behind; what a viewer costs that does not read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from autobahn.exception import PayloadExceededError
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.utils import timezone

from artifacts.accounts.admission import Credentials
from artifacts.accounts.sessions import Login, Sight, lapsed
from artifacts.accounts.tokens import token_digest
from artifacts.lifecycle import commands
from artifacts.live import connections, feed
from artifacts.live.close_codes import GOING_AWAY
from artifacts.live.consumer import ViewerConsumer
from artifacts.live.viewer import CREDIT_BYTES
from artifacts.models import AccessToken, Project
from streamgen.asgi import application
from tests.support import documents
from tests.support.limits import WAIT_S
from tests.support.line import Line, bearer, cookie
from tests.support.place import Place, errors_of, in_database, person, place, session_of
from tests.support.watching import Watching

__all__ = ["place"]

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


class TestSocketsPerUser:
    async def test_one_socket_too_many_is_refused_and_a_closed_one_makes_room(
        self, place: Place, settings: Any
    ) -> None:
        settings.STREAMGEN_SOCKETS_PER_USER = 2
        async with place.line() as first:
            await first.frame()
            async with place.line() as second:
                await second.frame()
                for _ in range(3):
                    async with place.line() as third:
                        assert await errors_of(third) == (["too_many_sockets"], 4429)
                _, token = await in_database(person)("boss", is_staff=True, is_superuser=True)
                async with place.line(headers=bearer(token)) as other:
                    await other.frame()
            async with place.line() as again:
                assert (await again.frame())["type"] == "snapshot"
                async with place.line() as surplus:
                    assert await errors_of(surplus) == (["too_many_sockets"], 4429)

    async def test_refused_sockets_do_not_count(self, place: Place, settings: Any) -> None:
        settings.STREAMGEN_SOCKETS_PER_USER = 1
        for _ in range(3):
            async with Line("/ws/artifacts/1000000/", bearer(place.token)) as line:
                assert (await line.end())[1] == 4404
        assert connections.current().count(Login(user_id=place.owner.pk)) == 0


async def _log_out(place: Place) -> None:
    await in_database(Session.objects.all().delete)()


async def _let_session_expire(place: Place) -> None:
    await in_database(Session.objects.update)(expire_date=timezone.now() - timedelta(seconds=1))


async def _change_password(place: Place) -> None:
    def change() -> None:
        place.owner.set_password("another long password")
        place.owner.save()

    await in_database(change)()


async def _deactivate(place: Place) -> None:
    await in_database(User.objects.filter(pk=place.owner.pk).update)(is_active=False)


async def _revoke_token(place: Place) -> None:
    await in_database(AccessToken.objects.all().delete)()


async def _delete_user(place: Place) -> None:
    def delete() -> None:
        other = User.objects.create_user("heir")
        Project.objects.update(owner=other)
        place.owner.delete()

    await in_database(delete)()


async def _give_away(place: Place) -> None:
    await in_database(lambda: Project.objects.update(owner=User.objects.create_user("heir")))()


Change = Callable[[Place], Awaitable[None]]


class TestLoginThatEnds:
    @pytest.mark.parametrize(
        ("by_session", "change", "error", "code"),
        [
            (True, _log_out, "login_required", 4401),
            (True, _let_session_expire, "login_required", 4401),
            (True, _change_password, "login_required", 4401),
            (True, _deactivate, "login_required", 4401),
            (False, _deactivate, "login_required", 4401),
            (False, _revoke_token, "login_required", 4401),
            (False, _delete_user, "login_required", 4401),
            (True, _give_away, "not_found", 4404),
            (False, _give_away, "not_found", 4404),
        ],
    )
    async def test_socket_ends_with_what_let_it_in(
        self, place: Place, by_session: bool, change: Change, error: str, code: int
    ) -> None:
        headers = cookie(await in_database(session_of)(place.owner)) if by_session else bearer(place.token)
        _, token = await in_database(person)("boss", is_staff=True, is_superuser=True)
        async with place.line(headers=headers) as line, place.line(headers=bearer(token)) as boss:
            await line.frame()
            await boss.frame()
            if change is not _revoke_token:
                await change(place)
                assert await errors_of(line) == ([error], code)
                await in_database(place.draft.append)(" world")
                await boss.until(lambda reader: reader.text == "Hello world")
            else:
                await change(place)
                assert await errors_of(line) == ([error], code)

    async def test_staff_who_is_staff_no_longer_sees_own_documents_only(self, place: Place) -> None:
        boss, token = await in_database(person)("boss", is_staff=True, is_superuser=True)
        async with place.line(headers=bearer(token)) as line:
            await line.frame()
            await in_database(User.objects.filter(pk=boss.pk).update)(is_staff=False)
            assert await errors_of(line) == (["not_found"], 4404)

    async def test_password_does_not_end_a_bearer(self, place: Place) -> None:
        async with place.line() as line:
            await line.frame()
            await _change_password(place)
            await in_database(place.draft.append)(" world")
            await line.until(lambda reader: reader.text == "Hello world")

    async def test_many_sockets_cost_no_more_queries(self, django_assert_num_queries: Any) -> None:
        def ask() -> None:
            draft = documents.opened()
            sights = []
            for number in range(20):
                user, token = person(f"reader-{number}", is_staff=True, is_superuser=True)
                sights.append(
                    Sight(login=Login(user_id=user.pk, token_digest=token_digest(token)), artifact_id=draft.pk)
                )
            with django_assert_num_queries(4):
                found = lapsed(sights)
            assert not found.logged_out
            assert not found.out_of_sight

        await in_database(ask)()


class TestEnding:
    async def test_deleted_document_ends_its_sockets(self, place: Place) -> None:
        async with place.line() as text, place.line("?format=html") as html:
            await text.frame()
            await html.frame()
            await in_database(commands.delete)(place.draft.pk)
            assert await errors_of(text) == (["deleted"], 4404)
            assert await errors_of(html) == (["deleted"], 4404)

    async def test_server_that_goes_tells_everybody_to_come_back_and_waits_until_they_have_gone(
        self, place: Place
    ) -> None:
        async with place.line() as first, place.line("?format=html") as second:
            await first.frame()
            await second.frame()
            going = asyncio.create_task(connections.current().close_all(GOING_AWAY))
            assert await errors_of(first) == ([], 1012)
            assert await errors_of(second) == ([], 1012)
            assert not going.done()
            async with place.line() as late:
                assert await errors_of(late) == ([], 1012)
        await going

    @pytest.mark.parametrize("queries_before", [0, 1])
    async def test_database_that_is_away_sends_viewers_away_for_a_moment(
        self, place: Place, queries_before: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        seen = list[str]()

        def fail(execute: Any, sql: str, *rest: Any) -> Any:
            seen.append(sql)
            if len(seen) <= queries_before:
                return execute(sql, *rest)
            connection.execute_wrappers.remove(fail)
            raise OperationalError("away")

        await in_database(lambda: connection.execute_wrappers.append(fail))()
        async with place.line() as line:
            assert await errors_of(line) == ([], 1012)
        assert "outage begins kind=gone" in caplog.text
        assert not any(record.exc_info for record in caplog.records)

    async def test_fault_of_ours_closes_the_socket_instead_of_leaving_it_silent(
        self, place: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with place.line() as line:
            await line.frame()

            watched = feed.current().enter(place.draft.pk, Watching())
            watched.replica.state["status"] = object()  # type: ignore[typeddict-item]
            watched.replica.state_number += 1
            for watcher in list(watched.watchers):
                watcher.on_news()
            assert await errors_of(line) == ([], 1000)
        assert f"A viewer failed artifact={place.draft.pk}" in caplog.text

    async def test_feed_goes_with_the_last_socket(self, place: Place) -> None:
        async with place.line() as line:
            await line.frame()
            assert feed.current().count == 1
        assert feed.current().count == 0
        assert connections.current().count(Login(user_id=place.owner.pk)) == 0

    @pytest.mark.parametrize("error", [OSError, RuntimeError])
    async def test_client_that_vanished_while_it_is_sent_to_is_no_fault(
        self, place: Place, error: type[Exception], caplog: pytest.LogCaptureFixture
    ) -> None:
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        gone = asyncio.Event()

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "websocket.send":
                gone.set()
                raise error("gone")

        scope = {
            "type": "websocket",
            "path": place.path(),
            "query_string": b"",
            "headers": bearer(place.token),
        }
        running = asyncio.create_task(application(scope, incoming.get, send))
        incoming.put_nowait({"type": "websocket.connect"})
        async with asyncio.timeout(WAIT_S):
            await gone.wait()
            incoming.put_nowait({"type": "websocket.receive", "text": '{"type":"ping"}'})
            incoming.put_nowait({"type": "websocket.disconnect", "code": 1006})
            await running
        assert feed.current().count == 0
        assert [record for record in caplog.records if record.name != "streamgen.access"] == []

    async def test_send_that_fails_is_logged_in_one_line_and_ends_the_socket(
        self, place: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Whatever the server raises, and though the client is still there."""

        async def refused(error: Exception) -> int:
            incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
            closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()

            async def send(message: dict[str, Any]) -> None:
                if message["type"] == "websocket.send":
                    raise error
                if message["type"] == "websocket.close":
                    closed.set_result(message["code"])
                    incoming.put_nowait({"type": "websocket.disconnect", "code": message["code"]})

            incoming.put_nowait({"type": "websocket.connect"})
            scope = {"type": "websocket", "path": place.path(), "query_string": b"", "headers": bearer(place.token)}
            await application(scope, incoming.get, send)
            return closed.result()

        errors = [PayloadExceededError("too large"), ValueError("odd"), RuntimeError("broken"), OSError("full")]
        async with asyncio.timeout(WAIT_S):
            assert await asyncio.gather(*map(refused, errors)) == [1000] * 4
        told = [record.getMessage() for record in caplog.records if record.name != "streamgen.access"]
        said = sorted(line.rpartition(": ")[2] for line in told)
        assert said == ["OSError", "PayloadExceededError", "RuntimeError", "ValueError"]
        assert not any(record.exc_info for record in caplog.records)
        assert connections.current().count(Login(user_id=place.owner.pk)) == 0

    async def test_server_that_cancels_the_application_leaves_nothing_behind(self, place: Place) -> None:
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        application = ViewerConsumer.as_asgi()
        scope = {
            "type": "websocket",
            "query_string": b"",
            "headers": [],
            "credentials": Credentials(token_digest=token_digest(place.token)),
            "url_route": {"kwargs": {"artifact_id": place.draft.pk}},
        }
        running = asyncio.create_task(application(scope, incoming.get, sent.put))
        incoming.put_nowait({"type": "websocket.connect"})
        async with asyncio.timeout(WAIT_S):
            while (await sent.get())["type"] != "websocket.send":
                pass
        running.cancel()
        await asyncio.wait([running])
        assert feed.current().count == 0
        assert connections.current().count(Login(user_id=place.owner.pk)) == 0


class TestSlowViewers:
    async def test_viewer_that_never_acknowledges_gets_credit_and_one_frame(self, place: Place) -> None:
        async with place.line(acks=False) as slow, place.line() as quick:
            for _ in range(40):
                await in_database(place.draft.append)("x" * 20_000)
            await quick.until(lambda reader: reader.offset == 5 + 800_000)
            await slow.until(lambda reader: slow.bytes > CREDIT_BYTES)
            await slow.say({"type": "ping"})
            await slow.frame_of("pong")
            assert slow.bytes < CREDIT_BYTES + 65_536 + 2_000
            await slow.say(slow.reader.ack())
            while slow.reader.offset < 5 + 800_000:
                await slow.frame()
                await slow.say(slow.reader.ack())
            assert slow.reader.text == quick.reader.text

    async def test_close_of_a_viewer_that_takes_nothing_any_more_does_not_wait_for_it(self, place: Place) -> None:
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        stuck = asyncio.Event()

        async def send(message: dict[str, Any]) -> None:
            if message["type"] != "websocket.accept":
                stuck.set()
                await asyncio.Event().wait()

        scope = {"type": "websocket", "path": place.path(), "query_string": b"", "headers": bearer(place.token)}
        running = asyncio.create_task(application(scope, incoming.get, send))
        incoming.put_nowait({"type": "websocket.connect"})
        async with asyncio.timeout(WAIT_S):
            await stuck.wait()
            await connections.current().close_all(GOING_AWAY)
        incoming.put_nowait({"type": "websocket.disconnect", "code": 1006})
        await running
