"""`delete-user`: removes somebody with all they own; asks first."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from artifacts.models import Artifact, Project
from artifacts.models.user_model import by_name
from artifacts.sharing.projects import delete_user
from streamgen.management.question import demand_answer


class Command(BaseCommand):
    help = "Remove a user with their projects and documents, tokens and sessions. What they did stays on record."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="The user name.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def handle(self, *args: Any, user: str, yes: bool, **options: Any) -> None:
        found = by_name(user)
        if found is None:
            raise CommandError(f"There is no user {user!r}.")
        projects = Project.objects.filter(owner=found).count()
        documents = Artifact.objects.filter(project__owner=found).count()
        told = f"{user!r} with {projects} projects and {documents} documents"
        if not yes:
            demand_answer(f"Remove {told}? The name again, to go on: ", user)
        delete_user(found, None)
        self.stdout.write(f"Removed {told}.")
