"""Where the CPU of a process with many documents goes: `python -m bench.occasional.profile`; a sampling profiler,
py-spy (`pip install py-spy`), looks at a server as `bench.worker` runs it, a viewer for each document.

Only samples that hold the interpreter count. What a library does is its caller's: the ORM belongs to the transaction,
the HTTP client to the reading. So the parts are those of the product, and add up to the CPU of a piece.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from bench.support.child import Child
from bench.support.machine import Window
from bench.support.product import Product, serving
from bench.support.report import Report, parser, run
from bench.worker import CHARS, RATE, start

SAMPLES_S = 250
SETTLE_S = 5.0
PARTS = {
    "flush: the transaction": ("artifacts/lifecycle", "artifacts/kept_update", "artifacts/models", "worker/database"),
    "flush: writer, group, hand-over to the thread": ("worker/writer", "worker/group_commit", "channels/db"),
    "reading: socket, TLS, HTTP": ("openai_compatible/client", "openai_compatible/network", "answer/chunks"),
    "reading: events to text": ("openai_compatible",),
    "joints, sections, counting": (
        "generation/writing",
        "generation/seams",
        "generation/markdown",
        "generation/worker",
    ),
    "news: signal, outbox, layer": ("artifacts/signals", "artifacts/messaging", "channels/layers"),
    "viewers: feed, frame, socket": ("artifacts/live", "server/wires"),
    "previews": ("artifacts/preview", "worker/preview_saver", "renderer"),
    "queue: claims and polls": ("generation/queue", "worker/supervisor"),
}
"""Of two that fit a place in the code the one with the longer name of it."""
REST = "event loop, server, threads"


def measure(options: argparse.Namespace) -> Report:
    columns = ["streams", "part", "of the CPU %", "us/piece"]
    report = Report(name="profile", title=f"CPU of {RATE} pieces a second and stream, one process", columns=columns)
    for streams in [3] if options.quick else options.streams:
        with serving("uvicorn") as product:
            level(report, product, streams, 2.0 if options.quick else options.seconds)
    return report


def level(report: Report, product: Product, streams: int, seconds: float) -> None:
    documents, samples = product.documents(streams), product.folder / "samples"
    with Child("viewers") as client:
        client.ask("connect", port=product.port, places=product.places(documents, streams))
        start(product, documents, f"pace-{CHARS}-{RATE}-1000000-10")
        time.sleep(min(SETTLE_S, seconds))
        before = written(product)
        with Window(product.pid) as server:
            sample(product.pid, seconds, samples)
        pieces = (written(product) - before) / CHARS
    if not (found := parts(samples.read_text().splitlines())):
        report.faults.append("the profiler saw nothing")
        return
    us, total = server.cpu_s / max(1.0, pieces) * 1e6, sum(found.values())
    for part, count in found.most_common():
        report.add(streams, part, 100 * count / total, us * count / total)
    report.add(streams, "all", 100.0, us)
    report.notes.append(
        f"{streams} streams: {100 * server.cpu_s / server.seconds:.0f} % of a core, waited {server.waited_percent:.0f}"
        f" %, {pieces / server.seconds:.0f} of {streams * RATE} pieces/s"
    )
    report.figures[f"us_piece_{streams}"] = us


def sample(pid: int, seconds: float, to: Path) -> None:
    program = shutil.which("py-spy")
    if program is None:
        raise RuntimeError("py-spy is not there: pip install py-spy")
    options = ("--gil", "--format", "raw", "--rate", str(SAMPLES_S), "--duration", str(round(seconds)))
    done = subprocess.run([program, "record", *options, "--pid", str(pid), "--output", str(to)], capture_output=True)
    if done.returncode:
        raise RuntimeError(f"py-spy: {done.stderr.decode()[-300:]}")


def parts(stacks: Iterable[str]) -> Counter[str]:
    """Lines of `frame;frame;... count`, outermost first -> samples of each part."""
    found = Counter[str]()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        found[next(filter(None, map(part_of, reversed(stack.split(";")))), REST)] += int(count)
    return found


def part_of(frame: str) -> str:
    fitting = [(len(place), part) for part, places in PARTS.items() for place in places if place in frame]
    return max(fitting, default=(0, ""))[1]


def written(product: Product) -> int:
    look = sqlite3.connect(f"file:{product.database}?mode=ro", uri=True)
    try:
        return int(look.execute("SELECT sum(length) FROM artifacts_artifact").fetchone()[0])
    finally:
        look.close()


def options() -> argparse.ArgumentParser:
    made = parser(__doc__)
    made.add_argument("--streams", type=int, nargs="*", default=[100])
    made.add_argument("--seconds", type=float, default=10.0, help="of sampling")
    return made


if __name__ == "__main__":
    run(measure, options())
