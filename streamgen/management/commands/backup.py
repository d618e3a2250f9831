"""`backup`: the whole database in one file, while everything runs."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from streamgen.operating.backups import BackupFailed, back_up


class Command(BaseCommand):
    help = "Write the whole database into FILE, while everything runs. `restore` brings it back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="A file that is not there yet.")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            back_up(file)
        except BackupFailed as failed:
            raise CommandError(str(failed)) from None
        self.stdout.write(f"{file}  {file.stat().st_size:,} bytes")
