"""What a caller knows already: answers have a tag, reads with `If-None-Match` may get 304 instead of all again, and
commands with `If-Match` are done only where the path still answers what the caller has read.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from http import HTTPStatus

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.http import parse_etags

from artifacts.models import Artifact, Project
from streamgen.problems import Problem

READS = ("GET", "HEAD")

ApiView = Callable[..., HttpResponse]


def tagged(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The answer to a read with its tag, or 304."""
    if request.method not in READS or response.status_code != HTTPStatus.OK or response.streaming:
        return response
    tag = response["ETag"] = _tag_of(response)
    response["Vary"] = "Authorization, Cookie"
    if not _names(request.headers.get("If-None-Match", ""), tag, is_weak=True):
        return response
    unchanged = HttpResponseNotModified()
    for name in ("ETag", "Vary", "Cache-Control", "Link"):
        if name in response:
            unchanged[name] = response[name]
    return unchanged


def where_unchanged(request: HttpRequest, view: ApiView, *args: int, **kwargs: int) -> HttpResponse:
    """What `view` answers to a command, or 412. Nothing changes the document between the look and the command."""
    said = request.headers.get("If-Match")
    if said is None or request.method in READS or not _is_known(request, view, *args, **kwargs):
        return view(request, *args, **kwargs)
    with transaction.atomic():
        _lock(kwargs)
        looked = view(as_method(request, "GET"), *args, **kwargs)
        if looked.status_code in {
            HTTPStatus.OK,
            HTTPStatus.METHOD_NOT_ALLOWED,
        }:  # what is refused anyway says so itself
            tag = _tag_of(looked) if looked.status_code == HTTPStatus.OK else ""
            if not _names(said, tag, is_weak=False):
                return _refusal(tag)
        response = view(request, *args, **kwargs)
        if response.status_code >= 400:
            transaction.set_rollback(True)
        return response


def _lock(kwargs: dict[str, int]) -> None:
    for model, name in ((Project, "project_id"), (Artifact, "artifact_id")):
        if name in kwargs:
            model.objects.select_for_update().filter(pk=kwargs[name]).values_list("pk", flat=True).first()


def _is_known(request: HttpRequest, view: ApiView, *args: int, **kwargs: int) -> bool:
    """Whether the path has the method: what it answers to one that no path has names those that it has."""
    return str(request.method) in view(as_method(request, "TRACE"), *args, **kwargs).get("Allow", "").split(", ")


def as_method(request: HttpRequest, method: str) -> HttpRequest:
    """The same request, as if it had come with that method."""
    look = copy.copy(request)
    look.method = method
    return look


def _refusal(tag: str) -> HttpResponse:
    detail = (
        "It is another by now than the one that If-Match names. Read it again, then decide."
        if tag
        else "If-Match names what was read at this path, and nothing can be read there."
    )
    return Problem(
        status=412, detail=detail, code="precondition_failed", headers={"ETag": tag} if tag else None
    ).response()


def _tag_of(response: HttpResponse) -> str:
    """Strong: the same bytes of the same kind."""
    kind = response.get("Content-Type", "")
    return f'"{hashlib.sha256(kind.encode() + b"|" + response.content).hexdigest()[:32]}"'


def _names(said: str, tag: str, *, is_weak: bool) -> bool:
    if not said or not tag:
        return False
    if said.strip() == "*":
        return True
    return tag in {one.removeprefix("W/") if is_weak else one for one in parse_etags(said)}
