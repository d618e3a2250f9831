"""Every script of the benchmark, one after the other: `python -m bench [names] [--quick] [--json FILE] [--write-docs]`.

`--write-docs` puts the tables into docs/performance.md; with `--from FILE` those of an earlier run, measuring nothing.
"""

from __future__ import annotations

import importlib
import time
from contextlib import nullcontext
from pathlib import Path

from bench import capacity
from bench.support import machine, pages, product
from bench.support.report import Report, parse, parser, publish, timed

NAMES = ("fanout", "storm", "writes", "worker", "provider", "preview", "memory", "soak", "startup")
"""In this order; each module has `measure` and `options`."""
SHORT = {"preview": ["growth", "giants"]}
"""What of a script is measured here, where all of it would take too long."""


def main() -> None:
    made = parser(__doc__)
    made.add_argument("names", nargs="*", help=f"of {' '.join(NAMES)}")
    made.add_argument("--write-docs", action="store_true", help="renew the tables in docs/performance.md")
    made.add_argument("--from", dest="earlier", type=Path, metavar="FILE", help="JSON lines of an earlier run")
    chosen = made.parse_args()
    machine.prepare()
    if chosen.earlier:
        reports = [parse(line) for line in chosen.earlier.read_text().splitlines()]
    else:
        began = time.monotonic()
        with product.shared() if chosen.quick else nullcontext():
            reports = [measured(name, chosen.quick, chosen.json) for name in chosen.names or NAMES]
        print(f"\nall in {time.monotonic() - began:.0f} s")
    computed = capacity.on_paper(reports)
    if computed:
        print(computed.text())
    if chosen.write_docs:
        pages.write(report for report in [*reports, computed] if report and report.rows)
    faults = [f"{report.name}: {fault}" for report in reports for fault in report.faults]
    if faults:
        raise SystemExit("\n".join(faults))


def measured(name: str, quick: bool, json_file: Path | None) -> Report:
    module = importlib.import_module(f"bench.{name}")
    options = module.options().parse_args(["--quick"] if quick else SHORT.get(name, []))
    try:
        report = timed(module.measure, options)
    except (RuntimeError, OSError) as error:  # the others are still worth their time
        report = Report(name=name, title="could not be measured", columns=["what"], faults=[str(error)])
    publish(report, json_file=json_file)
    return report


if __name__ == "__main__":
    main()
