"""How much memory a process takes, as Linux counts it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Growth:
    """The most that a process held in memory above what it held in the beginning, once the block is over."""

    megabytes: float = 0.0


@contextmanager
def grown(pid: int) -> Iterator[Growth]:
    growth = Growth()
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew
    before = _megabytes(pid, "VmRSS")
    yield growth
    growth.megabytes = _megabytes(pid, "VmHWM") - before


def _megabytes(pid: int, field: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1_024
    raise AssertionError(f"no {field} of {pid}")
