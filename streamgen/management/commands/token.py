"""`token`: a bearer token for the API and for websocket clients. It prints nothing but the token."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from artifacts.accounts.tokens import issue_token
from artifacts.models.user_model import by_name


class Command(BaseCommand):
    help = "Make a bearer token for a user and print it. It cannot be shown again; the admin takes it back."
    requires_system_checks = []  # they load every page and every call, which takes longer than all of this

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="The user name.")

    def handle(self, *args: Any, user: str, **options: Any) -> None:
        found = by_name(user)
        if found is None:
            raise CommandError(f"There is no user {user!r}. `manage.py createsuperuser` makes one.")
        if not found.is_active:
            raise CommandError(f"The user {user!r} is not active, so a token would be refused.")
        self.stdout.write(issue_token(found))
