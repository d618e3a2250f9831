"""Requests that the API's own document allows, and such as it does not, by Schemathesis: each answer is one that the
document tells, with the type and the shape that it tells.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.servers import ROOT, Server

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How many cases there were, and what Schemathesis said where one of them failed."""

    cases: int
    failed: bool
    said: str


def ask(
    server: Server, token: str, ids: dict[str, list[Any]], *, folder: Path, examples: int, seed: int, phases: str
) -> Asked:
    """`examples` of each operation at most; the phase `coverage` has about a thousand cases of its own."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.origin}/api/openapi.json"),
        *("--header", f"Authorization: Bearer {token}", "--checks", ",".join(CHECKS)),
        *("--phases", phases, "--mode", "all", "--max-examples", str(examples), "--seed", str(seed)),
        *("--suppress-health-check", "all", "--warnings", "off", "--continue-on-failure", "--no-color"),
        *("--exclude-path-regex", "/events$|^/streams/|^/v1/"),  # they last
        *("--request-timeout", "30", "--generation-database", ":memory:"),
    ]
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": "tests.hostile.schemathesis_hooks",
        "HOSTILE_IDS": json.dumps(ids),
        "PYTHONPATH": str(ROOT),
    }
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    said = ran.stdout + ran.stderr
    return Asked(cases=_cases(said), failed=ran.returncode != 0, said=said[-20_000:])


def _cases(said: str) -> int:
    found = re.search(r"([\d,]+) generated", said)
    return int(found[1].replace(",", "")) if found else 0
