"""What a viewer costs: server CPU for each message delivered to many viewers of one document: `python -m bench.fanout`.

Windows alternate: the product with N viewers; the product that writes the same with none, which is taken off; the same
frames at the same pace by `broadcast()` on uvloop, and by a Channels group with a consumer per viewer. A message is one
piece of the endpoint seen by one viewer; every piece is flushed at once.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

from bench.support.child import Child
from bench.support.machine import Window
from bench.support.product import Product, serving
from bench.support.report import Report, parser, run

CHARS, RATE = 200, 10
SETTINGS = {"STREAMGEN_FLUSH_CHARS": "100", "STREAMGEN_FLUSH_MS": "100", "STREAMGEN_PREVIEW_MS": "50"}
SETTLE_S = 0.4
GROUP_VIEWERS = 200
"""The in-memory layer's cost of a message grows with the square of its members: not tried beyond."""
CASES = (("uvicorn", 200, "text"), ("uvicorn", 1_000, "text"), ("uvicorn", 50, "html"))
CASES_DAPHNE = (("daphne", 200, "text"),)
COLUMNS = [
    *("server", "viewers", "format", "us/message", "net us", "broadcast us", "net / broadcast", "group us"),
    *("p50 ms", "last p99 ms", "broadcast p50 ms", "client CPU %", "waited %"),
]


@dataclass
class Measured:
    """The windows of one kind: server CPU in microseconds a message or frame, and what the viewers saw."""

    us: list[float] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)
    client: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)

    def middle(self, what: str) -> float:
        return statistics.median(one[what] for one in self.seen)


def measure(options: argparse.Namespace) -> Report:
    report = Report(
        name="fanout", title=f"server CPU per delivered message, {RATE} a second of {CHARS} characters", columns=COLUMNS
    )
    cases = [("uvicorn", 20, "text")] if options.quick else [*CASES, *CASES_DAPHNE]
    if options.viewers:
        cases = [("uvicorn", viewers, "text") for viewers in options.viewers]
    seconds, rounds = (0.3, 1) if options.quick else (options.seconds, options.rounds)
    for server in dict.fromkeys(case[0] for case in cases):
        with serving(server, **SETTINGS) as product, Child("broadcast") as broadcast, Child("channels_group") as group:
            for number, (_, viewers, shows) in enumerate(case for case in cases if case[0] == server):
                rig = Rig(product, broadcast, group, f"{number}", viewers, shows, seconds)
                rig.warm_up()
                for _ in range(rounds):
                    rig.round()
                rig.tell(report, server)
    return report


class Rig:
    """One number of viewers on the product and on both references."""

    def __init__(
        self, product: Product, broadcast: Child, group: Child, key: str, viewers: int, shows: str, seconds: float
    ) -> None:
        self.product, self.broadcast, self.group, self.key = product, broadcast, group, key
        self.viewers, self.shows, self.seconds = viewers, shows, seconds
        self.watched, self.alone = product.documents(2)
        self.has_group = viewers <= GROUP_VIEWERS
        self.ours, self.theirs, self.grouped = Child("viewers"), Child("viewers"), Child("viewers")
        self.got = {kind: Measured() for kind in ("ours", "alone", "broadcast", "group")}
        self.lost = 0

    def warm_up(self) -> None:
        self.product.gate(self.watched, f"watched{self.key}")
        self.product.gate(self.alone, f"alone{self.key}")
        places = self.product.places([self.watched], self.viewers, self.shows)
        here = [["/", "-"]] * self.viewers
        for client, port, where in (
            (self.ours, self.product.port, places),
            (self.theirs, self.broadcast.hello["port"], here),
            (self.grouped, self.group.hello["port"], here if self.has_group else []),
        ):
            answer = client.ask("connect", port=port, places=where)
            self.lost += answer["failed"]
        self.product.endpoint.ask("emit", key=f"watched{self.key}", count=3, rate=RATE, chars=CHARS)
        time.sleep(0.3)

    def round(self) -> None:
        count = max(2, round(RATE * self.seconds))
        details = {"count": count, "rate": RATE, "chars": CHARS}
        endpoint = self.product.endpoint
        self._window("ours", self.ours, self.product.pid, endpoint, **details, key=f"watched{self.key}")
        last = self.got["ours"].seen[-1]
        self.lost += count * self.viewers - last["marks"]
        # without viewers, by the number of messages that there would have been
        self._window("alone", self.ours, self.product.pid, endpoint, **details, key=f"alone{self.key}")
        if self.shows == "text":
            frames = max(1, round(last["frames"] / self.viewers))
            details = {"count": frames, "rate": frames / self.seconds, "chars": CHARS * count // frames}
        self._window("broadcast", self.theirs, self.broadcast.pid, self.broadcast, **details)
        if self.has_group:
            self._window("group", self.grouped, self.group.pid, self.group, **details)

    def _window(self, kind: str, client: Child, pid: int, writer: Child, **details: Any) -> None:
        client.ask("begin")
        got = self.got[kind]
        with Window(pid) as server, Window(client.pid) as reader:
            writer.ask("emit", **details)
            if kind == "alone":
                time.sleep(SETTLE_S)
            else:
                client.ask("arrived", marks=details["count"] * self.viewers)
                time.sleep(SETTLE_S / 2)  # acknowledgements, and what else follows
        seen = client.ask("stats")
        messages = details["count"] * self.viewers
        got.us.append(server.cpu_s / messages * 1e6)
        got.seen.append(seen)
        got.client.append(100 * reader.cpu_s / reader.seconds)
        got.waited.append(server.waited_percent)

    def tell(self, report: Report, server: str) -> None:
        ours, alone, broadcast, group = (self.got[kind] for kind in ("ours", "alone", "broadcast", "group"))
        whole, theirs = (statistics.median(one.us) for one in (ours, broadcast))
        grouped = statistics.median(group.us) if group.us else None
        net = statistics.median(with_ - without for with_, without in zip(ours.us, alone.us, strict=True))
        ratio = statistics.median(
            (with_ - without) / reference
            for with_, without, reference in zip(ours.us, alone.us, broadcast.us, strict=True)
        )
        report.add(
            *(server, self.viewers, self.shows, whole, net, theirs, ratio, grouped),
            *(ours.middle("p50_ms"), ours.middle("last_p99_ms"), broadcast.middle("p50_ms")),
            *(statistics.median(ours.client), statistics.median(ours.waited)),
        )
        name = f"{server}_{self.shows}_{self.viewers}"
        report.figures |= {f"net_us_{name}": net, f"ratio_{name}": ratio, f"broadcast_us_{name}": theirs}
        for what in ("gaps", "closed"):
            if total := sum(one[what] for one in ours.seen):
                report.faults.append(f"{name}: {total} {what}")
        if self.lost:
            report.faults.append(f"{name}: {self.lost} messages or viewers lost")
        if max(one["texts"] for one in ours.seen) > 1:
            report.faults.append(f"{name}: viewers of one document have different texts")
        for child in (self.ours, self.theirs, self.grouped):
            child.close()
        for document in (self.watched, self.alone):
            self.product.api("POST", f"/api/artifacts/{document}/cancel")


def options() -> argparse.ArgumentParser:
    made = parser(__doc__)
    made.add_argument("--viewers", type=int, nargs="*", help="only these numbers, text, under uvicorn")
    made.add_argument("--seconds", type=float, default=2.0, help="of a window")
    made.add_argument("--rounds", type=int, default=2)
    return made


if __name__ == "__main__":
    run(measure, options())
