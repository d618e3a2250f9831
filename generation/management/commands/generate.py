"""`generate`: one document, from nothing to its end, with or without a server; text to stdout, progress to stderr."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from channels.db import database_sync_to_async
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from artifacts import validation
from artifacts.accounts import sign_in
from artifacts.errors import ArtifactError
from artifacts.lifecycle.state import state_of
from artifacts.models import Artifact, Project, StreamStatus
from generation import control
from generation.cli.follow import EXIT_CODES, follow
from generation.errors import CommandRefused
from generation.models import UNFINISHED, GenerationTask
from generation.worker.worker import GenerationWorker


class Command(BaseCommand):
    help = "Write a document to its end. Exit code 0 complete, 3 paused, 4 cancelled. Ctrl-C cancels, keeping the text"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="TITLE", help="The project; made where there is none.")
        parser.add_argument(
            "--phase", required=True, help="brief, prd, specs, stories, artifacts, handoff, or your own."
        )
        parser.add_argument("--describe", default="", metavar="TEXT", help="What a new project is about.")
        parser.add_argument("--instructions", default="", metavar="TEXT", help="Wishes for this document.")
        parser.add_argument("--title", default="", help="The title of a phase of your own that is not there yet.")
        parser.add_argument("--model", default="", help="The model to ask (STREAMGEN_MODEL).")
        parser.add_argument(
            "--again", action="store_true", help="Write a complete document anew; the old text is kept."
        )
        parser.add_argument("--json", action="store_true", help="One JSON object at the end instead of the text.")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        try:
            artifact = self._artifact(options)
            task = self._begin(artifact, options)
            worker = GenerationWorker(only=task.pk, capacity=1) if task else None
        except (ArtifactError, CommandRefused) as error:
            raise CommandError(error.detail) from None
        with open(os.devnull, "w") as nowhere:
            out = nowhere if options["json"] else sys.stdout
            status = asyncio.run(
                _write(artifact, worker, partial(follow, artifact.pk, out=out, err=sys.stderr, stop=threading.Event()))
            )
        if options["json"]:
            self.stdout.write(json.dumps(_described(artifact.pk), ensure_ascii=False))
        sys.exit(EXIT_CODES.get(status, 1))

    def _artifact(self, options: dict[str, Any]) -> Artifact:
        """The document asked for; the project and a phase of the user's own are made where they are missing."""
        phase, title = validation.phase(options["phase"]), options["title"]
        owner, _ = sign_in.administrator()
        project = Project.objects.filter(title=validation.title(options["project"])).order_by("-pk").first()
        if project is None:
            project = control.create_project(owner, options["project"], options["describe"])
        artifact = project.artifacts.filter(phase=phase).first()
        if artifact is None and not title:
            known = ", ".join(project.artifacts.values_list("phase", flat=True))
            raise CommandError(
                f"The project has no phase {phase}, only {known}. For a phase of your own give its --title."
            )
        return artifact or control.add_artifact(project, phase, title)

    def _begin(self, artifact: Artifact, options: dict[str, Any]) -> GenerationTask | None:
        """The task that writes the document; None where it is complete already."""
        wishes = {"model": options["model"], "instructions": options["instructions"]}
        match artifact.stream_status:
            case StreamStatus.IDLE:
                return control.start(artifact, artifact.project.owner, **wishes)
            case StreamStatus.CANCELLED:
                return control.regenerate(artifact, artifact.project.owner, **wishes)
            case StreamStatus.COMPLETE if options["again"]:
                return control.regenerate(artifact, artifact.project.owner, **wishes)
            case StreamStatus.COMPLETE:
                self.stderr.write("The document is complete already; --again writes it anew.")
                return None
            case StreamStatus.PAUSED:
                control.resume(artifact, model=options["model"])
        return GenerationTask.objects.get(artifact=artifact, status__in=UNFINISHED)


async def _write(artifact: Artifact, worker: GenerationWorker | None, following: Callable[[], str]) -> str:
    """Follow the document to its end; our worker writes it, unless another one was faster. The final status."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    asked: list[asyncio.Task[None]] = []

    def on_signal() -> None:
        if asked:
            os._exit(130)  # asked twice: at once; what is committed stays
        asked.append(loop.create_task(_cancel(artifact)))

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    working = loop.create_task(worker.work(stop)) if worker else None
    try:
        return await asyncio.to_thread(following)
    finally:
        stop.set()
        if working:
            await working


async def _cancel(artifact: Artifact) -> None:
    with suppress(ArtifactError):  # it ended at the same moment
        await database_sync_to_async(control.cancel)(artifact)


def _described(artifact_id: int) -> dict[str, object]:
    artifact = Artifact.objects.get(pk=artifact_id)
    return {
        "id": artifact.pk,
        "project": artifact.project_id,
        "phase": artifact.phase,
        "title": artifact.title,
        "text": artifact.text,
        "state": state_of(artifact),
    }
