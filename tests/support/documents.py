"""Documents for tests, made by the product's own verbs: in any state, with or without somebody writing them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from threading import Thread
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User
from django.db import connections
from django.db.models.functions import Now

from artifacts.lifecycle import commands, writing
from artifacts.lifecycle.rows import WriteResult
from artifacts.lifecycle.writing import Flush
from artifacts.models import Artifact, ArtifactVersion, Delta, Project, Section, StopRequest
from artifacts.planned_section import PlannedSection

if TYPE_CHECKING:
    from collections.abc import Callable

LEASE_S = 60.0

_numbers = count(1)


def idle() -> Artifact:
    """An idle artifact in a project of its own."""
    number = next(_numbers)
    user, _ = User.objects.get_or_create(username=f"writer-{number}")
    project = Project.objects.create(owner=user, title=f"Project {number}")
    return Artifact.objects.create(project=project, phase="brief", title="Brief")


def sections(total: int = 2) -> list[PlannedSection]:
    return [
        PlannedSection(name=f"Part {number}", instructions="Say it.", max_tokens=100) for number in range(1, total + 1)
    ]


def waiting(*, total: int = 2) -> Artifact:
    """Started, and nobody writes it yet."""
    artifact = idle()
    commands.plan(artifact.pk, sections(total), "Be brief.")
    return row(artifact.pk)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """One writer's claim on one document."""

    pk: int
    fence: int

    def next_flush(self, text: str = "", *, offset: int | None = None, tokens: int = 0) -> Flush:
        """What to commit at the end of the committed text, unless told otherwise."""
        if offset is None:
            offset = Artifact.objects.filter(pk=self.pk).values_list("length", flat=True).first() or 0
        return Flush(offset=offset, text=text, tokens=tokens)

    def append(self, text: str, *, offset: int | None = None, tokens: int = 0, lease_s: float = LEASE_S) -> WriteResult:
        flush = self.next_flush(text, offset=offset, tokens=tokens)
        return writing.append(self.pk, fence=self.fence, flush=flush, lease_s=lease_s)

    def begin(self, position: int) -> WriteResult:
        return writing.begin_section(self.pk, fence=self.fence, position=position, model="tiny", lease_s=LEASE_S)

    def end_section(self, position: int, text: str = "", *, tokens: int = 0) -> WriteResult:
        flush = self.next_flush(text, tokens=tokens)
        return writing.complete_section(
            self.pk, fence=self.fence, position=position, flush=flush, tokens=tokens, model="tiny", lease_s=LEASE_S
        )

    def stop(self, text: str = "", reason: str = "provider_error", detail: str = "It broke.") -> WriteResult:
        return writing.stop(
            self.pk, fence=self.fence, flush=self.next_flush(text), section_tokens=7, reason=reason, detail=detail
        )

    def release(self, text: str = "") -> WriteResult:
        return writing.release(self.pk, fence=self.fence, flush=self.next_flush(text), section_tokens=7)

    def complete(self) -> WriteResult:
        return writing.complete(self.pk, fence=self.fence)

    def finish(self, *texts: str) -> WriteResult:
        """Write one section for each text, and complete."""
        for position, text in enumerate(texts):
            self.begin(position)
            self.end_section(position, text)
        return self.complete()


def opened(*, total: int = 2) -> Draft:
    """A document that a live writer has claimed."""
    artifact = waiting(total=total)
    return reopened(artifact.pk)


def reopened(pk: int) -> Draft:
    return Draft(pk=pk, fence=writing.open(pk, lease_s=LEASE_S).fence)


def paused(text: str = "Half") -> Artifact:
    draft = opened()
    draft.begin(0)
    draft.stop(text)
    return row(draft.pk)


def cancelled(text: str = "Half") -> Artifact:
    draft = opened()
    draft.begin(0)
    commands.request_stop(draft.pk, StopRequest.CANCEL)
    draft.stop(text)
    return row(draft.pk)


def complete(*texts: str) -> Artifact:
    texts = texts or ("One", "Two")
    draft = opened(total=len(texts))
    draft.finish(*texts)
    return row(draft.pk)


def row(pk: int) -> Artifact:
    return Artifact.objects.get(pk=pk)


def deltas(pk: int) -> list[str]:
    """The deltas of the current epoch, in their order."""
    return list(
        Delta.objects.filter(artifact=pk, epoch=row(pk).epoch).order_by("offset").values_list("text", flat=True)
    )


def expire(pk: int) -> None:
    """The writer died a while ago: its lease is over."""
    Artifact.objects.filter(pk=pk).update(lease_until=Now() - timedelta(seconds=1))


def everything(pk: int) -> dict[str, list[Any]]:
    """All that is stored about a document, to see that nothing changed."""
    return {
        "artifact": list(Artifact.objects.filter(pk=pk).values()),
        **{
            model.__name__: list(model.objects.filter(artifact=pk).order_by("pk").values())
            for model in (Section, Delta, ArtifactVersion)
        },
    }


def together(*works: Callable[[], Any]) -> list[Any]:
    """Run every work in a thread of its own, all at once; what each returned or raised."""
    outcomes: list[Any] = [None] * len(works)

    def run(index: int, work: Callable[[], Any]) -> None:
        try:
            outcomes[index] = work()
        except Exception as error:
            outcomes[index] = error
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=(index, work)) for index, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return outcomes
