"""The ES module's client, in Node and in the page of another site: the whole text, over every break."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.browser.conftest import Author, Desk, House, Visit

NODE = shutil.which("node")
PROGRAM = Path(__file__).parent / "node" / "watch.mjs"
STEPS = [f"Step {number} 😀 of the way.\n\n" for number in range(12)]

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.skipif(NODE is None, reason="no node on PATH")
@pytest.mark.parametrize(
    ("options", "has_sockets"),
    [([], "undefined"), (["--experimental-websocket"], "function")],
    ids=["events", "sockets"],
)
async def test_node_has_the_whole_text_although_the_server_went_twice(
    desk: Desk, house: House, author: Author, visit: Visit, options: list[str], has_sockets: str
) -> None:
    visit.forgives.append("")
    token = (await author.api_token(name=visit.name))["token"]
    await desk.start_claimed(names=["Purpose"])
    assert NODE is not None
    reader = await asyncio.create_subprocess_exec(
        NODE, *options, str(PROGRAM), house.origin, token, str(desk.artifact), stdout=asyncio.subprocess.PIPE
    )
    assert reader.stdout is not None
    sockets = (await reader.stdout.readline()).decode().strip()
    assert sockets == has_sockets or not options  # from Node 22 on they are there without being asked for
    for number, step in enumerate(STEPS):
        await desk.write(text=step)
        if number in {3, 8}:
            await asyncio.to_thread(house.close)
            await asyncio.to_thread(house.open)
    await desk.end_section(position=0)
    await desk.finish()
    found = json.loads((await reader.communicate())[0])
    assert found["text"] == "".join(STEPS)
    assert found["same"] is True
    assert found["inParts"] == found["text"]
    assert (found["told"][0], found["told"][-1]) == ("EpochBegan", "DocumentEnded")
    assert found["told"].count("EpochBegan") == 1
    assert found["refused"] == ["NoSuchDocument 404", "CallRefused 409", "SignInNeeded 401", "NoSuchDocument"]
    assert found["made"] == "Made by Node"


async def test_a_page_elsewhere_watches_by_a_link(desk: Desk, house: House, browser: Browser) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text="One ")
    await desk.end_section(position=0, text="two.")
    await desk.finish()
    secret = (await desk.share())["address"].split("/")[2]
    context = await browser.new_context(permissions=["local-network-access"])
    page = await context.new_page()
    address = f"http://localhost:{house.port}/elsewhere"
    await page.route(address, lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    await page.goto(address)
    text = await page.evaluate(
        """async ([origin, link, artifact]) => {
            const { Client } = await import(`${origin}/static/artifacts/js/client.js`);
            let text = "";
            for await (const event of new Client(origin, { link }).watch(artifact)) text += event.text ?? "";
            return text;
        }""",
        [house.origin, secret, desk.artifact],
    )
    assert text == "One two."
    await context.close()


async def test_a_page_elsewhere_calls_and_watches_with_a_token(
    desk: Desk, house: House, author: Author, visit: Visit, browser: Browser
) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text="One ")
    await desk.end_section(position=0, text="two.")
    await desk.finish()
    token = (await author.api_token(name=visit.name))["token"]
    context = await browser.new_context(permissions=["local-network-access"])
    page = await context.new_page()
    address = f"http://localhost:{house.port}/elsewhere"
    await page.route(address, lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    await page.goto(address)
    found = await page.evaluate(
        """async ([origin, token, artifact]) => {
            const { Client } = await import(`${origin}/element/js/client.js`);
            const client = new Client(origin, { token });
            let text = "";
            for await (const event of client.watch(artifact)) text += event.text ?? "";
            const made = await client.createProject("Elsewhere");
            await client.call("PATCH", `/projects/${made.id}`, { title: "Made elsewhere" });
            const { title } = await client.project(made.id);
            await client.call("DELETE", `/projects/${made.id}`);
            const gone = await client.project(made.id).catch((error) => error.name);
            const nobody = await new Client(origin, { token: "guessed" }).projects().catch((error) => error.name);
            const asked = { credentials: "include" };
            const byCookie = await fetch(`${origin}/api/projects`, asked).then((answer) => answer.status, () => "kept");
            return { text, title, gone, nobody, byCookie };
        }""",
        [house.origin, token, desk.artifact],
    )
    assert found == {
        "text": "One two.",
        "title": "Made elsewhere",
        "gone": "NoSuchDocument",
        "nobody": "SignInNeeded",
        "byCookie": "kept",
    }
    await context.close()
