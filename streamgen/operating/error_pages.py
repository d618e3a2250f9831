"""The page for what nobody caught: 503 with the kind of outage where the database is away, else Django's 500."""

from __future__ import annotations

import sys

from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.views import defaults

from artifacts.operating import outages
from artifacts.operating.outages import SENTENCES
from streamgen.problems import RETRY_AFTER_S


def server_error(request: HttpRequest) -> HttpResponse:
    """Django calls it while it handles the error. The page asks the database for nothing, not even who is there."""
    error = sys.exc_info()[1]
    kind = None if error is None else outages.of_database.failed_by(error)
    if kind is None:
        return defaults.server_error(request)
    page = loader.get_template("503.html").render({"sentence": SENTENCES[kind]})
    response = HttpResponse(page, status=503, headers={"Retry-After": RETRY_AFTER_S, "Cache-Control": "no-store"})
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django would log a traceback for each request
    return response
