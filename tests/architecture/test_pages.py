"""Templates and what browsers load: the site's at the top, each app's under its name; every name leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import get_template
from django.urls import URLPattern, URLResolver, get_resolver

from tests.architecture.source import MODULES, ROOT

APPS = ("artifacts", "generation")
OF_THE_SITE = {
    *("templates/base.html", "templates/artifacts/base.html", "templates/admin/base_site.html"),
    "templates/admin/index.html",
    *("templates/sign_in.html", "templates/sign_in_link.html"),
    *(f"templates/{code}.html" for code in ("400", "403", "403_csrf", "404", "500", "503")),
    *("static/css/site.css", "static/css/admin-theme.css", "static/img/favicon.svg"),
}
"""What an app needs is in the app: another project that installs it has none of these."""
NAMED = re.compile(r"""\b(?:reverse|redirect|resolve_url)\(\s*"([a-z:-]+)"|\{% url '([^']+)'""")
SAFE_HTML = {"artifacts/pages/html.py", "artifacts/pages/export.py"}
"""They have it from the sanitiser, or from files of ours."""
TEMPLATES = sorted(path for place in ("", *APPS) for path in (ROOT / place / "templates").rglob("*.html"))


def names(patterns: list[URLPattern | URLResolver], space: str = "") -> set[str]:
    found = set()
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            found |= names(pattern.url_patterns, f"{pattern.namespace}:" if pattern.namespace else space)
        elif pattern.name:
            found.add(space + pattern.name)
    return found


def test_top_level_folders_hold_what_is_the_sites_own():
    found = [path for folder in ("templates", "static") for path in (ROOT / folder).rglob("*") if path.is_file()]

    assert {str(path.relative_to(ROOT)) for path in found} == OF_THE_SITE


@pytest.mark.parametrize("app", APPS)
def test_an_app_has_its_files_under_its_own_name(app):
    for folder in ("templates", "static"):
        own = {
            path.relative_to(ROOT / app / folder).parts for path in (ROOT / app / folder).rglob("*") if path.is_file()
        }
        assert own
        assert {parts for parts in own if parts[0] != app and parts[:2] != ("admin", app)} == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_template_loads_is_there(path: Path):
    text = path.read_text(encoding="utf-8")

    for name in re.findall(r"""\{% static '([^']+)'""", text):
        assert finders.find(name), name
    for name in re.findall(r"""\{% (?:include|extends) "([^"]+)\"""", text):
        get_template(name)


def test_every_address_that_is_named_is_one():
    """A page's name has its app's before it: `artifacts:project`."""
    sources = {**{module.path: module.text for module in MODULES}, **{path: path.read_text() for path in TEMPLATES}}
    asked = {(path, one or other) for path, text in sources.items() for one, other in NAMED.findall(text)}

    assert len(asked) > 50
    assert {name for _, name in asked} - names(get_resolver().url_patterns) == set()


def test_html_is_called_safe_in_two_files_only():
    found = {module.path for module in MODULES if re.search(r"\b(mark_safe|SafeString)\(|__html__", module.text)}

    assert {path.relative_to(ROOT).as_posix() for path in found} == SAFE_HTML


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_name_in_a_sentence_turns_none_of_its_words_around(template):
    """Marks of direction in a name, and names of right-to-left scripts, end with it."""
    assert "“{{" not in template.read_text(encoding="utf-8")
