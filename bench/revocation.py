"""How long an open socket outlives what let it in: a link or a member taken out, a sign-out, a deactivation, a token
deleted. Run `.venv/bin/python -m bench.revocation`; it starts a real server on the loopback and prints a table.

Each time is from before the request that takes access away to the close frame, 50 of each kind, one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import django
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("link", "member", "sign-out", "deactivation", "token")
GIVEN_UP_S = 10.0


def make(times: int) -> None:
    """One document, and for each try somebody with a session and a token. Prints JSON."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client

    from artifacts.accounts.tokens import issue_token, new_token
    from artifacts.sharing import links, members
    from generation import control

    call_command("migrate", verbosity=0)
    admin = User.objects.create_superuser("admin", password=secrets.token_hex(8))
    project = control.create_project(admin, "Bench")
    artifact = project.artifacts.earliest("pk")
    made: dict[str, Any] = {"project": project.pk, "artifact": artifact.pk, "admin": issue_token(admin), "tries": {}}
    browser = Client()
    browser.force_login(admin)
    made["session"] = browser.session.session_key
    for kind in KINDS:
        tries = []
        for number in range(times):
            user = User.objects.create_user(f"{kind}-{number}")
            members.set_role(project, user, "viewer", admin)
            row, token = new_token(user, "bench")
            own = Client()
            own.force_login(user)
            link, secret = links.share(project, admin, artifact)
            tries.append(
                {
                    "name": user.username,
                    "user": user.pk,
                    "token": token,
                    "token_id": row.pk,
                    "session": own.session.session_key,
                    "link_id": link.pk,
                    "secret": secret,
                }
            )
        made["tries"][kind] = tries
    print(json.dumps(made))


class Bench:
    def __init__(self, port: int, made: dict[str, Any]) -> None:
        self.made, self.origin, self.host = made, f"http://127.0.0.1:{port}", f"127.0.0.1:{port}"

    async def outlived_s(self, kind: str, one: dict[str, Any]) -> float:
        path = f"ws://{self.host}/ws/artifacts/{self.made['artifact']}/"
        headers = {"Authorization": f"Bearer {one['token']}"}
        if kind == "link":
            path, headers = f"{path}link/{one['secret']}/", {}
        elif kind in {"sign-out", "deactivation"}:
            headers = {"Cookie": f"sessionid={one['session']}", "Origin": self.origin}
        async with connect(path, additional_headers=headers) as line:
            await line.recv()
            began = time.perf_counter()
            taking = asyncio.create_task(asyncio.to_thread(self.take, kind, one))
            try:
                async with asyncio.timeout(GIVEN_UP_S):
                    while True:
                        await line.recv()
            except ConnectionClosed:
                took = time.perf_counter() - began
            except TimeoutError:
                took = GIVEN_UP_S
            await taking
            return took

    def take(self, kind: str, one: dict[str, Any]) -> None:
        project = self.made["project"]
        if kind == "link":
            self.call("DELETE", f"/api/links/{one['link_id']}", self.made["admin"])
        elif kind == "member":
            self.call("DELETE", f"/api/projects/{project}/members/{one['name']}", self.made["admin"])
        elif kind == "token":
            self.call("DELETE", f"/api/tokens/{one['token_id']}", one["token"])
        elif kind == "sign-out":
            self.post("/sign-out/", one["session"], {})
        else:
            person = {"username": one["name"], "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
            self.post(f"/admin/auth/user/{one['user']}/change/", self.made["session"], person)

    def call(self, method: str, path: str, token: str) -> None:
        request = urllib.request.Request(self.origin + path, method=method)
        request.add_header("Authorization", f"Bearer {token}")
        urllib.request.urlopen(request).close()

    def post(self, path: str, session: str, fields: dict[str, str]) -> None:
        csrf = "c" * 32
        body = "&".join(f"{name}={value}" for name, value in {**fields, "csrfmiddlewaretoken": csrf}.items())
        request = urllib.request.Request(self.origin + path, data=body.encode(), method="POST")
        request.add_header("Cookie", f"sessionid={session}; csrftoken={csrf}")
        opener = urllib.request.build_opener(Stay())
        try:
            opener.open(request).close()
        except urllib.error.HTTPError as answer:
            if answer.code != 302:
                raise


class Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is the answer: it is not followed."""

    def redirect_request(self, *_: Any) -> None:
        return None


async def measure(bench: Bench) -> None:
    print(f"{'taken away':<14}{'n':>4}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}")
    for kind in KINDS:
        took = sorted([await bench.outlived_s(kind, one) for one in bench.made["tries"][kind]])
        p50, p99 = took[len(took) // 2], took[min(len(took) - 1, int(len(took) * 0.99))]
        print(f"{kind:<14}{len(took):>4}{p50 * 1e3:>9.0f}{p99 * 1e3:>9.0f}{took[-1] * 1e3:>9.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--make", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:  # in a process of its own
        django.setup()
        make(options.times)
        return
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        environment = os.environ | {
            "DATABASE_URL": f"sqlite:///{folder}/bench.sqlite3",
            "REDIS_URL": os.environ.get("REDIS_URL", ""),
            "SECRET_KEY": secrets.token_hex(32),
            "STREAMGEN_PROVIDER": "scripted",
            "DJANGO_SETTINGS_MODULE": "streamgen.settings",
        }
        command = [sys.executable, "-m", "bench.revocation", "--make", "--times", str(options.times)]
        made = json.loads(subprocess.run(command, env=environment, cwd=ROOT, check=True, stdout=-1).stdout)
        port = listener.getsockname()[1]
        serve = ["-m", "daphne", "--fd", str(listener.fileno()), "-v", "0", "streamgen.asgi:application"]
        server = subprocess.Popen(
            [sys.executable, *serve], env=environment, cwd=ROOT, pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL
        )
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/sign-in/", timeout=60).close()
            asyncio.run(measure(Bench(port, made)))
        finally:
            server.terminate()
            server.wait(20)


if __name__ == "__main__":
    main()
