"""The addresses of documents, to be included wherever a project wants them: pages, commands and the API."""

from collections.abc import Sequence

from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver, include, path

from streamgen.api import api
from streamgen.embedding.element_files import element_file

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("artifacts.urls")),
    path("", include("generation.urls")),
    path("api/", include("streamgen.api_calls.urls")),
    path("api/", api.urls),
    path("element/", include(([path("<path:name>", element_file, name="element-file")], "elsewhere"))),
]


def _each_has_its_own_gate(patterns: Sequence[URLPattern | URLResolver]) -> None:
    """A project's `LoginRequiredMiddleware` knows sessions only: tokens and links would end at the page to sign in."""
    for one in patterns:
        if isinstance(one, URLResolver):
            _each_has_its_own_gate(one.url_patterns)
        else:
            login_not_required(one.callback)


_each_has_its_own_gate(urlpatterns)
