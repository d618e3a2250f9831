"""Has a file made by another process, a few at once: this one hands in what the page shows, and waits in its thread."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from threading import BoundedSemaphore

from artifacts.errors import ExportFailed
from artifacts.exports.properties import FileProperties

logger = logging.getLogger(__name__)

CONVERSIONS_AT_ONCE = 2
TURN_S = 20.0
"""For its turn."""
MAKING_S = 90.0
_ROOT = Path(__file__).resolve().parents[2]
_turns = BoundedSemaphore(CONVERSIONS_AT_ONCE)


def convert(kind: str, properties: FileProperties, html: str) -> bytes:
    """A file of the kind `docx` or `pdf`. Raises `ExportFailed`; blocks, so it is called in a thread of a request."""
    if not _turns.acquire(timeout=TURN_S):
        raise ExportFailed("Other files are being made just now. Try again in a minute.")
    try:
        return _made(kind, properties, html)
    finally:
        _turns.release()


def _made(kind: str, properties: FileProperties, html: str) -> bytes:
    job = json.dumps({"kind": kind, "properties": asdict(properties), "html": html}).encode()
    # No key of ours is in its environment, and no more threads than the machine can spare.
    kept = ("PATH", "HOME", "LANG", "SYSTEMROOT", "TEMP", "TMPDIR", "COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")
    environment = {name: os.environ[name] for name in kept if name in os.environ} | {"RAYON_NUM_THREADS": "2"}
    command = [sys.executable, "-m", "artifacts.exports.making"]
    began = time.monotonic()
    try:
        made = subprocess.run(
            command, input=job, capture_output=True, timeout=MAKING_S, cwd=_ROOT, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        raise ExportFailed(_TOO_MUCH) from None
    seconds = time.monotonic() - began
    if made.returncode:
        last = made.stderr.decode(errors="replace").strip().rpartition("\n")[2].partition(":")[0]
        logger.warning(
            "no %s of %s characters after %.1f s: %s %s", kind, len(html), seconds, made.returncode, last[:80]
        )
        raise ExportFailed(_TOO_MUCH)
    logger.info("made %s of %s characters in %.1f s", kind, len(html), seconds)
    return made.stdout


_TOO_MUCH = "The file could not be made within its bounds. Download it as Markdown or HTML instead."
