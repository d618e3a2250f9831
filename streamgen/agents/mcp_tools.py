"""Documents as tools of the Model Context Protocol: list, start, status, read, rewrite, decide, stop.

Each is a call of the API, as the user whose token came with it: the same access, the same limits, the same record.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from streamgen.client import CallRefused, Client, ClientError

INSTRUCTIONS = (
    "streamgen writes long documents with a language model, section by section, and keeps every word. A project has "
    "documents, each of one phase (brief, prd, specs, stories, artifacts, handoff, or one of the project's own). "
    "`start` begins one and returns at once; it is written on the server whether or not anybody looks. Follow it with "
    "`read`, each time from the `next_offset` of the last one with `wait`, until `is_last`."
)
TOOL_READS_CHARS, TOOL_READS_CHARS_MOST = 20_000, 60_000
TOOL_LISTS, TOOL_LISTS_MOST = 50, 100
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
_STOPS = ToolAnnotations(read_only_hint=False, destructive_hint=True, open_world_hint=False)

ToolAnswer = dict[str, Any]
ClientOf = Callable[[Mapping[str, str] | None], Client]
"""The client of whoever calls, by the headers of the call where it has some."""

DocumentNumber = Annotated[int, Field(description="The number of a document, as list and start tell it.")]


def documents_server(client_of: ClientOf) -> MCPServer[Any]:
    """The server with all tools; how it is reached is the caller's."""
    server: MCPServer[Any] = MCPServer("streamgen", instructions=INSTRUCTIONS, log_level="WARNING")
    tools = DocumentTools(client_of)
    for name, tool, hints in (
        ("list", tools.listed, _READS),
        ("start", tools.started, _WRITES),
        ("status", tools.status, _READS),
        ("read", tools.text_read, _READS),
        ("rewrite", tools.rewritten, _WRITES),
        ("decide", tools.decided, _WRITES),
        ("stop", tools.stopped, _STOPS),
    ):
        server.add_tool(tool, name=name, annotations=hints)
    return server


class DocumentTools:
    """What each says is read by the model that calls it."""

    def __init__(self, client_of: ClientOf) -> None:
        self._client_of = client_of

    async def listed(
        self,
        ctx: Context,
        project: Annotated[int | None, Field(description="Only this one, with all it has.")] = None,
        before: Annotated[int | None, Field(description="Older ones: the `next_before` of the last answer.")] = None,
        limit: Annotated[int, Field(ge=1, le=TOOL_LISTS_MOST)] = TOOL_LISTS,
    ) -> ToolAnswer:
        """List the projects and documents that you may see, the newest first, with their numbers and statuses. Where
        there are older ones `next_before` is not null.
        """
        async with self._client(ctx) as client:
            if project is not None:
                return await client.project(project)
            older = "" if before is None else f"&before={before}"
            found = list(await client.call("GET", f"/projects?limit={limit + 1}{older}"))
        shown = found[:limit]
        return {"projects": shown, "next_before": shown[-1]["id"] if len(found) > limit else None}

    async def started(
        self,
        ctx: Context,
        instructions: Annotated[str, Field(description="What to write, and for whom.")] = "",
        document: Annotated[int | None, Field(description="A document that is there: idle, or paused.")] = None,
        project: Annotated[int | None, Field(description="The project of a new document.")] = None,
        title: Annotated[str, Field(description="Of a new project, where no project is named.")] = "",
        phase: Annotated[str, Field(description="Which document of the project.")] = "brief",
        sections: Annotated[
            list[str] | None, Field(description="The names of its sections; without them those of the phase.")
        ] = None,
    ) -> ToolAnswer:
        """Begin a document, or go on with a paused one. Returns at once; the server writes it, which takes minutes."""
        async with self._client(ctx) as client, _none_where_refused(client) as made:
            if document is None:
                if project is None:
                    if not title:
                        raise ToolError("Name a document, or a project, or give the title of a new project.")
                    project = int((await client.create_project(title, instructions))["id"])
                    made.append(f"/projects/{project}")
                document = await _document(client, project, phase, title, made)
            status = (await client.artifact(document))["state"]["status"]
            match status:
                case "idle":
                    wishes = {"instructions": instructions} if instructions else {}
                    plan = {"plan": [{"name": name} for name in sections]} if sections else {}
                    await client.start(document, **wishes, **plan)
                case "paused":
                    await client.resume(document)
                case "complete" | "cancelled":
                    raise ToolError(f"Document {document} is {status}: `read` shows it, `rewrite` writes it anew.")
            return await _described(client, document)

    async def status(self, ctx: Context, document: DocumentNumber) -> ToolAnswer:
        """How far a document is: its status, its sections, its length, and why it waits or stopped."""
        async with self._client(ctx) as client:
            return await _described(client, document)

    async def text_read(
        self,
        ctx: Context,
        document: DocumentNumber,
        offset: Annotated[int, Field(ge=0, description="Where to begin: characters that you have already.")] = 0,
        epoch: Annotated[int | None, Field(description="Which text the offset is of, as the last read said.")] = None,
        max_chars: Annotated[int, Field(ge=1, le=TOOL_READS_CHARS_MOST)] = TOOL_READS_CHARS,
        wait: Annotated[bool, Field(description="Wait some seconds for text, where there is no more yet.")] = False,
    ) -> ToolAnswer:
        """Read the text of a document, from an offset on. Go on with `next_offset` and `epoch`, until `is_last`."""
        async with self._client(ctx) as client:
            part = await client.part(document, epoch=epoch, offset=offset, waits=wait)
        text = part.text[:max_chars]
        return {
            "document": document,
            "epoch": part.epoch,
            "offset": offset,
            "text": text,
            "next_offset": offset + len(text),
            "is_last": part.is_last and len(text) == len(part.text),
        }

    async def rewritten(
        self,
        ctx: Context,
        document: DocumentNumber,
        instructions: Annotated[str, Field(description="What to do differently.")] = "",
        section: Annotated[int | None, Field(description="Only this section, counted from 1.")] = None,
    ) -> ToolAnswer:
        """Have a finished document written anew with the sections that it has (the old text is kept as a version), or
        one section of it as a draft beside it: read the draft, then `decide`.
        """
        wishes = {"instructions": instructions} if instructions else {}
        async with self._client(ctx) as client:
            if section is None:
                await client.regenerate(document, keep=True, **wishes)
                return await _described(client, document)
            drafted = await client.rewrite(document, section, **wishes)
            return {"draft": drafted["draft"], "of": document, "section": section}

    async def decided(
        self,
        ctx: Context,
        draft: Annotated[int, Field(description="The number of a draft, as rewrite told it.")],
        accept: Annotated[bool, Field(description="Put it in its place; else it is dropped.")],
    ) -> ToolAnswer:
        """Accept or reject the draft of a section, once it is complete."""
        async with self._client(ctx) as client:
            return await (client.accept(draft) if accept else client.reject(draft))

    async def stopped(
        self,
        ctx: Context,
        document: DocumentNumber,
        for_good: Annotated[bool, Field(description="Cancel it; else it is paused, and start goes on.")] = False,
    ) -> ToolAnswer:
        """Stop a document that is being written. Every word stays."""
        async with self._client(ctx) as client:
            return await (client.cancel(document) if for_good else client.pause(document))

    @asynccontextmanager
    async def _client(self, ctx: Context) -> AsyncGenerator[Client, None]:
        """What the server refuses is said to the model: it can do something about it."""
        try:
            async with self._client_of(ctx.headers) as client:
                yield client
        except ClientError as error:
            raise ToolError(str(error)) from None


@asynccontextmanager
async def _none_where_refused(client: Client) -> AsyncGenerator[list[str], None]:
    """What is made for a document, by its paths: whoever is refused it finds none of it, and may ask again."""
    made: list[str] = []
    try:
        yield made
    except CallRefused:
        for path in reversed(made):
            with suppress(ClientError):
                await client.call("DELETE", path)
        raise


async def _document(client: Client, project: int, phase: str, title: str, made: list[str]) -> int:
    """The project's document of that phase; made where it is missing, and then told among what was made."""
    for row in (await client.project(project))["artifacts"]:
        if row["phase"] == phase:
            return int(row["id"])
    document = int((await client.add_artifact(project, phase, title))["id"])
    made.append(f"/artifacts/{document}")
    return document


async def _described(client: Client, document: int) -> ToolAnswer:
    """The document without its text."""
    found = await client.artifact(document)
    kept = ("id", "project", "phase", "title", "epoch")
    return {name: found[name] for name in kept} | {"length": found["offset"], **found["state"]}
