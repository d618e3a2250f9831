"""`generate`: the same, also at a server elsewhere, by the Python client; there is the worker, and the database."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
from argparse import ArgumentParser
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from artifacts import validation
from artifacts.errors import ArtifactError
from generation import control
from generation.cli.follow import EXIT_CODES, INTERRUPTED
from generation.cli.log_file import log_beside
from generation.cli.terminal import without_key_marks
from generation.management.commands import generate
from generation.models import RunStatus
from generation.project_runs import STOPPED
from streamgen.cli.remote import write_all_remotely, write_remotely
from streamgen.cli.server_options import add_server_options, token_from
from streamgen.client import Client, ClientError


class Command(generate.Command):
    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_server_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["server"]:
            super().handle(*args, **options)
            return
        log_beside(sys.stderr, settings.DATA_DIR / "cli.log")
        try:
            options["project"] = validation.title(options["project"])
            if not options["all"]:
                validation.phase(options["phase"])
            control.checked_parallel(options["parallel"])
            client = partial(Client, options["server"], token=token_from(options))
            write = write_all_remotely if options["all"] else write_remotely
            with open(os.devnull, "w") as nowhere, without_key_marks(sys.stdin):
                out = nowhere if options["json"] else sys.stdout
                status, told = asyncio.run(
                    write(client, options, out=out, err=sys.stderr, on_terminal=sys.stdin.isatty())
                )
        except ArtifactError as error:
            raise CommandError(error.detail) from None
        except (ClientError, ValueError) as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        if status in (RunStatus.PAUSED, STOPPED):
            where = ["--server", options["server"]]
            where += ["--token-file", options["token_file"]] if options["token_file"] else []
            print(f"To go on: {generate.same_command(options)} {shlex.join(where)}", file=sys.stderr, flush=True)
        if options["json"]:
            self.stdout.write(json.dumps(told, ensure_ascii=False))
        sys.exit((generate.RUN_EXIT_CODES if options["all"] else EXIT_CODES).get(status, 1))
