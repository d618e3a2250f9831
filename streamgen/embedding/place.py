"""Where in a project the documents are: what of an address comes after the prefix that they were included under."""

from __future__ import annotations

from contextlib import nullcontext
from functools import cache
from typing import Any

from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.core.handlers import asgi
from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils.translation import override

FOR_PROGRAMS = ("api", "v1", "streams")


def path_below(scope: Any) -> str | None:
    """Of a request's path, without a slash at its beginning; None where it is not one of documents."""
    return _below(scope["path"].removeprefix(asgi.get_script_prefix(scope)).lstrip("/"))


def kind_of_path(path: str) -> str:
    """`api`, `v1` or `streams`, of a path below the script prefix: whoever asks there is a program, and reads no page.
    Else "".
    """
    first, slash, _ = (_below(path.lstrip("/")) or "").partition("/")
    return first if slash and first in FOR_PROGRAMS else ""


def _below(path: str) -> str | None:
    for prefix in _prefixes(settings.ROOT_URLCONF):
        if path.startswith(prefix):
            return path.removeprefix(prefix)
    return None


@cache
def _prefixes(urlconf: str) -> tuple[str, ...]:
    """`docs/` for `path("docs/", include("streamgen.embedding.urls"))`; in `i18n_patterns` one for each language, the
    longest first; none where nothing is included.
    """
    in_languages, _ = is_language_prefix_patterns_used(urlconf)
    found = {_prefix(urlconf, code) for code, _ in settings.LANGUAGES} if in_languages else {_prefix(urlconf, None)}
    return tuple(sorted((prefix for prefix in found if prefix is not None), key=len, reverse=True))


def _prefix(urlconf: str, language: str | None) -> str | None:
    try:
        with override(language) if language else nullcontext():
            return reverse("artifacts:projects", urlconf=urlconf).removeprefix(get_script_prefix())
    except NoReverseMatch:
        return None
