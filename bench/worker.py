"""How many documents one process writes at once, each with a viewer: `python -m bench.worker`.

Each stream brings 50 pieces of 5 characters a second, as a model does; a level holds when 99 % of the marks are at the
viewer within 500 ms of the endpoint's write. Then all at once as fast as the endpoint goes: flushes a second, beside
raw INSERTs, one transaction each, in a database of the same kind.

`--parallel 5`: instead, how long one document of ten sections takes of which so many are written at once.
"""

from __future__ import annotations

import argparse
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

from bench.support.child import Child
from bench.support.machine import Window, resident_mb
from bench.support.product import Product, serving
from bench.support.report import Cell, Report, parser, run
from bench.writes import database, environment

RATE, CHARS, EVERY, HOLDS = 50, 5, 10, 99.0
FLOOD_CHARS = 400
SECTIONS, PIECES = 10, 150
STARTERS = 8
"""People who start documents at the same time."""
COLUMNS = [
    *("streams", "all writing after s", "one more: text after s", "within 500 ms %", "p50 ms", "p99 ms"),
    *("flushes/s", "INSERTs/s", "server CPU %", "endpoint CPU %", "client CPU %", "MB", "waited %"),
]


def measure(options: argparse.Namespace) -> Report:
    if options.parallel:
        return side_by_side(options.parallel)
    report = Report(name="worker", title=f"documents of {RATE} pieces a second each, one process", columns=COLUMNS)
    levels, seconds = ([3], 0.5) if options.quick else (options.streams, options.seconds)
    for streams in levels:
        with serving("uvicorn") as product:
            level(report, product, streams, seconds)
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
        with Window(product.pid) as server, Window(client.pid) as reader, Window(product.endpoint.pid) as endpoint:
            time.sleep(seconds)
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
    report.add(streams, writing_s, more_s, *timing, flushes, None, *cpu, memory, server.waited_percent)
    report.figures |= {f"within_{streams}": share, f"writing_s_{streams}": writing_s, f"one_more_s_{streams}": more_s}
    report.figures[f"server_cpu_percent_{streams}"] = 100 * server.cpu_s / server.seconds


def start(product: Product, documents: list[int], model: str, *, sections: int = 1, wait_s: float = 40) -> float:
    """Starts them all; seconds until the endpoint is asked for each, or so long at most."""
    began, asked = time.monotonic(), product.endpoint.ask("counts")["calls"]
    with ThreadPoolExecutor(STARTERS) as people:
        list(people.map(lambda document: product.start(document, model, sections=sections), documents))
    while product.endpoint.ask("counts")["calls"] - asked < len(documents) and time.monotonic() - began < wait_s:
        time.sleep(0.05)
    return time.monotonic() - began


def flood(report: Report, product: Product, writer: Child, streams: int, seconds: float) -> None:
    """As fast as the process takes it; nobody looks on."""
    writing_s = start(product, product.documents(streams), f"pace-{FLOOD_CHARS}-0-120-1000", sections=100)
    time.sleep(min(2.0, seconds))
    with Window(product.pid) as server, Window(product.endpoint.pid) as endpoint:
        before = deltas(product)
        time.sleep(seconds)
        flushed = deltas(product) - before
    memory = resident_mb([product.pid])
    product.process.send_signal(signal.SIGSTOP)  # held, so that the reference has the core
    writer.ask("begin")
    raw = writer.ask("raw", count=streams * 10, chars=FLOOD_CHARS)
    product.process.send_signal(signal.SIGCONT)
    cpu = (100 * window.cpu_s / window.seconds for window in (server, endpoint))
    nothing: tuple[Cell, ...] = (None, None, None, None)
    flushes = flushed / server.seconds
    report.add(
        f"{streams}, unpaced", writing_s, *nothing, flushes, raw["a_second"], *cpu, None, memory, server.waited_percent
    )
    report.figures |= {
        "flushes_s": flushes,
        "inserts_s": raw["a_second"],
        "flushes_over_inserts": flushes / raw["a_second"],
    }


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
    look = sqlite3.connect(f"file:{product.database}?mode=ro", uri=True)
    try:
        return int(look.execute("SELECT count(*) FROM artifacts_delta").fetchone()[0])
    finally:
        look.close()


def options() -> argparse.ArgumentParser:
    made = parser(__doc__)
    made.add_argument("--streams", type=int, nargs="*", default=[10, 50, 100])
    made.add_argument("--parallel", type=int, nargs="*", default=[], metavar="N", help="sections at once, instead")
    made.add_argument("--seconds", type=float, default=6.0, help="of a window")
    return made


if __name__ == "__main__":
    run(measure, options())
