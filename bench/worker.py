"""How many documents one process writes at once, each with a viewer: `python -m bench.worker`.

Each stream brings 50 pieces of 5 characters a second, as a model does; a level holds when 99 % of the marks are at the
viewer within 500 ms of the endpoint's write, or in the database where a worker runs by itself and nobody looks on. Then
all at once as fast as the endpoint goes: flushes a second, beside raw INSERTs, one transaction each, in a database of
the same kind. With `--profile` instead: where the CPU goes.

`--parallel 5`: instead, how long one document of ten sections takes of which so many are written at once.
With `--newcomer` instead: how long somebody waits for the first text beside one who has 200 documents in the queue, and
in an empty product.
"""

from __future__ import annotations

import argparse
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from bench.support.child import ROOT, Child
from bench.support.machine import Window, resident_mb
from bench.support.product import Product, parts, sample, serving
from bench.support.report import Cell, Report, parser, run
from bench.support.viewers import share_of
from bench.support.words import MARK, MARK_CHARS
from bench.writes import database, environment

RATE, CHARS, EVERY, HOLDS = 50, 5, 10, 99.0
PIECE_CHARS = ((EVERY - 1) * CHARS + MARK_CHARS) / EVERY
"""Of a piece on average: a mark is longer than the others."""
LOOK_EVERY_S = 0.02
FLOOD_CHARS = 400
SECTIONS, PIECES = 10, 150
SETTLE_S = 5.0
"""So long after the start of all it is profiled."""
STARTERS = 8
"""People who start documents at the same time."""
COLUMNS = [
    *("streams", "all writing after s", "one more: text after s", "within 500 ms %", "p50 ms", "p99 ms"),
    *("flushes/s", "KB/s", "INSERTs/s", "server CPU %", "endpoint CPU %", "client CPU %", "MB", "waited %"),
]


NEWCOMER_MODEL = "pace-200-20-2000-1"
NEWCOMER_LIMITS = {"STREAMGEN_USER_RUNNING": "8", "STREAMGEN_CONCURRENCY": "32"}
NEWCOMER_WAITS_S = 60.0
SECOND_PERSON = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "streamgen.settings"
django.setup()
from django.contrib.auth.models import User
from artifacts.accounts.tokens import issue_token
print(issue_token(User.objects.create_superuser("newcomer")))
"""


def measure(options: argparse.Namespace) -> Report:
    if options.parallel:
        return side_by_side(options.parallel)
    if options.newcomer:
        return newcomers(options)
    if options.profile:
        return profile(options)
    report = Report(name="worker", title=f"documents of {RATE} pieces a second each, one process", columns=COLUMNS)
    levels, seconds = ([3], 0.5) if options.quick else (options.streams, options.seconds)
    for streams in levels:
        with serving("uvicorn") as product:
            level(report, product, streams, seconds)
    for streams in [] if options.quick else options.alone:
        with serving("uvicorn", STREAMGEN_CONCURRENCY="0") as product:
            alone(report, product, streams, seconds)
    with (
        serving("uvicorn") as product,
        database("SQLite") as address,
        Child("appends", env=environment(address)) as writer,
    ):
        flood(report, product, writer, 3 if options.quick else 100, seconds)
    held = [row[0] for row in report.rows if isinstance(row[3], float) and row[3] >= HOLDS]
    report.figures["streams_held"] = float(max((count for count in held if isinstance(count, int)), default=0))
    return report


def level(report: Report, product: Product, streams: int, seconds: float) -> None:
    documents = product.documents(streams + 1)
    last = documents.pop()
    model = f"pace-{CHARS}-{RATE}-1000000-{EVERY}"
    with Child("viewers") as client:
        client.ask("connect", port=product.port, places=product.places(documents, streams))
        writing_s = start(product, documents, model)
        time.sleep(min(3.0, seconds))
        since = client.ask("begin")
        before = written_chars(product)
        with Window(product.pid) as server, Window(client.pid) as reader, Window(product.endpoint.pid) as endpoint:
            time.sleep(seconds)
        kb = (written_chars(product) - before) / server.seconds / 1_000
        until = time.monotonic_ns()
        time.sleep(0.5)  # what was written at the end may still come in time
        seen = client.ask("stats")
        written = product.endpoint.ask("written", since=since, until=until)
        share = min(100.0, 100 * seen["in_time"] / max(1, written))
        flushes = seen["frames"] / (seconds + 0.5)
        memory = resident_mb([product.pid])
        if seen["gaps"] or seen["closed"]:
            report.faults.append(f"{streams} streams: {seen['gaps']} gaps, {seen['closed']} viewers closed")
    with Child("viewers") as one:
        one.ask("connect", port=product.port, places=product.places([last], 1))
        began = time.monotonic()
        product.start(last, model)
        one.ask("until", end=1, wait_s=30)
        more_s = time.monotonic() - began
    cpu = (100 * window.cpu_s / window.seconds for window in (server, endpoint, reader))
    timing: tuple[Cell, ...] = (share, seen["p50_ms"], seen["p99_ms"])
    report.add(streams, writing_s, more_s, *timing, flushes, kb, None, *cpu, memory, server.waited_percent)
    report.figures |= {f"within_{streams}": share, f"writing_s_{streams}": writing_s, f"one_more_s_{streams}": more_s}
    report.figures[f"server_cpu_percent_{streams}"] = 100 * server.cpu_s / server.seconds


def alone(report: Report, product: Product, streams: int, seconds: float) -> None:
    """A worker in a process of its own; its text is looked for in the database."""
    pid, documents = product.run_worker(), product.documents(streams)
    while not counted(product, "SELECT count(*) FROM generation_worker"):
        time.sleep(LOOK_EVERY_S)
    writing_s = start(product, documents, f"pace-{CHARS}-{RATE}-1000000-{EVERY}", wait_s=90)
    time.sleep(min(3.0, seconds))
    marks, since = CommittedMarks(product), time.monotonic_ns()
    flushed, before = deltas(product), written_chars(product)
    with Window(pid) as worker, Window(product.endpoint.pid) as endpoint:
        until = time.monotonic_ns() + int(seconds * 1e9)
        while time.monotonic_ns() < until:
            marks.take()
    flushes = (deltas(product) - flushed) / worker.seconds
    kb = (written_chars(product) - before) / worker.seconds / 1_000
    for _ in range(round(0.5 / LOOK_EVERY_S)):
        marks.take()
    late = sorted(seen - mark for mark, seen in marks.seen.items() if since <= mark < until)
    written = product.endpoint.ask("written", since=since, until=until)
    share = 100 * sum(one <= 500e6 for one in late) / max(1, written)
    timing: tuple[Cell, ...] = (share, share_of(late, 0.5), share_of(late, 0.99))
    cpu = (100 * window.cpu_s / window.seconds for window in (worker, endpoint))
    rates = (flushes, kb, None, *cpu, None, resident_mb([pid]), worker.waited_percent)
    report.add(f"{streams}, worker alone", writing_s, None, *timing, *rates)
    report.figures |= {f"within_{streams}_alone": share, f"writing_s_{streams}_alone": writing_s}
    report.figures[f"worker_cpu_percent_{streams}_alone"] = 100 * worker.cpu_s / worker.seconds


class CommittedMarks:
    """The marks in the database's new deltas, and when each was seen."""

    def __init__(self, product: Product) -> None:
        self._database = sqlite3.connect(f"file:{product.database}?mode=ro", uri=True)
        self._last = self._database.execute("SELECT coalesce(max(id), 0) FROM artifacts_delta").fetchone()[0]
        self._cut: dict[int, str] = {}
        self.seen: dict[int, int] = {}

    def take(self) -> None:
        query = "SELECT id, artifact_id, text FROM artifacts_delta WHERE id > ? ORDER BY id"
        for number, document, text in self._database.execute(query, (self._last,)).fetchall():
            self._last, text = number, self._cut.get(document, "") + text
            for mark in MARK.findall(text):
                self.seen.setdefault(int(mark), time.monotonic_ns())
            self._cut[document] = text[-MARK_CHARS:]
        time.sleep(LOOK_EVERY_S)


def start(product: Product, documents: list[int], model: str, *, sections: int = 1, wait_s: float = 40) -> float:
    """Starts them all; seconds until the endpoint is asked for each, or so long at most."""
    began, asked = time.monotonic(), product.endpoint.ask("counts")["calls"]
    with ThreadPoolExecutor(STARTERS) as people:
        list(people.map(lambda document: product.start(document, model, sections=sections), documents))
    while product.endpoint.ask("counts")["calls"] - asked < len(documents) and time.monotonic() - began < wait_s:
        time.sleep(0.05)
    return time.monotonic() - began


def profile(options: argparse.Namespace) -> Report:
    """What a piece costs, by the parts of the product; a viewer for each document."""
    columns = ["streams", "part", "of the CPU %", "us/piece"]
    report = Report(name="profile", title=f"CPU of {RATE} pieces a second and stream, one process", columns=columns)
    for streams in options.streams:
        with serving("uvicorn") as product, Child("viewers") as client:
            documents, samples = product.documents(streams), product.folder / "samples"
            client.ask("connect", port=product.port, places=product.places(documents, streams))
            start(product, documents, f"pace-{CHARS}-{RATE}-1000000-{EVERY}")
            time.sleep(SETTLE_S)
            before = written_chars(product)
            with Window(product.pid) as server:
                sample(product.pid, options.seconds, samples)
            pieces = (written_chars(product) - before) / PIECE_CHARS
            found = parts(samples.read_text().splitlines())
        us, total = server.cpu_s / max(1.0, pieces) * 1e6, sum(found.values())
        for part, count in found.most_common():
            report.add(streams, part, 100 * count / total, us * count / total)
        report.add(streams, "all", 100.0, us)
        report.notes.append(
            f"{streams} streams: {100 * server.cpu_s / server.seconds:.0f} % of a core, waited"
            f" {server.waited_percent:.0f} %, {pieces / server.seconds:.0f} of {streams * RATE} pieces/s"
        )
    return report


def flood(report: Report, product: Product, writer: Child, streams: int, seconds: float) -> None:
    """As fast as the process takes it; nobody looks on."""
    writing_s = start(product, product.documents(streams), f"pace-{FLOOD_CHARS}-0-120-1000", sections=100)
    time.sleep(min(2.0, seconds))
    with Window(product.pid) as server, Window(product.endpoint.pid) as endpoint:
        before, chars = deltas(product), written_chars(product)
        time.sleep(seconds)
        flushed, kb = deltas(product) - before, (written_chars(product) - chars) / 1_000
    memory = resident_mb([product.pid])
    product.process.send_signal(signal.SIGSTOP)  # held, so that the reference has the core
    writer.ask("begin")
    raw = writer.ask("raw", count=streams * 10, chars=FLOOD_CHARS)
    product.process.send_signal(signal.SIGCONT)
    cpu = (100 * window.cpu_s / window.seconds for window in (server, endpoint))
    nothing: tuple[Cell, ...] = (None, None, None, None)
    rates = (flushed / server.seconds, kb / server.seconds, raw["a_second"])
    report.add(f"{streams}, unpaced", writing_s, *nothing, *rates, *cpu, None, memory, server.waited_percent)
    report.figures |= {"flushes_s": rates[0], "kb_s": rates[1], "inserts_s": rates[2]}


def side_by_side(levels: list[int]) -> Report:
    """One document after the other; what the time is over that of sections one after the other."""
    columns = ["sections at once", "seconds", "over one after the other", "of the waves alone", "characters", "calls"]
    title = f"one document of {SECTIONS} sections, each {PIECES} pieces at {RATE} a second"
    report = Report(name="parallel", title=title, columns=columns)
    with serving("uvicorn") as product:
        sequential_s = 0.0
        for document, parallel in zip(product.documents(1 + len(levels)), (1, *levels), strict=True):
            calls, began = product.endpoint.ask("counts")["calls"], time.monotonic()
            product.start(document, f"pace-{CHARS}-{RATE}-{PIECES}-1000", sections=SECTIONS, parallel=parallel)
            while (found := product.api("GET", f"/api/artifacts/{document}"))["state"]["status"] == "streaming":
                time.sleep(0.05)
            took_s, calls = time.monotonic() - began, product.endpoint.ask("counts")["calls"] - calls
            sequential_s = sequential_s or took_s
            waves = -(-SECTIONS // parallel) / SECTIONS
            report.add(parallel, took_s, took_s / sequential_s, waves, found["offset"], calls)
            if found["state"]["status"] != "complete":
                report.faults.append(f"{parallel} at once: {found['state']['last_error']}")
    return report


def deltas(product: Product) -> int:
    return counted(product, "SELECT count(*) FROM artifacts_delta")


def written_chars(product: Product) -> int:
    return counted(product, "SELECT sum(length) FROM artifacts_artifact")


def counted(product: Product, query: str) -> int:
    look = sqlite3.connect(f"file:{product.database}?mode=ro", uri=True)
    try:
        return int(look.execute(query).fetchone()[0])
    finally:
        look.close()


def newcomers(options: argparse.Namespace) -> Report:
    """How long somebody waits for the first text beside one who has queued many documents."""
    report = Report(
        name="fairness",
        title="from the start to the first text, 8 documents of a user written at once",
        columns=["who starts one", "times", "median ms", "longest ms", "in the queue then"],
    )
    queued, times = (30, 3) if options.quick else (200, 15)
    with Product(**NEWCOMER_LIMITS) as product:
        newcomer = second_person(product)
        waits(report, product, "a newcomer in an empty product", newcomer, times)
        for document in product.documents(queued):
            product.start(document, NEWCOMER_MODEL, sections=20)
        waits(report, product, f"a newcomer beside one with {queued} documents", newcomer, times)
    if not report.faults:
        report.figures["longer_ms"] = float(report.rows[1][2] or 0) - float(report.rows[0][2] or 0)
        report.notes.append(f"The newcomer waits {report.figures['longer_ms']:.0f} ms longer (median).")
    return report


def second_person(product: Product) -> str:
    """Somebody else's bearer token."""
    made = subprocess.run(
        [sys.executable, "-c", SECOND_PERSON],
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
        project = product.api("POST", "/api/projects", {"title": "Newcomer"}, token=token)
        document = project["artifacts"][0]["id"]
        plan = [{"name": "Part", "instructions": "Write.", "max_tokens": 2_000}]
        began_at = time.monotonic()
        product.api("POST", f"/api/artifacts/{document}/start", {"model": NEWCOMER_MODEL, "plan": plan}, token=token)
        while not product.api("GET", f"/api/artifacts/{document}", token=token)["offset"]:
            if time.monotonic() - began_at > NEWCOMER_WAITS_S:
                report.faults.append(f"{who}: no text within {NEWCOMER_WAITS_S:.0f} s")
                return
            time.sleep(0.005)
        taken_ms.append((time.monotonic() - began_at) * 1_000)
        queued = sum(
            product.api("GET", f"/api/artifacts/{one}")["state"]["reason"] == "queued" for one in product.started
        )
        product.api("POST", f"/api/artifacts/{document}/cancel", token=token)
    report.add(who, times, statistics.median(taken_ms), max(taken_ms), queued)


def options() -> argparse.ArgumentParser:
    made = parser(__doc__)
    made.add_argument("--streams", type=int, nargs="*", default=[50, 100, 200, 300])
    made.add_argument("--alone", type=int, nargs="*", default=[300], help="streams of a worker in a process of its own")
    made.add_argument("--parallel", type=int, nargs="*", default=[], metavar="N", help="sections at once, instead")
    made.add_argument("--newcomer", action="store_true", help="measure how long a newcomer waits, and nothing else")
    made.add_argument("--seconds", type=float, default=6.0, help="of a window")
    made.add_argument("--profile", action="store_true", help="where the CPU goes; needs py-spy")
    return made


if __name__ == "__main__":
    run(measure, options())
