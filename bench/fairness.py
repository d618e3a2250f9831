"""How long somebody waits for the first text beside one with 200 documents in the queue: `python -m bench.fairness`.

One server with the worker in it, SQLite, an endpoint that answers at once. Beside the newcomer's wait stands that in an
empty product, in the same run.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import time
from typing import Any

from bench.support.child import ROOT
from bench.support.product import Product
from bench.support.report import Report, parser, run

MODEL = "pace-200-20-2000-1"
POLL_S = 0.005
PATIENCE_S = 60.0
QUEUED = 200
LIMITS = {"STREAMGEN_USER_RUNNING": "8", "STREAMGEN_CONCURRENCY": "32"}
NEWCOMER = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "streamgen.settings"
django.setup()
from django.contrib.auth.models import User
from artifacts.accounts.tokens import issue_token
print(issue_token(User.objects.create_superuser("newcomer")))
"""


def measure(options: argparse.Namespace) -> Report:
    report = Report(
        name="fairness",
        title=f"from start to first text, {LIMITS['STREAMGEN_USER_RUNNING']} documents of a user written at once",
        columns=["who starts one", "times", "median ms", "longest ms", "in the queue then"],
    )
    queued, times = (30, 3) if options.quick else (QUEUED, options.times)
    with Product(**LIMITS) as product:
        newcomer = second_person(product)
        waits(report, product, "a newcomer in an empty product", newcomer, times)
        for document in product.documents(queued):
            product.start(document, MODEL, sections=20)
        waits(report, product, f"a newcomer beside one with {queued} documents", newcomer, times)
    if not report.faults:
        report.figures["longer_ms"] = float(report.rows[1][2] or 0) - float(report.rows[0][2] or 0)
        report.notes.append(f"The newcomer waits {report.figures['longer_ms']:.0f} ms longer (median).")
    return report


def second_person(product: Product) -> str:
    """Somebody else's bearer token."""
    made = subprocess.run(
        [sys.executable, "-c", NEWCOMER],
        cwd=ROOT,
        env=product.environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return made.stdout.split()[-1]


def waits(report: Report, product: Product, who: str, token: str, times: int) -> None:
    taken_ms = []
    queued = 0
    for _ in range(times):
        project = ask(product, token, "POST", "/api/projects", {"title": "Newcomer"})
        document = project["artifacts"][0]["id"]
        plan = [{"name": "Part", "instructions": "Write.", "max_tokens": 2_000}]
        began_at = time.monotonic()
        ask(product, token, "POST", f"/api/artifacts/{document}/start", {"model": MODEL, "plan": plan})
        while not ask(product, token, "GET", f"/api/artifacts/{document}")["offset"]:
            if time.monotonic() - began_at > PATIENCE_S:
                report.faults.append(f"{who}: no text within {PATIENCE_S:.0f} s")
                return
            time.sleep(POLL_S)
        taken_ms.append((time.monotonic() - began_at) * 1_000)
        queued = sum(
            product.api("GET", f"/api/artifacts/{one}")["state"]["reason"] == "queued" for one in product.started
        )
        ask(product, token, "POST", f"/api/artifacts/{document}/cancel")
    report.add(who, times, statistics.median(taken_ms), max(taken_ms), queued)


def ask(product: Product, token: str, method: str, path: str, body: Any = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", product.port, timeout=120)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    if answer.status >= 400:
        raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
    return json.loads(text or b"null")


def options() -> argparse.ArgumentParser:
    made = parser(__doc__)
    made.add_argument("--times", type=int, default=15, help="documents that the newcomer starts")
    return made


if __name__ == "__main__":
    run(measure, options())
