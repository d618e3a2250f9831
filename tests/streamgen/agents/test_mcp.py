"""The tools, called by the protocol's own client over real stdio and real HTTP, on this database and at a server."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from tests.streamgen.agents.installation import ServedProduct
from tests.support.limits import WAIT_S
from tests.support.servers import ROOT

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180)]

ACCEPTED = "application/json, text/event-stream"
BEGUN = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "stock", "version": "1"},
    },
}
TOOLS = {"list", "start", "status", "read", "rewrite", "decide", "stop"}


def stdio(product: ServedProduct, *options: str, **variables: str) -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable,
        args=["manage.py", "mcp", *options],
        cwd=ROOT,
        env=product.environment | variables,
    )


@asynccontextmanager
async def http(product: ServedProduct, *options: str) -> AsyncIterator[str]:
    """The address of the tools."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "manage.py", "mcp", "--http", "--port", "0", *options),
        cwd=ROOT,
        env=product.environment,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(WAIT_S):
            while not (found := re.search(r"http://\S+/mcp", (line := await process.stderr.readline()).decode())):
                assert line, "it ended"
        yield found[0]
    finally:
        process.terminate()
        _, rest = await process.communicate()
    assert process.returncode == 0, rest
    assert b"Traceback" not in rest


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return result.content[0].text


async def whole_text(client: Client, document: int) -> str:
    text, part = "", {"epoch": None, "next_offset": 0, "is_last": False}
    async with asyncio.timeout(WAIT_S):
        while not part["is_last"]:
            asked = {"offset": part["next_offset"], "max_chars": 300, "wait": True}
            asked |= {"epoch": part["epoch"]} if part["epoch"] else {}
            part = await call(client, "read", document=document, **asked)
            text += part["text"]
    return text


async def titles(client: Client) -> list[str]:
    """Of all projects, by short lists."""
    found, asked = [], {}
    while asked is not None:
        told = await call(client, "list", limit=2, **asked)
        assert len(told["projects"]) <= 2
        found += [project["title"] for project in told["projects"]]
        asked = {"before": told["next_before"]} if told["next_before"] else None
    whole = (await call(client, "list"))["projects"]
    assert found[: len(whole)] == [project["title"] for project in whole]
    return found


async def story(client: Client, product: ServedProduct, title: str) -> None:
    """What an agent does with a document, from nothing to a section that was written anew."""
    assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
    wishes = {"title": title, "instructions": "For sailors.", "sections": ["Why", "How"]}
    begun = await call(client, "start", **wishes)
    document = begun["id"]
    assert begun["status"] == "streaming"
    text = await whole_text(client, document)
    assert text.startswith("## Why\n\n")
    status = await call(client, "status", document=document)
    assert (status["status"], status["length"], status["sections_completed"]) == ("complete", len(text), 2)
    assert title in await titles(client)
    assert "rewrite" in await refused(client, "start", document=document)
    before = await titles(client)
    assert "phase" in await refused(client, "start", title="Refused", phase="No Phase")
    assert "plan[0]" in await refused(client, "start", title="Refused", sections=[" "])
    assert await titles(client) == before
    project = (await call(client, "list", project=begun["project"]))["artifacts"]
    assert "plan[0]" in await refused(client, "start", project=begun["project"], phase="notes", sections=[" "])
    assert (await call(client, "list", project=begun["project"]))["artifacts"] == project
    draft = (await call(client, "rewrite", document=document, section=2, instructions="Shorter."))["draft"]
    new = await whole_text(client, draft)
    await call(client, "decide", draft=draft, accept=True)
    again = await whole_text(client, document)
    assert again.startswith(text.partition("\n\n## How")[0])
    assert new.partition("\n\n")[2].strip()[:40] in again
    anew = await call(client, "rewrite", document=document, instructions="Anew.")
    assert (anew["epoch"], anew["sections_total"]) == (status["epoch"] + 2, 2)
    stopped = await call(client, "stop", document=document)
    assert stopped["status"] in {"streaming", "paused"}
    with product.client() as ours:  # on the server it is the same document
        assert ours.artifact(document)["title"] == begun["title"]


async def test_agent_over_stdio_writes_on_this_database_as_a_user(product):
    async with Client(stdio(product, "--user", "ada", "--no-worker")) as client:
        await story(client, product, "Over stdio")
    assert "mcp" not in product.manage("shell", "-v0", "-c", TOKENS)


TOKENS = "from artifacts.models import AccessToken; print(*AccessToken.objects.values_list('name', flat=True))"


async def test_agent_alone_with_the_database_writes_itself(product, tmp_path):
    product.kill_worker()
    try:
        async with Client(stdio(product, "--user", "ada")) as client:
            begun = await call(client, "start", title="Alone", sections=["Why"])
            assert (await whole_text(client, begun["id"])).startswith("## Why\n\n")
    finally:
        product.begin_work()


async def test_agent_over_stdio_at_a_server(product, tmp_path):
    secret = tmp_path / "token"
    secret.write_text(f"{product.token}\n")
    elsewhere = {"DATABASE_URL": f"sqlite:///{tmp_path / 'nothing.sqlite3'}"}
    remote = stdio(product, "--server", product.address, "--token-file", str(secret), **elsewhere)
    async with Client(remote) as client:
        await story(client, product, "At a server")


@pytest.mark.parametrize("is_remote", [False, True], ids=["here", "at a server"])
async def test_agents_over_http_act_by_their_tokens(product, is_remote):
    options = ["--server", product.address] if is_remote else ["--no-worker"]
    async with http(product, *options) as address:
        async with with_token(address, product.token) as client:
            await story(client, product, f"Over HTTP {is_remote}")
            mine = {project["id"] for project in (await call(client, "list"))["projects"]}
        async with with_token(address, product.other_token) as stranger:
            assert (await call(stranger, "list"))["projects"] == []
            assert "not yours" in await refused(stranger, "list", project=min(mine))
            assert "not yours" in await refused(stranger, "stop", document=1)
        async with with_token(address, "wrong") as nobody:
            assert "token" in await refused(nobody, "list")
        async with httpx2.AsyncClient() as bare:
            answer = await bare.post(address, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
            held = {"Authorization": f"Bearer {product.token}", "Content-Type": "application/json"}
            for large in (b'"' + b"x" * 4_100_000 + b'"', b"[" + b"[]," * 50_000 + b"0]"):
                assert (await bare.post(address, headers=held, content=large)).status_code == 413
            # As a proxy passes it on, and a page of another site sends it.
            held |= {"Host": "docs.example.com", "Origin": "https://elsewhere.example", "Accept": ACCEPTED}
            told = await bare.post(address, headers=held, json=BEGUN)
            assert (told.status_code, told.headers["access-control-allow-origin"]) == (200, "*"), told.text
            asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
            assert (await bare.options(address, headers=asked)).status_code == 204
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="streamgen"')


@asynccontextmanager
async def with_token(address: str, token: str) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=WAIT_S) as transport,
        Client(streamable_http_client(address, http_client=transport)) as client,
    ):
        yield client
