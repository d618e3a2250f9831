"""`restore`: a backup in the place of all that the database holds; refuses while somebody works with it."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError

from generation.queue import workers
from streamgen.management.question import demand_answer
from streamgen.operating.backups import BackupFailed, restore_from


class Command(BaseCommand):
    help = "Replace the whole database by what FILE holds. Stop every process first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="What `backup` wrote.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def handle(self, *args: Any, file: Path, yes: bool, **options: Any) -> None:
        try:
            working = list(workers.living().values_list("name", flat=True))
        except DatabaseError:  # an empty database has nobody at work
            working = []
        if working:
            raise CommandError(f"Stop every process first; still at work: {', '.join(working)}.")
        if not yes:
            demand_answer("All that the database holds now is lost. Type yes to go on: ", "yes")
        try:
            restore_from(file)
        except BackupFailed as failed:
            raise CommandError(str(failed)) from None
        call_command("migrate", verbosity=0, interactive=False)  # a backup of an older version
        self.stdout.write(f"Restored from {file}.")
