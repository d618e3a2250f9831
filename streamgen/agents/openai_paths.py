"""What the OpenAPI document tells of `/v1`: the routes and what is ours in them; the rest is the original's. Pure."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

OPENAI_TAG = {"name": "openai", "description": "Documents as models of the OpenAI API; docs/agents.md."}

_WORD = {"type": "string"}
_JSON = "application/json"
_REFUSAL = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": _WORD,
                "type": _WORD,
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
_PLAN = {"type": "array", "items": {"type": "object", "required": ["name"], "properties": {"name": _WORD}}}
_ASKED = {"model": _WORD, "stream": {"type": "boolean"}, "plan": _PLAN, "parallel": {"type": "integer"}}
_MESSAGES = {"type": "array", "minItems": 1, "items": {"type": "object"}}
_INPUT = {"oneOf": [_WORD, {"type": "array", "items": {"type": "object"}}]}
_ETAG = {"ETag": {"description": "Names this answer; for If-None-Match.", "schema": _WORD}}
_READS, _WRITES = (401, 403, 404, 405, 429, 500, 503), (400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503)


def openai_paths() -> dict[str, Any]:
    """The path items, as the document has them."""
    after = {"name": "starting_after", "in": "query", "required": False, "schema": {"type": "integer"}}
    stream = {"name": "stream", "in": "query", "required": False, "schema": {"type": "boolean"}}
    named, of = _in_path("name"), _in_path("response_id")
    completion, response = _answer("chat.completion"), _answer("response")
    background = {"input": _INPUT, "background": {"type": "boolean"}, "previous_response_id": _WORD}
    return {
        "/v1/models": {"get": _told("listModels", "The documents as models", [], _answer("list"))},
        "/v1/models/{name}": {"get": _told("retrieveModel", "One of them", [named], _answer("model"))},
        "/v1/chat/completions": {
            "post": _told("createCompletion", "A document as a chat completion", [], completion | _events())
            | _body(_ASKED | {"messages": _MESSAGES}, "messages")
        },
        "/v1/responses": {
            "post": _told("createResponse", "A document as a response", [], response | _events())
            | _body(_ASKED | background, "input")
        },
        "/v1/responses/{response_id}": {
            "get": _told(
                "retrieveResponse",
                "A response, or its events",
                [of, stream, after],
                response | _events(),
            )
        },
        "/v1/responses/{response_id}/cancel": {
            "post": _told("cancelResponse", "Cancel the document of a response", [of], response)
        },
    }


def _told(name: str, summary: str, parameters: list[Any], content: dict[str, Any]) -> dict[str, Any]:
    is_read = not name.startswith(("create", "cancel"))
    refusals = _READS if is_read else _WRITES
    done: dict[int, Any] = {200: {"description": "OK", "content": content}}
    if is_read:
        done[200]["headers"] = _ETAG
        done[304] = {"description": "What is known already.", "headers": _ETAG}
        parameters = [*parameters, {"$ref": "#/components/parameters/IfNoneMatch"}]
    return {
        "operationId": name,
        "summary": summary,
        "tags": [OPENAI_TAG["name"]],
        "security": [{"Bearer": []}],
        "parameters": parameters,
        "responses": done
        | {
            status: {"description": HTTPStatus(status).phrase, "content": {_JSON: {"schema": _REFUSAL}}}
            for status in refusals
        },
    }


def _body(properties: dict[str, Any], required: str) -> dict[str, Any]:
    schema = {"type": "object", "required": ["model", required], "properties": properties}
    return {"requestBody": {"required": True, "content": {_JSON: {"schema": schema}}}}


def _answer(kind: str) -> dict[str, Any]:
    schema = {"type": "object", "required": ["object"], "properties": {"object": {"const": kind}}}
    return {_JSON: {"schema": schema}}


def _events() -> dict[str, Any]:
    return {"text/event-stream": {"schema": _WORD}}


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _WORD}
