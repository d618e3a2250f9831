"""Makes what is attacked: an owner with a token, projects with everything that a path may name, hostile documents.

As a program it migrates the database of `DATABASE_URL` first, and says what it made as JSON.
"""

from __future__ import annotations

import json
import os
from typing import Any

PASSWORD = "a long enough password"


def furnished(*, projects: int = 12) -> dict[str, Any]:
    """The arguments of a `Target` that know no server."""
    from django.contrib.auth.models import User  # noqa: PLC0415  as a program it sets Django up first

    from artifacts.accounts.tokens import issue_token  # noqa: PLC0415  the same
    from artifacts.sharing import links, members  # noqa: PLC0415
    from generation import control  # noqa: PLC0415
    from tests.hostile.exports import furnish  # noqa: PLC0415
    from tests.support import documents  # noqa: PLC0415

    owner = User.objects.create_user("owner", password=PASSWORD)
    grace = User.objects.create_user("grace")
    made = [control.create_project(owner, f"Lighthouse {number}", "A lamp.") for number in range(projects)]
    for project in made:
        members.set_role(project, grace, "editor", owner)
        links.share(project, owner, None)
    written = documents.complete("One.", "Two.")
    type(written).objects.filter(pk=written.pk).update(project=made[0], phase="written")
    # The API's own cases delete what they find: what others look at is not among it.
    kept = control.create_project(owner, "Kept", "")
    artifacts = [artifact.pk for project in made for artifact in project.artifacts.all()]
    return {
        "token": issue_token(owner),
        "artifact": kept.artifacts.first().pk,
        "ids": {"project_id": [project.pk for project in made], "artifact_id": artifacts, "number": [1, 2]},
        "hostile": furnish(kept),
    }


if __name__ == "__main__":
    import django
    from django.core.management import call_command

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "streamgen.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    print(json.dumps(furnished()))  # noqa: T201
