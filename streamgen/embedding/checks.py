"""What a project lacks for documents, each with the line to add: `manage.py check` says it, and so does every start.

It looks at settings, addresses and templates, and at the ASGI application; it changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.template import TemplateDoesNotExist, engines
from django.template.backends.django import DjangoTemplates
from django.template.loader import get_template
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from artifacts.accounts.sign_in_place import has_sign_in
from streamgen.embedding.defaults import own_settings

SITE = "streamgen.asgi.application"
INCLUDE = 'path("docs/", include("streamgen.embedding.urls"))'
APPS = ("artifacts", "generation")
DJANGOS_APPS = ("auth", "contenttypes", "sessions", "messages", "staticfiles")
NEEDED_MIDDLEWARE = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
)
PROCESSORS = (
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
)
SESSION_ENGINES = {"django.contrib.sessions.backends.db", "django.contrib.sessions.backends.cached_db"}
SQLITE = '{"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA journal_mode=WAL;"}'


def check_project(**kwargs: Any) -> list[CheckMessage]:
    """Everything that is missing."""
    return [*_installed(), *_settings(), *_asgi(), *_addresses(), *_templates(), *_stored()]


def _installed() -> Iterator[CheckMessage]:
    for name in APPS:
        if not apps.is_installed(name):
            yield _error(1, f"The app {name!r} is not installed.", f'INSTALLED_APPS += ["{name}"]')
    for name in DJANGOS_APPS:
        if not apps.is_installed(f"django.contrib.{name}"):
            full = f"django.contrib.{name}"
            yield _error(1, f"The app {full!r} is not installed.", f'INSTALLED_APPS += ["{full}"]')
    if not apps.is_installed("daphne"):
        line = 'INSTALLED_APPS = ["daphne", *INSTALLED_APPS]'
        yield Warning(
            "`runserver` serves no websockets.", hint=_line(line, "unless you serve with uvicorn"), id="streamgen.W001"
        )
    for name in NEEDED_MIDDLEWARE:
        if not any(_is(given, name) for given in settings.MIDDLEWARE):
            yield _error(2, f"The middleware {name!r} is missing.", f'MIDDLEWARE += ["{name}"]')


def _is(given: str, name: str) -> bool:
    """That middleware, or one that is made from it."""
    try:
        found, wanted = import_string(given), import_string(name)
    except ImportError:
        return False  # Django says so by itself
    return isinstance(found, type) and issubclass(found, wanted)


def _settings() -> Iterator[CheckMessage]:
    if "default" not in settings.CHANNEL_LAYERS:
        layer = '{"BACKEND": "artifacts.messaging.memory.MemoryLayer"}'
        yield _error(3, "There is no default channel layer.", f'CHANNEL_LAYERS["default"] = {layer}')
    for name, default in own_settings().items():
        given = getattr(settings, name)
        wanted = (int, float) if type(default) is float else type(default)
        if not isinstance(given, wanted) or (isinstance(given, bool) and not isinstance(default, bool)):
            yield _error(4, f"{name} is {given!r}, which is no {type(default).__name__}.", f"{name} = {default!r}")
    known = own_settings().keys()
    for name in sorted(given for given in dir(settings) if given.startswith("STREAMGEN_") and given not in known):
        yield Warning(f"{name} is no setting.", hint="docs/settings.md lists them.", id="streamgen.W002")


def _asgi() -> Iterator[CheckMessage]:
    path = getattr(settings, "ASGI_APPLICATION", None)
    package = os.environ.get("DJANGO_SETTINGS_MODULE", "project.settings").rpartition(".")[0]
    if not path:
        yield _error(5, "ASGI_APPLICATION is not set.", f'ASGI_APPLICATION = "{package}.asgi.application"')
    elif path != SITE:
        from streamgen.embedding.application import WithDocuments  # noqa: PLC0415  most commands need no server

        try:
            application = import_string(path)
        except ImportError as error:
            yield _error(
                5, f"ASGI_APPLICATION cannot be imported: {error}.", f'ASGI_APPLICATION = "{package}.asgi.application"'
            )
        else:
            if not isinstance(application, WithDocuments):
                line = "application = with_documents(application)"
                yield Error(
                    f"{path} serves no websockets of documents.",
                    hint=_line(
                        line, "as its last line, after `from streamgen.embedding.application import with_documents`"
                    ),
                    id="streamgen.E006",
                )


def _addresses() -> Iterator[CheckMessage]:
    try:
        reverse("artifacts:projects")
        reverse("generation:project-create")
    except NoReverseMatch:
        yield _error(7, "No address leads to documents.", f"urlpatterns += [{INCLUDE}]")
    if not has_sign_in():
        line = 'LOGIN_URL = "/the/address/of/your/page/"'
        yield Warning(
            f"Nobody can sign in: nothing is at {settings.LOGIN_URL}, where pages send whoever is nobody yet.",
            hint=_line(line, "or serve `django.contrib.auth.urls` there"),
            id="streamgen.W005",
        )


def _templates() -> Iterator[CheckMessage]:
    backends = [backend for backend in engines.all() if isinstance(backend, DjangoTemplates)]
    if not backends:
        return  # Django's admin says how to add one
    try:
        get_template("artifacts/project.html")
    except TemplateDoesNotExist:
        yield _error(8, "The templates of documents are not found.", 'TEMPLATES[0]["APP_DIRS"] = True')
    for name in PROCESSORS:
        if not any(name in backend.engine.context_processors for backend in backends):
            line = f'TEMPLATES[0]["OPTIONS"]["context_processors"] += ["{name}"]'
            yield _error(9, f"The context processor {name!r} is missing.", line)


def _stored() -> Iterator[CheckMessage]:
    if settings.SESSION_ENGINE not in SESSION_ENGINES:
        line = 'SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"'
        yield Warning(
            "Websockets know sessions of the database only: previews would grow by read-only links alone.",
            hint=_line(line),
            id="streamgen.W003",
        )
    given = settings.DATABASES["default"]
    if given["ENGINE"].endswith("sqlite3") and given.get("OPTIONS", {}).get("transaction_mode") != "IMMEDIATE":
        yield Warning(
            "On SQLite two writers refuse each other instead of waiting.",
            hint=_line(f'DATABASES["default"]["OPTIONS"] = {SQLITE}'),
            id="streamgen.W004",
        )


def _error(number: int, what: str, line: str) -> Error:
    return Error(what, hint=_line(line), id=f"streamgen.E{number:03}")


def _line(line: str, condition: str = "") -> str:
    return f"Add, {condition}: {line}" if condition else f"Add: {line}"
