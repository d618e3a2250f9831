"""`up`: from an empty folder to an open page: database, administrator, sample project, server, worker and model."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.db import connection
from django.urls import reverse

from artifacts.accounts import sign_in
from artifacts.models import Project
from artifacts.models.user_model import User
from artifacts.operating.database_check import POOLER, POOLER_SAYS, own_connection, refusal_to_start
from artifacts.operating.outages import SENTENCES, kind_of
from artifacts.validation import whole_number
from generation import control
from generation.errors import ProviderError
from generation.providers import provider_from_settings
from streamgen.people.own_site import demand_own_site
from streamgen.server.daphne import HostedServer
from streamgen.server.lifespan import this_process

DEFAULT_PORT = 8000
SET_UP_LOCK = 7_382_915
"""Any number of our own, for PostgreSQL's advisory lock."""
SAMPLE_TITLE = "A library of things"
SAMPLE_DESCRIPTION = (
    "A neighbourhood wants to share what stands unused in its cupboards: drills, tents, sewing machines, a projector. "
    "People look at what there is on their phone, reserve it, fetch it from a locker with a code, and bring it back. "
    "Volunteers look after the things. There is little money and no warehouse."
)


class Command(BaseCommand):
    help = "Set up what is missing, then serve the pages and write documents. Ctrl-C ends it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on (127.0.0.1).")
        parser.add_argument(
            "--port", type=whole_number, default=DEFAULT_PORT, help="Port to listen on (8000; 0 takes a free one)."
        )
        parser.add_argument("--no-worker", action="store_true", help="Serve only; tasks wait for a runworker.")
        parser.add_argument("--no-migrate", action="store_true", help="Refuse to start where a migration is missing.")

    def handle(self, *args: Any, host: str, port: int, no_worker: bool, no_migrate: bool, **options: Any) -> None:
        demand_own_site("up", "manage.py migrate, then manage.py runserver, or an ASGI server of your choice.")
        try:
            with _alone():
                if not no_migrate:
                    call_command("migrate", verbosity=0, interactive=False)
                if refusal := refusal_to_start():
                    raise CommandError(refusal)
                admin = sign_in.administrator()
                self._sample(admin)
        except DatabaseError as error:
            kind = kind_of(error)
            if kind is None:
                raise
            raise CommandError(POOLER if POOLER_SAYS in str(error) else SENTENCES[kind]) from None
        facts = [("model", self._provider(no_worker))]
        facts.append(("database", _database()))

        def on_listening(address: str, bound: int) -> None:
            self._say("address", self._address(origin_at(address, bound), bound, admin))
            for name, value in facts:
                self._say(name, value)
            self._say("stop", "Ctrl-C")

        server = HostedServer(host, port, on_listening=on_listening)
        server.run()
        if server.failure:
            raise CommandError(f"{server.failure} Choose another port: manage.py up --port {port + 1}")

    def _say(self, name: str, value: str) -> None:
        self.stdout.write(f"{name:>9}  {value}")
        self.stdout.flush()

    def _address(self, origin: str, port: int, admin: User) -> str:
        """Where to go. A link that signs in is shown to somebody who looks, and kept out of every log."""
        if self.stdout.isatty():
            return f"{origin}{sign_in.sign_in_path(admin)}   (signs you in, once, within 15 minutes)"
        is_known = settings.PUBLIC_URL or port == DEFAULT_PORT
        command = f"manage.py sign-in-link {admin.username}{'' if is_known else f' --port {port}'}"
        return f"{origin}{reverse('sign-in')}   (`{command}` prints a link that signs in)"

    def _provider(self, no_worker: bool) -> str:
        """Which provider this process writes with, and why."""
        this_process.runs_worker = not no_worker and settings.STREAMGEN_CONCURRENCY > 0
        if not this_process.runs_worker:
            return "none here: tasks wait for `manage.py runworker generation`"
        try:
            this_process.chosen = provider_from_settings()
        except ProviderError as error:
            raise CommandError(error.detail) from None
        return this_process.chosen.why

    def _sample(self, owner: User) -> None:
        if not Project.objects.exists():
            control.create_project(owner, SAMPLE_TITLE, SAMPLE_DESCRIPTION)


@contextmanager
def _alone() -> Iterator[None]:
    """Several processes may begin at once on one PostgreSQL: they set it up one after the other."""
    if connection.vendor != "postgresql":
        yield
        return
    # A lock of a transaction, over a connection that does nothing else: behind a pooler sessions are shared, and the
    # lock of a session would be left behind in one that another process gets.
    ours = own_connection()
    try:
        ours.set_autocommit(False)
        with ours.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SET_UP_LOCK])
        yield
    finally:
        ours.close()


def origin_at(address: str, port: int) -> str:
    """The beginning of every link in full: the public address, else where a server listens."""
    if settings.PUBLIC_URL:
        return settings.PUBLIC_URL.origin
    known = ip_address(address) if re.fullmatch(r"[0-9.]+|[0-9a-f:.]+", address) else None
    shown = "localhost" if known and (known.is_loopback or known.is_unspecified) else address
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"


def _database() -> str:
    """What is behind `DATABASE_URL`, without its password."""
    given = settings.DATABASES["default"]
    if connection.vendor == "sqlite":
        return f"SQLite, {given['NAME']}"
    return f"{connection.display_name}, {given['HOST']}:{given['PORT'] or 5432}/{given['NAME']}"
