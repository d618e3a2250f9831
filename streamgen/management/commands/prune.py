"""`prune`: removes what is old and of no more use; documents and the record of who did what stay."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection
from django.utils import timezone

from artifacts.lifecycle import pruning
from generation.inspection.keeping import old_journals
from generation.models import GenerationTask

UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def age(text: str) -> timedelta:
    """`36h`, `30d` or `8w`."""
    found = re.fullmatch(r"([0-9]{1,4})([hdw])", text.strip().lower())
    if found is None:
        raise ArgumentTypeError("an age is a number with h, d or w, as in 30d")
    return timedelta(**{UNITS[found[2]]: int(found[1])})


class Command(BaseCommand):
    help = (
        "Remove what is older: of finished documents the pieces in which they were written and their saved pages (the "
        "text stays, and pages are made again when somebody looks); versions, ended tasks, expired sessions, tokens "
        "and links. What single calls cost is summed up by day, document, section and model. It may run beside "
        "everything else."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--older-than", type=age, required=True, metavar="AGE", help="36h, 30d, 8w.")
        parser.add_argument("--dry-run", action="store_true", help="Only say how much it would be.")
        parser.add_argument(
            "--vacuum", action="store_true", help="Give the room back to the disk; on SQLite writers wait meanwhile."
        )

    def handle(self, *args: Any, older_than: timedelta, dry_run: bool, vacuum: bool, **options: Any) -> None:
        before = timezone.now() - older_than
        tasks = GenerationTask.objects.filter(finished_at__lt=before).order_by()
        ours = {
            "ended tasks": tasks,
            "timelines with their prompts": old_journals(before, pruning.finished_before(before)),
        }
        for name, rows in {**pruning.prunable(before), **ours}.items():
            number = rows.count() if dry_run else pruning.remove(rows)
            self.stdout.write(f"{number:>8}  {name}")
        previews = pruning.saved_previews(before).count() if dry_run else pruning.drop_previews(before)
        self.stdout.write(f"{previews:>8}  saved pages of finished documents")
        charges = pruning.superfluous_charges(before) if dry_run else pruning.fold_charges(before)
        self.stdout.write(f"{charges:>8}  costs of single calls, summed up by day")
        if vacuum and not dry_run:
            with connection.cursor() as cursor:
                cursor.execute("VACUUM" if connection.vendor == "sqlite" else "VACUUM (ANALYZE)")
                if connection.vendor == "sqlite":
                    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
