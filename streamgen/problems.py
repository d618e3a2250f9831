"""Errors as `application/problem+json` (RFC 9457): which exception becomes which answer. It raises nothing itself.

A detail is a sentence for people; it never carries a traceback, a key or what somebody typed at length.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from django.urls import NoReverseMatch, reverse
from ninja.errors import AuthenticationError, AuthorizationError, HttpError, ValidationError

from artifacts.errors import (
    AnswerLost,
    ArtifactError,
    BaseChanged,
    BaseGone,
    Busy,
    ExportFailed,
    Forbidden,
    IllegalTransition,
    InvalidInput,
    KeyReused,
    NotFound,
    StillUnderWay,
)
from artifacts.operating import outages
from artifacts.operating.outages import SENTENCES
from generation.errors import BudgetRefused, CommandRefused, LimitReached, TaskExists
from streamgen.contract.codes import CODES, OF_STATUS

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
TOO_LARGE = "The body may have 4 MB at most."
RETRY_AFTER_S = "1"
NAME_CHARS = 100
"""Of a name that a caller made up, no more than this is repeated."""
_SENTENCES = {
    "missing": "{field} is required.",
    "string_type": "{field} must be a string.",
    "int_type": "{field} must be a whole number.",
    "bool_type": "{field} must be true or false.",
    "bool_parsing": "{field} must be true or false.",
    "int_parsing": "{field} must be a whole number.",
    "list_type": "{field} must be a list.",
    "model_type": "{field} must be an object.",
    "amount_type": '{field} must be an amount such as "12.50".',
    "too_long": "{field} may have {max_length} entries at most, not {actual_length}.",
    "greater_than_equal": "{field} must be {ge} at least.",
    "less_than_equal": "{field} may be {le} at most.",
    "literal_error": "{field} must be {expected}.",
}


class BadBody(Exception):
    """A body that cannot be read as JSON."""

    def __init__(self, detail: str, status: int = HTTPStatus.BAD_REQUEST, code: str = "not_json") -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One refused call; without a code of its own it has that of its status."""

    status: int
    detail: str
    field: str = ""
    code: str = ""
    more: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None

    def response(self) -> HttpResponse:
        code = self.code or OF_STATUS.get(self.status, "")
        known = CODES.get(code)
        body: dict[str, Any] = {
            "type": problem_type(code),
            "title": known.title if known else HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.field:
            body["field"] = self.field
        if code:
            body["code"] = code
        body |= self.more or {}
        response = HttpResponse(json.dumps(body), status=self.status, content_type=CONTENT_TYPE, headers=self.headers)
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            response._has_been_logged = True  # type: ignore[attr-defined]  # the outage is; Django would log each call
        return response


def problem_type(code: str) -> str:
    """The address of the page that explains the code, on this server: as a path, which holds under any name it has."""
    try:
        return f"{reverse('about-api:errors')}#{code}" if code in CODES else "about:blank"
    except NoReverseMatch:  # a host that mounts no page of ours
        return "about:blank"


def answer(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    """The answer to a call that ended with this error; what nobody foresaw is logged, and told without details."""
    assert isinstance(error, Exception)
    wrapped = error.__cause__ if isinstance(error, HttpError) else None  # ninja wraps whatever a parser raises
    problem = problem_of(wrapped or error)
    if problem is None:
        logger.error("%s %s failed", request.method, request.path, exc_info=error)
        problem = Problem(status=500, detail="Something went wrong on the server. Its log says what.")
    return problem.response()


def problem_of(error: BaseException) -> Problem | None:
    """None where the error is nobody's intention."""
    match error:
        case NotFound():
            return Problem(status=404, detail=error.detail)
        case Forbidden():
            return Problem(status=403, detail=error.detail)
        case InvalidInput():
            return Problem(status=422, detail=error.detail, field=error.field)
        case BaseChanged():
            return Problem(status=409, detail=error.detail, code="base_changed", more=both_texts(error))
        case Busy():
            return Problem(status=409, detail=error.detail, code="busy")
        case KeyReused():
            return Problem(status=422, detail=error.detail, code="idempotency_key_reused")
        case StillUnderWay():
            headers = {"Retry-After": RETRY_AFTER_S}
            return Problem(status=409, detail=error.detail, code="idempotency_in_flight", headers=headers)
        case AnswerLost():
            return Problem(status=409, detail=error.detail, code="idempotency_lost")
        case LimitReached():
            headers = {"Retry-After": str(error.retry_after_s)}
            return Problem(status=429, detail=error.detail, code=error.code, headers=headers)
        case BudgetRefused():
            return Problem(status=409, detail=error.detail, code="budget")
        case TaskExists():
            return Problem(status=409, detail=error.detail, code="task_exists")
        case IllegalTransition():
            return Problem(status=409, detail=error.detail, code="illegal_transition")
        case CommandRefused():
            return Problem(status=409, detail=error.detail)
        case ArtifactError():
            code = "export_failed" if isinstance(error, ExportFailed) else "unavailable"
            return Problem(status=503, detail=error.detail, code=code, headers={"Retry-After": RETRY_AFTER_S})
        case ValidationError():
            return invalid(error.errors)
        case AuthenticationError():
            return Problem(status=401, detail=error.message, headers={"WWW-Authenticate": 'Bearer realm="streamgen"'})
        case AuthorizationError():  # of the login: what a role allows is `Forbidden`
            return Problem(status=403, detail=error.message, code="csrf_failed")
        case HttpError():
            return Problem(status=error.status_code, detail=error.message)
        case BadBody():
            return Problem(status=error.status, detail=error.detail, code=error.code)
        case RequestDataTooBig():
            return Problem(status=413, detail=TOO_LARGE)
        case SuspiciousOperation() | MultiPartParserError() | UnreadablePostError():
            return Problem(status=400, detail="The request cannot be read.")
    kind = outages.of_database.failed_by(error)
    if kind is not None:
        headers = {"Retry-After": RETRY_AFTER_S}
        return Problem(status=503, detail=f"{SENTENCES[kind]} Try again.", code=f"database_{kind}", headers=headers)
    return None


def both_texts(error: BaseChanged) -> dict[str, Any]:
    """The section as it stands, null where it is gone, and of a draft that cannot be put in its own text."""
    is_gone = isinstance(error, BaseGone)
    current = None if is_gone else {"text": error.text, "sha256": error.sha256, "epoch": error.epoch}
    return {"current": current} | ({} if error.draft is None else {"draft": {"text": error.draft}})


def invalid(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """What the schema refused: every unknown field, else the first field that is wrong."""
    unknown = [error for error in errors if error["type"] == "extra_forbidden"]
    if unknown:
        fields = [_field(error["loc"]) for error in unknown]
        noun = "Unknown field" if len(fields) == 1 else "Unknown fields"
        return Problem(status=422, detail=f"{noun}: {', '.join(fields)}.", field=fields[0])
    first = errors[0]
    name = _field(first["loc"])
    if first["loc"][0] == "body" and not name:
        return Problem(status=422, detail="The body must be a JSON object.")
    sentence = _SENTENCES.get(first["type"], "{field} is not valid: {msg}.")
    detail = sentence.format(field=name, msg=first["msg"], **first.get("ctx", {}))
    return Problem(status=422, detail=detail, field=name)


def _field(location: Sequence[str | int]) -> str:
    """`plan[3].name` out of where ninja found it: in the query, or in the body under the name of our parameter."""
    parts = location[2:] if location[0] == "body" else location[1:]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{_printable(part)}" for part in parts)
    return path.removeprefix(".")


def _printable(name: str) -> str:
    shown = "".join(character if character.isprintable() else "�" for character in name)
    return shown if len(shown) <= NAME_CHARS else f"{shown[:NAME_CHARS]}…"
