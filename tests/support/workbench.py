"""A worker in the test's own loop that writes through the tests' endpoint on a real socket, and ways to wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from channels.db import database_sync_to_async
from django.contrib.auth.models import User

from artifacts.models import Artifact, StreamStatus
from artifacts.planned_section import PlannedSection
from generation import control
from generation.models import GenerationTask
from generation.providers import ChosenProvider
from generation.providers.openai_compatible.client import OpenAICompatible
from generation.worker.worker import GenerationWorker
from tests.support.endpoint.openai_server import OpenAIServer
from tests.support.limits import WAIT_S

LOOP_POLL_S = 0.02
ENDED = {StreamStatus.COMPLETE, StreamStatus.CANCELLED, StreamStatus.PAUSED}


def choice_of(server: OpenAIServer, **options: object) -> ChosenProvider:
    provider = OpenAICompatible(base_url=server.base_url, **{"model": "test-model"} | options)  # type: ignore[arg-type]
    return ChosenProvider(provider=provider, name="test", why="the test says so")


@asynccontextmanager
async def working(choice: ChosenProvider, **options: Any) -> AsyncIterator[GenerationWorker]:
    """A worker that runs until the block ends, and then gives back what it has."""
    stop = asyncio.Event()
    worker = GenerationWorker(choice, **options)
    task = asyncio.create_task(worker.work(stop))
    try:
        yield worker
    finally:
        stop.set()
        await task


def planned(*names: str, max_tokens: int = 4_000) -> list[PlannedSection]:
    return [PlannedSection(name=name, instructions=f"Write {name}.", max_tokens=max_tokens) for name in names]


def text_of_sections(texts: Sequence[tuple[str, str]]) -> str:
    """What a document of these sections is."""
    return "\n\n".join(f"## {name}\n\n{text}" for name, text in texts)


async def start(
    artifact: Artifact, user: User | None = None, *names: str, max_tokens: int = 4_000, **options: object
) -> GenerationTask:
    plan = planned(*names, max_tokens=max_tokens) if names else None
    return await database_sync_to_async(control.start)(artifact, user, plan=plan, **options)


async def until_artifact(
    artifact: Artifact, condition: Callable[[Artifact], bool], within_s: float = WAIT_S
) -> Artifact:
    """The artifact as soon as the condition holds for what is committed."""
    async with asyncio.timeout(within_s):
        while True:
            now = await database_sync_to_async(Artifact.objects.get)(pk=artifact.pk)
            if condition(now):
                return now
            await asyncio.sleep(LOOP_POLL_S)


async def until_ended(artifact: Artifact) -> Artifact:
    return await until_artifact(artifact, lambda now: now.stream_status in ENDED)


async def text_of(artifact: Artifact) -> str:
    return await database_sync_to_async(lambda: Artifact.objects.get(pk=artifact.pk).text)()


async def settled(task: GenerationTask, *statuses: str) -> GenerationTask:
    """The task once it has one of these statuses."""
    async with asyncio.timeout(WAIT_S):
        while True:
            await database_sync_to_async(task.refresh_from_db)()
            if task.status in statuses:
                return task
            await asyncio.sleep(LOOP_POLL_S)
