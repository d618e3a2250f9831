"""What pages of other sites load: the element, the client and their parts, with the leave that a browser wants.

Static files are served by whatever a host has for them, which rarely lets pages of other sites read a module.
"""

from __future__ import annotations

import os
from pathlib import Path

from django.apps import apps
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.http import http_date
from django.views.decorators.http import require_safe
from django.views.static import was_modified_since

OFFERED = {
    **dict.fromkeys(
        (
            "js/streamgen-document.js",
            "js/addresses.js",
            "js/socket.js",
            "js/watched-text.js",
            "js/event-stream.js",
            "js/client.js",
        ),
        "text/javascript; charset=utf-8",
    ),
    **dict.fromkeys(("css/document.css", "css/pygments.css", "css/element.css"), "text/css; charset=utf-8"),
}
LOADED_ANEW_S = 300


@require_safe
def element_file(request: HttpRequest, name: str) -> HttpResponse | FileResponse:
    """One of those; whoever shows a document may be anybody, so anybody may load it."""
    if name not in OFFERED:
        raise Http404
    opened = (Path(apps.get_app_config("artifacts").path) / "static" / "artifacts" / name).open("rb")
    changed = os.fstat(opened.fileno()).st_mtime
    if was_modified_since(request.headers.get("If-Modified-Since"), changed):
        answer: HttpResponse | FileResponse = FileResponse(opened, content_type=OFFERED[name])
    else:
        opened.close()
        answer = HttpResponseNotModified()
    answer["Last-Modified"] = http_date(changed)
    answer["Cache-Control"] = f"public, max-age={LOADED_ANEW_S}"
    answer["Access-Control-Allow-Origin"] = "*"
    answer["Cross-Origin-Resource-Policy"] = "cross-origin"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
