"""A whole installation behind pgbouncer in transaction mode: set up twice, and a document is written to its end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

from streamgen.operating.backups import BY_POOLER
from tests.support.limits import WAIT_S
from tests.support.postgres import make_database
from tests.support.servers import ROOT, SECRET_KEY, serving_product, up

PGBOUNCER = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
REFUSED = "CommandError: A pooler in transaction mode refuses this connection: set DATABASE_POOLER=transaction.\n"
INI = """
[databases]
pooled = host={server} dbname=pooled user=postgres
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
listen_port = 6432
auth_type = any
pool_mode = transaction
default_pool_size = 3
logfile = {folder}/log
"""


@contextmanager
def pooled(postgres_server: str) -> Iterator[str]:
    """The address of a new database behind the real program."""
    make_database(postgres_server, "pooled")
    with tempfile.TemporaryDirectory(prefix="pooler-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        server = postgres_server.partition("?host=")[2]
        (folder / "ini").write_text(INI.format(server=server, folder=folder))
        # It refuses to run as root, and whose the server's folder is may reach its socket.
        user = Path(server).stat().st_uid if os.geteuid() == 0 else None
        process = subprocess.Popen([PGBOUNCER, "-q", str(folder / "ini")], user=user)
        try:
            until((folder / ".s.PGSQL.6432").exists, folder / "log")
            yield f"postgres://postgres@/pooled?host={quote(name, safe='')}&port=6432"
        finally:
            process.terminate()
            process.wait(WAIT_S)


def until(condition: Callable[[], bool], log: Path) -> None:
    ends_at = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < ends_at, log.read_text()
        time.sleep(0.05)


def test_installation_behind_a_pooler_begins_twice_and_writes(postgres_server: str, tmp_path: Path) -> None:
    with pooled(postgres_server) as url:
        shared = {"DATABASE_URL": url, "SECRET_KEY": SECRET_KEY, "STREAMGEN_PROVIDER": "scripted"}
        for command in (("up", "--port", "0"), ("runworker", "generation")):
            assert manage(*command, **shared) == (1, REFUSED)
        shared["DATABASE_POOLER"] = "transaction"
        for _ in range(2):
            with up(database=tmp_path, folder=tmp_path, **shared):
                pass
        for pooler in ("transaction", ""):  # it would share the session that pg_dump has made its own
            code, said = manage("backup", str(tmp_path / "backup"), **shared | {"DATABASE_POOLER": pooler})
            assert (code, said.startswith(f"CommandError: {BY_POOLER} backup FILE")) == (1, True), said
        token = manage("token", "admin", **shared)[1].strip()
        with serving_product("uvicorn", database=tmp_path, folder=tmp_path, **shared) as server:

            def call(method: str, path: str, body: object = None) -> dict[str, object]:
                with closing(HTTPConnection("127.0.0.1", server.port, timeout=WAIT_S)) as client:
                    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
                    client.request(method, path, json.dumps(body or {}), headers)
                    answer: dict[str, object] = json.loads(client.getresponse().read())
                    return answer

            artifact = call("POST", "/api/projects", {"title": "Pooled"})["artifacts"][0]["id"]  # type: ignore[index]
            call("POST", f"/api/artifacts/{artifact}/start", {"plan": [{"name": "One", "max_tokens": 200}]})
            until(lambda: call("GET", f"/api/artifacts/{artifact}")["state"]["status"] != "streaming", server.log)  # type: ignore[index]
            assert call("GET", f"/api/artifacts/{artifact}")["state"]["status"] == "complete"  # type: ignore[index]


def manage(*words: str, **shared: str) -> tuple[int, str]:
    ended = subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=os.environ | shared, capture_output=True, text=True
    )
    return ended.returncode, ended.stdout + ended.stderr
