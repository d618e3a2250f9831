"""A process that was given room for few sockets takes as much as it is allowed to."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.limits import WAIT_S

PROGRAM = """
import resource, sys
soft, hard = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
import streamgen.asgi
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(("given", "found"), [((256, 1_000), "1000 1000"), ((900, 900), "900 900")])
def test_server_raises_its_limit_of_open_files_and_never_lowers_it(given: tuple[int, int], found: str) -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "streamgen.settings"}
    command = [sys.executable, "-c", PROGRAM, *map(str, given)]
    assert subprocess.check_output(command, text=True, env=environment).strip() == found


RUNS_OUT = """
import asyncio, logging, os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
from artifacts.operating import open_files
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
open_files.COUNT_FILES_EVERY_S = 0.01

async def main():
    said = []
    logging.getLogger(open_files.__name__).addFilter(lambda record: said.append(record.levelname) or True)
    open_files.watch().begin()
    taken = []
    for left in (85, 0):
        while len(os.listdir("/proc/self/fd")) - 1 < 100 - left if left else True:
            try:
                taken.append(os.open("/dev/null", os.O_RDONLY))
            except OSError:
                break
        while left == 0 and not said:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
    for one in taken:
        os.close(one)
    while len(said) < 2:
        await asyncio.sleep(0.01)

asyncio.run(main())
"""


def test_running_out_of_files_is_one_line_and_its_end_another() -> None:
    said = subprocess.check_output([sys.executable, "-c", RUNS_OUT], text=True, timeout=WAIT_S).splitlines()
    assert [line.partition(":")[0] for line in said] == ["open files run out", "open files do not run out any more"]
    assert said[0] == (
        "open files run out: 100 of 100 in use. Raise the limit (LimitNOFILE=, ulimit -n), or add processes."
    )
