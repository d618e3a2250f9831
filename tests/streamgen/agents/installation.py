"""The product as its clients find it: a model, a server without a worker, and a worker that can be killed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from openai import OpenAI

from streamgen.client import BlockingClient
from tests.support.servers import ROOT, Server, serving_product

NEW_USERS = """
from django.core.management import call_command
from django.contrib.auth.models import User
call_command("migrate", verbosity=0)
for name in ("ada", "bob"):
    User.objects.create_user(name)
    call_command("token", name)
"""
MODEL_PAUSE_S = 0.01
"""Before each token of the model."""
# No two sentences alike: where a text repeats itself, nobody can tell where an answer goes on.
MODEL_TEXTS = {
    "Why": "灯台 🏳️‍🌈 น้ำ — the lamp burns.\n\n"
    + "".join(f"Ship {number} came home by light {number * 7}. 🔥\n\n" for number in range(1, 21)),
    "How": "- Oil it.\n- Trim the wick.\n\n"
    + "".join(f"On stair {number} the keeper rests {number * 3} times a night.\n\n" for number in range(1, 18)),
}
MODEL_TEXTS["Overview"] = MODEL_TEXTS["Why"]  # where a phase of one's own begins
PLAN = [{"name": "Why"}]
TWO_SECTIONS = [{"name": "Why"}, {"name": "How"}]


class ServedProduct:
    """One database, one server, one worker at a time."""

    def __init__(self, folder: Path, tokens: list[str], variables: dict[str, str]) -> None:
        self.folder, self._variables = folder, variables
        self.token, self.other_token = tokens
        self.port = 0
        self._serving = ExitStack()
        self._server: Server | None = None
        self._worker: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Of a command on the same database, with the same model."""
        return os.environ | self._variables

    def client(self) -> BlockingClient:
        return BlockingClient(self.address, token=self.token)

    def openai(self, token: str | None = None) -> OpenAI:
        return OpenAI(base_url=f"{self.address}/v1", api_key=token or self.token, max_retries=0)

    def begin_serving(self) -> None:
        """Where it was, if there was one before."""
        settings = self._variables | {"STREAMGEN_CONCURRENCY": "0"}
        serving = serving_product(
            "uvicorn", database=self.folder / "db.sqlite3", folder=self.folder, port=self.port, **settings
        )
        self._server = self._serving.enter_context(serving)
        self.port = self._server.port

    def kill_server(self) -> None:
        """And those who read there lose their connection."""
        assert self._server is not None
        self._server.process.kill()
        self._server.process.wait()

    def stop_serving(self) -> None:
        self._serving.close()

    def begin_work(self) -> None:
        command = [sys.executable, "manage.py", "runworker", "generation"]
        with (self.folder / "worker.log").open("ab") as log:
            self._worker = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)

    def kill_worker(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker.wait()
            self._worker = None

    def manage(self, *words: str) -> str:
        return _manage(words, self.environment)


def _manage(words: tuple[str, ...], environment: dict[str, str]) -> str:
    command = [sys.executable, "manage.py", *words]
    ran = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    return ran.stdout


@contextmanager
def _model(folder: Path) -> Iterator[str]:
    """The address of a model in a process of its own."""
    script = folder / "script.json"
    script.write_text(json.dumps({"texts": MODEL_TEXTS, "default": {"pause_s": MODEL_PAUSE_S}}))
    command = [sys.executable, "-m", "tests.support.endpoint.openai_server", "--port", "0", "--script", str(script)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
        finally:
            process.terminate()


@contextmanager
def served_product(folder: Path, migrated_file: Path | None = None) -> Iterator[ServedProduct]:
    if migrated_file:
        shutil.copyfile(migrated_file, folder / "db.sqlite3")
    with _model(folder) as model:
        variables = {
            "REDIS_URL": "",
            "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
            "STREAMGEN_PROVIDER": "openai",
            "STREAMGEN_MODEL": "m",
            "OPENAI_BASE_URL": model,
            "STREAMGEN_CONTEXT_CHARS": "0",
            "STREAMGEN_LEASE_SECONDS": "2",
        }
        tokens = _manage(("shell", "-v0", "-c", NEW_USERS), os.environ | variables).split()[-2:]
        product = ServedProduct(folder, tokens, variables)
        product.begin_serving()
        product.begin_work()
        try:
            yield product
        finally:
            product.kill_worker()
            product.stop_serving()
