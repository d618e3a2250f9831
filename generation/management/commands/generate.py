"""`generate`: one document, from nothing to its end, with or without a server; text to stdout, progress to stderr."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Any, NoReturn

from channels.db import database_sync_to_async
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from artifacts import validation
from artifacts.accounts import sign_in
from artifacts.errors import ArtifactError
from artifacts.lifecycle.freshness import written_from
from artifacts.lifecycle.state import state_of
from artifacts.models import Artifact, Project, StreamStatus
from generation import control, project_runs
from generation.cli.follow import EXIT_CODES, INTERRUPTED, follow
from generation.cli.interruption import EarlyInterrupts, Interruption
from generation.cli.log_file import log_beside
from generation.cli.terminal import printable, without_key_marks
from generation.errors import CommandRefused
from generation.models import UNFINISHED, UNFINISHED_RUNS, GenerationTask, RunStatus
from generation.worker.worker import GenerationWorker

RUN_EXIT_CODES = {
    RunStatus.COMPLETE: 0,
    RunStatus.RUNNING: 1,
    project_runs.STOPPED: 3,
    RunStatus.PAUSED: 3,
    RunStatus.CANCELLED: 4,
}
"""What `--all` exits with."""


class Command(BaseCommand):
    help = (
        "Write a document to its end. Exit code 0 complete, 3 paused, 4 cancelled. Ctrl-C pauses, and the same command "
        "goes on; a second Ctrl-C cancels. All that is written stays."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="TITLE", help="The project; made where there is none.")
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--phase", help="brief, prd, specs, stories, artifacts, handoff, or your own.")
        which.add_argument(
            "--all", action="store_true", help="All of its documents that were not started yet, one after the other."
        )
        parser.add_argument("--describe", default="", metavar="TEXT", help="What a new project is about.")
        parser.add_argument("--instructions", default="", metavar="TEXT", help="Wishes for this document.")
        parser.add_argument("--title", default="", help="The title of a phase of your own that is not there yet.")
        parser.add_argument("--model", default="", help="The model to ask (STREAMGEN_MODEL).")
        parser.add_argument(
            "--parallel",
            type=validation.whole_number,
            default=1,
            metavar="N",
            help="So many sections at once, up to 8.",
        )
        parser.add_argument(
            "--again", action="store_true", help="Write a complete document anew; the old text is kept."
        )
        parser.add_argument("--json", action="store_true", help="One JSON object at the end instead of the text.")

    def handle(self, *args: Any, **options: Any) -> None:
        log = log_beside(sys.stderr, settings.DATA_DIR / "cli.log")
        self._early = EarlyInterrupts()
        try:
            call_command("migrate", verbosity=0, interactive=False)
            control.checked_parallel(options["parallel"])  # before a project is made for it
            control.model_name(options["model"])
            if options["all"]:
                self._write_all(options)
            artifact = self._artifact(options)
            self._say(f"Document {artifact.pk}: {artifact.title}.{f' Log: {log}' if log else ''}")
            self._early.begin()
            status = self._follow(artifact, self._begin(artifact, options), options)
        except (ArtifactError, CommandRefused) as error:
            raise CommandError(error.detail) from None
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)  # nothing was begun yet
        finally:
            self._early.end()
        if status == StreamStatus.PAUSED:
            self._say(f"To go on: {same_command(options)}")
        if options["json"]:
            self.stdout.write(json.dumps(_described(artifact.pk), ensure_ascii=False))
        sys.exit(EXIT_CODES.get(status, 1))

    def _say(self, line: str) -> None:
        print(printable(line), file=sys.stderr, flush=True)

    def _write_all(self, options: dict[str, Any]) -> NoReturn:
        """The same again goes on with a run that stopped."""
        project = self._project(options)
        run, owner = project_runs.latest_run(project.pk), project.owner
        self._early.begin()
        if run is None or run.status not in UNFINISHED_RUNS:
            run = project_runs.write_all(project, owner, model=options["model"], parallel=options["parallel"])
        elif project_runs.state_of_run(run).status != RunStatus.RUNNING:
            run = project_runs.resume_run(project, owner)
        while True:
            state = project_runs.state_of_run(run)
            task = GenerationTask.objects.filter(artifact=state.artifact, status__in=UNFINISHED).first()
            if state.status != RunStatus.RUNNING or task is None:
                break
            self._say(state.detail)
            self._follow(task.artifact, task, options)
            project_runs.advance(run.pk)
        self._say(state.detail)
        if state.status in {RunStatus.PAUSED, project_runs.STOPPED}:
            self._say(f"To go on: {same_command(options)}")
        if options["json"]:
            self.stdout.write(json.dumps(asdict(state), ensure_ascii=False))
        sys.exit(RUN_EXIT_CODES[state.status])

    def _follow(self, artifact: Artifact, task: GenerationTask | None, options: dict[str, Any]) -> str:
        """Write it, unless another worker does, and show it; the status in which it ended."""
        worker = GenerationWorker(only=task.pk, capacity=1) if task else None
        offer = self._say if sys.stdin.isatty() else None
        with open(os.devnull, "w") as nowhere, without_key_marks(sys.stdin):
            out = nowhere if options["json"] else sys.stdout
            following = partial(follow, artifact.pk, out=out, err=sys.stderr)
            try:
                seen, status = asyncio.run(_write(artifact, worker, following, offer, self._early))
            finally:
                self._early.begin()
        if seen != status:  # the second Ctrl-C came behind the last look
            self._say(f"{status}: what is written stays.")
        return status

    def _artifact(self, options: dict[str, Any]) -> Artifact:
        """The document asked for; the project and a phase of the user's own are made where they are missing."""
        phase, title = validation.phase(options["phase"]), options["title"]
        with transaction.atomic():  # a phase that is mistyped makes no project
            project = self._project(options)
            artifact = project.artifacts.filter(phase=phase).first()
            if artifact is None and not title:
                raise CommandError(no_such_phase(phase, project.artifacts.values_list("phase", flat=True)))
            return artifact or control.add_artifact(project, phase, title)

    def _project(self, options: dict[str, Any]) -> Project:
        owner = sign_in.administrator()
        project = Project.objects.filter(title=validation.title(options["project"])).order_by("-pk").first()
        return project or control.create_project(owner, options["project"], options["describe"])

    def _begin(self, artifact: Artifact, options: dict[str, Any]) -> GenerationTask | None:
        """The task that writes the document; None where it is complete already."""
        wishes = {name: options[name] for name in ("model", "instructions", "parallel")}
        match artifact.stream_status:
            case StreamStatus.IDLE:
                return control.start(artifact, artifact.project.owner, **wishes)
            case StreamStatus.CANCELLED:
                return control.regenerate(artifact, artifact.project.owner, **wishes)
            case StreamStatus.COMPLETE if options["again"]:
                return control.regenerate(artifact, artifact.project.owner, **wishes)
            case StreamStatus.COMPLETE:
                changed = [one.title for one in written_from([artifact.pk]).get(artifact.pk, []) if one.is_changed]
                old = f" It is out of date: {', '.join(changed)} changed since." if changed else ""
                self._say(f"The document is complete already; --again writes it anew.{old}")
                return None
            case StreamStatus.PAUSED:
                control.resume(artifact, model=options["model"])
        return GenerationTask.objects.get(artifact=artifact, status__in=UNFINISHED)


class _Stops:
    """The verbs that Ctrl-C stands for, and what came of them."""

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact

    async def pause(self) -> None:
        await self._ask(control.pause)

    async def cancel(self) -> None:
        await self._ask(control.cancel)

    async def status(self) -> str:
        status: str = await database_sync_to_async(self._read)()
        return status

    def _read(self) -> str:
        self._artifact.refresh_from_db(fields=["stream_status"])
        return self._artifact.stream_status

    async def _ask(self, verb: Callable[[Artifact], object]) -> None:
        with suppress(ArtifactError):  # it ended at the same moment
            await database_sync_to_async(verb)(self._artifact)


async def _write(
    artifact: Artifact,
    worker: GenerationWorker | None,
    following: Callable[..., str],
    offer: Callable[[str], None] | None,
    early: EarlyInterrupts,
) -> tuple[str, str]:
    """Follow the document to its end; our worker writes it, unless another one did. The status told, and the final."""
    loop, stop, stops = asyncio.get_running_loop(), asyncio.Event(), _Stops(artifact)
    interruption = Interruption(stops.pause, stops.cancel)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interruption.on_signal)
    early.deliver(interruption.on_signal)
    working = loop.create_task(worker.work(stop)) if worker else None
    try:
        seen = await asyncio.to_thread(following, remark=lambda: interruption.remark)
        return seen, await interruption.outcome(seen, stops.status, offer=offer)
    finally:
        stop.set()
        if working:
            await working


def no_such_phase(phase: str, known: Iterable[str]) -> str:
    return f"The project has no phase {phase}, only {', '.join(known)}. For a phase of your own give its --title."


def same_command(options: dict[str, Any]) -> str:
    """What goes on with the document, as it is typed: this command as it was called, without what is done already."""
    called = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]
    which = ["--all"] if options["all"] else ["--phase", options["phase"]]
    words = ["generate", "--project", options["project"], *which]
    return shlex.join([*called, *words, *(["--json"] if options["json"] else [])])


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
