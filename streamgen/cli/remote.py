"""Documents of a server elsewhere on a terminal, by the Python client: the same text, notes and exit codes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import aclosing, suppress
from functools import partial
from typing import Any, TextIO

from artifacts.pages import labels
from generation.cli.interruption import Interruption
from generation.cli.terminal import Screen, printable
from generation.management.commands.generate import no_such_phase
from streamgen.client import (
    CallRefused,
    Client,
    DocumentEnded,
    EpochBegan,
    NoSuchDocument,
    StateChanged,
    TextAdded,
    TextPlace,
    WatchEvent,
)
from streamgen.client.document import WatchedDocument

PAUSED_STATUS, RUNNING_STATUS = "paused", "running"
RUN_POLL_S = 0.5

RemoteState = dict[str, Any]


async def follow_remote(
    client: Client, artifact: int, *, out: TextIO, err: TextIO, remark: Callable[[], str] = str
) -> str:
    """As `follow`, of a document that the client watches. Raises a `ClientError`."""
    with Screen(out, err) as screen:
        return await _RemoteFollower(client, artifact, screen, remark).follow()


class _RemoteFollower:
    def __init__(self, client: Client, artifact: int, screen: Screen, remark: Callable[[], str]) -> None:
        self._client, self._artifact, self._screen, self._remark = client, artifact, screen, remark
        self._document = WatchedDocument()
        self._paused_at: TextPlace | None = None
        self._completed = 0
        self._note = ""

    async def follow(self) -> str:
        async with aclosing(self._client.watch(self._artifact, document=self._document)) as events:
            async for event in events:
                await self._show(event)
                if isinstance(event, DocumentEnded) or self._is_paused():
                    break
        self._screen.end_text()
        state = self._document.state
        self._screen.note(_ending(state))
        return str(state["status"])

    async def _show(self, event: WatchEvent) -> None:
        match event:
            case EpochBegan():
                if self._note or self._completed:
                    self._screen.end_text()
                    self._screen.note("The document is written anew from here on.")
                self._completed = 0
            case TextAdded():
                self._screen.text(event.text)
            case StateChanged():
                self._tell(event.state)
                self._paused_at = await self._end_of_pause() if event.state["status"] == PAUSED_STATUS else None
        self._say(self._remark())

    async def _end_of_pause(self) -> TextPlace | None:
        """Where the text of a paused document ends: its state may come before the last of its text."""
        found = await self._client.artifact(self._artifact)
        return TextPlace(found["epoch"], found["offset"]) if found["state"]["status"] == PAUSED_STATUS else None

    def _is_paused(self) -> bool:
        place = self._document.place
        return self._paused_at is not None and place is not None and place >= self._paused_at

    def _tell(self, state: RemoteState) -> None:
        done = state["sections_completed"]
        for number, section in enumerate(state["sections"][:done][self._completed :], self._completed + 1):
            self._screen.passing_note(
                f"[{number}/{state['sections_total']}] {section['name']}: {section['tokens']} tokens"
            )
        self._completed = max(self._completed, done)
        if state["status"] == "idle":
            self._say("The document is not started yet; waiting.")
        elif state["status"] == "streaming" and state["reason"]:
            self._say(_sentence(state))
        if self._screen.shows_progress:
            self._screen.progress(
                section=state["current_section"],
                completed=done,
                total=state["sections_total"],
                tokens=state["tokens_generated"],
            )

    def _say(self, note: str) -> None:
        if note and note != self._note:
            self._note = note
            self._screen.passing_note(note)


def _sentence(state: RemoteState) -> str:
    notice = labels.notice(state["reason"], state["last_error"])
    return (notice.detail or notice.text) if notice else ""


def _ending(state: RemoteState) -> str:
    sections = f"{state['sections_completed']} of {state['sections_total']} sections"
    sentence = _sentence(state) if state["status"] == PAUSED_STATUS else ""
    progress = f"{sections}, {state['tokens_generated']} tokens"
    if float(state.get("cost") or 0):
        progress += f", cost {'about ' if float(state['cost_estimated']) else ''}{state['cost']}"
    return f"{state['status']}: {progress}. {sentence}"


async def write_remotely(
    connect: Callable[[], Client], options: dict[str, Any], *, out: TextIO, err: TextIO, on_terminal: bool = False
) -> tuple[str, dict[str, Any]]:
    """What `generate` does, at a server: the status in which it ended, and the document. Raises a `ClientError`."""
    async with connect() as client:
        document = _RemoteDocument(client, options, err)
        await document.begin()
        interruption = Interruption(document.pause, document.cancel)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, interruption.on_signal)
        seen = await follow_remote(client, document.artifact, out=out, err=err, remark=lambda: interruption.remark)
        status = await interruption.outcome(seen, document.status, offer=document.say if on_terminal else None)
        if status != seen:  # the second Ctrl-C came behind the pause
            document.say(f"{status}: what is written stays.")
        found = await client.artifact(document.artifact)
    kept = ("id", "project", "phase", "title", "text", "state")
    return found["state"]["status"], {name: found[name] for name in kept}


async def write_all_remotely(
    connect: Callable[[], Client], options: dict[str, Any], *, out: TextIO, err: TextIO, on_terminal: bool = False
) -> tuple[str, RemoteState]:
    """What `generate --all` does, at a server: how the run ended, and where it stands. Raises a `ClientError`."""
    async with connect() as client:
        document = _RemoteDocument(client, options, err)
        path = f"/projects/{(await document.find_project())['id']}/write"
        interruption = Interruption(partial(_ask, client.call, "POST", f"{path}/pause"), document.cancel)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, interruption.on_signal)
        run = await _begun_run(client, path, options)
        shown, told = {None}, ""
        while run["status"] == RUNNING_STATUS:
            if told != run["detail"]:
                document.say(told := run["detail"])
            if run["artifact"] in shown:
                await asyncio.sleep(RUN_POLL_S)  # the server begins the next one by itself
            else:
                document.artifact = run["artifact"]
                shown.add(run["artifact"])
                seen = await follow_remote(
                    client, document.artifact, out=out, err=err, remark=lambda: interruption.remark
                )
                await interruption.outcome(seen, document.status, offer=document.say if on_terminal else None)
            run = await client.call("GET", path)
        if document.artifact:
            await interruption.outcome("", document.status)
        run = dict(await client.call("GET", path))
        document.say(run["detail"])
    return run["status"], run


async def _begun_run(client: Client, path: str, options: dict[str, Any]) -> RemoteState:
    """The same again goes on with a run that stopped."""
    run = await client.call("GET", path)
    match run["status"] if run else "":
        case "running":
            return dict(run)
        case "stopped" | "paused":
            return dict(await client.call("POST", f"{path}/resume"))
    wishes = {"model": options["model"]} if options["model"] else {}
    return dict(await client.call("POST", path, wishes | {"parallel": options["parallel"]}))


async def _ask(verb: Callable[..., Coroutine[Any, Any, Any]], *words: Any) -> None:
    with suppress(CallRefused, NoSuchDocument):  # it ended at the same moment
        await verb(*words)


class _RemoteDocument:
    """Finds or makes the document, begins it, and stops it when somebody wants that."""

    def __init__(self, client: Client, options: dict[str, Any], err: TextIO) -> None:
        self.artifact = 0
        self._is_new = False
        self._client, self._options, self._err = client, options, err

    def say(self, line: str) -> None:
        self._err.write(f"{printable(line)}\n")
        self._err.flush()

    async def begin(self) -> None:
        """See that it is written, unless it is complete already. Raises a `ClientError`."""
        found = await self._client.artifact(await self._find())
        self.say(f"Document {self.artifact}: {found['title']}.")
        wishes = {name: self._options[name] for name in ("model", "instructions") if self._options[name]}
        wishes |= {"parallel": self._options["parallel"]} if self._options["parallel"] > 1 else {}
        match found["state"]["status"]:
            case "idle":
                await self._client.start(self.artifact, **wishes)
            case "cancelled":
                await self._client.regenerate(self.artifact, **wishes)
            case "complete" if self._options["again"]:
                await self._client.regenerate(self.artifact, **wishes)
            case "complete":
                self.say("The document is complete already; --again writes it anew.")
            case "paused":
                await self._client.resume(self.artifact, **{k: v for k, v in wishes.items() if k == "model"})

    async def pause(self) -> None:
        await _ask(self._client.pause, self.artifact)

    async def cancel(self) -> None:
        await _ask(self._client.cancel, self.artifact)

    async def status(self) -> str:
        return str((await self._client.artifact(self.artifact))["state"]["status"])

    async def find_project(self) -> RemoteState:
        """The newest of that title; made where there is none."""
        wanted = self._options["project"]
        found = [one for one in await self._client.projects() if one["title"] == wanted]
        self._is_new = not found
        return found[0] if found else await self._client.create_project(wanted, self._options["describe"])

    async def _find(self) -> int:
        """Raises `ValueError` for a phase that the project does not have, and that nobody gave a title."""
        phase, title = self._options["phase"], self._options["title"]
        project = await self.find_project()
        rows = [row["id"] for row in project["artifacts"] if row["phase"] == phase]
        if not rows and not title:
            if self._is_new:  # a phase that is mistyped makes no project
                await self._client.call("DELETE", f"/projects/{project['id']}")
            raise ValueError(no_such_phase(phase, [row["phase"] for row in project["artifacts"]]))
        self.artifact = rows[0] if rows else (await self._client.add_artifact(project["id"], phase, title))["id"]
        return self.artifact
