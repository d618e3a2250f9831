#!/usr/bin/env python
"""Django's command line for streamgen."""

import asyncio
import gc
import os
import sys
from contextlib import suppress


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "streamgen.settings")
    gc.disable()  # what is imported stays: to look for garbage in it is a tenth of the time to begin
    if sys.argv[1:2] == ["up"]:
        _serve_fast()
    sys.argv[1:2] = [name.replace("-", "_") if name[:1] != "-" else name for name in sys.argv[1:2]]
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import BaseCommand, ManagementUtility
        from django.db import DatabaseError
    except ImportError:
        sys.exit("Django is not installed here. Run `make venv`, then use .venv/bin/python manage.py.")

    class Commands(ManagementUtility):
        def fetch_command(self, subcommand: str) -> BaseCommand:
            command = super().fetch_command(subcommand)
            gc.freeze()
            gc.enable()
            return command

    try:
        Commands(sys.argv).execute()
    except ImproperlyConfigured as error:
        sys.exit(f"{error}")
    except DatabaseError as error:
        from artifacts.operating.outages import SENTENCES, kind_of

        kind = kind_of(error)
        if kind is None:
            raise
        sys.exit(SENTENCES[kind])


def _serve_fast() -> None:
    """Daphne makes its event loop when it is imported: a faster one, where there is one."""
    with suppress(ImportError):  # not on Windows
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)  # as a shell has it: nothing went wrong that a traceback would tell
