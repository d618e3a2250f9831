"""What a viewer and an open document hold in memory: `python -m bench.memory`.

Resident memory of the server, after less before, over their number. Beside the viewers stand those of `broadcast()` on
uvloop and of a consumer per viewer in a Channels group; beside a document stands its text.
"""

from __future__ import annotations

import argparse
import time

from bench.support.child import Child
from bench.support.machine import resident_mb
from bench.support.product import Product, serving
from bench.support.report import Report, parser, run

COLUMNS = ["what", "number", "MB before", "MB after", "KB each", "others' p99 ms"]
TEXT_KB = 1_000
SETTLE_S = 1.0


def measure(options: argparse.Namespace) -> Report:
    report = Report(name="memory", title="resident memory of the server under uvicorn", columns=COLUMNS)
    viewers, slow, documents, text_kb = (20, 5, 3, 20) if options.quick else (options.viewers, 50, 100, TEXT_KB)
    for name, what in (("broadcast", "a viewer of broadcast()"), ("channels_group", "a consumer in a Channels group")):
        with Child(name) as reference:
            connected(report, what, [reference.pid], reference.hello["port"], [["/", "-"]] * viewers)
    with serving("uvicorn") as product:
        document = product.documents(1)[0]
        product.gate(document, "quiet")
        places = product.places([document], viewers)
        with Child("viewers") as first:
            first.ask("connect", port=product.port, places=places[:1])
            connected(report, "a viewer of one document", [product.pid], product.port, places)
    with serving("uvicorn", STREAMGEN_FLUSH_CHARS="2000") as product:
        for mode, what in (
            ("reads", "a normal viewer"),
            ("mute", "one that never acknowledges"),
            ("deaf", "one that never reads"),
        ):
            undisturbed(report, product, what, mode, slow, text_kb)
    with serving("uvicorn") as product:
        opened(report, product, documents, wait_s=0.5 if options.quick else 8.0)
    return report


def connected(report: Report, what: str, pids: list[int], port: int, places: list[list[str]]) -> None:
    time.sleep(SETTLE_S / 2)
    before = resident_mb(pids)
    with Child("viewers") as client:
        client.ask("connect", port=port, places=places)
        time.sleep(SETTLE_S / 2)
        tell(report, what, len(places), before, resident_mb(pids))


def tell(report: Report, what: str, number: int, before: float, after: float, p99_ms: float | None = None) -> None:
    each = (after - before) / number * 1_000
    report.add(what, number, before, after, each, p99_ms)
    report.figures[f"kb_{what.replace(' ', '_')}"] = each


def undisturbed(report: Report, product: Product, what: str, mode: str, count: int, text_kb: int) -> None:
    """So many viewers that do not keep up, beside as many that do, while a long text is written."""
    document = product.documents(1)[0]
    product.gate(document, mode)
    with Child("viewers") as normal, Child("viewers") as slow:
        normal.ask("connect", port=product.port, places=product.places([document], count))
        time.sleep(SETTLE_S / 2)
        before = resident_mb([product.pid])
        slow.ask("connect", port=product.port, places=product.places([document], count), mode=mode)
        normal.ask("begin")
        product.endpoint.ask("emit", key=mode, count=text_kb // 4, rate=50, chars=4_000)
        time.sleep(0.5)
        seen = normal.ask("stats")
        after = resident_mb([product.pid])
    tell(report, f"{what}, {text_kb * 1_000 // 4_000 * 4} KB written", count, before, after, seen["p99_ms"])
    if seen["gaps"] or seen["closed"] or seen["texts"] > 1:
        report.faults.append(f"{what}: the others have {seen['gaps']} gaps, {seen['closed']} are closed")
    product.api("POST", f"/api/artifacts/{document}/cancel")


def opened(report: Report, product: Product, count: int, wait_s: float) -> None:
    documents = product.documents(count)
    before = resident_mb([product.pid])
    with Child("viewers") as client:
        client.ask("connect", port=product.port, places=product.places(documents, count))
        for document in documents:
            product.start(document, "pace-200-5-100000-10")
        time.sleep(wait_s)
        tell(report, "a document that is written, with a viewer", count, before, resident_mb([product.pid]))


def options() -> argparse.ArgumentParser:
    made = parser(__doc__)
    made.add_argument("--viewers", type=int, default=500)
    return made


if __name__ == "__main__":
    run(measure, options())
