"""Few of the cases that `make hostile` asks in thousands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from artifacts.accounts.tokens import issue_token
from artifacts.sharing import members
from generation import control
from tests.hostile import api_cases
from tests.support.servers import serving_product

pytestmark = pytest.mark.django_db(transaction=True)


def furnished(owner: User) -> dict[str, list[Any]]:
    """Projects of the owner, with everything that a path may name; their ids by the names that the API has for them."""
    projects = [control.create_project(owner, f"Lighthouse {number}", "") for number in range(6)]
    grace = User.objects.create_user("grace")
    for project in projects:
        members.set_role(project, grace, "editor", owner)
    artifacts = [artifact.pk for project in projects for artifact in project.artifacts.all()]
    return {"project_id": [project.pk for project in projects], "artifact_id": artifacts, "number": [1, 2]}


def test_whatever_is_asked_of_the_api_is_answered_as_its_document_says(owner: User, tmp_path: Path) -> None:
    ids, token = furnished(owner), issue_token(owner)
    database = Path(connection.settings_dict["NAME"])
    with serving_product("uvicorn", database=database, folder=tmp_path, STREAMGEN_CONCURRENCY="0") as server:
        asked = api_cases.ask(server, token, ids, folder=tmp_path, examples=2, seed=7, phases="fuzzing")
    assert not asked.failed, asked.said
    assert asked.cases > 60
    assert "Traceback" not in server.log.read_text()
