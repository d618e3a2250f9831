"""The OpenAPI document, with every answer that there is: ninja knows one media type, and nothing that happens before a
call or around it. It also tells of the answers that last, which are no calls of ninja's.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from ninja.openapi.schema import OpenAPISchema
from ninja.schema import NinjaGenerateJsonSchema

from artifacts.pages.api import ProblemOut
from streamgen.contract.codes import CODES
from streamgen.contract.frames import FRAMES, MESSAGES, PARTS

PROBLEM = "application/problem+json"
EVERYWHERE = (400, 405, 500, 503)
"""What any call may be answered with, whatever it does."""
CHANGES = ("post", "put", "patch", "delete")

_WORD = {"type": "string"}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds", "schema": _WORD}}
_ETAG = {"ETag": {"description": "Names this answer; for If-None-Match and If-Match.", "schema": _WORD}}
_REPLAYED = {
    "Idempotency-Replayed": {
        "description": "This is the answer that the same request had before.",
        "schema": {"enum": ["true"]},
    }
}
_LINK = {"Link": {"description": 'Where there is more: the next answer, `rel="next"`.', "schema": _WORD}}

HEADERS_ASKED: dict[str, dict[str, Any]] = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A UUID, say. The same request with the same key is done once in 24 hours, and answered alike.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~]+$"},
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag of the answer that is known already: 304 where it is still the same.",
        "schema": _WORD,
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "The ETag of what this path answered to GET: 412 where it is another by now.",
        "schema": _WORD,
    },
}
TAGS = [
    {"name": "projects", "description": "Projects, and writing all documents of one."},
    {"name": "documents", "description": "Reading, starting and stopping documents."},
    {"name": "sections", "description": "Changing a document that is written."},
    {"name": "versions", "description": "The earlier texts of a document."},
    {"name": "sharing", "description": "Members, invitations, read-only links."},
    {"name": "webhook", "description": "News for another server."},
    {"name": "tokens", "description": "One's own bearer tokens."},
    {"name": "streams", "description": "Answers that last: frames as server-sent events, texts as Durable Streams."},
]
_TAG_OF = (
    ("/versions", "versions"),
    ("/sections", "sections"),
    ("/accept", "sections"),
    ("/reject", "sections"),
    ("/members", "sharing"),
    ("/invitations", "sharing"),
    ("/links", "sharing"),
    ("/webhook", "webhook"),
    ("/tokens", "tokens"),
    ("/artifacts/", "documents"),
    ("/projects", "projects"),
)


def told_whole(schema: OpenAPISchema) -> OpenAPISchema:
    """Ninja's document, made whole in place."""
    components = schema["components"]
    components.setdefault("parameters", {}).update(HEADERS_ASKED)
    components["schemas"] |= {name: _moved(part) for name, part in {**FRAMES, **PARTS, **MESSAGES}.items()}
    problem = ProblemOut.model_json_schema(
        ref_template="#/components/schemas/{model}",
        schema_generator=NinjaGenerateJsonSchema,
        mode="serialization",
    )
    components["schemas"] |= problem.pop("$defs") | {"ProblemOut": problem}
    problem["properties"]["code"] = {"type": "string", "enum": sorted(CODES), "title": "Code"}
    problem["required"] = sorted({*problem.get("required", []), "code"})
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            operation["tags"] = [next(tag for part, tag in _TAG_OF if part in path)]
            _tell_headers(operation, method, has_read="get" in methods)
            _tell_problems(operation["responses"])
    schema["paths"] |= lasting_paths(schema)
    schema["tags"] = TAGS
    return schema


def _tell_headers(operation: dict[str, Any], method: str, *, has_read: bool) -> None:
    asked, answers = operation.setdefault("parameters", []), operation["responses"]
    done = [status for status in answers if status < HTTPStatus.MULTIPLE_CHOICES]
    if method == "get":
        is_paged = any(parameter.get("name") == "limit" for parameter in asked)
        asked.append(_parameter("IfNoneMatch"))
        answers[304] = {"description": "What is known already.", "headers": _ETAG}
        _add_headers(answers, done, _ETAG | (_LINK if is_paged else {}))
    if method in CHANGES:
        asked.append(_parameter("IdempotencyKey"))
        _add_headers(answers, done, _REPLAYED)
        if has_read:
            asked.append(_parameter("IfMatch"))
        answers[412] = {}


def _tell_problems(responses: dict[Any, Any]) -> None:
    for told in responses.values():
        content = told.get("content", {})
        if any(kind.startswith("text/") for kind in content):
            content.pop("application/json", None)  # ninja adds it to whatever was said
    for status in sorted({*(status for status in responses if status >= HTTPStatus.BAD_REQUEST), *EVERYWHERE}):
        responses[status] = problem_answer(status)


def problem_answer(status: int) -> dict[str, Any]:
    """The answer with that status, and the codes that it may have."""
    codes = [f"`{code.code}`" for code in CODES.values() if code.status == status]
    told: dict[str, Any] = {
        "description": f"{HTTPStatus(status).phrase}: {', '.join(codes)}",
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}},
    }
    waits = status in {HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
    return told | ({"headers": _RETRY_AFTER} if waits else {})


def _add_headers(answers: dict[Any, Any], statuses: list[int], headers: dict[str, Any]) -> None:
    for status in statuses:
        answers[status]["headers"] = answers[status].get("headers", {}) | headers


def _parameter(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/parameters/{name}"}


def _moved(schema: Any) -> Any:
    """The same with its references into the components of this document."""
    if isinstance(schema, dict):
        moved = {key: _moved(value) for key, value in schema.items()}
        if isinstance(reference := moved.get("$ref"), str):
            moved["$ref"] = reference.replace("#/$defs/", "#/components/schemas/")
        return moved
    return [_moved(item) for item in schema] if isinstance(schema, list) else schema


# Answers that last


def lasting_paths(schema: OpenAPISchema) -> dict[str, Any]:
    """Server-sent events and Durable Streams, each also by a read-only link, which needs no login."""
    login = next(iter(next(iter(schema["paths"].values())).values()))["security"]
    found: dict[str, Any] = {}
    for by_link, link in ((False, ""), (True, "/link/{secret}")):
        security: dict[str, Any] = {"security": [] if by_link else login}
        named = "ByLink" if by_link else ""
        document = [_in_path("artifact_id", "integer"), *([_in_path("secret", "string")] if by_link else [])]
        found[f"/api/artifacts/{{artifact_id}}{link}/events"] = {"get": _events(f"events{named}", document) | security}
        stream = f"/streams/artifacts/{{artifact_id}}{link}"
        found[stream] = {"get": _newest(f"newestStream{named}", document) | security}
        epoch = [*document, _in_path("epoch", "integer")]
        found[f"{stream}/{{epoch}}"] = {"get": _stream(f"readStream{named}", epoch) | security}
    return found


def _events(name: str, asked: list[dict[str, Any]]) -> dict[str, Any]:
    kinds = [{"$ref": f"#/components/schemas/{frame}"} for frame in FRAMES if frame != "Pong"]
    return _lasting(
        name,
        "The frames of a document as server-sent events",
        "One frame in the `data` of each event; its `id` is the cursor. `/api/docs/frames` explains the frames.",
        [
            *asked,
            _in_query("format", {"enum": ["text", "html"], "default": "text"}),
            _in_query("epoch", {"type": "integer"}),
            _in_query("offset", {"type": "integer"}),
            _in_query("replay", {"type": "number", "minimum": 1, "maximum": 50}),
            _in_query("from", {"type": "integer"}),
            {"name": "Last-Event-ID", "in": "header", "schema": _WORD},
        ],
        {
            200: {
                "description": "Events until the document ends; the schema is that of one frame.",
                "content": {"text/event-stream": {"schema": {"oneOf": kinds}}},
            },
            204: {"description": "You have the end of it already."},
        },
        (401, 404, 405, 422, 429, 500, 503),
    )


def _newest(name: str, asked: list[dict[str, Any]]) -> dict[str, Any]:
    answers = {307: {"description": "To the newest epoch.", "headers": {"Location": {"schema": _WORD}}}}
    says = "The stream without an epoch leads to the newest one."
    return _lasting(name, "The newest text as a Durable Stream", says, asked, answers, (401, 404, 405, 500, 503))


def _stream(name: str, asked: list[dict[str, Any]]) -> dict[str, Any]:
    headers = {
        header: {"schema": _WORD}
        for header in ("Stream-Next-Offset", "Stream-Cursor", "Stream-Up-To-Date", "Stream-Closed", "ETag")
    }
    text = {"text/plain; charset=utf-8": {"schema": _WORD}, "text/event-stream": {"schema": _WORD}}
    return _lasting(
        name,
        "One text as a Durable Stream",
        "Catch-up, long-poll or server-sent events, of the public protocol Durable Streams.",
        [
            *asked,
            _in_query("offset", {"type": "string", "default": "-1"}),
            _in_query("live", {"enum": ["long-poll", "sse"]}),
            _in_query("cursor", _WORD),
            _parameter("IfNoneMatch"),
        ],
        {
            200: {"description": "Text from there on.", "content": text, "headers": headers},
            204: {"description": "Nothing came while it was waited.", "headers": headers},
            304: {"description": "What is known already.", "headers": _ETAG},
        },
        (400, 401, 404, 405, 429, 500, 503),
    )


def _lasting(
    name: str, summary: str, says: str, asked: list[Any], answers: dict[int, Any], refusals: tuple[int, ...]
) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "description": says,
        "tags": ["streams"],
        "parameters": asked,
        "responses": answers | {status: problem_answer(status) for status in refusals},
    }


def _in_path(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": kind}}


def _in_query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}
