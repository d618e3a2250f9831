"""Where the blocks of a page run: a fresh copy of the project, a shell, the tests' endpoint, and what the page starts.

What a reader puts his own in for (`localhost:8000`, `https://your-endpoint/v1`) becomes what it is here.
"""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from tests.docs.answers import plain
from tests.docs.blocks import Block
from tests.support.limits import WAIT_S
from tests.support.proxies.running import free_port
from tests.support.servers import ROOT

BLOCK_S = 4 * WAIT_S
"""Only what hangs takes so long: a busy machine is no fault of a page."""
LOOK_AGAIN_S = 0.02
END_S = WAIT_S
NOT_CLONED = {"var", "staticfiles", "htmlcov", "build", "dist", "node_modules", "sbom.json"}
"""What .gitignore names, beside what begins with a dot."""
STAYS = re.compile(
    r"^(make run|make scaled|(\S*python )?manage\.py (up|scaled|runworker)|\S*uvicorn|nginx)\b", re.MULTILINE
)
"""What runs until somebody ends it."""
BEGUN = {"uvicorn": "Application startup complete", "runworker": "worker started"}
"""What it says when it has begun; else `Ctrl-C`."""
_LEFT_OUT = (
    "DATABASE_URL",
    "REDIS_URL",
    "OPENAI_",
    "STREAMGEN_",
    "DEBUG",
    "SECRET_KEY",
    "ALLOWED_HOSTS",
    "PUBLIC_URL",
    "LOG_",
    "COV",
    "PYTEST_",
    "DJANGO_",
)


def copied(folder: Path) -> Path:
    """The project as somebody gets who clones it, with what is installed; what Python compiled comes along."""
    clone = folder / "clone"
    clone.mkdir(parents=True)
    for entry in ROOT.iterdir():
        if entry.name[0] == "." or entry.name in NOT_CLONED:
            continue
        if entry.is_dir():
            shutil.copytree(entry, clone / entry.name, ignore=shutil.ignore_patterns("node_modules"))
        else:
            shutil.copy2(entry, clone / entry.name)
    installed = clone / ".venv"
    installed.mkdir()
    for entry in Path(sys.prefix).iterdir():
        if entry.name != "ready":
            (installed / entry.name).symlink_to(entry)
    (installed / "ready").touch()
    return clone


def linked(clone: Path, folder: Path) -> Path:
    """Another copy, which costs little: files are shared until somebody writes one anew; a database is not."""

    def copy(source: str, target: str) -> None:
        (shutil.copy2 if "/var/" in source else os.link)(source, target)

    shutil.copytree(clone, folder, copy_function=copy, symlinks=True)
    return folder


class Started:
    """A command that stays, on a terminal of its own."""

    def __init__(self, command: str, folder: Path) -> None:
        self.output = bytearray()
        self._terminal, inner = pty.openpty()
        self.process = subprocess.Popen(
            [
                "bash",
                "--noprofile",
                "--norc",
                "-c",
                f"exec < /proc/self/fd/{inner} > /proc/self/fd/{inner} 2>&1; {command}",
            ],
            cwd=folder,
            pass_fds=[inner],
            start_new_session=True,
            env={"PATH": os.environ["PATH"]},
        )
        os.close(inner)
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def said(self) -> str:
        return plain(self.output.decode("utf-8", errors="replace"))

    def _read(self) -> None:
        with suppress(OSError):  # the other end of a terminal is gone
            while part := os.read(self._terminal, 65_536):
                self.output += part

    def stop(self) -> None:
        """Ctrl-C."""
        if self.process.poll() is None:
            os.write(self._terminal, b"\x03")
        self.process.wait(END_S)
        os.close(self._terminal)


@dataclass(kw_only=True)
class PagePlace:
    """The place of one page; nothing was written there yet."""

    folder: Path
    clone: Path
    endpoint: str
    ports: dict[int, int] = field(default_factory=dict)
    """What stands on the page -> what it is here; 8000 once a server was started."""
    started: list[Started] = field(default_factory=list)
    said: str = ""
    stack: ExitStack = field(default_factory=ExitStack)
    token: str = ""
    """Of the administrator, where there was one before the page."""
    _number: int = 0
    _shell: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        if self._shell is not None:
            self._shell.kill()
            self._shell.communicate()
        for one in self.started:
            one.stop()
        self.stack.close()

    # Blocks

    def run(self, block: Block) -> None:
        if block.title:
            (self.clone / block.title).write_text(self._ours(block.text), "utf-8")
        elif block.language == "python":
            self._before(block.text)
            self.said = ""
            script = self.clone / f"block_{self._next()}.py"
            script.write_text(self._ours(block.text), "utf-8")
            self._feed(f"python {script}\n")
        else:
            self.said = ""
            ordinary: list[str] = []
            for line in block.text.splitlines(keepends=True):
                if STAYS.match(line):
                    self._ordinary("".join(ordinary))
                    ordinary = []
                    self._start(line.partition(" #")[0].strip())
                else:
                    ordinary.append(line)
            self._ordinary("".join(ordinary))

    def _ordinary(self, text: str) -> None:
        if text.strip():
            self._before(text)
            self._feed(self._ours(text))

    def _before(self, text: str) -> None:
        """The page speaks of a server that it did not start: one that somebody else did."""
        if "localhost:8000" in text and 8000 not in self.ports:
            self._start("manage.py up")

    def _ours(self, text: str) -> str:
        text = text.replace("https://your-endpoint/v1", self.endpoint)
        for told, here in self.ports.items():
            text = re.sub(rf"(localhost|127\.0\.0\.1):{told}\b", rf"\1:{here}", text)
        return text

    def serve(self) -> None:
        """What the tutorial starts."""
        self._start("make run")

    # What was there before

    def give(self, words: str) -> None:
        verb, *rest = words.split()
        match verb:
            case "finished" | "writing" | "paused":
                for artifact in rest:
                    self._become(int(artifact), verb)
            case "served":
                self._before("localhost:8000")
            case "project":
                self._before("localhost:8000")
                self._call("projects", {"title": "Lighthouse"})
            case "user":
                words = f"from django.contrib.auth.models import User; User.objects.create_user({rest[0]!r})"
                self._feed(f"manage.py shell --verbosity 0 -c {shlex.quote(words)}\n")
            case "token" | "api":
                made = f"export TOKEN={self.token}" if self.token else MAKE_TOKEN
                self._feed(f"{made}\n{DEFINE_API if verb == 'api' else ''}\n")
            case "port":
                self.ports[int(rest[0])] = free_port()
            case "chat":
                self.ports[int(rest[0])] = self._chat()
            case "pace":
                self.set_pace(float(rest[0]))
            case "stopped":
                for one in self.started:
                    one.stop()
                self.started = []
                self.ports.pop(8000, None)
            case "shell":
                self.said = ""
                self._feed(self._ours(words.removeprefix("shell ")) + "\n")
            case _:
                raise ValueError(f"nobody knows how to give {words!r}")

    def _become(self, artifact: int, wanted: str) -> None:
        """The document is written to its end, or as far as its first words, or stopped behind them."""
        self._before("localhost:8000")
        if self._call(f"artifacts/{artifact}")["state"]["status"] == "idle":
            self._call(f"artifacts/{artifact}/start", {})

        def is_so() -> bool:
            found = self._call(f"artifacts/{artifact}")
            status = found["state"]["status"]
            assert status in {"streaming", "complete", "paused"}, found["state"]
            if wanted == "paused" and status == "streaming" and found["text"]:
                self._call(f"artifacts/{artifact}/pause", {})
            return bool({"finished": status == "complete", "paused": status == "paused"}.get(wanted, found["text"]))

        _until(is_so, f"document {artifact} {wanted}")

    def _chat(self) -> int:
        """A server that takes what is posted to it, and keeps the last of it beside the page's files."""
        kept = self.clone / "posted.json"

        class Chat(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                kept.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Chat)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.stack.callback(server.server_close)
        self.stack.callback(server.shutdown)
        return server.server_port

    def set_pace(self, pause_s: float) -> None:
        """Seconds between two pieces of the endpoint, from now on."""
        origin = self.endpoint.removesuffix("/v1")
        script = json.dumps({"default": {"text": ANSWER, "piece_tokens": 4, "pause_s": pause_s}}).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{origin}/_script", script, method="PUT"), timeout=WAIT_S):
            pass

    def _call(self, path: str, body: Any = None) -> Any:
        if not self.token:
            kept = self.folder / "token"
            self._feed(f".venv/bin/python manage.py token admin > {kept}\n")
            self.token = kept.read_text("utf-8").strip()
        request = urllib.request.Request(
            f"http://localhost:{self.ports[8000]}/api/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            return json.load(answer)

    # The shell

    def _feed(self, text: str) -> None:
        """Have the page's one shell do it; whatever fails fails the page."""
        shell, log = self._the_shell(), self.folder / "shell.log"
        number, begin = self._next(), log.stat().st_size
        script = self.folder / f"block-{number}.sh"
        script.write_text(text, "utf-8")
        assert shell.stdin is not None
        shell.stdin.write(f"source {script} </dev/null; printf '\\n%s\\n' done-{number}\n".encode())
        shell.stdin.flush()

        def said() -> str:
            return log.read_bytes()[begin:].decode("utf-8", errors="replace")

        ends_at = time.monotonic() + BLOCK_S
        mark = f"\ndone-{number}\n"
        while not said().endswith(mark):
            if shell.poll() is not None:
                raise AssertionError(f"it failed with {shell.returncode}:\n{text}\nIt said:\n{said()}{self._logs()}")
            assert time.monotonic() < ends_at, f"it does not end:\n{text}\nIt said:\n{said()}{self._logs()}"
            time.sleep(LOOK_AGAIN_S)
        self.said += said().removesuffix(mark)

    def _the_shell(self) -> subprocess.Popen[bytes]:
        if self._shell is None:
            with (self.folder / "shell.log").open("wb") as log:
                self._shell = subprocess.Popen(
                    ["bash", "--noprofile", "--norc"],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self.clone,
                    env=self._environment(),
                )
            assert self._shell.stdin is not None
            self._shell.stdin.write(b"set -eo pipefail\n")
        return self._shell

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
        own = self.folder / "bin"
        if not own.exists():
            own.mkdir()
            python = self.clone / ".venv/bin/python"
            _script(own / "manage.py", f'exec {python} {self.clone / "manage.py"} "$@"')
            curl = shutil.which("curl")
            _script(own / "curl", f'exec {curl} --fail-with-body --max-time {BLOCK_S:.0f} "$@"')
        path = f"{own}:{self.clone / '.venv/bin'}:{kept.get('PATH', '')}:/usr/sbin"
        return kept | {"PATH": path, "HOME": str(self.folder), "OPENAI_BASE_URL": self.endpoint}

    def _start(self, line: str) -> None:
        """A command that stays, with what the shell exports, until it has begun."""
        exported = self.folder / f"exported-{self._next()}"
        said, self.said = self.said, ""
        self._feed(f"export -p > {exported}\n")
        line, port = self._ours(line), free_port()
        if re.search(r"manage\.py up\b|uvicorn", line):
            line = f"{re.sub(r' --port +[0-9]+', '', line)} --port {port}"
        one = Started(f"source {exported}; export PORT={port}; exec {line}", self.clone)
        self.started.append(one)

        def has_begun() -> bool:
            if line.startswith("nginx"):
                return any(_listens(here) for told, here in self.ports.items() if told != 8000)
            words = next((said for name, said in BEGUN.items() if name in line), "Ctrl-C")
            return words in one.said or one.process.poll() is not None

        _until(has_begun, f"{line!r} begins", one)
        assert one.process.poll() is None, f"{line!r} ended:\n{one.said}"
        if "runworker" not in line and not line.startswith("nginx"):
            self.ports.setdefault(8000, port)
        self.said = said + one.said

    def _logs(self) -> str:
        return "".join(f"\nA server said:\n{one.said[-2000:]}" for one in self.started)

    def _next(self) -> int:
        self._number += 1
        return self._number


MAKE_TOKEN = "export TOKEN=$(.venv/bin/python manage.py token admin)"
DEFINE_API = """api() { curl -sS -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" "$@"; }"""
ANSWER = """The lamp is lit at dusk, and no ship is lost while it burns. Its keeper climbs the stairs every evening \
with oil for one night, and comes down when the sun is up.

- Oil is brought up before it is dark.
- The wick is trimmed twice, the glass is cleaned once.
- What the weather was like stands in the book.

Nobody counts the ships that come home because of it; whoever is at sea looks for it and is glad.
"""


def _until(is_so: Callable[[], bool], what: str, who: Started | None = None) -> None:
    ends_at = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < ends_at, f"this does not happen: {what}\n{who.said if who else ''}"
        time.sleep(LOOK_AGAIN_S)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n", "utf-8")
    path.chmod(0o755)
