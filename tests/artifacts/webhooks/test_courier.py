"""News of documents on its way to a real server: signed, sent once more after trouble, given up at last."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from artifacts.lifecycle import commands
from artifacts.models import Artifact, Project, StopRequest, Webhook, WebhookDelivery
from artifacts.webhooks import endpoints
from artifacts.webhooks.courier import Courier
from artifacts.webhooks.posting import HEAD_BYTES
from tests.support import documents
from tests.support.commands import manage
from tests.support.limits import WAIT_S
from tests.support.place import in_database

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

OFTEN_S = 0.01
OK = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.fixture(autouse=True)
def _goes_to_the_loopback(settings) -> None:
    settings.STREAMGEN_WEBHOOKS_TO_PRIVATE = True


@dataclass
class Post:
    """What came in."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A server on the loopback that answers with these bytes, the last ones for ever; None keeps silent."""

    answers: list[bytes | None]
    url: str = ""
    posts: list[Post] = field(default_factory=list)
    silent: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
        headers = dict(one.split(": ", 1) for one in rest if one)
        body = await reader.readexactly(int(headers["Content-Length"]))
        self.posts.append(Post(line=line, headers=headers, body=body))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            self.silent.append(writer)
            return
        writer.write(answer)
        writer.close()


@asynccontextmanager
async def receiving(*answers: bytes | None) -> AsyncIterator[Receiver]:
    receiver = Receiver([*answers])
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?key=k"
    async with server:
        yield receiver
        for writer in receiver.silent:
            writer.close()


@asynccontextmanager
async def carrying() -> AsyncIterator[None]:
    task = asyncio.create_task(Courier(look_every_s=OFTEN_S).serve())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(condition: Callable[[WebhookDelivery], bool]) -> WebhookDelivery:
    """The newest delivery, as soon as it is so."""
    async with asyncio.timeout(WAIT_S):
        while True:
            row = await in_database(WebhookDelivery.objects.first)()
            if row is not None and condition(row):
                return row
            await asyncio.sleep(OFTEN_S)


def hooked(artifact: Artifact, url: str) -> str:
    return endpoints.set_webhook(Project.objects.get(pk=artifact.project_id), url, None)[1]


async def test_each_end_of_writing_is_told_signed_and_only_once():
    async with receiving(OK) as receiver, carrying():
        draft = await in_database(documents.opened)(total=1)
        artifact = await in_database(documents.row)(draft.pk)
        secret = await in_database(hooked)(artifact, receiver.url)
        await in_database(draft.stop)("Half")
        await until(lambda row: row.status == "delivered")
        await in_database(commands.request_stop)(draft.pk, StopRequest.CANCEL)
        await until(lambda row: row.kind == "document.cancelled" and row.status == "delivered")
        await in_database(commands.reset)(draft.pk, documents.sections(1), "")
        await in_database(lambda: documents.reopened(draft.pk).finish("Zwölf 🎈"))()
        row = await until(lambda row: row.kind == "document.completed" and row.status == "delivered")
    assert [json.loads(post.body)["type"].partition(".")[2] for post in receiver.posts] == [
        *("paused", "cancelled", "completed")
    ]
    last = receiver.posts[-1]
    assert last.line == "POST /hook?key=k HTTP/1.1"
    assert last.headers["webhook-id"] == row.event
    signed = f"{row.event}.{last.headers['webhook-timestamp']}.".encode() + last.body
    digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    assert last.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    told = json.loads(last.body)["data"]
    final = await in_database(documents.row)(draft.pk)
    assert told["artifact"] == draft.pk
    assert [told[name] for name in ("status", "epoch", "seq", "length", "sections_completed")] == [
        *("complete", 2, final.seq, final.length, 1)
    ]


async def test_worker_that_is_killed_leaves_the_event_to_the_next_with_the_same_id(tmp_path):
    here = {"DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}", "STREAMGEN_WEBHOOKS_TO_PRIVATE": "1"}
    async with receiving(None, OK) as receiver:
        artifact = await in_database(documents.complete)("Text.")
        await in_database(hooked)(artifact, receiver.url)
        await in_database(lambda: endpoints.send_test(artifact.project, None))()
        async with manage("runworker", "generation", folder=tmp_path, **here) as worker:
            async with asyncio.timeout(WAIT_S):
                while not receiver.posts:
                    await asyncio.sleep(OFTEN_S)
            worker.process.kill()
        row = await until(lambda row: row.status == "waiting")
        assert row.due_at > timezone.now()  # another sender that is there at once does not send it as well
        await in_database(WebhookDelivery.objects.update)(due_at=timezone.now())
        async with carrying():
            await until(lambda row: row.status == "delivered")
    assert [post.headers["webhook-id"] for post in receiver.posts] == [row.event] * 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 500 No\r\n\r\n", "It answered 500."),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
            "It answered 302. Redirects are not followed.",
        ),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "Its answer was not HTTP."),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * HEAD_BYTES * 2, "Its answer was not HTTP, or too long."),
        (b"", "Its answer was not HTTP, or too long."),
    ],
    ids=["500", "302", "no-http", "endless", "nothing"],
)
async def test_anything_but_2xx_waits_and_comes_again(answer, said):
    async with receiving(answer, b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n\r\n") as receiver, carrying():
        artifact = await in_database(documents.idle)()
        await in_database(hooked)(artifact, receiver.url)
        await in_database(lambda: endpoints.send_test(artifact.project, None))()
        row = await until(lambda row: row.detail != "")
        assert (row.detail, row.status) == (said, "waiting")
        await in_database(WebhookDelivery.objects.update)(due_at=timezone.now())
        row = await until(lambda row: row.status == "delivered")
    assert (row.attempts, row.answer, row.detail) == (2, 200, "")


async def test_private_address_is_refused_after_its_name_is_resolved_and_nobody_is_called(settings):
    async with receiving(OK) as receiver, carrying():
        artifact = await in_database(documents.idle)()
        await in_database(hooked)(artifact, receiver.url.replace("127.0.0.1", "localhost"))
        settings.STREAMGEN_WEBHOOKS_TO_PRIVATE = False
        await in_database(lambda: endpoints.send_test(artifact.project, None))()
        row = await until(lambda row: row.detail != "")
    assert "private network" in row.detail
    assert receiver.posts == []


async def test_server_that_is_gone_or_silent_for_days_is_switched_off_with_a_sentence():
    async with receiving(b"HTTP/1.1 410 Gone\r\n\r\n") as receiver, carrying():
        artifact = await in_database(documents.idle)()
        await in_database(hooked)(artifact, receiver.url)
        await in_database(lambda: endpoints.send_test(artifact.project, None))()
        row = await until(lambda row: row.status == "failed")
        hook = await in_database(Webhook.objects.get)()
        assert hook.disabled_at is not None
        assert "410" in hook.trouble
        assert row.attempts == 1
        await in_database(hooked)(artifact, receiver.url)  # on again
        receiver.answers[0] = b"HTTP/1.1 500 No\r\n\r\n"
        await in_database(Webhook.objects.update)(failing_since=timezone.now() - timedelta(days=4))
        await in_database(lambda: endpoints.send_test(artifact.project, None))()
        await until(lambda row: row.status == "failed" and row.answer == 500)
        hook = await in_database(Webhook.objects.get)()
        assert hook.trouble.startswith("Nothing has arrived for 3 days. The last time: It answered 500.")
