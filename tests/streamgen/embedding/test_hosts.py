"""What projects of others have and this site has not: a gate for all, languages in addresses, numbers with dots."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.contrib.auth.models import User
from django.test import Client
from django.urls import include, path, reverse, set_urlconf

from artifacts.accounts import tokens
from artifacts.models import Artifact, Project
from artifacts.sharing import links
from streamgen.api import api
from streamgen.embedding.place import kind_of_path, path_below
from tests.streamgen.test_access_table import PAGES, POSTED, Team, _arguments, address_of
from tests.support import documents

GATE = "django.contrib.auth.middleware.LoginRequiredMiddleware"
FOR_PEOPLE = {"aria-label", "title", "alt", "placeholder", "label", "data-inline-formset"}
DIGIT = re.compile("[0-9]")
FAR = 1_234_567
"""Whoever writes 1.234.567 for it writes a number that no program reads."""


class InLanguages:
    """The addresses of a project whose pages stand below the name of a language."""

    urlpatterns = [*i18n_patterns(path("docs/", include("streamgen.embedding.urls")))]


class BelowDocs:
    """Those of docs/embed.md."""

    urlpatterns = [path("docs/", include("streamgen.embedding.urls"))]


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.create_user("ada")


@pytest.mark.django_db
def test_a_gate_that_knows_sessions_only_keeps_out_no_token_and_no_link(settings: Any, owner: User) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, GATE]
    written = documents.complete("One.", "Two.")
    Project.objects.filter(pk=written.project_id).update(owner=owner)
    _, secret = links.share(Project.objects.get(pk=written.project_id), owner)
    token = {"Authorization": f"Bearer {tokens.issue_token(owner)}"}
    asked = {
        f"/api/artifacts/{written.pk}": 200,
        "/api/nothing": 404,
        reverse("artifacts:shared", args=[secret]): 200,
        reverse("artifacts:shared-artifact", args=[secret, written.pk]): 200,
        "/element/js/client.js": 200,
        "/api/docs": 200,
        "/api/openapi.json": 200,
    }
    answers = {path: Client(headers=token).get(path) for path in asked}
    assert {path: answer.status_code for path, answer in answers.items()} == asked
    for answer in answers.values():
        answer.close()
    assert Client().get(f"/api/artifacts/{written.pk}").status_code == 401
    assert Client().get(f"/artifacts/{written.pk}/")["Location"] == f"/sign-in/?next=/artifacts/{written.pk}/"


def test_documents_are_found_below_each_language(settings: Any) -> None:
    settings.ROOT_URLCONF = InLanguages
    settings.LANGUAGES = [("en", "English"), ("de", "German"), ("pt-br", "Brazilian")]
    try:
        for language in ("en", "de", "pt-br"):
            asked = {"type": "websocket", "path": f"/{language}/docs/ws/artifacts/7/"}
            assert path_below(asked) == "ws/artifacts/7/"
            assert kind_of_path(f"/{language}/docs/api/projects") == "api"
        assert path_below({"type": "websocket", "path": "/fr/docs/ws/artifacts/7/"}) is None
        assert kind_of_path("/docs/api/projects") == ""
    finally:
        set_urlconf(None)


def test_all_paths_of_the_openapi_document_are_below_its_server(settings: Any) -> None:
    before = api.get_openapi_schema()
    assert before["servers"] == [{"url": "/"}]
    settings.ROOT_URLCONF = BelowDocs
    try:
        told = api.get_openapi_schema()
        assert told["servers"] == [{"url": "/docs"}]
        assert told["paths"].keys() == before["paths"].keys()
        assert {path.split("/")[1] for path in told["paths"]} == {"api", "v1", "streams"}
    finally:
        set_urlconf(None)


class ForPrograms(HTMLParser):
    """The attributes that a browser or a script reads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if ("name", "csrfmiddlewaretoken") not in attrs:
            self.found += [
                (tag, name, said) for name, said in attrs if name not in FOR_PEOPLE and DIGIT.search(said or "")
            ]


def shown(client: Client, path: str) -> list[tuple[str, str, str | None]]:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return ForPrograms(answer.content.decode()).found


@pytest.mark.django_db
def test_numbers_for_programs_are_the_same_however_a_project_writes_them(settings: Any) -> None:
    far = Project.objects.create(pk=FAR, owner=User.objects.create_user(pk=FAR, username="far"), title="Far")
    Artifact.objects.create(pk=FAR, project=far, phase="brief", title="Far")  # later ones have later numbers
    team = Team()
    links.share(team.project, team.project.owner)
    assert team.artifact.pk > FAR
    client = team.clients["owner"]
    tokens.new_token(team.project.owner, "laptop")
    pages = [
        address_of(name, kwargs=_arguments(team, name, ""))
        for name, entry in PAGES.items()
        if isinstance(entry, str)
        and name not in {*POSTED, "artifact-export", "project-export", "sign-out"}
        and entry not in {"by link", "public"}
    ]
    pages += [address_of(name, args=[team.secret, team.artifact.pk]) for name in ("shared-artifact", "shared-replay")]
    pages += [reverse("artifacts:shared", args=[team.secret]), reverse("admin:artifacts_artifact_changelist")]
    pages += [reverse(f"admin:artifacts_artifact_{name}", args=[team.artifact.pk]) for name in ("change", "timeline")]
    pages += [reverse("admin:artifacts_artifact_dashboard")]
    client.force_login(User.objects.create_superuser("root"))
    before = {path: shown(client, path) for path in pages}
    settings.LANGUAGE_CODE = "de"
    settings.USE_THOUSAND_SEPARATOR = True
    after = {path: shown(client, path) for path in pages}
    assert [(path, one) for path in pages for one in {*after[path]} - {*before[path]}] == []
