"""What a flush costs as a document grows, on SQLite and on PostgreSQL: `python -m bench.writes`.

A flush is the product's own verb: row lock, guards, one delta, the saved fields, the broadcast after the commit. The
reference is one raw INSERT of the same text in a transaction of its own, through the same connection.
"""

from __future__ import annotations

import argparse
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from bench.support.child import Child
from bench.support.postgres import postgres
from bench.support.report import Report, parser, run

COLUMNS = [
    *("database", "at KB", "CPU ms/flush", "INSERT ms", "ratio", "flushes/s", "INSERTs/s"),
    *("log B/char", "INSERT log B/char"),
]
CHARS, WINDOW = 400, 60


def measure(options: argparse.Namespace) -> Report:
    report = Report(
        name="writes",
        title=f"one flush of {CHARS} characters, one after the other in one process",
        columns=COLUMNS,
    )
    sizes = [20_000] if options.quick else options.sizes
    for kind in ("SQLite",) if options.quick else ("SQLite", "PostgreSQL"):
        with database(kind) as address, Child("appends", env=environment(address)) as writer:
            writer.ask("begin")
            writer.ask("raw", count=20, chars=CHARS)
            before, chars, log = 0, 0, 0.0
            for size in sizes:
                half = WINDOW * CHARS // 2
                way = writer.ask("grow", until=max(before, size - half), chars=CHARS)
                near = writer.ask("grow", until=size + half, chars=CHARS)
                raw = writer.ask("raw", count=WINDOW, chars=CHARS)
                before = size + half
                for part in (way, near):
                    chars, log = chars + part["count"] * CHARS, log + part["log_bytes"] * part["count"] * CHARS
                report.add(
                    *(kind, size // 1_000, near["cpu_ms"], raw["cpu_ms"], near["cpu_ms"] / raw["cpu_ms"]),
                    *(near["a_second"], raw["a_second"], log / chars, raw["log_bytes"]),
                )
                name = f"{kind}_{size // 1_000}"
                report.figures |= {f"flush_ms_{name}": near["cpu_ms"], f"flushes_s_{name}": near["a_second"]}
            report.figures[f"log_bytes_{kind}"] = log / chars
    report.notes.append(
        "log B/char: bytes of the write-ahead log per character, from the document's beginning to there"
    )
    return report


@contextmanager
def database(kind: str) -> Iterator[str]:
    if kind == "PostgreSQL":
        with postgres() as address:
            yield address
    else:
        with tempfile.TemporaryDirectory(prefix="streamgen-bench-") as folder:
            yield f"sqlite:///{folder}/bench.sqlite3"


def environment(address: str) -> dict[str, str]:
    return os.environ | {"DATABASE_URL": address, "REDIS_URL": "", "SECRET_KEY": secrets.token_hex(32)}


def options() -> argparse.ArgumentParser:
    made = parser(__doc__)
    made.add_argument("--sizes", type=int, nargs="*", default=[20_000, 100_000, 500_000])
    return made


if __name__ == "__main__":
    run(measure, options())
