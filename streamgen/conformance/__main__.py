"""`python -m streamgen.conformance URL TOKEN [--document ID ...]`: asks a server, prints a table, exits with 0 where
all that was asked holds, with 1 where something does not, with 2 where nothing could be asked.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import ssl
import sys

import httpx2

from streamgen.conformance.report import CheckResult, as_report, as_table, conforms
from streamgen.conformance.spec import Broken
from streamgen.conformance.subject import Subject
from streamgen.conformance.suite import CONFORMANCE_CHECKS, run_checks
from streamgen.conformance.target import Target

HOLDS, BROKEN, NOTHING_ASKED = 0, 1, 2


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m streamgen.conformance",
        description="Does a server keep the published protocol? Without --document it makes a project, has documents "
        "written in it, and deletes it. It holds up to 20 viewers at once: no others of this login should be open.",
    )
    parser.add_argument("url", metavar="URL", help="Where the server is, as in https://docs.example.com/path/.")
    parser.add_argument(
        "token", metavar="TOKEN", nargs="?", default="", help="A bearer token; else STREAMGEN_TOKEN of the environment."
    )
    parser.add_argument(
        "--document", metavar="ID", type=int, action="append", default=[], help="Only read this one; may be repeated."
    )
    parser.add_argument(
        "--only", metavar="CHECK", action="append", default=[], choices=CONFORMANCE_CHECKS, help="Only this check."
    )
    parser.add_argument("--offsets", metavar="N", type=int, default=200, help="Places to come back at (200).")
    parser.add_argument("--viewers", metavar="N", type=int, default=20, help="Of a growing document (20).")
    parser.add_argument("--wait", metavar="S", type=float, default=120.0, help="For a document to be written (120).")
    parser.add_argument("--json", action="store_true", help="JSON instead of the table.")
    parser.add_argument("--insecure", action="store_true", help="Take any certificate.")
    return parser.parse_args(words)


async def _asked(arguments: argparse.Namespace, token: str) -> list[CheckResult]:
    tls = ssl.create_default_context()
    if arguments.insecure:
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    async with Target(arguments.url, token, tls=tls) as target:
        subject = Subject(
            target=target,
            named=tuple(arguments.document),
            places=arguments.offsets,
            viewers=arguments.viewers,
            wait_s=arguments.wait,
        )
        await subject.prepare()
        try:
            return [result async for result in run_checks(subject, arguments.only)]
        finally:
            await subject.clear()


def conformance(words: list[str] | None = None) -> int:
    arguments = _arguments(words)
    token = arguments.token or os.environ.get("STREAMGEN_TOKEN", "")
    if not token:
        print("A token is needed: as the second argument, or in STREAMGEN_TOKEN.", file=sys.stderr)  # noqa: T201
        return NOTHING_ASKED
    try:
        results = asyncio.run(_asked(arguments, token))
    except (OSError, httpx2.HTTPError, ValueError, Broken) as error:
        print(f"The server could not be asked: {error or type(error).__name__}", file=sys.stderr)  # noqa: T201
        return NOTHING_ASKED
    print(as_report(arguments.url, results) if arguments.json else as_table(results))  # noqa: T201
    if not any(result.verdict != "skipped" for result in results):
        return NOTHING_ASKED
    return HOLDS if conforms(results) else BROKEN


if __name__ == "__main__":
    sys.exit(conformance())
