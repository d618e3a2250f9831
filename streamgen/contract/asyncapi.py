"""The AsyncAPI 3 document: where the frames of a document come from, and what may be said back. Pure."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from streamgen.contract.frames import FRAMES, MESSAGES, PARTS, JsonSchema

_STATE_SHOWN = {
    "status": "complete",
    "current_section": "",
    "sections_completed": 1,
    "sections_total": 1,
    "tokens_generated": 812,
    "cost": "0.0081",
    "cost_estimated": "0.0000",
    "last_error": "",
    "reason": "",
    "sections": [{"name": "Goals", "status": "complete", "tokens": 812, "model": "small-2026"}],
}
_BEGINNING_SHOWN = {"type": "snapshot", "v": 1, "artifact": 7, "epoch": 1, "seq": 9, "state": _STATE_SHOWN}
_HELLO_SHA256 = "185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969"

EXAMPLES: dict[str, dict[str, Any]] = {
    "TextSnapshot": {**_BEGINNING_SHOWN, "offset": 0, "text": "He"},
    "HtmlSnapshot": {**_BEGINNING_SHOWN, "offset": 5, "fragments": ["<p>Hello</p>"], "tail": ""},
    "Delta": {"type": "delta", "epoch": 1, "seq": 10, "offset": 2, "text": "llo"},
    "Preview": {
        "type": "preview",
        "epoch": 1,
        "seq": 10,
        "offset": 9,
        "from": 1,
        "fragments": ["<p>Yes</p>"],
        "tail": "",
    },
    "StateChange": {"type": "state", "epoch": 1, "seq": 11, "state": _STATE_SHOWN},
    "End": {"type": "end", "epoch": 1, "seq": 11, "offset": 5, "sha256": _HELLO_SHA256, "state": _STATE_SHOWN},
    "Error": {"type": "error", "code": "not_found", "detail": "There is no such document, or it is not yours."},
    "Pong": {"type": "pong"},
    "Ack": {"type": "ack", "epoch": 1, "offset": 5},
    "Ping": {"type": "ping"},
}
"""One of each, by its name."""

CLOSE_CODES = {
    1000: "The server wants you to come again, with the cursor.",
    1009: "The message was too big: 65 536 bytes are the most.",
    1012: "The server is going away, or its database is for a moment: come again, with the cursor, after a pause.",
    4401: "No login, or it has ended.",
    4404: "Not there, not yours, or deleted.",
    4409: "The second protocol error; an unknown format or speed.",
    4429: "Too many messages, or too many sockets.",
}
"""How the server ends a websocket. An `error` frame comes before those from 4000 on."""

_QUERY: JsonSchema = {
    "type": "object",
    "properties": {
        "format": {"enum": ["text", "html"], "default": "text"},
        "epoch": {"type": "integer", "description": "With `offset`: the cursor of what the client has already."},
        "offset": {"type": "integer", "description": "In code points. A cursor that is none brings everything."},
        "replay": {"type": "number", "minimum": 1, "maximum": 50, "description": "How it was written, so fast."},
        "from": {"type": "integer", "description": "Where a replay begins, in code points."},
    },
}
_ARTIFACT_ID = {"description": "The document's number."}
_SECRET = {"description": "The secret of a read-only link: the last part of its address. It needs no login."}
_CHANNELS = {
    "document": ("/ws/artifacts/{artifactId}/", "A document's websocket.", True),
    "documentByLink": ("/ws/artifacts/{artifactId}/link/{secret}/", "The same by a read-only link.", True),
    "events": ("/api/artifacts/{artifactId}/events", "The same frames as server-sent events.", False),
    "eventsByLink": ("/api/artifacts/{artifactId}/link/{secret}/events", "Events by a read-only link.", False),
}
_FOLLOW = {
    "document": "followDocument",
    "documentByLink": "followByLink",
    "events": "readEvents",
    "eventsByLink": "readEventsByLink",
}
_SAY = {"document": "acknowledge", "documentByLink": "acknowledgeByLink"}


def asyncapi_document(*, host: str, prefix: str, is_secure: bool, version: str) -> dict[str, Any]:
    """Of the server at that host, below that prefix ("" for none)."""
    wire = {"host": host, **({"pathname": prefix} if prefix else {})}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "streamgen",
            "version": version,
            "description": "Documents as they are written: frames over a websocket, or as server-sent events. Commands "
            "are calls of the HTTP API (OpenAPI). " + " ".join(f"{code}: {says}" for code, says in CLOSE_CODES.items()),
        },
        "defaultContentType": "application/json",
        "servers": {
            "websocket": wire | {"protocol": "wss" if is_secure else "ws"},
            "http": wire | {"protocol": "https" if is_secure else "http"},
        },
        "channels": {name: _channel(name) for name in _CHANNELS},
        "operations": {
            **{operation: _operation("send", channel, FRAMES) for channel, operation in _FOLLOW.items()},
            **{operation: _operation("receive", channel, MESSAGES) for channel, operation in _SAY.items()},
        },
        "components": {
            "messages": {name: _message(name, schema) for name, schema in {**FRAMES, **MESSAGES}.items()},
            "schemas": {name: _moved(schema) for name, schema in {**FRAMES, **MESSAGES, **PARTS}.items()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {"type": "httpApiKey", "in": "cookie", "name": "sessionid"},
            },
        },
    }


def _channel(name: str) -> dict[str, Any]:
    address, says, is_websocket = _CHANNELS[name]
    parameters = {"artifactId": _ARTIFACT_ID} | ({"secret": _SECRET} if "{secret}" in address else {})
    brings = {**FRAMES, **MESSAGES} if is_websocket else {key: FRAMES[key] for key in FRAMES if key != "Pong"}
    return {
        "address": address,
        "description": says,
        "servers": [{"$ref": f"#/servers/{'websocket' if is_websocket else 'http'}"}],
        "parameters": parameters,
        "messages": {key: {"$ref": f"#/components/messages/{key}"} for key in brings},
        **({"bindings": {"ws": {"method": "GET", "query": _QUERY}}} if is_websocket else {}),
    }


def _operation(action: str, channel: str, messages: dict[str, JsonSchema]) -> dict[str, Any]:
    """`send`: the server says it."""
    is_websocket = channel in _SAY
    names = [name for name in messages if is_websocket or name != "Pong"]
    schemes = [] if channel.endswith("ByLink") else ["bearer", "session"]
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names],
        **({"security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in schemes]} if schemes else {}),
        **({} if is_websocket else {"bindings": {"http": {"method": "GET", "query": _QUERY}}}),
    }


def _message(name: str, schema: JsonSchema) -> dict[str, Any]:
    return {
        "name": schema["properties"]["type"]["const"],
        "title": name,
        "summary": schema["description"],
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "examples": [{"payload": EXAMPLES[name]}],
    }


def _moved(schema: Any) -> Any:
    """The same with its references into AsyncAPI's components."""
    if isinstance(schema, dict):
        moved = {key: _moved(value) for key, value in schema.items()}
        if isinstance(reference := moved.get("$ref"), str):
            moved["$ref"] = reference.replace("#/$defs/", "#/components/schemas/")
        return moved
    return [_moved(item) for item in schema] if isinstance(schema, list) else deepcopy(schema)
