"""Where in a project the documents are: what of an address comes after the prefix that they were included under."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings
from django.core.handlers import asgi
from django.urls import NoReverseMatch, get_script_prefix, reverse

FOR_PROGRAMS = ("api", "v1", "streams")


def path_below(scope: Any) -> str | None:
    """Of a request's path, without a slash at its beginning; None where it is not one of documents."""
    prefix = _prefix(settings.ROOT_URLCONF)
    path = scope["path"].removeprefix(asgi.get_script_prefix(scope)).lstrip("/")
    return path.removeprefix(prefix) if prefix is not None and path.startswith(prefix) else None


def kind_of_path(path: str) -> str:
    """`api`, `v1` or `streams`, of a path below the script prefix: whoever asks there is a program, and reads no page.
    Else "".
    """
    prefix = _prefix(settings.ROOT_URLCONF)
    below = path.lstrip("/")
    if prefix is None or not below.startswith(prefix):
        return ""
    first, slash, _ = below.removeprefix(prefix).partition("/")
    return first if slash and first in FOR_PROGRAMS else ""


@cache
def _prefix(urlconf: str) -> str | None:
    """`docs/` for `path("docs/", include("streamgen.embedding.urls"))`; None where nothing is included."""
    try:
        return reverse("artifacts:projects", urlconf=urlconf).removeprefix(get_script_prefix())
    except NoReverseMatch:
        return None
