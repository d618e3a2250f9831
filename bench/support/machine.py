"""What Linux knows of processes and of this machine: CPU, waiting for a core, memory, descriptors."""

from __future__ import annotations

import os
import platform
import resource
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

PAGE = os.sysconf("SC_PAGE_SIZE")
MEGABYTE = 1_000_000


def prepare() -> None:
    """A process that is ended closes what it started; thousands of sockets have descriptors."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def family(pids: Iterable[int]) -> list[int]:
    """The processes and all that they started."""
    found = []
    for pid in pids:
        try:
            one = psutil.Process(pid)
            found += [pid, *(child.pid for child in one.children(recursive=True))]
        except psutil.NoSuchProcess:
            continue
    return found


def ran_and_waited(pids: Iterable[int]) -> tuple[float, float]:
    """Seconds on a core, and seconds runnable without one, of all threads of the processes and their children."""
    ran = waited = 0
    for pid in family(pids):
        for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                first, second, _ = thread.read_text().split()
            except (OSError, ValueError):
                continue
            ran, waited = ran + int(first), waited + int(second)
    return ran / 1e9, waited / 1e9


def resident_mb(pids: Iterable[int]) -> float:
    total = 0
    for pid in family(pids):
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            continue
    return total * PAGE / MEGABYTE


def descriptors(pids: Iterable[int]) -> int:
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in family(pids) if Path(f"/proc/{pid}").exists())


class Window:
    """A stretch of time: `seconds`, `cpu_s` and `waited_s` of the processes from its beginning to its end."""

    def __init__(self, *pids: int) -> None:
        self._pids = pids
        self.seconds = self.cpu_s = self.waited_s = 0.0

    def __enter__(self) -> Window:
        self._at = time.monotonic()
        self._ran, self._waited = ran_and_waited(self._pids)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        ran, waited = ran_and_waited(self._pids)
        self.cpu_s, self.waited_s = ran - self._ran, waited - self._waited
        self.seconds = time.monotonic() - self._at

    @property
    def waited_percent(self) -> float:
        """Of the window: how long threads were runnable and had no core, all threads added up."""
        return 100 * self.waited_s / self.seconds if self.seconds else 0.0


def facts() -> dict[str, Any]:
    """The machine and the moment, as they stand beside every figure."""
    names = [line for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "cpu": names[0].partition(":")[2].strip() if names else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def shares(since: Any) -> dict[str, float]:
    """Since those `psutil.cpu_times()`, of all cores: how long they worked, and how long the host took them away."""
    passed = {name: after - getattr(since, name) for name, after in psutil.cpu_times()._asdict().items()}
    stolen, idle = passed.get("steal", 0.0), passed["idle"] + passed.get("iowait", 0.0)
    total = sum(seconds for name, seconds in passed.items() if not name.startswith("guest")) or 1.0
    return {
        "busy_percent": round(100 * (total - idle - stolen) / total, 1),
        "steal_percent": round(100 * stolen / total, 1),
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
