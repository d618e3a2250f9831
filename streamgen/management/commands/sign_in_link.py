"""`sign-in-link`: a link that signs somebody in once, for who has no password or forgot it. It prints nothing else."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from artifacts.accounts.sign_in import sign_in_path
from artifacts.models.user_model import by_name
from artifacts.validation import whole_number
from streamgen.management.commands.up import DEFAULT_PORT, origin_at
from streamgen.people.own_site import demand_own_site


class Command(BaseCommand):
    help = "Print a link that signs a user in once, within 15 minutes. Whoever has it is that user."
    requires_system_checks = []  # they load every page and every call, which takes longer than all of this

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="The user name.")
        parser.add_argument(
            "--port",
            type=whole_number,
            default=DEFAULT_PORT,
            help="Where `up` listens, unless PUBLIC_URL is set (8000).",
        )

    def handle(self, *args: Any, user: str, port: int, **options: Any) -> None:
        demand_own_site("sign-in-link", "people come in as LOGIN_URL says.")
        found = by_name(user)
        if found is None:
            raise CommandError(f"There is no user {user!r}. `manage.py createsuperuser` makes one.")
        if not found.is_active:
            raise CommandError(f"The user {user!r} is not active, so a link would be refused.")
        self.stdout.write(f"{origin_at('127.0.0.1', port)}{sign_in_path(found)}")
