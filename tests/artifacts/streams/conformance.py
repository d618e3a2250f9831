"""The public clients and the public conformance suite of Durable Streams, against real servers; no test of the suite.

`python -m tests.artifacts.streams.conformance [--server uvicorn|daphne] [--documents 100]`. It needs node and npm, and
installs the pinned packages beside it. `docs/streams.md` says which cases do not apply to streams that are only read.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import django
from durable_streams import stream

if TYPE_CHECKING:
    from tests.artifacts.streams.writing_half import WritingHalf

Client = Callable[[str, str], Awaitable[tuple[str, int]]]
NODE = Path(__file__).parent / "node"
CASES = (
    "Read Operations",
    "Long-Poll Operations",
    "Long-Poll Edge Cases",
    "HTTP Protocol should return empty body",
    "HTTP Protocol should read from offset",
    "Browser Security Headers should include .* on (GET|HEAD|SSE|long-poll|error) responses",
    "HEAD Metadata should return (404|tail)",
    "Offset Validation and Resumability (?!.*JSON array)",
    "Protocol Edge Cases should (preserve data immut|generate unique|reject (empty|multiple) offset|ignore unknown)",
    "Caching and ETag",
    "Read-Your-Writes Consistency",
    "SSE Mode should (return text/event|require offset|stream data|send|generate|handle (cursor|SSE|newlines))",
    "SSE Mode should (have correct|prevent CRLF|support reconn|NOT include .* text/plain)",
    "Property-Based Tests .* Offset Validation Properties",
    "Property-Based Tests .* State Hash",
    "Stream Closure HEAD",
    "Stream Closure Read Closed",
    "Stream Closure Long-poll",
    "Stream Closure SSE",
    "Stream Closure Edge Cases (offset-now|delete-closed)",
)
"""Every case that reads text or asks about it; the others would try the writing half of the tests."""
ALPHABET = "abc \n\u00e9\u0e01\u0301\u91cd\u8981\U0001f600\U0001f468\u200d\U0001f469\u05d0 **#`"


async def try_all(server: str, documents: int, folder: Path) -> bool:
    from tests.artifacts.streams.writing_half import WritingHalf, serving_writing_half  # noqa: PLC0415
    from tests.support.servers import serving_product  # noqa: PLC0415  both need Django

    # There is no shared channel layer: what this process writes is seen within a second, so a wait must be longer.
    environment = {"STREAMGEN_LONG_POLL_SECONDS": "2", "STREAMGEN_SOCKETS_PER_LINK": "1000"}
    with serving_product(server, database=folder / "db.sqlite3", folder=folder, **environment) as running:
        half = WritingHalf(running.origin)
        async with serving_writing_half(half) as origin:
            is_good = await _suite(server, origin, folder)
            for client in (npm_client, pypi_client):
                is_good &= await _documents(server, half, running.origin, documents, client)
        return is_good


async def _suite(server: str, origin: str, folder: Path) -> bool:
    report = folder / "report.json"
    process = await asyncio.create_subprocess_exec(
        *("npx", "vitest", "run", "suite.test.js", "--reporter=json", f"--outputFile={report}"),
        *("--testTimeout=90000", "-t", f"({'|'.join(CASES)})"),
        cwd=NODE,
        env=os.environ | {"STREAMS_ORIGIN": origin},
        stdout=asyncio.subprocess.DEVNULL,
    )
    await process.wait()
    cases = [case for file in json.loads(report.read_text())["testResults"] for case in file["assertionResults"]]
    failed = [f"{case['fullName']}: {case['failureMessages']}"[:500] for case in cases if case["status"] == "failed"]
    passed = sum(case["status"] == "passed" for case in cases)
    say(f"{server}: {passed} cases passed, {len(failed)} failed, of {len(cases)} in the suite")
    say(*failed)
    return not failed and passed > 0


async def _documents(server: str, half: WritingHalf, origin: str, number: int, client: Client) -> bool:
    """Each is read by that client while it is written, dropped and resumed all the time."""
    gate = asyncio.Semaphore(4)
    found = await asyncio.gather(*(_document(half, origin, gate, index, client) for index in range(number)))
    equal = sum(is_equal for is_equal, _ in found)
    drops = sum(drops for _, drops in found)
    say(f"{server}: {client.__name__}: {equal} of {number} texts equal, {drops} drops")
    return equal == number


async def _document(
    half: WritingHalf, origin: str, gate: asyncio.Semaphore, seed: int, client: Client
) -> tuple[bool, int]:
    chance = random.Random(seed)
    pieces = ["".join(chance.choices(ALPHABET, k=chance.randint(1, 4_000))) for _ in range(chance.randint(3, 30))]
    async with gate:
        written = await half.open()
        reading = asyncio.create_task(client(origin + written.path, ("long-poll", "sse")[seed % 2]))
        for piece in pieces[:-1]:
            await half.write(written, piece)
            await asyncio.sleep(chance.random() * 0.2)
        await half.write(written, pieces[-1], closes=True)
        text, drops = await reading
    return text == "".join(pieces), drops


async def npm_client(url: str, live: str) -> tuple[str, int]:
    """The text, and how often the client was dropped."""
    process = await asyncio.create_subprocess_exec(
        "node", "read.mjs", url, live, cwd=NODE, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    told = json.loads(output or b"{}")
    return told.get("text", ""), told.get("drops", 0)


async def pypi_client(url: str, live: str) -> tuple[str, int]:
    return await asyncio.to_thread(read_in_pieces, url, live)


def read_in_pieces(url: str, live: str, headers: dict[str, str] | None = None) -> tuple[str, int]:
    """The same by the client of PyPI, which goes away after each piece and comes back."""
    text, offset, drops = "", None, 0
    while True:
        with stream(url, offset=offset, live=False, headers=headers) as answer:
            text += answer.read_text()
            offset = answer.offset
            if "stream-closed" in answer.headers:
                return text, drops
        with stream(url, offset=offset, live=live, headers=headers) as answer:
            for event in answer.iter_events(mode="text"):
                text, offset, drops = text + event.data, event.next_offset, drops + 1
                break


def say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", choices=("uvicorn", "daphne"), default="uvicorn")
    parser.add_argument("--documents", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ |= {"DATABASE_URL": f"sqlite:///{folder}/db.sqlite3", "DJANGO_SETTINGS_MODULE": "streamgen.settings"}
        django.setup()
        from django.core.management import call_command  # noqa: PLC0415  the database is known only now

        call_command("migrate", verbosity=0)
        os.spawnlp(os.P_WAIT, "npm", "npm", "ci", "--silent", "--no-audit", "--no-fund", "--prefix", str(NODE))
        return 0 if asyncio.run(try_all(options.server, options.documents, folder)) else 1


if __name__ == "__main__":
    sys.exit(main())
