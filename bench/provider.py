"""What one streamed piece costs from the socket to the text: `python -m bench.provider`.

The reference is the SDK's own iteration over the same stream; the floor is reading the socket and nothing else. Each
reads in a process of its own; asked in turns, the median of the rounds counts.
"""

from __future__ import annotations

import argparse
import statistics

from bench.support.child import Child
from bench.support.machine import Window
from bench.support.report import Report, parser, run

CHARS = 5
COLUMNS = [
    *("streams", "pieces/s each", "us/piece", "SDK us", "over the SDK", "socket us", "pieces/s", "SDK pieces/s"),
    "endpoint CPU %",
]


def measure(options: argparse.Namespace) -> Report:
    report = Report(
        name="provider", title=f"CPU for one piece of {CHARS} characters, from socket to text", columns=COLUMNS
    )
    cases = [(2, 0, 200)] if options.quick else [(1, 0, 20_000), (20, 50, 300)]
    rounds = 1 if options.quick else options.rounds
    with Child("endpoint") as endpoint:
        for streams, rate, pieces in cases:
            case(report, endpoint, streams, rate, pieces, rounds)
    return report


def case(report: Report, endpoint: Child, streams: int, rate: int, pieces: int, rounds: int) -> None:
    port = str(endpoint.hello["port"])
    model = f"pace-{CHARS}-{rate}-{pieces}-{pieces * 2}"
    got: dict[str, list[float]] = {"product": [], "sdk": [], "raw": []}
    speed: dict[str, list[float]] = {"product": [], "sdk": [], "raw": []}
    with Child("pieces", port) as reader, Window(endpoint.pid) as writer:
        for kind in got:  # the first connection learns what the endpoint takes
            reader.ask(kind, model=f"pace-{CHARS}-0-20-1000", streams=1)
        for _ in range(rounds):
            chars = {}
            for kind, costs in got.items():
                answer = reader.ask(kind, model=model, streams=streams)
                chars[kind] = answer["chars"]
                costs.append(answer["cpu_s"] / (streams * pieces) * 1e6)
                speed[kind].append(streams * pieces / answer["seconds"])
            if chars["product"] != chars["sdk"]:
                report.faults.append(f"the product read {chars['product']} characters, the SDK {chars['sdk']}")
    ours, theirs, floor = (statistics.median(got[kind]) for kind in ("product", "sdk", "raw"))
    report.add(
        *(streams, rate or "unpaced", ours, theirs, ours / theirs, floor),
        *(statistics.median(speed["product"]), statistics.median(speed["sdk"])),
        100 * writer.cpu_s / writer.seconds,
    )
    name = "paced" if rate else "unpaced"
    report.figures |= {f"piece_us_{name}": ours, f"sdk_us_{name}": theirs, f"over_sdk_{name}": ours / theirs}


def options() -> argparse.ArgumentParser:
    made = parser(__doc__)
    made.add_argument("--rounds", type=int, default=2)
    return made


if __name__ == "__main__":
    run(measure, options())
