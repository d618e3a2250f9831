"""Pages that explain the API to people: its calls, its frames, its errors; and the documents that programs read."""

from __future__ import annotations

import json
import re
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import conditional_page, require_safe

from streamgen.contract.asyncapi import CLOSE_CODES, EXAMPLES, asyncapi_document
from streamgen.contract.codes import CODES, way_of
from streamgen.contract.frames import FRAMES, MESSAGES, PARTS, JsonSchema, frames_schema

DOCUMENT_KEPT_S = 300
JSON_SCHEMA = "application/schema+json"
_MARKED = re.compile(r"`([^`]+)`|\[([^\]]+)\]\([^)]*\)")


@require_safe
def api_docs(request: HttpRequest) -> HttpResponse:
    """Every call, to be read and tried."""
    response = render(request, "artifacts/api_docs.html", {"cookie": settings.CSRF_COOKIE_NAME})
    # As `csp_update` does, which not every project has; the viewer's own signs stand in its style sheet.
    response._csp_update = {"img-src": ["data:"]}  # type: ignore[attr-defined]
    return response


@require_safe
def frames(request: HttpRequest) -> HttpResponse:
    """Every frame, with its fields and an example."""
    shown = [_shown(name, schema) for name, schema in FRAMES.items()]
    said = [_shown(name, schema) for name, schema in MESSAGES.items()]
    parts = [_shown(name, schema) for name, schema in PARTS.items()]
    context = {"frames": shown, "said": said, "parts": parts, "close_codes": CLOSE_CODES}
    return render(request, "artifacts/api_frames.html", context)


@require_safe
def errors(request: HttpRequest) -> HttpResponse:
    """Every code, what it means and what helps. Problems link to it."""
    found = [
        {"code": code.code, "way": way_of(code), "title": code.title, "says": _words(f"{code.meaning} {code.remedy}")}
        for code in sorted(CODES.values(), key=lambda code: (code.status or 999, code.close))
    ]
    return render(request, "artifacts/api_errors.html", {"codes": found})


@require_safe
@conditional_page
def asyncapi(request: HttpRequest) -> HttpResponse:
    """AsyncAPI 3, of this server at the address that it was asked by."""
    prefix = reverse("artifacts:projects").rstrip("/")
    document = asyncapi_document(
        host=request.get_host(), prefix=prefix, is_secure=request.is_secure(), version=settings.STREAMGEN_RELEASE
    )
    return _kept(JsonResponse(document))


@require_safe
@conditional_page
def frames_json(request: HttpRequest) -> HttpResponse:
    """JSON Schema of the frames."""
    return _kept(JsonResponse(frames_schema(), content_type=JSON_SCHEMA))


def _kept(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = f"public, max-age={DOCUMENT_KEPT_S}"
    response["Vary"] = "Host"
    return response


def _words(markdown: str) -> list[tuple[str, str]]:
    """A sentence as words and the code behind each; where its links lead is not on this server."""
    found, begin = [], 0
    for mark in _MARKED.finditer(markdown):
        found.append((markdown[begin : mark.start()] + (mark[2] or ""), mark[1] or ""))
        begin = mark.end()
    return [*found, (markdown[begin:], "")]


def _shown(name: str, schema: JsonSchema) -> dict[str, Any]:
    required = schema.get("required", ())
    fields = [
        {
            "name": field,
            "kind": _kind(told),
            "says": _words(told.get("description", "")),
            "is_optional": field not in required,
        }
        for field, told in schema["properties"].items()
    ]
    return {
        "name": name,
        "type": schema["properties"].get("type", {}).get("const", ""),
        "says": _words(schema.get("description", "")),
        "fields": fields,
        "example": json.dumps(EXAMPLES[name], ensure_ascii=False) if name in EXAMPLES else "",
    }


def _kind(told: JsonSchema) -> str:
    if reference := told.get("$ref"):
        return str(reference).rpartition("/")[2]
    if "const" in told:
        return repr(told["const"]).replace("'", '"').replace("True", "true")
    if "enum" in told:
        return " | ".join(f'"{value}"' for value in told["enum"])
    if told.get("type") == "array":
        return f"array of {_kind(told['items'])}"
    return str(told.get("type", ""))
