"""Forms with a large text are read in steps: Django reads one of 3 MB in two calls into C, and meanwhile, for 0.2 s,
nothing else runs, not even the event loop.
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

STEP_BYTES = 32_768
_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 1_000


class SteadyRequest(ASGIRequest):
    _encoding: str | None
    _read_started: bool
    _files: MultiValueDict[str, object]

    def _load_post_and_files(self) -> None:
        if self._is_large_form():
            self._post, self._files = form_fields(self.body), MultiValueDict()
            return
        super()._load_post_and_files()

    def _is_large_form(self) -> bool:
        """Whether it is one of a browser's that Django does not refuse."""
        if self.method != "POST" or self.content_type != _FORM or self._encoding is not None:
            return False
        if self._read_started and not hasattr(self, "_body"):
            return False
        return len(self.body) > STEP_BYTES and self.body.isascii() and self.body.count(b"&") < _MOST_FIELDS


class PagesHandler(ASGIHandler):
    request_class = SteadyRequest


def form_fields(body: bytes) -> QueryDict:
    """What `QueryDict(body)` is; `body` is ASCII."""
    fields = QueryDict(mutable=True, encoding="utf-8")
    for pair in filter(None, body.split(b"&")):
        name, _, value = pair.partition(b"=")
        fields.appendlist(_text(name), _text(value))
    fields._mutable = False
    return fields


def _text(quoted: bytes) -> str:
    parts, at = [], 0
    while at < len(quoted):
        step = quoted[at : at + STEP_BYTES]
        if at + len(step) < len(quoted) and (cut := step.find(b"%", len(step) - 2)) > 0:
            step = step[:cut]  # an escape is three characters
        parts.append(unquote_to_bytes(step.replace(b"+", b" ")))
        at += len(step)
    return b"".join(parts).decode("utf-8", "replace")
