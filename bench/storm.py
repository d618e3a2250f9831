"""A storm: all viewers of a growing document connect at the same moment: `python -m bench.storm`.

It is over when each of them has all that was committed when it began. The reference, websockets on uvloop, does less:
it sends one text of that length to as many clients that come at once, with no login and nothing to look up.
"""

from __future__ import annotations

import argparse
import statistics

from bench.support.child import Child
from bench.support.machine import Window, resident_mb
from bench.support.product import Product, serving
from bench.support.report import Report, parser, run

COLUMNS = [
    *("server", "viewers", "text KB", "failed", "all equal s", "reference s", "ratio"),
    *("CPU ms/viewer", "reference ms", "grew MB", "client CPU %", "waited %"),
]
RATE, CHARS = 10, 200
WAIT_S = 30
"""Whoever is not in by then has failed."""


def measure(options: argparse.Namespace) -> Report:
    report = Report(
        name="storm", title="all viewers connect at once to a document that grows; medians of storms", columns=COLUMNS
    )
    viewers, chars, storms = (20, 20_000, 1) if options.quick else (options.viewers, options.chars, options.storms)
    for server in ("uvicorn",) if options.quick else options.servers:
        with serving(server) as product, Child("broadcast", str(chars)) as reference:
            document = product.documents(1)[0]
            product.gate(document, "storm")
            product.endpoint.ask("emit", key="storm", count=chars // 1_000, rate=100, chars=1_000)
            ours: list[tuple[float, ...]] = []
            while len(ours) < storms and not any(failed for _, _, failed, *_ in ours):
                ours.append(storm(report, product, document, viewers))
            theirs = [calm(reference, viewers) for _ in range(storms)]
            seconds, cpu_ms, failed, grew, client, waited = map(statistics.median, zip(*ours, strict=True))
            reference_s, reference_ms = map(statistics.median, zip(*theirs, strict=True))
            report.add(
                *(server, viewers, chars // 1_000, int(failed), seconds, reference_s, seconds / reference_s),
                *(cpu_ms, reference_ms, grew, client, waited),
            )
            name = f"{server}_{viewers}"
            report.figures |= {f"storm_s_{name}": seconds, f"storm_ratio_{name}": seconds / reference_s}
            report.figures[f"storm_cpu_ms_{name}"] = cpu_ms
    return report


def storm(report: Report, product: Product, document: int, viewers: int) -> tuple[float, ...]:
    """Seconds, CPU milliseconds a viewer, how many failed, megabytes, the client's CPU, waiting."""
    before_mb = resident_mb([product.pid])
    committed = product.api("GET", f"/api/artifacts/{document}")["offset"]
    with Child("viewers") as client:
        product.endpoint.say("emit", key="storm", count=RATE * 2, rate=RATE, chars=CHARS)
        with Window(product.pid) as server, Window(client.pid) as reader:
            answer = client.ask("connect", port=product.port, places=product.places([document], viewers), wait_s=WAIT_S)
            reached = client.ask("until", end=committed)["reached"]
        seen = client.ask("stats")
        grew = resident_mb([product.pid]) - before_mb
        product.endpoint.receive()
    if reached < answer["open"] or seen["gaps"] or seen["texts"] > 1:
        report.faults.append(f"{reached} of {answer['open']} have the text; {seen['gaps']} gaps, {seen['texts']} texts")
    failed = viewers - answer["open"]
    cpu_ms = server.cpu_s / viewers * 1e3
    return reader.seconds, cpu_ms, failed, grew, 100 * reader.cpu_s / reader.seconds, server.waited_percent


def calm(reference: Child, viewers: int) -> tuple[float, float]:
    """Seconds and CPU milliseconds a viewer of the reference."""
    with Child("viewers") as client:
        with Window(reference.pid) as server:
            client.ask("connect", port=reference.hello["port"], places=[["/", "-"]] * viewers)
        return server.seconds, server.cpu_s / viewers * 1e3


def options() -> argparse.ArgumentParser:
    made = parser(__doc__)
    made.add_argument("--viewers", type=int, default=1_000)
    made.add_argument("--chars", type=int, default=100_000, help="of the text when the storm begins")
    made.add_argument("--storms", type=int, default=2)
    made.add_argument("--servers", nargs="*", default=["uvicorn", "daphne"])
    return made


if __name__ == "__main__":
    run(measure, options())
