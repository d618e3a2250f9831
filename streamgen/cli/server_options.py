"""How a command is told of a server elsewhere: its address, and a token that stands on no command line."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

TOKEN_VARIABLE = "STREAMGEN_TOKEN"


def add_server_options(parser: ArgumentParser) -> None:
    parser.add_argument("--server", default="", metavar="URL", help="Documents of this server, not of the database.")
    parser.add_argument(
        "--token-file", default="", metavar="FILE", help=f"Where the token for it is; else in {TOKEN_VARIABLE}."
    )


def token_from(options: dict[str, Any]) -> str:
    """The token for the server. Raises `CommandError`."""
    if file := options["token_file"]:
        try:
            token = Path(file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise CommandError(f"Cannot read the token in {file}: {reason}.") from None
    else:
        token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token or any(character.isspace() or not character.isprintable() for character in token):
        place = file or TOKEN_VARIABLE
        raise CommandError(f"A token is needed, and {place} holds none: there `manage.py token USER` makes one.")
    return token
