"""What it costs to begin and to wait: the first page, importing, idle CPU, memory: `python -m bench.startup`.

The references are the bare interpreter, and the import of the libraries without the project.
"""

from __future__ import annotations

import argparse
import http.client
import os
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from bench.support.child import ROOT
from bench.support.machine import Window, resident_mb
from bench.support.report import Report, parser, run

LIBRARIES = "django.contrib.admin, channels.layers, daphne.server, openai, markdown, bleach, ninja, pygments"
IMPORTS = {
    "the interpreter": "",
    "the libraries": f"import django; from django.conf import settings; settings.configure(); import {LIBRARIES}",
    "streamgen.asgi": "import streamgen.asgi",
}


def measure(options: argparse.Namespace) -> Report:
    report = Report(name="startup", title="to begin and to wait", columns=["what", "seconds", "CPU s", "MB"])
    runs = 1 if options.quick else 3
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("STREAMGEN_")} | {
            "DATABASE_URL": f"sqlite:///{folder}/bench.sqlite3",
            "REDIS_URL": "",
            "SECRET_KEY": secrets.token_hex(32),
            "STREAMGEN_PROVIDER": "scripted",
            "DJANGO_SETTINGS_MODULE": "streamgen.settings",
        }
        for what, code in list(IMPORTS.items())[:: 2 if options.quick else 1]:
            took = [imported(code, environment) for _ in range(runs)]
            report.add(f"import: {what}", *(statistics.median(column) for column in zip(*took, strict=True)))
        for what in ("empty folder",) if options.quick else ("empty folder", "again"):
            begin(report, what, environment, idle_s=1.0 if options.quick else 5.0)
    return report


def imported(code: str, environment: dict[str, str]) -> tuple[float, float, float]:
    """Seconds, CPU seconds and the most memory of a process that imports."""
    began = time.monotonic()
    process = psutil.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, code
    process.returncode = 0
    return time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6


def begin(report: Report, what: str, environment: dict[str, str], *, idle_s: float) -> None:
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up", "--port", "0"],
        cwd=ROOT,
        env=environment | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        with Window(process.pid) as starting:
            assert process.stdout
            address = next(line for line in process.stdout if "http://" in line).split("//")[1].split("/")[0]
            connection = http.client.HTTPConnection(address, timeout=60)
            connection.request("GET", "/")
            page = connection.getresponse()
            page.read()
            connection.close()
        if page.status not in {200, 302}:
            report.faults.append(f"the first page is {page.status}")
        report.add(
            f"`up`, {what}: to the first page", time.monotonic() - began, starting.cpu_s, resident_mb([process.pid])
        )
        time.sleep(min(2.0, idle_s))
        with Window(process.pid) as idle:
            time.sleep(idle_s)
        report.add("idle, nothing to write, nobody there", idle.seconds, idle.cpu_s, resident_mb([process.pid]))
        report.figures |= {
            "first_page_s": starting.seconds,
            "idle_cpu_percent": 100 * idle.cpu_s / idle.seconds,
            "idle_mb": resident_mb([process.pid]),
        }
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def options() -> argparse.ArgumentParser:
    return parser(__doc__)


if __name__ == "__main__":
    run(measure, options())
