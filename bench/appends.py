"""What an append costs as a document grows, and how many a process commits a second: `python -m bench.appends`.

It makes a database of its own in a temporary folder (or in DATABASE_URL, an empty one) and prints one table. Times are
of this machine and this moment; the ratio of the last tenth of the document to its first is what to look at.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

CHARS = 400


def main(total_chars: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("DATABASE_URL", f"sqlite:///{Path(folder) / 'bench.sqlite3'}")
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "streamgen.settings")
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        report(total_chars, measured(total_chars))


def measured(total_chars: int) -> list[float]:
    """Seconds of each append of one document of that length."""
    from artifacts.accounts import sign_in
    from artifacts.lifecycle import commands, writing
    from artifacts.lifecycle.writing import Flush
    from artifacts.planned_section import PlannedSection
    from generation import control

    artifact = control.create_project(sign_in.administrator()[0], "Bench").artifacts.first()
    assert artifact
    commands.plan(artifact.pk, [PlannedSection(name="All", instructions="", max_tokens=1)], "")
    fence = writing.open(artifact.pk, lease_s=3_600).fence
    writing.begin_section(artifact.pk, fence=fence, position=0, model="", lease_s=3_600)
    seconds = []
    for offset in range(0, total_chars, CHARS):
        began = time.perf_counter()
        flush = Flush(offset=offset, text="x" * CHARS, tokens=0)
        writing.append(artifact.pk, fence=fence, flush=flush, lease_s=3_600)
        seconds.append(time.perf_counter() - began)
    return seconds


def report(total_chars: int, seconds: list[float]) -> None:
    tenth = len(seconds) // 10
    first, last = statistics.mean(seconds[:tenth]), statistics.mean(seconds[-tenth:])
    print(f"{total_chars} characters in appends of {CHARS}")
    print(f"  an append, median        {statistics.median(seconds) * 1e3:8.2f} ms")
    print(f"  99th percentile          {statistics.quantiles(seconds, n=100)[98] * 1e3:8.2f} ms")
    print(f"  appends a second         {len(seconds) / sum(seconds):8.0f}")
    print(f"  last tenth / first tenth {last / first:8.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500_000)
