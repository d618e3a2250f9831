"""`mcp`: documents as tools for agents, by the Model Context Protocol."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import import_string

from artifacts.accounts import tokens
from artifacts.errors import NotFound
from artifacts.models.user_model import by_name
from artifacts.operating.database_check import refusal_to_start
from artifacts.validation import whole_number
from streamgen.cli.server_options import add_server_options, token_from
from streamgen.server.lifespan import this_process

TOKEN_LIFE_S = 30 * 86_400
"""Of a token that was left behind because this process was killed."""
NOT_INSTALLED = "The package of the protocol is missing: pip install 'streamgen[mcp]', or pip install 'mcp>=2.3'."


class Command(BaseCommand):
    help = (
        "Serve documents as tools for agents (the Model Context Protocol): list, start, status, read, rewrite, decide, "
        "stop. Over stdio as one user, or with --http for everybody who brings a token."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", default="", help="Over stdio, on this database: who the agent acts as.")
        parser.add_argument("--http", action="store_true", help="Streamable HTTP at /mcp instead of stdio.")
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on (127.0.0.1).")
        parser.add_argument(
            "--port", type=whole_number, default=8100, help="Port to listen on (8100; 0 takes a free one)."
        )
        parser.add_argument("--no-worker", action="store_true", help="Write nothing here; another process does.")
        add_server_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            # Whoever does not serve agents need not have the package.
            from streamgen.agents.mcp_serving import ToolServing, own_address  # noqa: PLC0415
        except ModuleNotFoundError as error:
            if error.name is None or not error.name.startswith("mcp"):
                raise
            raise CommandError(NOT_INSTALLED) from None
        if options["server"]:
            token = "" if options["http"] else token_from(options)
            self._serve(ToolServing(server=options["server"], application=None, token=token), options)
            return
        if refusal := refusal_to_start():
            raise CommandError(refusal)
        this_process.runs_worker = this_process.runs_worker and not options["no_worker"]
        application = import_string(settings.ASGI_APPLICATION)
        if options["http"]:
            self._serve(ToolServing(server=own_address(), application=application, token=""), options)
            return
        with _token_of(options["user"]) as token:
            self._serve(ToolServing(server=own_address(), application=application, token=token), options)

    def _serve(self, serving: Any, options: dict[str, Any]) -> None:
        try:
            if options["http"]:
                asyncio.run(serving.over_http(options["host"], options["port"]))
            else:
                asyncio.run(serving.over_stdio())
        except KeyboardInterrupt:
            pass
        except ValueError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"Cannot listen on {options['host']}:{options['port']}: {error.strerror}.") from None


@contextmanager
def _token_of(username: str) -> Iterator[str]:
    """A token for as long as this process runs."""
    if not username:
        raise CommandError("Say who the agent acts as: --user NAME. Or --server URL with a token, or --http.")
    user = by_name(username)
    if user is None or not user.is_active:
        raise CommandError(f"There is no active user {username!r}. `manage.py createsuperuser` makes one.")
    row, token = tokens.new_token(user, "mcp", TOKEN_LIFE_S)
    try:
        yield token
    finally:
        with suppress(NotFound):  # the user has taken it back
            tokens.revoke_token(user, row.pk)
