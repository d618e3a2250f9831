"""A process that has the product imported already and forks one worker after the other from it, in milliseconds.

Each line on stdin asks for one: `{"log": FILE, "environment": {...}}`. Lines on stdout say `{"pid": N}`, and at its end
`{"pid": N, "exit": CODE}`. The children run the product's own command, from its beginning; only imports are shared.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from typing import Any

from tests.faults.injector import prepare, run_doomed


def _say(**fields: int) -> None:
    os.write(1, (json.dumps(fields) + "\n").encode())


def _become(order: dict[str, Any]) -> None:
    """In the child: its own log, its own environment, then the worker."""
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, number in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, number)
    os.environ.update(order["environment"])
    code = 1
    try:
        run_doomed(["manage.py", "runworker", "generation"])
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    sys.exit(code)  # as any process ends: with its threads joined


def main() -> None:
    prepare()
    wake_reader, wake_writer = os.pipe()
    os.set_blocking(wake_writer, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_writer)
    _say(pid=os.getpid())
    rest = b""
    while True:
        ready, _, _ = select.select([0, wake_reader], [], [])
        if wake_reader in ready:
            os.read(wake_reader, 4096)
            _reap()
        if 0 in ready:
            data = os.read(0, 65_536)
            if not data:
                return
            *orders, rest = (rest + data).split(b"\n")
            for order in orders:
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    os.close(wake_reader)
                    os.close(wake_writer)
                    _become(json.loads(order))
                _say(pid=pid)


def _reap() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _say(pid=pid, exit=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
