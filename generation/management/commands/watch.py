"""`watch`: one document on a terminal, from its beginning to its end, wherever it is written."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from artifacts.errors import NotFound
from artifacts.validation import whole_number
from generation.cli.follow import EXIT_CODES, INTERRUPTED, follow
from generation.cli.log_file import log_beside

BROKEN_PIPE = 141


class Command(BaseCommand):
    help = (
        "Follow a document: its text to stdout as it is written, progress to stderr. "
        "Exit code 0: complete, 3: paused, 4: cancelled. Ctrl-C stops watching, not writing."
    )
    requires_system_checks = []  # they load every page and every call, which takes longer than to show the first words

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", type=whole_number, help="The number in the address of the document's page.")

    def handle(self, *args: Any, id: int, **options: Any) -> None:
        log_beside(sys.stderr, settings.DATA_DIR / "cli.log")
        try:
            status = follow(id, out=sys.stdout, err=sys.stderr)
        except NotFound as error:
            raise CommandError(error.detail) from None
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            # Whoever read our text has had enough of it; Python would complain when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(BROKEN_PIPE)
        sys.exit(EXIT_CODES[status])
