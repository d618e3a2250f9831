"""What a project lacks is said by `check`, with the line to add; the site lacks nothing."""

from __future__ import annotations

import subprocess
import sys
from copy import deepcopy
from typing import Any

import pytest

from streamgen.embedding.checks import check_project
from streamgen.embedding.defaults import fill_in, own_settings
from tests.support.servers import ROOT

PLAIN = "tests.streamgen.embedding.plain_asgi"


def said() -> dict[str, str]:
    """The messages of each number, one a line."""
    found: dict[str, str] = {}
    for message in check_project():
        found[str(message.id)] = f"{found.get(str(message.id), '')}{message.msg} {message.hint}\n"
    return found


def test_the_site_lacks_nothing():
    assert said() == {}


@pytest.mark.parametrize(
    ("number", "name", "value", "line"),
    [
        ("E002", "MIDDLEWARE", [], 'MIDDLEWARE += ["django.contrib.auth.middleware.AuthenticationMiddleware"]'),
        ("E003", "CHANNEL_LAYERS", {}, 'CHANNEL_LAYERS["default"] = {"BACKEND": '),
        ("E004", "STREAMGEN_FLUSH_CHARS", "many", "STREAMGEN_FLUSH_CHARS = 400"),
        ("W002", "STREAMGEN_FLUSH_CHAR", 5, "docs/settings.md"),
        ("E005", "ASGI_APPLICATION", None, 'ASGI_APPLICATION = "streamgen.asgi.application"'),
        ("E005", "ASGI_APPLICATION", "nowhere.asgi.application", "cannot be imported: No module named 'nowhere'"),
        ("E006", "ASGI_APPLICATION", f"{PLAIN}.application", "application = with_documents(application)"),
        (
            "E007",
            "ROOT_URLCONF",
            "tests.support.alone.urls",
            'urlpatterns += [path("docs/", include("streamgen.embedding.urls"))]',
        ),
        ("W003", "SESSION_ENGINE", "django.contrib.sessions.backends.signed_cookies", "SESSION_ENGINE = "),
    ],
)
def test_what_is_missing_is_said_with_the_line_to_add(settings: Any, number: str, name: str, value: Any, line: str):
    setattr(settings, name, value)

    assert line in said()[f"streamgen.{number}"]


def test_templates_have_to_be_found_and_to_know_the_request(settings: Any):
    templates = deepcopy(settings.TEMPLATES)
    templates[0]["APP_DIRS"] = False
    templates[0]["OPTIONS"]["context_processors"] = []
    settings.TEMPLATES = templates

    found = said()
    assert 'TEMPLATES[0]["APP_DIRS"] = True' in found["streamgen.E008"]
    assert '["context_processors"] += ["django.' in found["streamgen.E009"]


def test_apps_and_sqlite_that_waits(settings: Any):
    settings.INSTALLED_APPS = [name for name in settings.INSTALLED_APPS if "runserver" not in name]
    with pytest.warns(UserWarning, match="DATABASES"):
        settings.DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}

    found = said()
    assert 'INSTALLED_APPS = ["daphne", *INSTALLED_APPS]' in found["streamgen.W001"]
    assert '"transaction_mode": "IMMEDIATE"' in found["streamgen.W004"]


@pytest.mark.parametrize(
    ("installed", "line"),
    [
        ((), 'INSTALLED_APPS = ["streamgen", "generation", "artifacts", *INSTALLED_APPS]'),
        (("streamgen",), 'INSTALLED_APPS += ["generation", "artifacts"]'),
        (("artifacts", "streamgen"), 'INSTALLED_APPS += ["generation"]'),
        (("generation",), 'INSTALLED_APPS += ["artifacts"]'),
        (("generation", "artifacts"), 'INSTALLED_APPS = ["streamgen", *INSTALLED_APPS]'),
    ],
)
def test_a_project_that_lacks_an_app_is_told_which(installed: tuple[str, ...], line: str):
    apps = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", *installed]
    begun = f"import django; from django.conf import settings; settings.configure(INSTALLED_APPS={apps})"
    done = subprocess.run(
        [sys.executable, "-c", f"{begun}; django.setup(); import streamgen.embedding.urls"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "ImproperlyConfigured" in last
    assert last.endswith(f"Add: {line}")


def test_a_projects_own_settings_count_and_others_have_their_defaults(tmp_path: Any):
    class Given:
        BASE_DIR = tmp_path
        STREAMGEN_FLUSH_CHARS = 7

    fill_in(Given)

    assert Given.STREAMGEN_FLUSH_CHARS == 7
    assert vars(Given)["DATA_DIR"] == tmp_path / "var"
    assert vars(Given)["STREAMGEN_FLUSH_MS"] == own_settings()["STREAMGEN_FLUSH_MS"]
