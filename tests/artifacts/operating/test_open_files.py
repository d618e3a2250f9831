"""A process that was given room for few sockets takes as much as it is allowed to."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

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
