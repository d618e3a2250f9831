"""Does anything grow? Documents end and are written anew, viewers come and go: `python -m bench.soak --minutes 15`.

Memory and descriptors of the server over time; a line is laid through what comes after the settling time, and its slope
told with its standard error: a slope below that says nothing. The first minutes are always start-up.
"""

from __future__ import annotations

import argparse
import statistics
import time

from bench.support.child import Child
from bench.support.machine import Window, descriptors, resident_mb
from bench.support.product import Product, serving
from bench.support.report import Report, parser, run

COLUMNS = ["second", "MB", "descriptors"]
MODEL = "pace-200-5-80-1"
"""Sixteen seconds a document."""
CHURN_S = 5.0
DESCRIPTORS_MORE = 8


def measure(options: argparse.Namespace) -> Report:
    documents, viewers, minutes = (
        (2, 4, 0.04) if options.quick else (options.documents, options.viewers, options.minutes)
    )
    report = Report(
        name="soak", title=f"{documents} documents written again and again, {viewers} viewers", columns=COLUMNS
    )
    with serving("uvicorn") as product, Child("viewers") as client:
        ids = product.documents(documents)
        for one in ids:
            product.start(one, MODEL)
        places = product.places(ids, viewers)
        tenth = max(1, viewers // 10)
        client.ask("connect", port=product.port, places=places)
        samples: list[tuple[float, float, int]] = []
        began = churned = time.monotonic()
        anew = 0
        with Window(product.pid) as window:
            while (now := time.monotonic() - began) < minutes * 60:
                samples.append((now, resident_mb([product.pid]), descriptors([product.pid])))
                anew += write_anew(product, ids)
                if time.monotonic() - churned > CHURN_S:
                    churned = time.monotonic()
                    client.ask("close", first=0, last=tenth)
                    places = [*places[tenth:], *places[:tenth]]  # as they stand in the client
                    client.ask("connect", port=product.port, places=places[-tenth:])
                time.sleep(1)
        seen = client.ask("stats")
    kept = [one for one in samples if one[0] >= min(180, minutes * 60 * 0.4)]
    slope, error = line([(at / 3_600, mb) for at, mb, _ in kept])
    for sample in samples[:: max(1, len(samples) // 10)]:
        report.add(round(sample[0]), sample[1], sample[2])
    first, last = kept[0], kept[-1]
    report.figures |= {"mb_per_hour": slope, "mb_per_hour_error": error, "grew_mb": last[1] - first[1]}
    report.notes.append(
        f"{last[1] - first[1]:+.1f} MB from second {first[0]:.0f} on, {slope:.0f} +- {error:.0f} MB an hour; "
        f"{anew} times written anew; CPU {100 * window.cpu_s / window.seconds:.0f} %; "
        f"waited {window.waited_percent:.0f} %"
    )
    if seen["open"] < viewers or seen["gaps"]:
        report.faults.append(f"{seen['open']} of {viewers} viewers are open, {seen['gaps']} gaps")
    if last[2] > first[2] + DESCRIPTORS_MORE:
        report.faults.append(f"descriptors {first[2]} -> {last[2]}")
    return report


def write_anew(product: Product, documents: list[int]) -> int:
    again = 0
    for document in documents:
        status = product.api("GET", f"/api/artifacts/{document}")["state"]["status"]
        if status == "complete":
            product.start(document, MODEL, verb="regenerate")
            again += 1
        elif status != "streaming":
            raise RuntimeError(f"document {document} is {status}")
    return again


def line(points: list[tuple[float, float]]) -> tuple[float, float]:
    """Slope of the least squares and its standard error; zeros where there are too few points."""
    if len(points) < 3:
        return 0.0, 0.0
    xs, ys = zip(*points, strict=True)
    slope, intercept = statistics.linear_regression(xs, ys)
    rest = sum((y - intercept - slope * x) ** 2 for x, y in points)
    spread = sum((x - statistics.mean(xs)) ** 2 for x in xs)
    return slope, (rest / (len(points) - 2) / spread) ** 0.5 if spread else 0.0


def options() -> argparse.ArgumentParser:
    made = parser(__doc__)
    made.add_argument("--minutes", type=float, default=0.75)
    made.add_argument("--documents", type=int, default=20)
    made.add_argument("--viewers", type=int, default=50)
    return made


if __name__ == "__main__":
    run(measure, options())
