"""Requests that Django itself refuses: JSON for programs, a page for people, and the reason said to both.

It decides nothing: Django calls it with what it found.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import render

from streamgen.embedding.place import kind_of_path
from streamgen.problems import NAME_CHARS, Problem

WRONG_HOST = "This site does not answer to the name in the Host header. ALLOWED_HOSTS and PUBLIC_URL say which it has."
NOT_AS_EXPECTED = "The request cannot be read."
NOT_FOR_YOU = "Your account may not do that."
NO_TOKEN = (
    "The form was too old, or cookies are switched off. Nothing was changed. Reload the page and send it once more."
)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, DisallowedHost):
        return _refused(request, 400, WRONG_HOST, "400.html", code="wrong_host")
    return _refused(request, 400, NOT_AS_EXPECTED, "400.html")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _refused(request, 403, str(exception) or NOT_FOR_YOU, "403.html")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _refused(request, 403, foreign_origin(request) or NO_TOKEN, "403_csrf.html", code="csrf_failed")


def foreign_origin(request: HttpRequest) -> str:
    """The sentence about an Origin that is not the one the request came to; "" where nothing is wrong with it."""
    origin = request.headers.get("Origin", "")
    if not origin or CsrfViewMiddleware(lambda _: HttpResponse())._origin_verified(request):  # type: ignore[attr-defined]
        return ""
    return origin_sentence(origin, f"{request.scheme}://{request.get_host()}")


def origin_sentence(origin: str, own: str) -> str:
    """What is said of a wrong Origin, on pages, in the API and of websockets."""
    shown = origin if len(origin) <= NAME_CHARS else f"{origin[:NAME_CHARS]}…"
    return (
        f"This was sent by a page of {shown!r}, and this site was asked as {own!r}. Where both are meant to be the "
        "same, a proxy stands between them: set PUBLIC_URL to the address that people open."
    )


def _refused(request: HttpRequest, status: int, detail: str, template: str, *, code: str = "") -> HttpResponse:
    if kind_of_path(request.path_info):
        return Problem(status=status, detail=detail, code=code).response()
    if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
        return JsonResponse({"detail": detail}, status=status)
    context: dict[str, Any] = {"detail": detail}
    return render(request, template, context, status=status)
