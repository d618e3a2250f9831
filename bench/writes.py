"""What a flush costs as a document grows, on SQLite and on PostgreSQL: `python -m bench.writes`.

A flush is the product's own verb: row lock, guards, one delta, the saved fields, the broadcast after the commit. The
reference is one raw INSERT of the same text in a transaction of its own, through the same connection. With `--kept`
it is measured instead how many bytes a finished document takes for each byte of its text, once it is packed and pruned;
with `--together 100` what it saves to commit the flushes of so many documents together.
"""

from __future__ import annotations

import argparse
import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.support.child import ROOT, Child
from bench.support.postgres import postgres
from bench.support.report import Report, parser, run

COLUMNS = [
    *("database", "at KB", "CPU ms/flush", "INSERT ms", "ratio", "flushes/s", "INSERTs/s"),
    *("log B/char", "INSERT log B/char"),
]
CHARS, WINDOW = 400, 60
KEPT_COLUMNS = [
    "database",
    "characters a flush",
    "round",
    "text KB",
    "written KB",
    "packed KB",
    "added a byte",
    "pruned",
]
TOGETHER_COLUMNS = [
    *("database", "documents", "each alone ms", "together ms", "flushes/s alone", "together", "ratio"),
    *("log B/char alone", "together"),
]
ROUNDS_TOGETHER = 20
KEPT_CHARS = (40, 400)
"""A model of 50 pieces a second is flushed after about 40 characters, a quick one after 400."""
ROUNDS = 3
"""A database keeps what packing freed in one round, and fills it with the next: see what the later ones add."""


def measure(options: argparse.Namespace) -> Report:
    if options.kept:
        return kept()
    if options.together:
        return together(options.together)
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


def kept() -> Report:
    """The texts are this project's own pages. Each round writes them all, packs their pieces, and clears away what is
    dead, as a worker and the database do by themselves within some minutes; the last two rounds tell what one adds.
    """
    report = Report(name="writes-kept", title="what a finished document takes on the disk", columns=KEPT_COLUMNS)
    texts = [page.read_text() for page in sorted((ROOT / "docs").glob("*.md"))]
    text_kb = sum(len(text.encode()) for text in texts) / 1_000
    for kind in ("SQLite", "PostgreSQL"):
        for chars in KEPT_CHARS:
            with database(kind) as address, Child("appends", env=environment(address)) as writer:
                empty = writer.ask("kept_bytes")
                after = [0.0]
                for number in range(1, ROUNDS + 1):
                    writer.ask("finish", texts=texts, chars=chars)
                    written = (writer.ask("kept_bytes") - empty) / 1_000
                    writer.ask("pack")
                    after.append((writer.ask("kept_bytes") - empty) / 1_000)
                    added = (after[-1] - after[-2]) / text_kb
                    pruned: float | str = "-"
                    if number == ROUNDS:
                        writer.ask("prune")
                        pruned = (writer.ask("kept_bytes") - empty) / 1_000 / text_kb / ROUNDS
                        report.figures[f"kept_{kind}_{chars}"] = (after[-1] - after[-3]) / text_kb / 2
                    report.add(kind, chars, number, number * text_kb, written, after[-1], added, pruned)
    return report


def together(numbers: Sequence[int]) -> Report:
    """CPU and pace of a flush, in a transaction of its own and in one with others."""
    title = f"flushes of {CHARS} characters of many documents, each by itself and by group commit"
    report = Report(name="writes-together", title=title, columns=TOGETHER_COLUMNS)
    for kind in ("SQLite", "PostgreSQL"):
        for number in numbers:
            with database(kind) as address, Child("appends", env=environment(address)) as writer:
                writer.ask("together", documents=number, rounds=2, chars=CHARS)  # statements are compiled, pages there
                found = writer.ask("together", documents=number, rounds=ROUNDS_TOGETHER, chars=CHARS)
            each, all_ = found["each"], found["together"]
            ratio = all_["a_second"] / each["a_second"]
            report.add(
                *(kind, number, each["cpu_ms"] / number, all_["cpu_ms"] / number),
                *(each["a_second"] * number, all_["a_second"] * number, ratio, each["log_bytes"], all_["log_bytes"]),
            )
            report.figures[f"together_{kind}_{number}"] = ratio
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
    made.add_argument("--kept", action="store_true", help="what finished documents take on the disk, and nothing else")
    made.add_argument(
        "--together", type=int, nargs="*", default=[], metavar="N", help="flushes of N documents, instead"
    )
    made.add_argument("--sizes", type=int, nargs="*", default=[20_000, 100_000, 500_000])
    return made


if __name__ == "__main__":
    run(measure, options())
