"""Visits every page of artifacts where generation is not installed, and prints what each answered as one JSON object.

Run as `python -m tests.support.alone.visit` with `DJANGO_SETTINGS_MODULE` and an empty `DATABASE_URL`.
"""

from __future__ import annotations

import json
import sys
from io import StringIO

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402

from tests.support import documents  # noqa: E402

ADMIN = ("project", "artifact", "section", "delta", "artifactversion", "accesstoken")


def main() -> None:
    call_command("migrate", verbosity=0)
    call_command("makemigrations", "artifacts", check=True, dry_run=True, stdout=StringIO())
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.create_superuser("visitor"))
    answers = {"/ (nothing yet)": answer(client, "/")}
    shown = documents.complete("Some **bold** words.")
    documents.commands.reset(shown.pk, documents.sections(1), "")
    draft = documents.reopened(shown.pk)
    draft.begin(0)
    draft.append("Once *upon* a time")
    stopped = documents.paused()
    version = shown.versions.get().pk
    for path in (
        "/",
        f"/projects/{shown.project_id}/",
        f"/artifacts/{documents.idle().pk}/",
        f"/artifacts/{shown.pk}/",
        f"/artifacts/{stopped.pk}/?ask=cancel",
        f"/artifacts/{shown.pk}/versions/{version}/",
        f"/api/artifacts/{shown.pk}",
        f"/api/artifacts/{shown.pk}/export?format=html",
        "/admin/",
        *(f"/admin/artifacts/{model}/" for model in ADMIN),
        f"/admin/artifacts/artifact/{shown.pk}/change/",
        f"/admin/artifacts/artifact/{stopped.pk}/change/",
    ):
        answers[path] = answer(client, path)
    loaded = sorted(name for name in sys.modules if name.partition(".")[0] == "generation")
    sys.stdout.write(json.dumps({"answers": answers, "loaded": loaded}))


def answer(client: Client, path: str) -> list[object]:
    response = client.get(path)
    return [response.status_code, response.content.decode()]


if __name__ == "__main__":
    main()
