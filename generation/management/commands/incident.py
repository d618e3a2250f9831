"""`incident`: all that is known of how one document was written, as JSON; no text, no prompt, no secret."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder

from artifacts.models import Artifact
from artifacts.validation import whole_number
from generation.inspection.incidents import incident_of


class Command(BaseCommand):
    help = (
        "Write all that is known of how a document was written as one JSON object: states, claims, calls, retries, who "
        "did what. It holds no text of the document, no prompt and no secret."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "artifact", type=whole_number, metavar="ID", help="The document's number, as in its address."
        )
        parser.add_argument("--output", type=Path, metavar="FILE", help="A file; without it stdout.")

    def handle(self, *args: Any, artifact: int, output: Path | None, **options: Any) -> None:
        found = Artifact.objects.filter(pk=artifact).first()
        if found is None:
            raise CommandError(f"There is no document {artifact}. Its number stands in the address of its page.")
        text = json.dumps(incident_of(found), cls=DjangoJSONEncoder, indent=1, ensure_ascii=False)
        if output is None:
            self.stdout.write(text)
            return
        try:
            output.write_text(f"{text}\n", encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}.") from None
