"""A document that is being written, and the ways of people to its websocket, for the tests of the socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.test import Client

from artifacts.accounts.tokens import issue_token
from artifacts.live import connections, feed
from artifacts.live.connections import Sockets
from artifacts.live.feed import Feeds
from artifacts.messaging import subscription
from artifacts.models import Artifact
from tests.support import documents
from tests.support.line import Headers, Line, bearer

OFTEN_S = 0.05

in_database = database_sync_to_async


class Place:
    """A document with text in it that is being written, its owner's token, and a way to it."""

    draft: documents.Draft
    owner: User
    token: str

    @classmethod
    async def make(cls) -> Place:
        place = cls()
        await in_database(place._make)()
        return place

    def _make(self) -> None:
        self.draft = documents.opened()
        self.draft.begin(0)
        self.draft.append("Hello")
        self.owner = Artifact.objects.get(pk=self.draft.pk).project.owner
        self.token = issue_token(self.owner)

    def path(self, query: str = "") -> str:
        return f"/ws/artifacts/{self.draft.pk}/{query}"

    def line(self, query: str = "", headers: Headers | None = None, **options: Any) -> Line:
        return Line(self.path(query), bearer(self.token) if headers is None else headers, **options)


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Place]:
    connections.current.use(Sockets(check_s=OFTEN_S))
    feed.current.use(Feeds(subscription=subscription.current(), poll_s=OFTEN_S, preview_s=0.01))
    yield await Place.make()
    await subscription.current().close()


def session_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return str(client.session.session_key)


def person(name: str, **fields: Any) -> tuple[User, str]:
    user = User.objects.create_user(name, **fields)
    return user, issue_token(user)


async def errors_of(line: Line) -> tuple[list[str], int]:
    """The codes of the error frames, and the close code."""
    frames, code = await line.end()
    return [frame["code"] for frame in frames if frame["type"] == "error"], code
