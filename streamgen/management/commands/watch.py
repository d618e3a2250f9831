"""`watch`: the same, also of a document of a server elsewhere, by the Python client."""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from generation.cli.follow import EXIT_CODES, INTERRUPTED
from generation.cli.log_file import log_beside
from generation.management.commands import watch
from streamgen.cli.remote import follow_remote
from streamgen.cli.server_options import add_server_options, token_from
from streamgen.client import Client, ClientError


class Command(watch.Command):
    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_server_options(parser)

    def handle(self, *args: Any, id: int, **options: Any) -> None:
        if not options["server"]:
            super().handle(*args, id=id, **options)
            return
        log_beside(sys.stderr, settings.DATA_DIR / "cli.log")
        try:
            status = asyncio.run(_follow(options, id))
        except (ClientError, ValueError) as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            # As there: whoever read our text has had enough of it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(watch.BROKEN_PIPE)
        sys.exit(EXIT_CODES[status])


async def _follow(options: dict[str, Any], artifact: int) -> str:
    async with Client(options["server"], token=token_from(options)) as client:
        return await follow_remote(client, artifact, out=sys.stdout, err=sys.stderr)
