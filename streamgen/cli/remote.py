"""Documents of a server elsewhere on a terminal, by the Python client: the same text, notes and exit codes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import aclosing, suppress
from typing import Any, TextIO

from artifacts.pages import labels
from generation.cli.interruption import Interruption
from generation.cli.terminal import Screen, printable
from streamgen.client import (
    CallRefused,
    Client,
    DocumentEnded,
    EpochBegan,
    StateChanged,
    TextAdded,
    TextPlace,
    WatchEvent,
)
from streamgen.client.document import WatchedDocument

PAUSED_STATUS = "paused"

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


class _RemoteDocument:
    """Finds or makes the document, begins it, and stops it when somebody wants that."""

    def __init__(self, client: Client, options: dict[str, Any], err: TextIO) -> None:
        self.artifact = 0
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
        await self._ask(self._client.pause)

    async def cancel(self) -> None:
        await self._ask(self._client.cancel)

    async def status(self) -> str:
        return str((await self._client.artifact(self.artifact))["state"]["status"])

    async def _ask(self, verb: Callable[[int], Coroutine[Any, Any, Any]]) -> None:
        with suppress(CallRefused):  # it ended at the same moment
            await verb(self.artifact)

    async def _find(self) -> int:
        phase, title = self._options["phase"], self._options["title"]
        wanted = self._options["project"]
        projects = [one for one in await self._client.projects() if one["title"] == wanted]
        project = projects[0] if projects else await self._client.create_project(wanted, self._options["describe"])
        rows = [row["id"] for row in project["artifacts"] if row["phase"] == phase]
        self.artifact = rows[0] if rows else (await self._client.add_artifact(project["id"], phase, title))["id"]
        return self.artifact
