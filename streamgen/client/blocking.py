"""The client without `async`: the same words, each waiting until it is done. A loop of its own runs in a thread."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Coroutine, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

from streamgen.client.client import AnswerJson, Client
from streamgen.client.document import WatchedDocument
from streamgen.client.events import TextPart, TextPlace, WatchEvent
from streamgen.client.watch import AWAY_S

T = TypeVar("T")


class BlockingClient:
    """`Client` for scripts and notebooks, also where a loop runs already. Each call of it is here by its name."""

    def __init__(self, server: str, *, token: str = "", tls: ssl.SSLContext | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="streamgen-client", daemon=True)
        self._thread.start()
        self._client = self._run(_made(server, token, tls))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        if self._loop.is_closed():
            return
        self._run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def watch(
        self,
        artifact: int,
        *,
        since: TextPlace | None = None,
        goes_on: bool = False,
        away_s: float = AWAY_S,
        document: WatchedDocument | None = None,
    ) -> Iterator[WatchEvent]:
        """As `Client.watch`."""
        events = self._client.watch(artifact, since=since, goes_on=goes_on, away_s=away_s, document=document)
        try:
            while True:
                try:
                    yield self._run(anext(events))
                except StopAsyncIteration:
                    return
        finally:
            self._run(events.aclose())

    def text(self, artifact: int) -> str:
        return self._run(self._client.text(artifact))

    def part(self, artifact: int, *, epoch: int | None = None, offset: int = 0, waits: bool = False) -> TextPart:
        return self._run(self._client.part(artifact, epoch=epoch, offset=offset, waits=waits))

    def call(self, method: str, path: str, body: AnswerJson | None = None) -> Any:
        return self._run(self._client.call(method, path, body))

    def projects(self) -> list[AnswerJson]:
        return self._run(self._client.projects())

    def project(self, project: int) -> AnswerJson:
        return self._run(self._client.project(project))

    def create_project(self, title: str, description: str = "") -> AnswerJson:
        return self._run(self._client.create_project(title, description))

    def add_artifact(self, project: int, phase: str, title: str = "") -> AnswerJson:
        return self._run(self._client.add_artifact(project, phase, title))

    def artifact(self, artifact: int) -> AnswerJson:
        return self._run(self._client.artifact(artifact))

    def start(self, artifact: int, **wishes: Any) -> AnswerJson:
        return self._run(self._client.start(artifact, **wishes))

    def regenerate(self, artifact: int, **wishes: Any) -> AnswerJson:
        return self._run(self._client.regenerate(artifact, **wishes))

    def pause(self, artifact: int) -> AnswerJson:
        return self._run(self._client.pause(artifact))

    def resume(self, artifact: int, **wishes: Any) -> AnswerJson:
        return self._run(self._client.resume(artifact, **wishes))

    def cancel(self, artifact: int) -> AnswerJson:
        return self._run(self._client.cancel(artifact))

    def delete(self, artifact: int) -> None:
        return self._run(self._client.delete(artifact))

    def section(self, artifact: int, number: int) -> AnswerJson:
        return self._run(self._client.section(artifact, number))

    def edit_section(self, artifact: int, number: int, text: str, *, base_sha256: str) -> AnswerJson:
        return self._run(self._client.edit_section(artifact, number, text, base_sha256=base_sha256))

    def rewrite(self, artifact: int, number: int, **wishes: Any) -> AnswerJson:
        return self._run(self._client.rewrite(artifact, number, **wishes))

    def accept(self, draft: int) -> AnswerJson:
        return self._run(self._client.accept(draft))

    def reject(self, draft: int) -> AnswerJson:
        return self._run(self._client.reject(draft))

    def versions(self, artifact: int) -> list[AnswerJson]:
        return self._run(self._client.versions(artifact))

    def version(self, artifact: int, number: int) -> AnswerJson:
        return self._run(self._client.version(artifact, number))

    def restore(self, artifact: int, number: int) -> AnswerJson:
        return self._run(self._client.restore(artifact, number))

    def _run(self, doing: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result()


async def _made(server: str, token: str, tls: ssl.SSLContext | None) -> Client:
    return Client(server, token=token, tls=tls)
