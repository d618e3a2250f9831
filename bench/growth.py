"""How cost grows: `python -m bench.growth [viewers] [documents] [streams]`, or all; about ten minutes.

Viewers of one document from 1 to 5 000, the length of a document from 2 KB to 5 MB, streams of one process from 1 to
500. The windows are those of `fanout`, `writes` and `worker`; each part prints a table and a JSON line of its own.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

from bench import fanout, worker, writes
from bench.support import machine, pages
from bench.support.child import Child
from bench.support.machine import Window
from bench.support.product import Product
from bench.support.report import Report, parser, publish, timed

VIEWERS = (1, 10, 50, 200, 1_000, 5_000)
LENGTHS = (2_000, 20_000, 100_000, 500_000, 2_000_000, 5_000_000)
STREAMS = (1, 10, 50, 100, 200, 500)
SNAPSHOTS = 20


def viewers(options: argparse.Namespace) -> Report:
    numbers = [1, 5] if options.quick else list(VIEWERS)
    words = ["--viewers", *map(str, numbers), *(["--quick"] if options.quick else ["--rounds", "1"])]
    report = fanout.measure(fanout.options().parse_args(words))
    report.name = "growth-viewers"
    return report


def documents(options: argparse.Namespace) -> Report:
    """A flush, and a viewer who comes then, at each length of one document."""
    report = Report(
        name="growth-documents",
        title="one document that grows, SQLite, uvicorn",
        columns=["KB", "CPU ms/flush", "log B/char", "a viewer comes: CPU ms", "snapshot after ms", "MB of the server"],
    )
    lengths = LENGTHS[:2] if options.quick else LENGTHS
    flushes = flushes_at(lengths)  # before there is a product: a model that is silent meanwhile would be asked again
    with Product() as product:
        document = product.documents(1)[0]
        product.start(document, "gate-growth", sections=100)
        length = 0
        for chars, near in zip(lengths, flushes, strict=True):
            product.endpoint.ask("emit", key="growth", count=max(1, (chars - length) // 1_000), rate=200, chars=1_000)
            committed = settled(product, document)
            length = chars
            with Child("viewers") as one, Window(product.pid) as server:
                places, seconds = product.places([document], 1), 0.0
                for _ in range(SNAPSHOTS):
                    seconds += one.ask("connect", port=product.port, places=places)["seconds"]
                    answer = one.ask("until", end=committed)
                    seconds += answer["seconds"]
                    if answer["reached"] < 1:
                        report.faults.append(f"{chars} characters: a viewer did not get all")
                    one.ask("close")
            report.add(
                *(chars // 1_000, near["cpu_ms"], near["log_bytes"], server.cpu_s / SNAPSHOTS * 1e3),
                *(seconds / SNAPSHOTS * 1e3, machine.resident_mb([product.pid])),
            )
    return report


def flushes_at(lengths: Sequence[int]) -> list[dict[str, Any]]:
    """What `appends` tells of the flushes around each length of one document."""
    with writes.database("SQLite") as address, Child("appends", env=writes.environment(address)) as writer:
        writer.ask("begin")
        found = []
        for chars in lengths:
            half = min(chars, 60 * writes.CHARS) // 2
            writer.ask("grow", until=chars - half, chars=writes.CHARS)
            found.append(writer.ask("grow", until=chars + half, chars=writes.CHARS))
    return found


def settled(product: Product, document: int) -> int:
    """Waits until the text is committed, two looks that see the same; its length."""
    seen = -1
    while (now := product.api("GET", f"/api/artifacts/{document}")["offset"]) != seen:
        seen = now
        time.sleep(0.5)
    return seen


def streams(options: argparse.Namespace) -> Report:
    numbers = [1, 2] if options.quick else list(STREAMS)
    report = Report(name="growth-streams", title="documents at once, one process", columns=worker.COLUMNS)
    for number in numbers:
        with Product() as product:
            worker.level(report, product, number, 0.5 if options.quick else 6.0)
    return report


PARTS: dict[str, Callable[[argparse.Namespace], Report]] = {
    "viewers": viewers,
    "documents": documents,
    "streams": streams,
}


def main() -> None:
    made = parser(__doc__)
    made.add_argument("parts", nargs="*", default=list(PARTS), help=" ".join(PARTS))
    made.add_argument("--write-docs", action="store_true", help="renew the tables in docs/performance.md")
    options = made.parse_args()
    machine.prepare()
    for name in options.parts:
        report = timed(PARTS[name], options)
        publish(report, json_file=options.json)
        if options.write_docs:
            pages.write([report])


if __name__ == "__main__":
    main()
